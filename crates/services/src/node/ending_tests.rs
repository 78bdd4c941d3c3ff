//! In-process tests of how messages end: reported, abandoned, silent, or unknown.

use std::time::Duration;

use postern_domain::gate::Verdict;
use postern_domain::window::Window;
use postern_ledger::Ledger;

use super::door::{Server, alice};
use super::gate_tests::{MINUTE, code, limit, node, sent};
use super::testing::Site;
use crate::clock::Clock;
use crate::gate::Event;

#[tokio::test]
async fn messages_count_from_the_first_one_until_the_server_reports_how_they_end() {
    let site = Site::new();
    let node = node(&site, 10_000).await;
    let mut server = Server::new(&node, "unix");
    for number in 0..5 {
        assert_eq!(server.recipient(&number.to_string(), "r1@x.example").await, Verdict::Pass);
    }
    assert_eq!(sent(&node).await, 4, "all but the one that may go on");
    assert_eq!(server.end("4", 1).await, Verdict::Pass);
    // From here on, a message that is left for the next one was abandoned.
    for number in 5..9 {
        assert_eq!(server.recipient(&number.to_string(), "r1@x.example").await, Verdict::Pass);
    }
    assert_eq!(sent(&node).await, 5);
    // Unless too many are in a row: the server's configuration must have changed.
    for number in 9..40 {
        assert_eq!(server.recipient(&number.to_string(), "r1@x.example").await, Verdict::Pass);
    }
    let counted = sent(&node).await;
    assert!((15..=20).contains(&counted), "{counted}");
    let report = node.shared.mail_servers.report();
    assert_eq!((report.len(), report[0].rcpt, report[0].end_of_message, report[0].accounts), (1, 40, 1, 41));
}

#[tokio::test]
async fn what_a_server_reports_is_known_after_a_restart() {
    let site = Site::new();
    let before = node(&site, 10).await;
    assert_eq!(Server::new(&before, "unix").message("1", 1).await, Verdict::Pass);
    before.shared.mail_servers.write(&*before.shared.store).await.unwrap();
    let after = node(&site, 10).await;
    let mut server = Server::new(&after, "unix");
    server.recipient("2", "r1@x.example").await;
    server.close().await;
    assert_eq!(sent(&after).await, 0, "abandoned");
    let mut other = Server::new(&after, "192.0.2.1");
    other.recipient("3", "r1@x.example").await;
    other.close().await;
    assert_eq!(sent(&after).await, 1, "another server's ends are unknown");
}

#[tokio::test]
async fn a_connection_that_closes_ends_its_message() {
    let site = Site::new();
    let node = node(&site, 2).await;
    let (mut a, mut b) = (Server::new(&node, "unix"), Server::new(&node, "unix"));
    assert_eq!(a.message("0", 1).await, Verdict::Pass);
    assert_eq!(a.recipient("1", "r1@x.example").await, Verdict::Pass);
    assert_eq!(code(&b.recipient("2", "r2@x.example").await), 451);
    a.close().await;
    assert_eq!(b.message("2", 1).await, Verdict::Pass);
}

#[tokio::test]
async fn a_message_that_was_counted_when_it_fell_silent_is_not_counted_again() {
    let site = Site::new();
    let node = node(&site, 9).await;
    let mut server = Server::new(&node, "unix");
    for to in ["r1@x.example", "r2@x.example"] {
        assert_eq!(server.recipient("1", to).await, Verdict::Pass);
    }
    site.clock.advance(2 * MINUTE);
    node.gate.sweep().await;
    assert_eq!(sent(&node).await, 2);
    assert_eq!(server.recipient("1", "r3@x.example").await, Verdict::Pass);
    assert_eq!(server.end("1", 3).await, Verdict::Pass);
    assert_eq!(server.end("1", 3).await, Verdict::Pass);
    assert_eq!(sent(&node).await, 3);
    let usage = node.shared.ledger.usage(&alice()).await.unwrap();
    assert_eq!(usage.count(Window::MessagesPerDay, site.clock.now()), 1);
}

#[tokio::test]
async fn whoever_waits_for_a_message_goes_on_as_soon_as_it_ends() {
    let site = Site::new();
    let node = site
        .node_with(|settings| {
            limit(settings, 2);
            settings.gate.contention_wait = Duration::from_secs(60);
        })
        .await;
    let (mut a, mut b) = (Server::new(&node, "unix"), Server::new(&node, "unix"));
    assert_eq!(a.message("0", 1).await, Verdict::Pass);
    assert_eq!(a.recipient("1", "r1@x.example").await, Verdict::Pass);
    let waits = b.recipient("2", "r2@x.example");
    let ends = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        a.ask("1", Event::Aborted).await
    };
    let began = std::time::Instant::now();
    let (waited, aborted) = tokio::join!(waits, ends);
    assert_eq!((waited, aborted), (Verdict::Pass, Verdict::Pass));
    assert!(began.elapsed() < Duration::from_secs(20));
}
