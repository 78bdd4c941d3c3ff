//! What is charged, and what is not.

use std::thread;

use crate::harness::site::Site;
use crate::harness::smtp::Smtp;
use crate::harness::wait_for;

fn limits(external: u32) -> String {
    format!("[outbound_policy]\nexternal_per_hour = {external}\n")
}

#[test]
fn twenty_connections_at_once_do_not_overshoot() {
    let site = Site::start(&limits(10));
    let accepted: usize = thread::scope(|scope| {
        let senders: Vec<_> = (0..20)
            .map(|sender| {
                let site = &site;
                scope.spawn(move || {
                    let mut alice = site.login("alice");
                    let send = |n: i32| {
                        let to = format!("someone{sender}.{n}@outside.example");
                        alice.send("alice@example.com", &[&to], "many")
                    };
                    (0..3).map(send).filter(|reply| reply.starts_with("250")).count()
                })
            })
            .collect();
        senders.into_iter().map(|sender| sender.join().unwrap()).sum()
    });
    assert_eq!(accepted, 10);
    wait_for("ten messages at the sink", || site.postfix.left().len() == 10);
    assert_eq!(site.postern.restricted().len(), 1);
    assert_eq!(site.postern.count("alice", "external_per_hour"), 10);
}

#[test]
fn a_message_over_the_limit_is_refused_whole() {
    let site = Site::start(&limits(3));
    let mut alice = site.login("alice");
    alice.mail("alice@example.com");
    for n in 1..=3 {
        assert!(alice.rcpt(&format!("r{n}@outside.example")).starts_with("250"));
    }
    let fourth = alice.rcpt("r4@outside.example");
    assert!(fourth.starts_with("550 5.1.8 <alice@example.com>"), "{fourth}");
    // The client goes on with the recipients that were accepted.
    let reply = alice.data("whole or not at all");
    assert!(reply.starts_with("550") && reply.contains("Access denied, bad outbound sender"), "{reply}");
    assert_eq!(site.postern.count("alice", "external_per_hour"), 0);
    assert_eq!(site.postern.window("alice", "external_per_hour")["reserved"], 0);
    assert!(site.postfix.left().is_empty());
}

#[test]
fn recipients_that_a_later_rule_refuses_are_not_charged() {
    // The rule stands before the confirmation, where the wiring says it should…
    let site = Site::with_main_cf(&limits(100), |wiring| {
        let rule = "check_recipient_access inline:{ {refused@outside.example = REJECT} {later@outside.example = 450 4.2.0 greylisted} }";
        wiring.replace("smtpd_recipient_restrictions = ", &format!("smtpd_recipient_restrictions = {rule}, "))
    });
    let mut alice = site.login("alice");
    alice.mail("alice@example.com");
    assert!(alice.rcpt("good@outside.example").starts_with("250"));
    assert!(alice.rcpt("refused@outside.example").starts_with("554"));
    assert!(alice.rcpt("later@outside.example").starts_with("450"));
    assert!(alice.rcpt("nobody@example.com").starts_with("550 5.1.1"));
    assert!(alice.rcpt("bob@example.com").starts_with("250"));
    assert!(alice.data("some refused").starts_with("250"));
    assert_eq!(site.postern.count("alice", "external_per_hour"), 1);
    assert_eq!(site.postern.count("alice", "internal_per_hour"), 1);
    // A message of which nothing is left is none.
    for _ in 0..5 {
        alice.mail("alice@example.com");
        assert!(alice.rcpt("later@outside.example").starts_with("450"));
        alice.command("RSET");
    }
    assert!(alice.send("alice@example.com", &["good@outside.example"], "next").starts_with("250"));
    assert_eq!(site.postern.count("alice", "per_day"), 3);
    assert_eq!(site.postern.window("alice", "external_per_hour")["reserved"], 0);
}

#[test]
fn a_rule_after_ours_is_reconciled_by_the_number_of_recipients() {
    let site = Site::with_main_cf(&limits(100), |wiring| {
        let later = "check_recipient_access inline:{ {refused@outside.example = REJECT} }";
        wiring.replace("policy_context=confirm }", &format!("policy_context=confirm }}, {later}"))
    });
    let mut alice = site.login("alice");
    alice.mail("alice@example.com");
    assert!(alice.rcpt("good@outside.example").starts_with("250"));
    assert!(alice.rcpt("refused@outside.example").starts_with("554"));
    assert!(alice.data("one refused").starts_with("250"));
    assert_eq!(site.postern.count("alice", "external_per_hour"), 1);
}

#[test]
fn a_message_abandoned_after_rcpt_is_not_charged() {
    let site = Site::start(&format!("{}[gate]\nreservation_timeout_seconds = 2\n", limits(3)));
    site.shows_how_messages_end();
    let mut alice = site.login("alice");
    alice.mail("alice@example.com");
    for n in 1..=3 {
        assert!(alice.rcpt(&format!("r{n}@outside.example")).starts_with("250"));
    }
    assert_eq!(site.postern.window("alice", "external_per_hour")["reserved"], 3);
    // Gone without a word: nobody tells us, so the room comes back after a while.
    drop(alice);
    wait_for("the room to be given back", || site.postern.window("alice", "external_per_hour")["reserved"] == 0);
    assert_eq!(site.postern.count("alice", "external_per_hour"), 0);
    // RSET and the next message in the same session: known at once.
    let mut alice = site.login("alice");
    for n in 1..=4 {
        alice.mail("alice@example.com");
        assert!(alice.rcpt(&format!("r{n}@outside.example")).starts_with("250"));
        alice.command("RSET");
    }
    for n in 1..=3 {
        let reply = alice.send("alice@example.com", &[&format!("r{n}@outside.example")], "in the end");
        assert!(reply.starts_with("250"), "{reply}");
    }
    assert_eq!(site.postern.count("alice", "external_per_hour"), 3);
    assert!(site.postern.restricted().is_empty());
}

#[test]
fn a_retry_is_charged_once() {
    // The mail server says "later" to the whole message after ours has been asked.
    let site = Site::with_main_cf(&limits(3), |wiring| {
        format!(
            "{wiring}\nsmtpd_data_restrictions = check_sender_access inline:{{ {{alice@example.com = 451 4.3.0 later}} }}\n"
        )
    });
    site.shows_how_messages_end();
    let mut alice = site.login("alice");
    for _ in 0..5 {
        let reply = alice.send("alice@example.com", &["someone@outside.example"], "again");
        assert!(reply.starts_with("451"), "{reply}");
        alice.command("RSET");
    }
    site.postfix.set("smtpd_data_restrictions =");
    let mut alice = site.login("alice");
    // An smtpd that was started before the change still has the old rule.
    wait_for("the message to be accepted", || {
        let accepted = alice.send("alice@example.com", &["someone@outside.example"], "again").starts_with("250");
        if !accepted {
            alice = site.reloaded_login("alice");
        }
        accepted
    });
    assert_eq!(site.postern.count("alice", "external_per_hour"), 1);
    assert_eq!(site.postern.count("alice", "messages_per_day"), 1);
    assert!(site.postern.restricted().is_empty());
}

#[test]
fn plus_tags_and_repeats_are_one_recipient() {
    let site = Site::start(&limits(2));
    let mut alice = site.login("alice");
    let recipients = ["a@outside.example", "A+x@outside.example", "a+y@Outside.example", "a@outside.example"];
    let reply = alice.send("alice@example.com", &recipients, "tags");
    assert!(reply.starts_with("250"), "{reply}");
    assert_eq!(site.postern.count("alice", "external_per_hour"), 1);
}

#[test]
fn only_the_stage_that_is_wired_is_used() {
    let only = |parameter: &'static str| {
        move |wiring: &str| {
            let lines = wiring.lines().filter(|line| line.starts_with(parameter));
            lines.map(|line| line.replace(", policy_context=gate", "") + "\n").collect::<String>()
        }
    };
    // Recipients alone: every one counts from when it is named, since nothing else is told.
    let site = Site::with_main_cf(&limits(2), only("smtpd_sender_restrictions"));
    let mut alice = site.login("alice");
    let mut send = |n: u32| alice.send("alice@example.com", &[&format!("r{n}@outside.example")], "gate only");
    assert!(send(1).starts_with("250") && send(2).starts_with("250"));
    assert!(send(3).starts_with("550 5.1.8"));
    assert_eq!(site.postern.restricted().len(), 1);

    // The end alone: only the number is known, so all are external.
    let site = Site::with_main_cf(&limits(4), only("smtpd_end_of_data_restrictions"));
    let mut alice = Smtp::login(site.postfix.port, "alice@example.com");
    let mut send = |recipients: &[&str]| alice.send("alice@example.com", recipients, "end only");
    assert!(send(&["r1@outside.example", "r2@outside.example", "bob@example.com"]).starts_with("250"));
    assert!(send(&["bob@example.com"]).starts_with("250"));
    assert_eq!(site.postern.count("alice", "external_per_hour"), 3);
    assert_eq!(site.postern.count("alice", "internal_per_hour"), 1);
    let reply = send(&["r3@outside.example", "r4@outside.example"]);
    assert!(reply.starts_with("550") && reply.contains("Access denied, bad outbound sender"), "{reply}");
}

#[test]
fn without_the_line_that_reports_ends_a_message_counts_no_less() {
    let site = Site::with_main_cf(&limits(20), |wiring| {
        let without = |line: &&str| !line.starts_with("smtpd_end_of_data_restrictions");
        wiring.lines().filter(without).collect::<Vec<_>>().join("\n")
    });
    let mut accepted = 0;
    let mut send = |site: &Site| {
        let to: Vec<_> = (0..10).map(|n| format!("r{n}@outside.example")).collect();
        let to: Vec<_> = to.iter().map(String::as_str).collect();
        let reply = site.login("alice").send("alice@example.com", &to, "ten");
        accepted += if reply.starts_with("250") { 10 } else { 0 };
        accepted
    };
    let mut site = site;
    for _ in 0..6 {
        send(&site);
    }
    site.postern.restart_after_kill_9();
    for _ in 0..6 {
        send(&site);
    }
    assert_eq!(send(&site), 20);
    assert_eq!(site.postern.restricted()[0]["entity"], "alice@example.com");
}
