//! `postern doctor` on a real Postfix.

use serde_json::Value;

use crate::harness::site::Site;

/// What doctor finds: check and level, the good ones left out; and its exit status.
fn doctor(site: &Site) -> (Vec<(String, String)>, Option<i32>) {
    let folder = site.postfix.config.to_str().unwrap();
    let output = site.postern.cli(&["--json", "doctor", "--postfix-config", folder]);
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().to_owned();
    let findings = findings.as_array().unwrap().iter().map(|f| (text(f, "check"), text(f, "level")));
    (findings.filter(|(_, level)| level != "ok" && level != "info").collect(), output.status.code())
}

fn only(check: &str, level: &str) -> Vec<(String, String)> {
    vec![(check.to_owned(), level.to_owned())]
}

#[test]
fn finds_the_classic_wiring_errors() {
    let mut site = Site::start("");
    assert_eq!(doctor(&site), (vec![], Some(0)));

    let ask = |context: &str, action: &str| {
        let port = site.postern.door_port;
        format!("check_policy_service {{ inet:127.0.0.1:{port}{action}, policy_context={context} }}")
    };
    let dunno = ", default_action=DUNNO";
    let set = |line: String| site.postfix.set(&line);

    set(format!("smtpd_sender_restrictions = permit_mynetworks, permit_sasl_authenticated, {}", ask("gate", dunno)));
    assert_eq!(doctor(&site), (only("order", "error"), Some(1)));

    set(format!("smtpd_sender_restrictions = {}", ask("gate", "")));
    assert_eq!(doctor(&site), (only("default-action", "error"), Some(1)));

    set("smtpd_sender_restrictions =".into());
    assert_eq!(doctor(&site), (only("stage", "error"), Some(1)));

    set(format!("smtpd_sender_restrictions = {}", ask("gate", dunno)));
    set("smtpd_end_of_data_restrictions =".into());
    assert_eq!(doctor(&site), (only("stage-end", "warning"), Some(0)));

    set(format!("smtpd_end_of_data_restrictions = {}", ask("commit", dunno)));
    set("smtpd_sasl_auth_enable = no".into());
    assert_eq!(doctor(&site), (only("sasl", "error"), Some(1)));

    set("smtpd_sasl_auth_enable = yes".into());
    set("smtpd_delay_reject = no".into());
    assert_eq!(doctor(&site), (only("delay-reject", "error"), Some(1)));

    set("smtpd_delay_reject = yes".into());
    assert_eq!(doctor(&site), (vec![], Some(0)));
    // Mail that comes without a login, again and again, is no wiring at all.
    for n in 0..6 {
        assert!(site.outside().send("x@outside.example", &["bob@example.com"], &n.to_string()).starts_with("250"));
    }
    assert_eq!(doctor(&site), (only("sasl", "error"), Some(1)));

    site.postern.kill_9();
    let (findings, code) = doctor(&site);
    assert_eq!(findings, [("daemon".into(), "error".into()), ("policy-door".into(), "error".into())]);
    assert_eq!(code, Some(1));
}
