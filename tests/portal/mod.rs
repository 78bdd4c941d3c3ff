//! The portal's pages in a real Chromium, on a real Postfix.

use crate::harness::browser::flows;
use crate::harness::postern::Postern;
use crate::harness::site::Site;
use crate::harness::wait_for;

#[test]
fn a_restricted_sender_is_seen_reviewed_and_unblocked() {
    let site = Site::start("[outbound_policy]\nexternal_per_hour = 3\n");
    std::thread::scope(|scope| {
        let browser = scope.spawn(|| flows(&site.postern, "portal/restricted.mjs", &[]));
        // Whoever looks at the overview sees it happen.
        wait_for("an admin to be signed in", || {
            browser.is_finished() || site.postern.json(&["session"]).as_array().is_some_and(|all| !all.is_empty())
        });
        let mut alice = site.login("alice");
        for n in 1..=4 {
            alice.send("alice@example.com", &["someone@outside.example"], &format!("message {n}"));
        }
        assert_eq!(site.postern.restricted().len(), 1);
        browser.join().unwrap();
    });
    let reply = site.login("alice").send("alice@example.com", &["someone@outside.example"], "after");
    assert!(reply.starts_with("250"), "{reply}");
    let history = site.postern.json(&["restricted", "list", "--all"]);
    assert!(history.to_string().contains("password changed, sessions ended"), "{history}");
}

#[test]
fn rules_and_access_are_edited() {
    let postern = Postern::start("");
    flows(&postern, "portal/rules.mjs", &[]);
}
