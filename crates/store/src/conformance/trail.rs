//! Conformance tests for the audit trail, and for what else the store remembers.

use postern_domain::traffic::Traffic;
use postern_domain::{EntityId, OrganizationId};

use super::{at, audit, entity, incident, last, restriction};
use crate::idempotency::{GivenAnswer, KeyedRequest, Seen};
use crate::known_recipients::KnownRecipient;
use crate::traffic::TrafficNote;
use crate::{MailServerRecord, Refusals, Store};

pub(super) async fn a_mail_server_is_saved_in_place_of_what_was_saved(store: &impl Store) {
    let record = |listener: &str, reports_ends| MailServerRecord {
        peer: "unix".into(),
        listener: listener.into(),
        reports_ends,
        confirms: true,
    };
    for saved in [record("587", false), record("25", false), record("587", true)] {
        store.save_mail_server(&saved).await.unwrap();
    }
    let mut all = store.mail_servers().await.unwrap();
    all.sort_by(|a, b| a.listener.cmp(&b.listener));
    assert_eq!(all, [record("25", false), record("587", true)]);
}

pub(super) async fn changes_come_in_the_order_in_which_they_were_written(store: &impl Store) {
    let mut newest = store.newest_change();
    assert_eq!(*newest.borrow_and_update(), 0);
    for minute in 1..=5 {
        store.record(&audit("policy.change", "Default", minute)).await.unwrap();
    }
    assert!(newest.has_changed().unwrap());
    assert_eq!(*newest.borrow_and_update(), 5);
    let of = |entries: Vec<crate::audit::AuditEntry>| entries.iter().map(|entry| entry.seq).collect::<Vec<_>>();
    assert_eq!(of(store.changes_after(None, 0, 3).await.unwrap()), [1, 2, 3]);
    assert_eq!(of(store.changes_after(None, 3, 3).await.unwrap()), [4, 5]);
    assert_eq!(of(store.changes_after(None, 5, 3).await.unwrap()), [] as [i64; 0]);
    // A transaction that is rolled back, or writes no entry, is not a change.
    let made = restriction("a", 1, 6);
    store.restrict(&made, &incident(&made, 6)).await.unwrap();
    assert_eq!(*newest.borrow_and_update(), 6);
    store.restrict(&restriction("a", 2, 7), &incident(&made, 7)).await.unwrap_err();
    store.note_refusals(&[Refusals { reference: made.reference, count: 1, last: at(8) }]).await.unwrap();
    assert!(!newest.has_changed().unwrap());
}

pub(super) async fn the_audit_trail_is_a_chain(store: &impl Store) {
    let empty = store.verify_audit(None).await.unwrap();
    assert_eq!((empty.entries, empty.broken), (0, None));
    for minute in 0..20 {
        store.record(&audit("policy.change", "Default", minute)).await.unwrap();
    }
    let entries = store.audit(&last(100)).await.unwrap();
    let numbers: Vec<_> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(numbers, (1..=20).rev().collect::<Vec<_>>());
    assert!(entries.windows(2).all(|pair| pair[0].previous == pair[1].hash));
    let whole = store.verify_audit(Some(entries[5].hash)).await.unwrap();
    assert_eq!((whole.entries, whole.head, whole.broken), (20, entries[0].hash, None));
    let cut = store.verify_audit(Some([7; 32])).await.unwrap();
    assert!(cut.broken.unwrap().why.contains("entries at the end are missing"));
}

pub(super) async fn a_keyed_request_counts_once(store: &impl Store) {
    let request = KeyedRequest { caller: "alice".into(), key: "k".into(), fingerprint: [1; 32] };
    let other = KeyedRequest { fingerprint: [2; 32], ..request.clone() };
    let answer = GivenAnswer { status: 201, body: Some(b"{}".to_vec()) };
    assert_eq!(store.begin(&request, at(0)).await.unwrap(), Seen::First);
    assert_eq!(store.begin(&request, at(0)).await.unwrap(), Seen::UnderWay);
    store.finish(&request, Some(&answer)).await.unwrap();
    assert_eq!(store.begin(&request, at(0)).await.unwrap(), Seen::Answered(answer));
    assert_eq!(store.begin(&other, at(0)).await.unwrap(), Seen::Different);
    let bob = KeyedRequest { caller: "bob".into(), ..request.clone() };
    assert_eq!(store.begin(&bob, at(1)).await.unwrap(), Seen::First, "a key is its caller's own");
    store.finish(&bob, None).await.unwrap();
    assert_eq!(store.begin(&bob, at(1)).await.unwrap(), Seen::First);
    store.forget_requests(at(1)).await.unwrap();
    assert_eq!(store.begin(&request, at(2)).await.unwrap(), Seen::First);
    assert_eq!(store.begin(&bob, at(2)).await.unwrap(), Seen::UnderWay);
}

pub(super) async fn known_recipients_are_remembered_until_they_are_old(store: &impl Store) {
    let noted = |recipient, day| KnownRecipient { entity: entity("a"), recipient, day };
    store.note_known_recipients(&[noted(-7, 100), noted(8, 101)], at(0)).await.unwrap();
    store.note_known_recipients(&[noted(-7, 102), noted(8, 100)], at(9)).await.unwrap();
    let (since, mut stored) = store.known_recipients().await.unwrap();
    stored.sort_by_key(|stored| stored.recipient);
    assert_eq!((since, stored), (vec![(entity("a"), at(0))], vec![noted(-7, 102), noted(8, 101)]));
    store.forget_known_recipients(102).await.unwrap();
    assert_eq!(store.known_recipients().await.unwrap().1, [noted(-7, 102)]);
}

pub(super) async fn traffic_adds_up_until_it_is_forgotten(store: &impl Store) {
    let sent = |external, refused| Traffic { external, refused, messages: 1, ..Traffic::default() };
    let other = OrganizationId::parse("other").unwrap();
    let note = |name: &str, organization: &OrganizationId, bucket, traffic| TrafficNote {
        organization: organization.clone(),
        entity: entity(name),
        bucket,
        traffic,
    };
    let first = OrganizationId::first();
    let notes = [note("alice", &first, 60, sent(3, 0)), note("bob", &other, 61, sent(1, 0))];
    store.note_traffic(&notes).await.unwrap();
    store.note_traffic(&[note("alice", &first, 60, sent(2, 7)), note("alice", &first, 72, sent(4, 0))]).await.unwrap();
    let twice = |external, refused| Traffic { messages: 2, ..sent(external, refused) };
    assert_eq!(store.traffic_of(&entity("alice"), 60).await.unwrap(), [(60, twice(5, 7)), (72, sent(4, 0))]);
    assert_eq!(store.traffic_of(&entity("alice"), 61).await.unwrap(), [(72, sent(4, 0))]);
    let all = Traffic { messages: 3, ..sent(6, 7) };
    assert_eq!(store.traffic_by_hour(None, 0).await.unwrap(), [(10, all), (12, sent(4, 0))]);
    assert_eq!(store.traffic_by_hour(Some(&other), 0).await.unwrap(), [(10, sent(1, 0))]);
    let visited = async |since, least| {
        let (tell, told) = std::sync::mpsc::channel();
        let visit = move |entity: EntityId, sent: &[(u32, Traffic)]| tell.send((entity, sent.len())).unwrap();
        store.scan_traffic(since, least, Box::new(visit)).await.unwrap();
        told.iter().collect::<Vec<_>>()
    };
    assert_eq!(visited(0, 0).await, [(entity("alice"), 2), (entity("bob"), 1)]);
    assert_eq!(visited(0, 8).await, [(entity("alice"), 2)]);
    assert_eq!(visited(61, 4).await, []);
    store.forget_traffic(72, 12).await.unwrap();
    assert_eq!(visited(0, 0).await, [(entity("alice"), 1)]);
    assert_eq!(store.traffic_by_hour(None, 0).await.unwrap(), [(12, sent(4, 0))]);
}
