//! The portal's pages in a real Chromium, on a real Postfix.

use crate::harness::browser::flows;
use crate::harness::postern::Postern;
use crate::harness::site::Site;
use crate::harness::smtp::Smtp;
use crate::harness::wait_for;

/// MaxMind's own test data: <https://github.com/maxmind/MaxMind-DB> (Apache-2.0 or MIT).
const COUNTRIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/portal/data/GeoLite2-Country-Test.mmdb");
/// An address that it says is in Sweden.
const SWEDISH: &str = "89.160.20.112";

#[test]
fn a_restricted_sender_is_seen_reviewed_and_unblocked() {
    let settings = format!("[outbound_policy]\nexternal_per_hour = 3\n[geoip]\ndatabase = \"{COUNTRIES}\"\n");
    let believes_us = |lines: &str| format!("{lines}\nsmtpd_authorized_xclient_hosts = 127.0.0.1\n");
    let site = Site::with_main_cf(&settings, believes_us);
    std::thread::scope(|scope| {
        let browser = scope.spawn(|| flows(&site.postern, "portal/restricted.mjs", &[]));
        // Whoever looks at the overview sees it happen.
        wait_for("an admin to be signed in", || {
            browser.is_finished() || site.postern.json(&["session"]).as_array().is_some_and(|all| !all.is_empty())
        });
        let mut alice = Smtp::login_from(site.postfix.port, SWEDISH, "alice@example.com");
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
    let audit = site.postern.json(&["audit", "--search", "made_sure"]).to_string();
    assert!(audit.contains("password-changed") && !audit.contains("multi-factor-on"), "{audit}");
}

#[test]
fn rules_and_access_are_edited() {
    let folder = tempfile::tempdir().unwrap();
    let vmail = folder.path().join("vmail.db");
    let tables = "CREATE TABLE mailbox (username TEXT, name TEXT);
        INSERT INTO mailbox VALUES ('soc@example.com', 'Security Operations'), ('ann@example.com', 'Ann Öberg');";
    rusqlite::Connection::open(&vmail).unwrap().execute_batch(tables).unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n").unwrap();
    std::fs::set_permissions(&secret, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let mut postern = Postern::start(&format!(
        "[[directory]]\nname = \"vmail\"\nurl = \"sqlite:{}\"\naccounts = \"SELECT username, name FROM mailbox\"\n\
         [[webhook]]\nname = \"chat\"\nurl = \"https://127.0.0.1:9/hook\"\nsecret_file = \"{}\"\n\
         alert_policies = [\"Store or counter engine away\"]\n",
        vmail.display(),
        secret.display()
    ));
    // What is usual takes days to be known.
    postern.kill_9();
    let store = rusqlite::Connection::open(postern.data().join("postern.db")).unwrap();
    let ten_days = "WITH RECURSIVE back(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM back WHERE n < 240)
        INSERT INTO traffic_hours SELECT 'default', unixepoch() / 3600 - n,
            40 + 6 * (12 - abs(12 - (unixepoch() / 3600 - n) % 24)), 25, 30, 0, 0 FROM back";
    store.execute_batch(ten_days).unwrap();
    drop(store);
    postern.run();
    // What policies are tried on.
    let mut door = postern.door();
    for (login, count) in [("ann", 12), ("ben", 4)] {
        for n in 1..=count {
            door.whole(login, &format!("{login}{n}"), &["someone@outside.example"]);
        }
    }
    flows(&postern, "portal/rules.mjs", &[]);
}

#[test]
fn every_page_is_for_those_who_may_see_it_and_says_so_in_its_headers() {
    let postern = Postern::start("");
    let routes = concat!(env!("CARGO_MANIFEST_DIR"), "/../portal/src/lib.rs");
    flows(&postern, "portal/routes.mjs", &[("ROUTES", routes)]);
}
