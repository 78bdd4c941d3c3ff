//! Parts that are away.

use rusqlite::Connection;

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

#[test]
fn a_store_that_is_away_stops_no_mail_and_lets_nobody_out() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\n");
    site.postern.ok(&["restricted", "add", "bob", "--reason", "test"]);
    // Somebody else keeps the database to himself.
    let database = Connection::open(site.postern.data().join("postern.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let mut alice = site.login("alice");
    assert!(alice.send("alice@example.com", &["r1@outside.example"], "counted").starts_with("250"));
    // A restriction that can't be written down is not answered as one.
    let reply = alice.send("alice@example.com", &["r2@outside.example"], "over the limit");
    assert!(reply.starts_with("451 4.7.1"), "{reply}");
    assert!(reply.contains("Sending limit reached, please try again later"), "{reply}");
    let refused = site.login("bob").send("bob@example.com", &["r@outside.example"], "restricted");
    assert!(refused.starts_with("550 5.1.8"), "{refused}");
    wait_for("readiness to tell", || {
        let answer = site.postern.http("/readyz").unwrap();
        answer.starts_with("HTTP/1.1 503") && answer.contains("store")
    });
    assert!(site.postern.http("/healthz").unwrap().starts_with("HTTP/1.1 200"));
    assert!(site.postern.http("/metrics").unwrap().contains("postern_store_up 0"));
    database.execute_batch("ROLLBACK").unwrap();
    wait_for("readiness", || site.postern.http("/readyz").unwrap().starts_with("HTTP/1.1 200"));
    let reply = alice.send("alice@example.com", &["r2@outside.example"], "over the limit");
    assert!(reply.starts_with("550 5.1.8"), "{reply}");
    assert_eq!(site.postern.restricted().len(), 2);
}
