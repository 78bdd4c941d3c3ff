//! Who is counted: accounts, connectors, and who is not.

use crate::harness::site::Site;
use crate::harness::wait_for;

#[test]
fn mail_from_outside_passes_uncounted_and_cannot_be_charged_to_anyone() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\ninternal_per_hour = 1\n");
    for n in 0..4 {
        let reply = site.outside().send("alice@example.com", &["bob@example.com"], &format!("forged {n}"));
        assert!(reply.starts_with("250"), "{reply}");
    }
    wait_for("all at bob's", || site.mailbox("bob").len() == 4);
    assert_eq!(site.postern.count("alice", "internal_per_hour"), 0);
    assert!(site.postern.restricted().is_empty());
    let metrics = site.postern.http("/metrics").unwrap();
    assert!(metrics.contains("postern_policy_unauthenticated_total 12"), "{metrics}");
}

#[test]
fn the_login_counts_whatever_the_sender_says() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 2\n");
    let mut alice = site.login("alice");
    assert!(alice.send("bob@example.com", &["a@outside.example"], "x").starts_with("250"));
    assert!(alice.send("", &["b@outside.example"], "x").starts_with("250"));
    let reply = alice.send("carol@example.com", &["c@outside.example"], "x");
    assert!(reply.starts_with("550 5.1.8 <carol@example.com>"), "{reply}");
    assert_eq!(site.postern.count("ALICE", "external_per_hour"), 2);
    assert_eq!(site.postern.count("bob", "external_per_hour"), 0);
}

#[test]
fn a_host_in_the_networks_is_a_connector_and_own_mail_is_not_counted() {
    let settings =
        "[outbound_policy]\nexternal_per_hour = 2\n[[connector]]\nname = \"web\"\nnetworks = [\"127.0.0.0/8\"]\n";
    let site = Site::with_main_cf(settings, |wiring| {
        format!(
            "{wiring}\nmynetworks = 127.0.0.0/8\nsmtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination\n"
        )
    });
    let mut web = site.outside();
    for n in 0..2 {
        let reply = web.send("shop@example.com", &[&format!("r{n}@outside.example")], "order");
        assert!(reply.starts_with("250"), "{reply}");
    }
    let reply = web.send("shop@example.com", &["r3@outside.example"], "order");
    assert!(
        reply.starts_with(
            "550 5.7.711 <shop@example.com>: Sender address rejected: Access denied, bad inbound connector"
        ),
        "{reply}"
    );
    assert_eq!(site.postern.restricted()[0]["entity"], "connector:web");
    // The alert leaves through the same server, from the same address, and still arrives.
    wait_for("the alert", || site.mailbox("admin").iter().any(|m| m.contains("Connector restricted")));
    assert_eq!(site.postern.count("connector:web", "internal_per_hour"), 0);
    site.postern.ok(&["restricted", "release", "connector:web", "--reason", "shop mended"]);
    assert!(web.send("shop@example.com", &["r4@outside.example"], "order").starts_with("250"));
}

#[test]
fn the_escape_lane_stays_open_to_the_restricted() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 1\nescape_lane_per_hour = 2\n");
    site.postern.ok(&["restricted", "add", "alice@example.com", "--reason", "sends spam"]);
    let mut alice = site.login("alice");
    let reply = alice.send("alice@example.com", &["helpdesk@example.com"], "let me out");
    assert!(reply.starts_with("250"), "{reply}");
    assert!(alice.send("alice@example.com", &["postmaster@example.com"], "please").starts_with("250"));
    wait_for("the plea", || site.mailbox("helpdesk").iter().any(|m| m.contains("let me out")));
    assert!(alice.send("alice@example.com", &["bob@example.com"], "x").starts_with("550 5.1.8"));
    // Not as a way around: another recipient besides is refused, and so is a third plea.
    alice.mail("alice@example.com");
    assert!(alice.rcpt("someone@outside.example").starts_with("550 5.1.8"));
    let reply = alice.rcpt("helpdesk@example.com");
    assert!(reply.starts_with("550 5.1.8"), "{reply}");
}
