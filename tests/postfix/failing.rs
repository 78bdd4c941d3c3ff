//! Parts that are away.

use crate::harness::site::Site;
use crate::harness::{wait_for, wait_some};

#[test]
fn mail_goes_on_uncounted_while_postern_is_away() {
    let mut site = Site::start("[outbound_policy]\nexternal_per_hour = 1\n");
    site.postern.kill_9();
    let mut alice = site.login("alice");
    for n in 0..3 {
        let reply = alice.send("alice@example.com", &[&format!("r{n}@outside.example")], "meanwhile");
        assert!(reply.starts_with("250"), "{reply}");
    }
    let away = site.postern.cli(&["status"]);
    assert_eq!(away.status.code(), Some(1));
    let said = String::from_utf8_lossy(&away.stderr).into_owned();
    assert!(said.contains("postern is not running"), "{said}");
    // The same session asks again once it is back.
    site.postern.run();
    assert!(alice.send("alice@example.com", &["r4@outside.example"], "counted").starts_with("250"));
    assert!(alice.send("alice@example.com", &["r5@outside.example"], "refused").starts_with("550 5.1.8"));
}

#[test]
fn usage_survives_kill_9() {
    let mut site = Site::start("[outbound_policy]\nexternal_per_hour = 3\n");
    let mut alice = site.login("alice");
    for n in 0..2 {
        assert!(alice.send("alice@example.com", &[&format!("r{n}@outside.example")], "x").starts_with("250"));
    }
    // Written behind the answer, within a second.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    site.postern.restart_after_kill_9();
    assert_eq!(site.postern.count("alice", "external_per_hour"), 2);
    assert!(alice.send("alice@example.com", &["r3@outside.example"], "x").starts_with("250"));
    assert!(alice.send("alice@example.com", &["r4@outside.example"], "x").starts_with("550 5.1.8"));
}

#[test]
fn alerts_wait_for_a_mail_server_that_is_away() {
    let site = Site::start("");
    // A port where nobody listens.
    let settings = format!("[smtp]\nserver = \"127.0.0.1:{}\"\n", crate::harness::free_port());
    let mut postern = crate::harness::postern::Postern::start(&settings);
    postern.ok(&["restricted", "add", "bob", "--reason", "test"]);
    let failed = wait_some("a failed delivery", || {
        let alerts = postern.json(&["alerts"]);
        alerts[0]["last_error"].as_str().map(str::to_owned)
    });
    assert!(failed.contains("refused"), "{failed}");
    let doctor = postern.cli(&["doctor"]);
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(said.contains("could not be delivered yet"), "{said}");
    // Pointed to a server that works, it delivers, even after a crash.
    postern.configure(&format!("[smtp]\nserver = \"127.0.0.1:{}\"\n", site.postfix.port));
    postern.restart_after_kill_9();
    wait_for("the alert", || site.mailbox("admin").iter().any(|m| m.contains("restricted by an admin: test")));
    wait_for("the notice", || site.mailbox("bob").iter().any(|m| m.contains("multipart/report")));
    assert_eq!(site.mailbox("admin").len(), 1);
}
