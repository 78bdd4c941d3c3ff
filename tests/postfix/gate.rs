//! Count, restrict, refuse, tell, release.

use crate::harness::site::Site;
use crate::harness::smtp::Smtp;
use crate::harness::wait_for;

const LIMIT_3: &str = "[outbound_policy]\nexternal_per_hour = 3\n";

#[test]
fn up_to_the_limit_mail_leaves_and_the_next_is_refused() {
    let mut site = Site::start(LIMIT_3);
    let mut alice = site.login("alice");
    for n in 1..=3 {
        let reply = alice.send("alice@example.com", &["someone@outside.example"], &format!("wanted {n}"));
        assert!(reply.starts_with("250 2.0.0 Ok"), "{reply}");
    }
    wait_for("three messages at the sink", || site.postfix.left().len() == 3);

    // The next is refused with the very reply Exchange gives, and our reference in it.
    alice.mail("alice@example.com");
    let reply = alice.rcpt("someone@outside.example");
    let restriction = site.postern.restricted().remove(0);
    let reference = restriction["reference"].as_str().unwrap();
    assert_eq!(
        reply,
        format!(
            "550 5.1.8 <alice@example.com>: Sender address rejected: Access denied, bad outbound sender ({reference}). \
             Contact your email admin for assistance."
        )
    );
    assert_eq!(restriction["entity"], "alice@example.com");
    assert_eq!(restriction["reason"], "4 external recipients per hour, the limit is 3 (policy Default)");
    let attempts = restriction["evidence"]["attempts"].as_array().unwrap();
    assert_eq!(attempts.last().unwrap()["client_address"], "127.0.0.1");
    assert_eq!(attempts.last().unwrap()["external"], 1);

    alice.command("RSET");
    others_go_on_and_the_account_still_receives(&site, &mut alice);
    admins_have_one_mail_and_the_owner_one_notice(&site, reference);

    // kill -9 loses nothing.
    site.postern.restart_after_kill_9();
    let reply = site.login("alice").send("alice@example.com", &["someone@outside.example"], "after the crash");
    assert!(reply.contains(reference), "{reply}");

    one_command_releases_it(&site, reference);
}

/// Internal mail is refused as well.
fn others_go_on_and_the_account_still_receives(site: &Site, alice: &mut Smtp) {
    let reply = alice.send("alice@example.com", &["bob@example.com"], "internal");
    assert!(reply.starts_with("550 5.1.8 <alice@example.com>"), "{reply}");
    let reply = site.login("bob").send("bob@example.com", &["someone@outside.example"], "from bob");
    assert!(reply.starts_with("250"), "{reply}");
    let reply = site.outside().send("someone@outside.example", &["alice@example.com"], "still arrives");
    assert!(reply.starts_with("250"), "{reply}");
    let arrived = |user: &str, text: &str| site.mailbox(user).iter().any(|message| message.contains(text));
    wait_for("mail to alice", || arrived("alice", "Subject: still arrives"));
}

fn admins_have_one_mail_and_the_owner_one_notice(site: &Site, reference: &str) {
    let arrived = |user: &str, text: &str| site.mailbox(user).iter().any(|message| message.contains(text));
    wait_for("the alert", || arrived("admin", "User restricted from sending email"));
    wait_for("the notice", || arrived("alice", "report-type=\"delivery-status\""));
    let alert = site.mailbox("admin").remove(0);
    for part in [reference, "alice@example.com", "postern restricted release", "multipart/alternative"] {
        assert!(alert.contains(part), "no {part} in\n{alert}");
    }
    assert!(arrived(
        "alice",
        &format!("Diagnostic-Code: smtp; 550 5.1.8 Access denied, bad outbound sender ({reference})")
    ));
    wait_for("the outbox to be empty", || site.postern.json(&["status"])["outbox"]["waiting"] == 0);
    assert_eq!(site.mailbox("admin").len(), 1);
    let notices = site.mailbox("alice").iter().filter(|message| message.contains("multipart/report")).count();
    assert_eq!(notices, 1);
}

/// The windows start anew, with half the limits.
fn one_command_releases_it(site: &Site, reference: &str) {
    site.postern.ok(&["restricted", "release", "alice", "--reason", "password changed"]);
    let mut alice = site.login("alice");
    let reply = alice.send("alice@example.com", &["someone@outside.example"], "released");
    assert!(reply.starts_with("250"), "{reply}");
    assert!(site.postern.restricted().is_empty());
    assert_eq!(site.postern.window("alice", "external_per_hour")["limit"], 1);
    let reply = alice.send("alice@example.com", &["someone@outside.example"], "again too many");
    assert!(reply.starts_with("550 5.1.8") && !reply.contains(reference), "{reply}");
    let explained = site.postern.ok(&["explain", reference]);
    assert!(explained.contains("password changed") && explained.contains("released"), "{explained}");
    let verified = site.postern.ok(&["audit", "verify"]);
    // The policy of the file, the restriction, the release, …
    assert!(verified.contains("whole: 4 entries"), "{verified}");
}
