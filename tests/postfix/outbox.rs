//! How Postern's own mail leaves.

use std::process::Command;

use crate::harness::postern::Postern;
use crate::harness::site::Site;
use crate::harness::{wait_for, wait_some};

/// A site whose Postfix takes nothing without TLS.
fn site_with_tls(folder: &std::path::Path) -> Site {
    let (key, certificate) = (folder.join("key.pem"), folder.join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"])
        .args(["-subj", "/CN=mail.example.com", "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Site::with_main_cf("", |wiring| {
        format!(
            "{wiring}\nsmtpd_tls_security_level = encrypt\nsmtpd_tls_auth_only = yes\nsmtpd_tls_cert_file = {}\n\
             smtpd_tls_key_file = {}\nsmtpd_delay_reject = yes\nsmtpd_client_restrictions = permit_sasl_authenticated, reject\n",
            certificate.display(),
            key.display()
        )
    })
}

fn settings(folder: &std::path::Path, port: u16, tls: &str, password: &str) -> String {
    let file = folder.join(format!("{password}.password"));
    std::fs::write(&file, format!("{password}\n")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    format!(
        "[smtp]\nserver = \"127.0.0.1:{port}\"\ntls = \"{tls}\"\nusername = \"postmaster@example.com\"\n\
         password_file = \"{}\"\n",
        file.display()
    )
}

#[test]
fn alerts_leave_over_tls_with_a_login() {
    let folder = tempfile::tempdir().unwrap();
    let site = site_with_tls(folder.path());
    let port = site.postfix.port;
    let mut postern = Postern::start(&settings(folder.path(), port, "starttls", "wrong"));
    postern.ok(&["restricted", "add", "bob", "--reason", "over starttls"]);
    let failed = wait_some("a failed login", || postern.json(&["alerts"])[0]["last_error"].as_str().map(str::to_owned));
    assert!(failed.contains("535"), "{failed}");
    postern.configure(&settings(folder.path(), port, "starttls", "secret"));
    postern.restart_after_kill_9();
    wait_for("the alert over STARTTLS", || site.mailbox("admin").iter().any(|mail| mail.contains("over starttls")));
    let mail = site.mailbox("admin").remove(0);
    assert!(mail.contains("with ESMTPSA"), "{mail}");

    site.postfix.set("smtpd_tls_wrappermode = yes");
    site.postfix.reload();
    postern.configure(&settings(folder.path(), port, "tls", "secret"));
    postern.restart_after_kill_9();
    postern.ok(&["restricted", "add", "carol", "--reason", "over implicit tls"]);
    wait_for("the alert over TLS", || site.mailbox("admin").iter().any(|mail| mail.contains("over implicit tls")));
}

#[test]
fn an_alert_policy_says_who_is_told_and_a_test_says_whether_it_works() {
    let site = Site::start(
        "[[alert_policy]]\nname = \"User restricted from sending email\"\nseverity = \"low\"\n\
         recipients = [\"helpdesk@example.com\", \"nobody@example.com\"]\n\
         [[alert_policy]]\nname = \"Connector restricted\"\nenabled = false\n",
    );
    let postern = &site.postern;
    let tested = postern.cli(&["--json", "alerts", "test", "user restricted from sending email"]);
    assert_eq!(tested.status.code(), Some(1));
    let tested: serde_json::Value = serde_json::from_slice(&tested.stdout).unwrap();
    assert_eq!((&tested[0]["recipient"], &tested[0]["delivered"]), (&"helpdesk@example.com".into(), &true.into()));
    assert!(tested[0]["answer"].as_str().unwrap().starts_with("250 2.0.0 Ok: queued as"), "{tested}");
    assert_eq!(tested[1]["delivered"], false);
    assert!(tested[1]["answer"].as_str().unwrap().contains("User unknown"), "{tested}");
    wait_for("the test", || site.mailbox("helpdesk").iter().any(|mail| mail.contains("this is a test")));
    assert!(postern.json(&["alerts"]).as_array().unwrap().is_empty());

    postern.ok(&["restricted", "add", "bob", "--reason", "x"]);
    postern.ok(&["restricted", "add", "connector:web", "--reason", "x"]);
    wait_for("the alert", || site.mailbox("helpdesk").iter().any(|mail| mail.contains("Low-severity alert")));
    assert!(site.mailbox("admin").is_empty());
    let policies = postern.ok(&["alerts", "policies"]);
    assert!(policies.contains("Connector restricted") && policies.contains("Off"), "{policies}");
    assert_eq!(postern.cli(&["alerts", "test", "Nothing"]).status.code(), Some(3));
}
