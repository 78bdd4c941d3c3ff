//! Alert policies: kept in the store, changed by admins, told by a real mail server.

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::harness::http::{call, call_with};
use crate::harness::postern::Postern;
use crate::harness::site::Site;
use crate::harness::{wait_for, wait_within};

fn policy(postern: &Postern, name: &str) -> Value {
    postern.json(&["alerts", "policies", "show", name])
}

/// Alerts of a policy, newest first.
fn alerts(postern: &Postern, policy: &str) -> Vec<Value> {
    let all = postern.json(&["alerts"]);
    all.as_array().unwrap().iter().filter(|alert| alert["policy"] == policy).cloned().collect()
}

#[test]
fn admins_add_alert_policies_of_their_own() {
    let site = Site::start(
        "[outbound_policy]\nexternal_per_hour = 1\n[[group]]\nname = \"sales\"\nmembers = [\"alice@example.com\"]\n",
    );
    let postern = &site.postern;
    let own = "Sales";
    postern.ok(&[
        "alerts",
        "policies",
        "add",
        own,
        "trigger=user restricted from sending email",
        "groups=sales",
        "recipients=helpdesk@example.com,TenantAdmins",
        "daily_notification_limit=1",
        "severity=low",
    ]);
    let made = policy(postern, "sales");
    assert_eq!((&made["built_in"], &made["per_day"]), (&json!(false), &json!(1)));
    assert_eq!(made["mails_to"], json!(["helpdesk@example.com", "admin@example.com"]));
    let (mut alice, mut bob) = (site.login("alice"), site.login("bob"));
    for (smtp, user) in [(&mut alice, "alice"), (&mut bob, "bob")] {
        let from = format!("{user}@example.com");
        smtp.send(&from, &["r1@outside.example"], "x");
        assert!(smtp.send(&from, &["r2@outside.example"], "x").starts_with("550"));
    }
    let about = |mailbox: &str, user: &str| {
        let subject = format!("User restricted from sending email ({user}@example.com)");
        let unfolded = |mail: &String| mail.split_whitespace().collect::<Vec<_>>().join(" ");
        site.mailbox(mailbox).iter().filter(|mail| unfolded(mail).contains(&subject)).count()
    };
    wait_for("the alerts", || about("admin", "alice") + about("admin", "bob") + about("helpdesk", "alice") == 3);
    // The built-in one gives it the higher severity; nobody has the same alert twice.
    assert_eq!(alerts(postern, "User restricted from sending email")[0]["severity"], "high");
    assert_eq!((about("admin", "alice"), about("helpdesk", "bob")), (1, 0));

    // Its limit for today is reached; the built-in one has none.
    postern.ok(&["restricted", "release", "alice", "--reason", "x"]);
    postern.ok(&["restricted", "add", "alice", "--reason", "again"]);
    wait_for("the second alert", || about("admin", "alice") == 2);
    assert_eq!(about("helpdesk", "alice"), 1);

    let fails = |arguments: &[&str], code: i32, says: &str| {
        let mut all = vec!["alerts", "policies"];
        all.extend(arguments);
        let output = postern.cli(&all);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), said.contains(says)), (Some(code), true), "{arguments:?}: {said}");
    };
    fails(&["add", "X", "trigger=nothing"], 2, "trigger: is \"nothing\", expected one of");
    fails(&["add", own, "trigger=Release overdue"], 4, "there is an alert policy called");
    fails(&["set", own, "webhooks=nowhere"], 2, "the configuration has no [[webhook]] with that name");
    fails(&["set", own, "recipients=nobody"], 2, "recipients");
    fails(&["remove", "release overdue"], 4, "can't be removed");
    fails(&["set", "Release overdue", "name=Mine"], 4, "keeps its name");
    postern.ok(&["alerts", "policies", "remove", own]);
    fails(&["show", own], 3, "there is no alert policy called");
    let audit = postern.json(&["audit"]);
    assert_eq!((&audit[0]["action"], &audit[0]["target"]), (&json!("alert-policy.remove"), &json!(own)));
}

#[test]
fn the_file_and_the_desk_agree_on_who_spoke_last() {
    let file = |limit: u32| {
        format!(
            "[[alert_policy]]\nname = \"Release overdue\"\nrecipients = [\"a@example.com\"]\ndaily_notification_limit = {limit}\n"
        )
    };
    let mut postern = Postern::start(&file(5));
    let mails = |postern: &Postern| {
        let policy = policy(postern, "Release overdue");
        (policy["mails_to"].clone(), policy["per_day"].clone())
    };
    assert_eq!(mails(&postern), (json!(["a@example.com"]), json!(5)));
    postern.ok(&["alerts", "policies", "set", "release overdue", "recipients=b@example.com"]);
    postern.restart_after_kill_9();
    assert_eq!(mails(&postern), (json!(["b@example.com"]), json!(5)), "the file says nothing new");
    postern.configure(&file(6));
    postern.process().signal("HUP");
    wait_for("the file's new word", || mails(&postern) == (json!(["a@example.com"]), json!(6)));
    postern.configure("");
    postern.process().signal("HUP");
    wait_for("the built-in one", || mails(&postern) == (json!(["admin@example.com"]), Value::Null));
}

#[test]
fn an_edit_names_what_it_has_seen() {
    let postern = Postern::start("");
    let token = postern.ok(&["token", "add", "t", "--role", "security-administrator"]);
    let token = token.trim();
    let url = "/api/v1/alert-policies/Connector%20restricted";
    let (_, seen) = call(postern.portal_port, "GET", url, Some(token), None);
    let change = |revision: u64, severity: &str| {
        let tag = format!("\"{revision}\"");
        let body = json!({ "severity": severity });
        call_with(postern.portal_port, "PATCH", url, Some(token), Some(&body), &[("If-Match", &tag)])
    };
    let revision = seen["revision"].as_u64().unwrap();
    assert_eq!(change(revision, "low").0, 200);
    let (status, problem) = change(revision, "medium");
    assert_eq!(
        (status, &problem["detail"]),
        (412, &json!("the alert policies were changed meanwhile; look at them again"))
    );
    let (status, problem) = call(postern.portal_port, "PATCH", url, Some(token), Some(&json!({ "severity": "loud" })));
    assert_eq!((status, &problem["field"]), (422, &json!("severity")));
    let back = call(postern.portal_port, "PATCH", url, Some(token), Some(&json!({ "severity": null }))).1;
    assert_eq!(back["severity"], "high", "null takes it back");
}

#[test]
fn a_broken_probation_and_an_overdue_release_are_told_of() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 2\n");
    let postern = &site.postern;
    let mut alice = site.login("alice");
    let mut send = |n: u32| alice.send("alice@example.com", &[&format!("r{n}@outside.example")], "x");
    (0..3).for_each(|n| drop(send(n)));
    postern.ok(&["restricted", "release", "alice", "--reason", "x"]);
    assert!(send(3).starts_with("250"));
    assert!(send(4).starts_with("550"), "half the limit holds");
    let broken = alerts(postern, "Probation broken");
    assert_eq!((broken.len(), &broken[0]["severity"]), (1, &json!("high")));
    let has = |words: &str| site.mailbox("admin").iter().filter(|mail| mail.contains(words)).count();
    wait_for("the alert", || has("Subject: High-severity alert: Probation broken") == 1);

    // A day and an hour pass.
    let database = Connection::open(postern.data().join("postern.db")).unwrap();
    database.execute("UPDATE restrictions SET since = since - 90000000 WHERE released_at IS NULL", []).unwrap();
    wait_for("the overdue release", || alerts(postern, "Release overdue").len() == 1);
    let overdue = &alerts(postern, "Release overdue")[0];
    assert!(overdue["reason"].as_str().unwrap().contains("nobody has released it"), "{overdue}");
    wait_for("its mail", || has("Subject: Medium-severity alert: Release overdue") == 1);
    postern.ok(&["restricted", "release", "alice", "--reason", "x"]);
    assert_eq!(alerts(postern, "Release overdue")[0]["status"], "resolved");
    assert_eq!(postern.ok(&["explain", overdue["reference"].as_str().unwrap()]).matches("Release overdue").count(), 1);
}

#[test]
fn messages_from_many_networks_are_suspicious() {
    let postern = Postern::start("[outbound_policy]\nexternal_per_hour = 100\n");
    let mut door = postern.door();
    let send = |door: &mut crate::harness::policy_client::PolicyClient, n: usize| {
        let recipients: Vec<_> = (0..5).map(|m| format!("r{n}-{m}@x.example")).collect();
        let recipients: Vec<_> = recipients.iter().map(String::as_str).collect();
        door.whole("alice", &n.to_string(), &recipients)
    };
    // What a person does is not worth keeping below an eighth of a limit.
    (0..4).for_each(|n| assert_eq!(send(&mut door, n), "DUNNO"));
    for (n, address) in ["192.0.2.1", "198.51.100.7", "2001:db8::1", "192.0.2.2"].into_iter().enumerate() {
        door.address = address;
        assert_eq!(send(&mut door, 10 + n), "DUNNO");
        assert!(alerts(&postern, "Suspicious email sending patterns detected").is_empty());
    }
    door.address = "233.252.0.1";
    assert_eq!(send(&mut door, 20), "DUNNO");
    let raised = alerts(&postern, "Suspicious email sending patterns detected");
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0]["reason"], "messages from 5 networks within an hour");
    assert_eq!(send(&mut door, 21), "DUNNO");
    assert_eq!(alerts(&postern, "Suspicious email sending patterns detected").len(), 1, "one incident, one alert");
}

#[test]
fn admins_hear_of_a_store_that_is_away_while_it_is() {
    let site = Site::start("");
    let database = Connection::open(site.postern.data().join("postern.db")).unwrap();
    database.execute_batch("BEGIN IMMEDIATE").unwrap();
    let has = |words: &str| site.mailbox("admin").iter().filter(|mail| mail.contains(words)).count();
    wait_within(60, "the alert", || has("Subject: High-severity alert: Store or counter engine away") == 1);
    assert!(site.mailbox("admin")[0].contains("database is locked"), "{}", site.mailbox("admin")[0]);
    database.execute_batch("ROLLBACK").unwrap();
    wait_for("it to be written down", || alerts(&site.postern, "Store or counter engine away").len() == 1);
    let alert = &alerts(&site.postern, "Store or counter engine away")[0];
    assert_eq!((&alert["status"], &alert["entity"]), (&json!("resolved"), &Value::Null));
    assert_eq!(has("Store or counter engine away"), 1);
}
