//! The three actions of an outbound policy.

use crate::harness::site::Site;
use crate::harness::wait_for;

#[test]
fn alert_only_lets_mail_go_on_and_alerts_once() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 2\naction = \"alert-only\"\n");
    let mut alice = site.login("alice");
    for n in 0..6 {
        let reply = alice.send("alice@example.com", &[&format!("r{n}@outside.example")], "on and on");
        assert!(reply.starts_with("250"), "{reply}");
    }
    assert!(site.postern.restricted().is_empty());
    assert_eq!(site.postern.count("alice", "external_per_hour"), 6);
    let alerts = site.postern.json(&["alerts"]);
    assert_eq!(alerts.as_array().unwrap().len(), 1);
    assert_eq!(alerts[0]["policy"], "Email sending limit exceeded");
    wait_for("the alert", || site.mailbox("admin").iter().any(|m| m.contains("Email sending limit exceeded")));
    assert_eq!(site.mailbox("admin").len(), 1);
    assert!(site.mailbox("alice").is_empty());
    let explained = site.postern.ok(&["explain", alerts[0]["reference"].as_str().unwrap()]);
    assert!(explained.contains("3 external recipients per hour, the limit is 2"), "{explained}");
}

#[test]
fn until_the_following_day_says_when_it_ends() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\naction = \"restrict-until-next-day\"\n");
    let mut alice = site.login("alice");
    assert!(alice.send("alice@example.com", &["a@outside.example"], "x").starts_with("250"));
    assert!(alice.send("alice@example.com", &["b@outside.example"], "x").starts_with("550 5.1.8"));
    let restriction = &site.postern.restricted()[0];
    let (since, until) = (restriction["since"].as_str().unwrap(), restriction["until"].as_str().unwrap());
    assert!(until.ends_with("T00:00:00.000Z") && since < until, "{since} {until}");
    // An admin may release it early.
    site.postern.ok(&["restricted", "release", "alice", "--reason", "known newsletter"]);
    assert!(alice.send("alice@example.com", &["b@outside.example"], "x").starts_with("250"));
}

#[test]
fn a_restriction_by_hand_ends_at_its_time() {
    let site = Site::start("[probation]\nhours = 0\n");
    let until = in_seconds(3);
    site.postern.ok(&["restricted", "add", "bob", "--reason", "holiday", "--until", &until]);
    let mut bob = site.login("bob");
    let refused = bob.send("bob@example.com", &["a@outside.example"], "x");
    assert!(refused.starts_with("550 5.1.8"), "{refused}");
    wait_for("the time to come", || bob.send("bob@example.com", &["a@outside.example"], "x").starts_with("250"));
    let shown = site.postern.json(&["restricted", "show", "bob"]);
    assert_eq!(shown[0]["released_by"], "system");
    assert!(shown[0]["refused"].as_u64().unwrap() >= 1);
    assert!(shown[0]["probation_until"].is_null());
    assert_eq!(site.postern.json(&["alerts"])[0]["status"], "resolved");
}

fn in_seconds(seconds: u64) -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("+{seconds} seconds"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_daily_notification_limit_leaves_out_mails_but_not_restrictions() {
    let site = Site::start(
        "[outbound_policy]\nexternal_per_hour = 1\n[alerts]\ndaily_notification_limit = 1\nnotify_owner = false\n",
    );
    for user in ["alice", "bob", "carol"] {
        let mut smtp = site.login(user);
        let sender = format!("{user}@example.com");
        assert!(smtp.send(&sender, &["a@outside.example"], "x").starts_with("250"));
        assert!(smtp.send(&sender, &["b@outside.example"], "x").starts_with("550 5.1.8"));
    }
    assert_eq!(site.postern.restricted().len(), 3);
    wait_for("the outbox to be empty", || site.postern.json(&["status"])["outbox"]["waiting"] == 0);
    wait_for("the alert", || site.mailbox("admin").len() == 1);
    assert!(site.mailbox("alice").is_empty(), "the owner was not to be told");
}

#[test]
fn an_alert_is_dealt_with_and_the_next_one_is_new() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\naction = \"alert-only\"\n");
    let postern = &site.postern;
    let mut alice = site.login("alice");
    let mut send = |n: usize| {
        let reply = alice.send("alice@example.com", &[&format!("r{n}@outside.example")], "on and on");
        assert!(reply.starts_with("250"), "{reply}");
    };
    (0..3).for_each(&mut send);
    let alerts = postern.json(&["alerts"]);
    let reference = alerts[0]["reference"].as_str().unwrap();
    postern.ok(&["alerts", "set", reference, "--status", "investigating", "--comment", "asking alice"]);
    send(3);
    assert_eq!(postern.json(&["alerts"]).as_array().unwrap().len(), 1);
    let shown = postern.ok(&["alerts", "set", reference, "--status", "dismissed", "--comment", "a newsletter"]);
    assert!(shown.contains("asking alice") && shown.contains("a newsletter"), "{shown}");
    assert_eq!(postern.json(&["alerts", "--status", "dismissed"])[0]["reference"], reference);
    // Closed, it stands for nothing any more.
    send(4);
    let alerts = postern.json(&["alerts", "--status", "active"]);
    assert_eq!(alerts.as_array().unwrap().len(), 1);
    assert_ne!(alerts[0]["reference"], reference);
    let notes = postern.json(&["alerts", "show", reference]);
    assert_eq!(notes["notes"][1]["status"], "dismissed");
    assert_eq!(postern.cli(&["alerts", "set", "PR-0000-0000", "--comment", "x"]).status.code(), Some(3));
    assert_eq!(postern.cli(&["alerts", "set", reference]).status.code(), Some(2));
}
