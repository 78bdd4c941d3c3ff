//! Outbound policies for some, changed while mail flows; what a policy may do besides restricting.

use serde_json::json;

use crate::harness::site::Site;
use crate::harness::smtp::Smtp;
use crate::harness::wait_for;

fn send(smtp: &mut Smtp, user: &str, n: usize) -> String {
    smtp.send(&format!("{user}@example.com"), &[&format!("r{n}@outside.example")], "policies")
}

#[test]
fn a_policy_is_for_some_and_in_force_at_once() {
    let site = Site::start(
        "[[group]]\nname = \"sales\"\nmembers = [\"alice\", \"carol@example.com\"]\n\
         [outbound_policy]\nexternal_per_hour = 1\n",
    );
    let postern = &site.postern;
    let mut alice = site.login("alice");
    assert!(send(&mut alice, "alice", 1).starts_with("250"));
    postern.ok(&["policy", "add", "Sales", "groups=sales", "except_users=carol", "external_per_hour=3"]);
    for n in 2..4 {
        assert!(send(&mut alice, "alice", n).starts_with("250"), "{n}");
    }
    assert!(send(&mut alice, "alice", 4).starts_with("550 5.1.8"));
    assert_eq!(postern.restricted()[0]["cause"]["policy"], "Sales");
    // Carol is in the group, but an exception.
    let mut carol = site.login("carol");
    assert!(send(&mut carol, "carol", 1).starts_with("250"));
    assert!(send(&mut carol, "carol", 2).starts_with("550 5.1.8"));
    let explained = postern.ok(&["policy", "explain", "carol"]);
    assert!(explained.contains("Sales (priority 0): the account is one of its excepted users"), "{explained}");
    assert!(explained.contains("Default (priority Lowest)"), "{explained}");
    // A limit that is raised holds for the next mail, without a restart.
    let mut bob = site.login("bob");
    assert!(send(&mut bob, "bob", 1).starts_with("250"));
    postern.ok(&["policy", "set", "Default", "external_per_hour=2"]);
    assert!(send(&mut bob, "bob", 2).starts_with("250"));
    assert!(send(&mut bob, "bob", 3).starts_with("550 5.1.8"));
}

#[test]
fn report_only_lets_mail_go_and_says_what_would_have_happened() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\nmode = \"report-only\"\n");
    let mut alice = site.login("alice");
    for n in 0..4 {
        assert!(send(&mut alice, "alice", n).starts_with("250"), "{n}");
    }
    assert!(site.postern.restricted().is_empty());
    let alerts = site.postern.json(&["alerts"]);
    assert_eq!(alerts.as_array().unwrap().len(), 1);
    assert_eq!(alerts[0]["policy"], "Outbound policy in report-only mode");
    let reason = alerts[0]["reason"].as_str().unwrap();
    assert!(reason.contains("2 external recipients per hour, the limit is 1"), "{reason}");
    assert!(reason.contains("the action would have been restrict"), "{reason}");
    assert!(site.postern.log().contains("report only: the policy would have acted"));
    assert!(site.postern.http("/metrics").unwrap().contains("postern_report_only_total 3"));
    assert!(site.mailbox("admin").is_empty() && site.mailbox("alice").is_empty());
}

#[test]
fn defer_has_mail_come_back_until_there_is_room() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 2\naction = \"defer\"\n");
    let mut alice = site.login("alice");
    for n in 0..2 {
        assert!(send(&mut alice, "alice", n).starts_with("250"));
    }
    let reply = send(&mut alice, "alice", 3);
    assert!(reply.starts_with("451 4.7.1"), "{reply}");
    assert!(reply.contains("Sending limit reached (external recipients per hour)"), "{reply}");
    // Inside there is room still.
    assert!(alice.send("alice@example.com", &["bob@example.com"], "inside").starts_with("250"));
    assert!(site.postern.restricted().is_empty());
    assert_eq!(site.postern.count("alice", "external_per_hour"), 2);
    wait_for("one alert", || site.mailbox("admin").iter().any(|m| m.contains("Email sending limit exceeded")));
    site.postern.ok(&["policy", "set", "Default", "external_per_hour=3"]);
    assert!(send(&mut alice, "alice", 3).starts_with("250"));
}

#[test]
fn an_allowance_raises_limits_for_one_and_for_a_time() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\n");
    let until = "2099-01-01T00:00:00Z";
    let postern = &site.postern;
    postern.ok(&[
        "allowance",
        "grant",
        "alice",
        "--external-per-hour",
        "3",
        "--until",
        until,
        "--reason",
        "invitations",
    ]);
    let mut alice = site.login("alice");
    for n in 0..3 {
        assert!(send(&mut alice, "alice", n).starts_with("250"), "{n}");
    }
    let usage = postern.json(&["usage", "alice"]);
    assert_eq!(usage["allowance"]["reason"], "invitations");
    assert_eq!(postern.window("alice", "external_per_hour")["limit"], 3);
    let mut bob = site.login("bob");
    assert!(send(&mut bob, "bob", 1).starts_with("250"));
    assert!(send(&mut bob, "bob", 2).starts_with("550 5.1.8"));
    postern.ok(&["allowance", "end", "alice"]);
    assert_eq!(postern.json(&["allowance"]), json!([]));
    assert!(send(&mut alice, "alice", 4).starts_with("550 5.1.8"));
    let actions = postern.json(&["audit"]);
    let actions: Vec<_> = actions.as_array().unwrap().iter().map(|entry| entry["action"].as_str().unwrap()).collect();
    assert!(actions.contains(&"allowance.grant") && actions.contains(&"allowance.end"), "{actions:?}");
    let past =
        postern.cli(&["allowance", "grant", "bob", "--per-day", "9", "--until", "2001-01-01T00:00:00Z", "-r", "x"]);
    assert_eq!(past.status.code(), Some(2));
}

#[test]
fn admins_are_warned_before_a_limit_is_reached() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 4\nwarn_at_percent = 75\n");
    let mut alice = site.login("alice");
    for n in 0..2 {
        assert!(send(&mut alice, "alice", n).starts_with("250"));
    }
    assert!(site.postern.json(&["alerts"]).as_array().unwrap().is_empty());
    assert!(send(&mut alice, "alice", 2).starts_with("250"));
    assert!(send(&mut alice, "alice", 3).starts_with("250"));
    let alerts = site.postern.json(&["alerts"]);
    assert_eq!(alerts.as_array().unwrap().len(), 1);
    assert_eq!(alerts[0]["policy"], "Email sending limit nearly reached");
    assert!(alerts[0]["reason"].as_str().unwrap().contains("3 external recipients per hour, the limit is 4"));
    wait_for("the warning", || site.mailbox("admin").iter().any(|m| m.contains("used up most of a sending limit")));
}

#[test]
fn messages_per_minute_and_recipients_per_message_are_deferred() {
    let site = Site::start("[outbound_policy]\nmessages_per_minute = 2\nrecipients_per_message = 2\n");
    let mut alice = site.login("alice");
    alice.mail("alice@example.com");
    assert!(alice.rcpt("a@outside.example").starts_with("250"));
    assert!(alice.rcpt("b@outside.example").starts_with("250"));
    let third = alice.rcpt("c@outside.example");
    assert!(third.starts_with("452 4.5.3") && third.contains("one message may have 2"), "{third}");
    // The others go, and the third may go in a message of its own.
    assert!(alice.data("two of three").starts_with("250"));
    assert!(send(&mut alice, "alice", 1).starts_with("250"));
    let reply = send(&mut alice, "alice", 2);
    assert!(reply.starts_with("451 4.7.1") && reply.contains("messages per minute"), "{reply}");
    assert!(site.postern.restricted().is_empty());
    assert!(site.postern.json(&["alerts"]).as_array().unwrap().is_empty());
    assert_eq!(site.postern.count("alice", "external_per_hour"), 3);
}

#[test]
fn a_copy_of_mail_over_a_limit_goes_to_whom_the_policy_says() {
    let site = Site::start(
        "[outbound_policy]\nexternal_per_hour = 1\naction = \"alert-only\"\ncopy_to = \"helpdesk@example.com\"\n",
    );
    let mut alice = site.login("alice");
    assert!(alice.send("alice@example.com", &["a@outside.example"], "within").starts_with("250"));
    assert!(alice.send("alice@example.com", &["b@outside.example"], "beyond the limit").starts_with("250"));
    wait_for("the copy", || site.mailbox("helpdesk").iter().any(|m| m.contains("Subject: beyond the limit")));
    assert!(!site.mailbox("helpdesk").iter().any(|m| m.contains("Subject: within")));
    wait_for("the mail itself", || site.postfix.left().len() == 2);
}

#[test]
fn copies_to_several_addresses_go_by_the_alias_that_wiring_prints() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\naction = \"alert-only\"\n");
    let doctor = || {
        let folder = site.postfix.config.to_str().unwrap();
        let output = site.postern.cli(&["--json", "doctor", "--postfix-config", folder]);
        let findings: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let copies: Vec<_> = findings.as_array().unwrap().iter().filter(|one| one["check"] == "copies").collect();
        copies
            .iter()
            .map(|one| (one["level"].as_str().unwrap().to_owned(), one["message"].to_string()))
            .collect::<Vec<_>>()
    };
    assert!(doctor().is_empty() && !site.postern.ok(&["wiring", "postfix"]).contains("virtual_alias_maps"));
    let two = "copy_to=helpdesk@example.com,postmaster@example.com";
    site.postern.ok(&["policy", "set", "Default", two]);
    let found = doctor();
    assert_eq!((found.len(), found[0].0.as_str()), (1, "error"), "{found:?}");
    assert!(found[0].1.contains("reach nobody"), "{found:?}");

    let wiring = site.postern.ok(&["wiring", "postfix"]);
    let line = wiring.lines().find(|line| line.starts_with("virtual_alias_maps = ")).unwrap();
    site.postfix.set(line);
    assert_eq!(doctor()[0].0, "ok", "{:?}", doctor());
    let mut alice = site.reloaded_login("alice");
    assert!(alice.send("alice@example.com", &["a@outside.example"], "within").starts_with("250"));
    assert!(alice.send("alice@example.com", &["b@outside.example"], "beyond the limit").starts_with("250"));
    for user in ["helpdesk", "postmaster"] {
        wait_for(user, || site.mailbox(user).iter().any(|m| m.contains("Subject: beyond the limit")));
        assert!(!site.mailbox(user).iter().any(|m| m.contains("Subject: within")));
    }
    // The alias stays and what it stands for changes: the old line is found out.
    site.postern.ok(&["policy", "set", "Default", "copy_to=helpdesk@example.com,bob@example.com"]);
    let found = doctor();
    assert!(found[0].0 == "error" && found[0].1.contains("out of date"), "{found:?}");
    site.postern.ok(&["policy", "set", "Default", "copy_to=helpdesk@example.com"]);
    assert!(doctor().is_empty());
}

#[test]
fn policies_are_exported_compared_and_applied_as_a_file() {
    let site = Site::start("");
    let postern = &site.postern;
    postern.ok(&["policy", "add", "Newsletter", "users=alice", "per_day=5000", "action=defer", "notify=TenantAdmins"]);
    postern.ok(&["policy", "add", "First", "domains=example.com", "preset=strict", "priority=0"]);
    let names: Vec<_> =
        postern.json(&["policy", "list"]).as_array().unwrap().iter().map(|p| p["name"].clone()).collect();
    assert_eq!(names, ["First", "Newsletter", "Default"]);
    let file = postern.folder.path().join("policies.toml");
    let path = file.to_str().unwrap();
    postern.ok(&["policy", "export", path]);
    assert_eq!(postern.ok(&["policy", "apply", "--dry-run", path]).trim(), "Nothing changes.");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("per_day = 5000", "per_day = 6000").replace("\"First\"", "\"Premier\""))
        .unwrap();
    let planned = postern.ok(&["policy", "apply", "--dry-run", path]);
    for line in ["- First", "+ Premier", "~ Newsletter: per_day: 5000 → 6000", "dry run"] {
        assert!(planned.contains(line), "no {line:?} in\n{planned}");
    }
    assert_eq!(postern.json(&["policy", "list"])[1]["per_day"], 5000);
    postern.ok(&["policy", "apply", path]);
    let audit = postern.ok(&["audit"]);
    assert!(audit.contains("per_day: 5000 → 6000"), "{audit}");
    assert_eq!(postern.json(&["policy", "list"])[1]["per_day"], 6000);
    let wrong = |arguments: &[&str], says: &str| {
        let output = postern.cli(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(says), "{arguments:?}: {said}");
        output.status.code().unwrap()
    };
    assert_eq!(wrong(&["policy", "set", "Default", "users=bob"], "the default policy is for everyone"), 2);
    assert_eq!(wrong(&["policy", "set", "Default", "per_day=10001"], "per_day: is 10001, expected 0 to 10000"), 2);
    assert_eq!(wrong(&["policy", "set", "Default", "perday=1"], "perday: there is no such setting"), 2);
    assert_eq!(wrong(&["policy", "set", "Default", "action=explode"], "action: unknown variant"), 2);
    assert_eq!(wrong(&["policy", "set", "Nobody", "per_day=1"], "there is no outbound policy called"), 3);
    assert_eq!(wrong(&["policy", "remove", "Default"], "the default policy can't be removed"), 4);
    assert_eq!(wrong(&["policy", "add", "All"], "required"), 2);
}
