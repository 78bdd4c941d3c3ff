//! Limits on recipients by what they are: written to for the first time, or unknown.

use rusqlite::Connection;
use serde_json::json;

use crate::harness::site::Site;
use crate::harness::{wait_for, wait_some};

#[test]
fn guessing_addresses_is_limited() {
    let site = Site::start("[outbound_policy]\nunknown_recipients_per_hour = 3\n");
    let unknown = || site.postern.count("alice", "unknown_recipients_per_hour");
    site.shows_how_messages_end();
    let mut alice = site.login("alice");
    // One of a message, beside one that is known.
    let reply = alice.send("alice@example.com", &["bob@example.com", "nobody1@example.com"], "x");
    assert!(reply.starts_with("550 5.1.1"), "{reply}");
    assert!(alice.send("alice@example.com", &["bob@example.com"], "x").starts_with("250"));
    wait_for("the first to count", || unknown() == 1);
    assert_eq!(site.postern.count("alice", "internal_per_hour"), 1, "what was refused was not sent");
    for n in 2..=4 {
        let reply = alice.send("alice@example.com", &[&format!("nobody{n}@example.com")], "x");
        assert!(reply.starts_with("550 5.1.1"), "{reply}");
    }
    // The next message tells that the last one came to nothing.
    let reply = wait_some("the restriction", || {
        let reply = alice.send("alice@example.com", &["bob@example.com"], "x");
        reply.starts_with("550 5.1.8").then_some(reply)
    });
    assert!(reply.contains("bad outbound sender"), "{reply}");
    let restricted = &site.postern.restricted()[0];
    assert_eq!(restricted["reason"], "4 unknown recipients per hour, the limit is 3 (policy Default)");
    site.postern.ok(&["restricted", "release", "alice", "--reason", "it was a list"]);
    assert!(site.login("alice").send("alice@example.com", &["bob@example.com"], "x").starts_with("250"));
}

#[test]
fn writing_to_many_strangers_is_limited_once_the_account_is_known() {
    let mut site = Site::start("[outbound_policy]\nfirst_time_recipients_per_day = 2\n");
    let first_time = |site: &Site| site.postern.count("alice", "first_time_recipients_per_day");
    let send = |site: &Site, to: &str| site.login("alice").send("alice@example.com", &[to], "x");
    for friend in ["a@outside.example", "b@outside.example", "c@outside.example", "d@outside.example"] {
        assert!(send(&site, friend).starts_with("250"));
    }
    assert_eq!(first_time(&site), 0, "they are being learned");
    let database = site.postern.data().join("postern.db");
    wait_for("them to be written down", || {
        let count = "SELECT count(*) FROM acquaintances";
        Connection::open(&database).unwrap().query_row(count, [], |row| row.get(0)) == Ok(4)
    });
    site.postern.kill_9();
    // Eight days pass.
    Connection::open(&database).unwrap().execute("UPDATE acquainted SET since = since - 691200000", []).unwrap();
    site.postern.run();
    for friend in ["a@outside.example", "D+list@outside.example"] {
        assert!(send(&site, friend).starts_with("250"));
    }
    assert_eq!(first_time(&site), 0, "friends are friends");
    for stranger in ["s1@outside.example", "s2@outside.example", "s1@outside.example"] {
        assert!(send(&site, stranger).starts_with("250"));
    }
    assert_eq!(first_time(&site), 2);
    let reply = send(&site, "s3@outside.example");
    assert!(reply.starts_with("550 5.1.8"), "{reply}");
    let reason = &site.postern.restricted()[0]["reason"];
    assert_eq!(reason, "3 first-time recipients per day, the limit is 2 (policy Default)");
    let usage = site.postern.window("alice", "first_time_recipients_per_day");
    assert_eq!((&usage["count"], &usage["limit"]), (&json!(2), &json!(2)));
}
