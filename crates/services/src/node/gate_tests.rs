//! In-process tests of the gate: a mail server's requests with a test clock, seeded references and a failing store.

use std::time::Duration;

use postern_domain::EntityId;
use postern_domain::access::Role;
use postern_domain::alert::Trigger;
use postern_domain::filter::{AlertFilter, RestrictionFilter};
use postern_domain::gate::Verdict;
use postern_domain::policy::Action;
use postern_domain::restriction::Standing;
use postern_domain::window::Window;
use postern_ledger::Ledger;

use super::Node;
use super::door::{Server, alice};
use super::testing::{Site, admin};
use crate::clock::Clock;
use crate::gate::{Event, Recipients};
use crate::service::{ReleaseRequest, RestrictRequest, TokenRequest};
use crate::settings::Settings;

pub(super) const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);

/// A node whose accounts may write to `external_per_hour` external recipients an hour.
pub(super) async fn node(site: &Site, external_per_hour: u32) -> Node {
    site.node_with(|settings| limit(settings, external_per_hour)).await
}
pub(super) fn limit(settings: &mut Settings, external_per_hour: u32) {
    settings.outbound_policy.external_per_hour = external_per_hour;
    settings.gate.contention_wait = Duration::from_millis(40);
}

pub(super) fn code(verdict: &Verdict) -> u16 {
    match verdict {
        Verdict::Pass | Verdict::PassWithCopy(_) => 250,
        Verdict::Defer(reply) | Verdict::Refuse(reply) => reply.code,
    }
}

pub(super) async fn sent(node: &Node) -> u32 {
    node.shared.ledger.usage(&alice()).await.unwrap().count(Window::ExternalPerHour, node.shared.clock.now())
}

fn standing(node: &Node) -> Standing {
    node.shared.standings.get(&alice(), node.shared.clock.now())
}

/// Makes real database operations fail, with a statement outside the store's own connections.
fn database(site: &Site, statement: &str) {
    rusqlite::Connection::open(site.database()).unwrap().execute_batch(statement).unwrap();
}

const NO_WRITES: &str = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'no space is left'); END";
const WRITES: &str = "DROP TRIGGER full";
const NO_READS: &str = "ALTER TABLE restrictions RENAME TO away";
const READS: &str = "ALTER TABLE away RENAME TO restrictions";

#[tokio::test]
async fn room_is_reserved_by_each_recipient_and_given_back_by_the_end() {
    let site = Site::new();
    let node = node(&site, 3).await;
    let (mut a, mut b) = (Server::new(&node, "unix"), Server::new(&node, "unix"));
    // This server reports how messages end.
    assert_eq!(a.message("0", 1).await, Verdict::Pass);
    assert_eq!(a.recipient("1", "r1@x.example").await, Verdict::Pass);
    assert_eq!(a.recipient("1", "r2@x.example").await, Verdict::Pass);
    // The same recipient again needs no more room; another message gets none until this one has ended.
    assert_eq!(a.recipient("1", "R2@x.example").await, Verdict::Pass);
    assert_eq!(code(&b.recipient("2", "r3@x.example").await), 451);
    assert!(!standing(&node).is_restricted());
    assert_eq!(a.end("1", 1).await, Verdict::Pass);
    assert_eq!(sent(&node).await, 2);
    assert_eq!(b.message("2", 1).await, Verdict::Pass);
    assert_eq!(sent(&node).await, 3);
    // Reported twice, counted once.
    assert_eq!(b.end("2", 1).await, Verdict::Pass);
    assert_eq!(sent(&node).await, 3);
}

#[tokio::test]
async fn a_message_that_falls_silent_keeps_no_room() {
    let site = Site::new();
    let node = node(&site, 2).await;
    let (mut a, mut b) = (Server::new(&node, "unix"), Server::new(&node, "unix"));
    assert_eq!(a.message("0", 1).await, Verdict::Pass);
    assert_eq!(a.recipient("1", "r1@x.example").await, Verdict::Pass);
    assert_eq!(code(&b.recipient("2", "r2@x.example").await), 451);
    site.clock.advance(2 * MINUTE);
    node.gate.sweep().await;
    assert_eq!(b.message("2", 1).await, Verdict::Pass);
    assert_eq!(sent(&node).await, 2);
}

#[tokio::test]
async fn a_connection_that_goes_on_to_another_message_gives_room_back() {
    let site = Site::new();
    let node = node(&site, 2).await;
    let mut server = Server::new(&node, "unix");
    assert_eq!(server.message("0", 1).await, Verdict::Pass);
    assert_eq!(server.recipient("1", "r1@x.example").await, Verdict::Pass);
    assert_eq!(server.message("2", 1).await, Verdict::Pass);
    assert_eq!((sent(&node).await, standing(&node)), (2, Standing::Free));
}

#[tokio::test]
async fn a_server_that_never_says_how_messages_end_has_them_counted_when_they_fall_silent() {
    let site = Site::new();
    let node = node(&site, 5).await;
    let mut server = Server::new(&node, "unix");
    assert_eq!(server.recipient("1", "r1@x.example").await, Verdict::Pass);
    assert_eq!(server.recipient("1", "r2@x.example").await, Verdict::Pass);
    site.clock.advance(2 * MINUTE);
    node.gate.sweep().await;
    assert_eq!(sent(&node).await, 2);
}

#[tokio::test]
async fn a_message_that_is_known_as_a_whole_passes_or_is_refused_as_a_whole() {
    let site = Site::new();
    let node = node(&site, 3).await;
    let mut server = Server::new(&node, "hook");
    assert_eq!(server.ask("1", Event::Whole(&["a@x.example", "b@x.example"])).await, Verdict::Pass);
    assert_eq!(server.ask("1", Event::Whole(&["a@x.example", "b@x.example"])).await, Verdict::Pass);
    assert_eq!(sent(&node).await, 2, "asked twice, counted once");
    assert_eq!(code(&server.ask("2", Event::Whole(&["a@x.example", "b@x.example"])).await), 550);
    assert_eq!(sent(&node).await, 2);
    assert_eq!(node.shared.ledger.usage(&alice()).await.unwrap().reserved(), postern_domain::window::Charge::NONE);
}

#[tokio::test]
async fn evidence_begins_with_the_first_message() {
    let site = Site::new();
    let node = node(&site, 500).await;
    let mut server = Server::new(&node, "unix");
    server.message("1", 1).await;
    let request = RestrictRequest { entity: "alice".into(), reason: "phished".into(), until: None };
    let made = node.services.restrictions.restrict(&admin(), &request).await.unwrap();
    assert_eq!(made.evidence.attempts.len(), 1);
    assert_eq!(code(&server.message("2", 1).await), 550);
    let attempts = node.shared.ledger.recent(&alice()).await.unwrap().records();
    assert_eq!(attempts.len(), 2, "the refused one as well");
}

#[tokio::test]
async fn data_counts_recipients_that_nobody_asked_about() {
    let site = Site::new();
    let node = node(&site, 5).await;
    let mut server = Server::new(&node, "unix");
    assert_eq!(server.ask("1", Event::Data(Recipients::Count(3))).await, Verdict::Pass);
    assert_eq!(server.end("1", 3).await, Verdict::Pass);
    assert_eq!(sent(&node).await, 3);
    assert_eq!(code(&server.ask("2", Event::Data(Recipients::Count(3))).await), 550);
    assert!(standing(&node).is_restricted());
}

#[tokio::test]
async fn confirmation_tells_what_other_rules_refused() {
    let site = Site::new();
    let node = node(&site, 5).await;
    let mut server = Server::new(&node, "unix");
    for to in ["r1@x.example", "nobody@x.example"] {
        assert_eq!(server.recipient("1", to).await, Verdict::Pass);
    }
    assert_eq!(server.ask("1", Event::Confirmed("r1@x.example")).await, Verdict::Pass);
    assert_eq!(server.end("1", 1).await, Verdict::Pass);
    let usage = node.shared.ledger.usage(&alice()).await.unwrap();
    let now = site.clock.now();
    assert_eq!(usage.count(Window::ExternalPerHour, now), 1);
    assert_eq!(usage.count(Window::UnknownRecipientsPerHour, now), 1);
}

#[tokio::test]
async fn whoever_passes_a_limit_is_restricted_everywhere_but_for_the_escape_lane() {
    let site = Site::new();
    let (one, other) = (node(&site, 2).await, node(&site, 2).await);
    let mut server = Server::new(&one, "unix");
    assert_eq!(server.message("1", 2).await, Verdict::Pass);
    let refused = server.message("2", 1).await;
    assert_eq!(code(&refused), 550);
    let stored = one.shared.store.restrictions(&RestrictionFilter::default()).await.unwrap();
    let made = stored[0].record.restriction();
    assert!(matches!(&refused, Verdict::Refuse(reply) if reply.text.contains(made.reference.as_str())));
    let hour = made.evidence.windows.iter().find(|window| window.window == Window::ExternalPerHour).unwrap();
    assert_eq!((hour.count, hour.limit), (2, Some(2)));
    assert_eq!(made.evidence.attempts.last().unwrap().client_address, Some("203.0.113.9".parse().unwrap()));
    assert_eq!(server.recipient("3", "postmaster@example.com").await, Verdict::Pass);
    assert_eq!(code(&server.recipient("3", "r@x.example").await), 550);
    // The other node has counted nothing, but refuses once it has seen the entry.
    let mut elsewhere = Server::new(&other, "unix");
    assert_eq!(elsewhere.message("4", 1).await, Verdict::Pass);
    other.shared.projector.catch_up().await.unwrap();
    assert_eq!(code(&elsewhere.message("5", 1).await), 550);
}

#[tokio::test]
async fn references_come_from_the_randomness_that_is_handed_in() {
    let made = async || {
        let site = Site::new();
        let node = node(&site, 1).await;
        let mut server = Server::new(&node, "unix");
        server.message("1", 1).await;
        server.message("2", 1).await;
        standing(&node)
    };
    let (first, second) = (made().await, made().await);
    assert!(first.is_restricted());
    assert_eq!(first, second);
}

#[tokio::test]
async fn a_restriction_that_cannot_be_written_defers_and_is_made_when_it_can() {
    let site = Site::new();
    let node = node(&site, 1).await;
    let mut server = Server::new(&node, "unix");
    assert_eq!(server.message("1", 1).await, Verdict::Pass);
    database(&site, NO_WRITES);
    assert_eq!(code(&server.message("2", 1).await), 451);
    assert_eq!((standing(&node), sent(&node).await), (Standing::Free, 1));
    assert_eq!(node.shared.metrics.store_errors.get(), 1);
    database(&site, WRITES);
    // A store that has failed is not tried for a moment: each message over the limit would wait for it.
    assert_eq!(code(&server.message("3", 1).await), 451);
    assert!(!standing(&node).is_restricted());
    site.clock.advance(Duration::from_secs(1));
    assert_eq!(code(&server.message("4", 1).await), 550);
    assert!(standing(&node).is_restricted());
    let alerts = node.shared.store.alerts(&AlertFilter::default()).await.unwrap();
    assert_eq!(alerts.len(), 1, "nothing of what failed is left");
}

#[tokio::test]
async fn a_restriction_that_cannot_be_read_back_is_in_force_once_it_can() {
    let site = Site::new();
    let (one, other) = (node(&site, 1).await, node(&site, 1).await);
    let mut server = Server::new(&one, "unix");
    server.message("1", 1).await;
    server.message("2", 1).await;
    database(&site, NO_READS);
    other.shared.projector.catch_up().await.unwrap_err();
    assert_eq!(standing(&other), Standing::Free, "what is in force stays so");
    database(&site, READS);
    other.shared.projector.catch_up().await.unwrap();
    assert_eq!(standing(&other), standing(&one));
    assert!(standing(&other).is_restricted());
}

#[tokio::test]
async fn an_alert_that_cannot_be_written_stops_no_mail_and_is_raised_by_the_next_message() {
    let site = Site::new();
    let alerts_only = |settings: &mut Settings| {
        limit(settings, 1);
        settings.outbound_policy.action = Action::AlertOnly;
    };
    let (one, other) = (site.node_with(alerts_only).await, site.node_with(alerts_only).await);
    let mut server = Server::new(&one, "unix");
    assert_eq!(server.message("1", 1).await, Verdict::Pass);
    database(&site, NO_WRITES);
    assert_eq!(server.message("2", 1).await, Verdict::Pass);
    database(&site, WRITES);
    site.clock.advance(Duration::from_secs(1));
    assert!(one.shared.incidents.wants_alert(Trigger::LimitExceeded, &alice(), site.clock.now()));
    assert_eq!(server.message("3", 1).await, Verdict::Pass);
    assert_eq!(server.message("4", 1).await, Verdict::Pass);
    let raised = async || one.shared.store.alerts(&AlertFilter::default()).await.unwrap().len();
    assert_eq!((raised().await, sent(&one).await), (1, 4));
    // Another node that has not seen the alert does not raise a second one.
    let mut elsewhere = Server::new(&other, "unix");
    for instance in ["5", "6"] {
        assert_eq!(elsewhere.message(instance, 1).await, Verdict::Pass);
    }
    assert_eq!(raised().await, 1);
    // A day later it is a new incident.
    site.clock.advance(24 * HOUR);
    for instance in ["7", "8"] {
        assert_eq!(server.message(instance, 1).await, Verdict::Pass);
    }
    assert_eq!(raised().await, 2);
}

#[tokio::test]
async fn a_restriction_holds_until_its_end_is_written_and_half_the_limit_after_it() {
    let site = Site::new();
    let until_tomorrow = |settings: &mut Settings| {
        limit(settings, 4);
        settings.outbound_policy.action = Action::RestrictUntilNextDay;
    };
    let node = site.node_with(until_tomorrow).await;
    let mut server = Server::new(&node, "unix");
    assert_eq!(server.message("1", 4).await, Verdict::Pass);
    assert_eq!(code(&server.message("2", 1).await), 550);
    // The test starts at noon, so the restriction's end is reached now.
    site.clock.advance(12 * HOUR);
    database(&site, NO_WRITES);
    node.services.restrictions.release_expired().await;
    assert_eq!(code(&server.message("3", 1).await), 550, "its end could not be written");
    database(&site, WRITES);
    node.services.restrictions.release_expired().await;
    let probation = Standing::Probation { until: site.clock.now().plus(24 * HOUR) };
    assert_eq!(standing(&node), probation);
    assert_eq!(server.message("4", 2).await, Verdict::Pass);
    assert_eq!(code(&server.message("5", 1).await), 550, "two of four");
}

#[tokio::test]
async fn a_release_that_cannot_be_written_releases_nobody() {
    let site = Site::new();
    let node = node(&site, 1).await;
    let mut server = Server::new(&node, "unix");
    server.message("1", 1).await;
    server.message("2", 1).await;
    let request = ReleaseRequest { reason: "password changed".into(), reference: None, made_sure: Vec::new() };
    database(&site, NO_WRITES);
    node.services.restrictions.release(&admin(), "alice", &request).await.unwrap_err();
    assert_eq!(code(&server.message("3", 1).await), 550);
    database(&site, WRITES);
    node.services.restrictions.release(&admin(), "alice", &request).await.unwrap();
    assert!(matches!(standing(&node), Standing::Probation { .. }));
    assert_eq!(site.store().verify_audit(None).await.unwrap().broken, None);
}

#[tokio::test]
async fn what_cannot_be_read_is_left_aside_and_everything_else_goes_on() {
    let site = Site::new();
    let (one, other) = (node(&site, 9).await, node(&site, 9).await);
    let restrict = async |who: &str| {
        let request = RestrictRequest { entity: who.into(), reason: "phished".into(), until: None };
        one.services.restrictions.restrict(&admin(), &request).await.unwrap();
    };
    let bob = EntityId::account_named("bob@example.com");
    restrict("alice").await;
    let restricted = standing(&one);
    // A row that this version can't read, as a later version might write.
    database(&site, "UPDATE restrictions SET reference = 'x' || reference WHERE entity = 'alice@example.com'");
    restrict("bob").await;
    assert!(other.shared.projector.catch_up().await.unwrap_err().is_unreadable());
    assert_eq!(standing(&other), Standing::Free);
    assert!(other.shared.standings.get(&bob, site.clock.now()).is_restricted());
    assert!(other.shared.health.problems()[0].starts_with("changes: "), "{:?}", other.shared.health.problems());
    // It is reported only once: later catch-ups succeed.
    other.shared.projector.catch_up().await.unwrap();
    database(&site, "UPDATE restrictions SET reference = substr(reference, 2) WHERE entity = 'alice@example.com'");
    other.shared.projector.catch_up().await.unwrap();
    assert_eq!((standing(&other), other.shared.health.problems()), (restricted, Vec::new()));
}

#[tokio::test]
async fn a_token_is_told_although_nothing_can_be_read_back() {
    let site = Site::new();
    let node = node(&site, 9).await;
    // A change elsewhere that this node can't project.
    let other = site.node().await;
    let request = RestrictRequest { entity: "alice".into(), reason: "phished".into(), until: None };
    other.services.restrictions.restrict(&admin(), &request).await.unwrap();
    database(&site, NO_READS);
    let request = TokenRequest { name: "backup".into(), role: Role::SecurityReader, expires_at: None };
    let made = node.services.tokens.add(&admin(), &request).await.unwrap();
    assert!(node.services.tokens.holder(&made.token).await.unwrap().is_some());
}
