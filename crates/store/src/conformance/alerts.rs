//! Conformance tests for alerts, mails and webhooks.

use postern_domain::alert::{AlertNote, AlertStatus, Trigger};
use postern_domain::{EntityId, Reference, Timestamp};

use super::{at, audit, entity, incident, last, restriction};
use crate::{DeliveryOutcome, Incident, MailKind, OpenAlert, Outgoing, Store, StoreError};
use postern_domain::filter::{AlertFilter, RestrictionFilter};

pub(super) async fn the_daily_limit_leaves_out_mails_but_no_alerts(store: &impl Store) {
    for number in 0..4u32 {
        let made = restriction(&format!("u{number}"), u64::from(number), number);
        let limited = Incident { daily_notification_limits: vec![("Own".into(), 2)], ..incident(&made, number) };
        store.restrict(&made, &limited).await.unwrap();
    }
    assert_eq!(store.alerts(&AlertFilter::default()).await.unwrap().len(), 4);
    let mails = store.due_mails(at(100), false, 100).await.unwrap();
    let of = |kind| mails.iter().filter(|queued| queued.mail.kind == kind).count();
    assert_eq!((of(MailKind::Alert), of(MailKind::Notice)), (2, 4));
    // The limit counts anew each day.
    let tomorrow = 2 * 24 * 60;
    let made = restriction("late", 9, tomorrow);
    store
        .restrict(&made, &Incident { daily_notification_limits: vec![("Own".into(), 2)], ..incident(&made, tomorrow) })
        .await
        .unwrap();
    assert_eq!(store.due_mails(at(tomorrow), false, 100).await.unwrap().len(), 8);
}

pub(super) async fn the_outbox_keeps_a_mail_until_it_is_delivered(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let due = store.due_mails(at(0), false, 1).await.unwrap();
    assert_eq!((due.len(), due[0].attempts), (1, 0));
    let retry = DeliveryOutcome::Retry { at: at(10), error: "451 later".into() };
    store.tried(due[0].id, &retry, at(0)).await.unwrap();
    let rest = store.due_mails(at(9), false, 10).await.unwrap();
    assert_eq!((rest.len(), rest[0].id != due[0].id), (1, true));
    store.tried(rest[0].id, &DeliveryOutcome::GivenUp { error: "550 no".into() }, at(9)).await.unwrap();
    let (state, next) = store.outbox().await.unwrap();
    assert_eq!((state.waiting, state.retrying, state.given_up, next), (1, 1, 1, Some(at(10))));
    let again = store.due_mails(at(10), false, 10).await.unwrap();
    assert_eq!((again[0].id, again[0].attempts, &again[0].mail), (due[0].id, 1, &due[0].mail));
    store.tried(again[0].id, &DeliveryOutcome::Delivered, at(11)).await.unwrap();
    assert!(store.due_mails(at(99), false, 10).await.unwrap().is_empty());
    let alert = &store.alerts(&AlertFilter::default()).await.unwrap()[0];
    assert_eq!((alert.waiting, alert.delivered), (0, 1));
}

pub(super) async fn alerts_without_a_restriction_are_found(store: &impl Store) {
    let made = restriction("a", 1, 0);
    let mut raised = incident(&made, 0);
    raised.alert.trigger = Trigger::LimitExceeded;
    store.raise(&raised).await.unwrap();
    assert!(store.restrictions(&RestrictionFilter::default()).await.unwrap().is_empty());
    let open = async |only: Option<&EntityId>, since| store.open_alerts(only, since).await.unwrap();
    assert!(open(None, at(0)).await.is_empty(), "raised at that moment, not after it");
    let earlier = Timestamp::from_millis(at(0).as_millis() - 1);
    let found = OpenAlert { trigger: Trigger::LimitExceeded, entity: entity("a"), raised_at: at(0) };
    assert_eq!(open(None, earlier).await, std::slice::from_ref(&found));
    assert_eq!(open(Some(&entity("a")), earlier).await, [found]);
    assert!(open(Some(&entity("b")), earlier).await.is_empty());
    // The same alert is not raised again while the first one is open.
    let mut again = incident(&restriction("a", 2, 5), 5);
    again.alert.trigger = Trigger::LimitExceeded;
    again.unless_open_since = Some(earlier);
    let refused = store.raise(&again).await;
    assert!(matches!(&refused, Err(StoreError::AlreadyRaised { reference, .. }) if *reference == made.reference));
    again.unless_open_since = Some(at(0));
    store.raise(&again).await.unwrap();
    let resolved = AlertFilter { status: Some(AlertStatus::Resolved), ..AlertFilter::default() };
    assert!(store.alerts(&resolved).await.unwrap().is_empty());
}

pub(super) async fn an_alert_has_notes_and_the_status_of_the_last(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let reference = &made.reference;
    let note =
        |minute, status, comment: &str| AlertNote { at: at(minute), by: "bob".into(), status, comment: comment.into() };
    let notes = [
        note(1, Some(AlertStatus::Investigating), "looking"),
        note(2, None, "asked the owner"),
        note(3, Some(AlertStatus::Dismissed), "a newsletter"),
        note(4, Some(AlertStatus::Active), ""),
    ];
    let expected = [
        (AlertStatus::Investigating, None),
        (AlertStatus::Investigating, None),
        (AlertStatus::Dismissed, Some(at(3))),
        (AlertStatus::Active, None),
    ];
    for (note, expected) in notes.iter().zip(expected) {
        store.note_alert(reference, note, &audit("alert.note", reference.as_str(), 1)).await.unwrap();
        let alert = store.alerts(&AlertFilter::default()).await.unwrap().remove(0).alert;
        assert_eq!((alert.status, alert.closed_at), expected);
    }
    assert_eq!(store.alert_notes(reference).await.unwrap(), notes);
    let unknown = Reference::from_random(99);
    let none = store.note_alert(&unknown, &notes[0], &audit("alert.note", "x", 1)).await;
    assert!(matches!(none, Err(StoreError::NoAlert { .. })), "{none:?}");
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 5);
}

pub(super) async fn webhooks_wait_beside_mails(store: &impl Store) {
    let made = restriction("a", 1, 0);
    let mut incident = incident(&made, 0);
    incident.mails.push(Outgoing {
        kind: MailKind::Webhook,
        policy: None,
        sender: String::new(),
        recipient: "tickets".into(),
        message: b"{}".to_vec(),
    });
    store.restrict(&made, &incident).await.unwrap();
    assert_eq!(store.due_mails(at(0), false, 10).await.unwrap().len(), 2);
    let webhooks = store.due_mails(at(0), true, 10).await.unwrap();
    assert_eq!(webhooks.iter().map(|w| &*w.mail.recipient).collect::<Vec<_>>(), ["tickets"]);
    store.tried(webhooks[0].id, &DeliveryOutcome::Delivered, at(1)).await.unwrap();
    assert!(store.due_mails(at(2), true, 10).await.unwrap().is_empty());
    // The alert counts its mail and its webhook; the notice to the owner is not one of its notifications.
    let alert = store.alerts(&AlertFilter::default()).await.unwrap().remove(0);
    assert_eq!((alert.delivered, alert.waiting), (1, 1));
}
