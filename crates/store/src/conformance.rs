//! What every store has to do, whatever is behind it.

mod people;

use postern_domain::access::Role;
use postern_domain::alert::{Alert, AlertBook, AlertNote, AlertPolicy, AlertStatus, Severity, Trigger};
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::fact::{Fact, FactColumns};
use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook};
use postern_domain::restriction::{Release, Restriction, RestrictionRecord, Standing};
use postern_domain::traffic::Traffic;
use postern_domain::window::{Excess, Window};
use postern_domain::{EntityId, EntityKind, OrganizationId, Reference, Timestamp};
use serde_json::json;

use crate::acquaintances::Acquaintance;
use crate::audit::NewAuditEntry;
use crate::idempotency::{GivenAnswer, KeyedRequest, Seen};
use crate::traffic::TrafficNote;
use crate::{
    AlertFilter, AuditFilter, Delivery, FileSection, Incident, KeptAlertPolicies, KeptOrganization, KeptPolicies,
    KeptToken, MailKind, OpenAlert, Outgoing, Refusals, RestrictionFilter, RestrictionOrder, Store, StoreError,
    TakenOver,
};

pub(crate) fn at(minute: u32) -> Timestamp {
    Timestamp::from_minute(29_000_000 + minute)
}

pub(crate) fn entity(name: &str) -> EntityId {
    EntityId::account_named(format!("{name}@example.com"))
}

/// An entry of that action and target; its particulars are made up.
pub(crate) fn audit(action: &str, target: &str, minute: u32) -> NewAuditEntry {
    let detail = json!({
        "minute": minute, "ü": [1, 2.5, null], "reference": Reference::from_random(1), "reason": "x", "role": "global-reader",
        "to": {}, "from": {}, "entity": "a", "granted_at": at(0), "until": at(9), "granted_by": "alice",
        "id": "contoso", "name": "Contoso", "domains": [], "admins": [], "helpdesk": [], "time_zone": "UTC",
    });
    let fact = Fact::read(FactColumns { action: action.into(), target: target.into(), detail }).unwrap();
    NewAuditEntry { at: at(minute), organization: None, actor: "alice".into(), fact }
}

pub(crate) fn restriction(name: &str, number: u64, minute: u32) -> Restriction {
    let excess = Excess { window: Window::ExternalPerHour, limit: 5, count: 6 };
    Restriction {
        reference: Reference::from_random(number),
        entity: entity(name),
        cause: Cause::LimitExceeded { policy: "Default".into(), excess, probation: false },
        since: at(minute),
        until: None,
        evidence: Evidence::default(),
    }
}

pub(crate) fn incident(restriction: &Restriction, minute: u32) -> Incident {
    let mail = |kind, recipient: &str| Outgoing {
        kind,
        policy: (kind == MailKind::Alert).then(|| "Own".into()),
        sender: "postern@example.com".into(),
        recipient: recipient.into(),
        message: b"Subject: x\r\n\r\ny\r\n".to_vec(),
    };
    Incident {
        organization: OrganizationId::first(),
        alert: Alert {
            reference: restriction.reference.clone(),
            policy: Trigger::UserRestricted,
            severity: Trigger::UserRestricted.severity(),
            status: AlertStatus::Active,
            entity: Some(restriction.entity.clone()),
            cause: restriction.cause.clone(),
            evidence: Evidence::default(),
            raised_at: at(minute),
            closed_at: None,
        },
        audit: audit("restriction.add", &restriction.entity.to_string(), minute),
        unless_open_since: None,
        mails: vec![mail(MailKind::Alert, "admin@example.com"), mail(MailKind::Notice, "owner@example.com")],
        daily_notification_limits: Vec::new(),
    }
}

fn last(limit: u32) -> AuditFilter {
    AuditFilter { limit: Some(limit), ..AuditFilter::default() }
}

fn release(minute: u32) -> Release {
    Release {
        at: at(minute),
        by: "root".into(),
        reason: "password reset".into(),
        probation_until: Some(at(minute + 60)),
    }
}

/// Runs the whole suite; `fresh` gives an empty store each time.
pub(crate) async fn suite<S: Store, F: AsyncFn() -> S>(fresh: F) {
    a_restriction_is_written_with_everything_that_belongs_to_it(&fresh().await).await;
    an_entity_has_one_restriction_in_force(&fresh().await).await;
    a_release_ends_it_once(&fresh().await).await;
    an_undone_release_leaves_the_same_restriction(&fresh().await).await;
    a_standing_is_that_of_the_restriction_in_force_or_of_the_last_release(&fresh().await).await;
    changes_come_in_the_order_in_which_they_were_written(&fresh().await).await;
    the_daily_limit_leaves_out_mails_but_no_alerts(&fresh().await).await;
    the_outbox_keeps_a_mail_until_it_is_delivered(&fresh().await).await;
    the_audit_trail_is_a_chain(&fresh().await).await;
    alerts_without_a_restriction_are_found(&fresh().await).await;
    policies_are_kept_in_order_and_changed_by_one_at_a_time(&fresh().await).await;
    an_entity_has_one_allowance_in_force(&fresh().await).await;
    a_token_is_found_by_its_hash_until_it_is_revoked(&fresh().await).await;
    an_alert_has_notes_and_the_status_of_the_last(&fresh().await).await;
    webhooks_wait_beside_mails(&fresh().await).await;
    alert_policies_are_kept_and_changed_by_one_at_a_time(&fresh().await).await;
    a_restriction_is_overdue_once(&fresh().await).await;
    lists_are_filtered_searched_and_paged(&fresh().await).await;
    a_keyed_request_counts_once(&fresh().await).await;
    organizations_are_kept_apart(&fresh().await).await;
    acquaintances_are_remembered_until_they_are_old(&fresh().await).await;
    traffic_adds_up_until_it_is_forgotten(&fresh().await).await;
    people::an_invitation_is_used_once(&fresh().await).await;
    people::factors_are_kept_and_used_up(&fresh().await).await;
    people::sessions_end_when_they_are_revoked(&fresh().await).await;
}

async fn a_restriction_is_written_with_everything_that_belongs_to_it(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let refusals = Refusals { reference: made.reference.clone(), count: 3, last: at(2) };
    store.note_refusals(&[refusals.clone(), refusals]).await.unwrap();
    let kept = store.restrictions(&RestrictionFilter::default()).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].record, RestrictionRecord::InForce(made.clone()));
    assert_eq!((kept[0].refused, kept[0].last_refused_at), (6, Some(at(2))));
    let alerts = store.alerts(&AlertFilter::default()).await.unwrap();
    assert_eq!(alerts[0].alert, incident(&made, 0).alert);
    assert_eq!(alerts[0].waiting, 1);
    assert_eq!(store.audit(&last(10)).await.unwrap()[0].target, "a@example.com");
    assert_eq!(store.due_mails(at(0), false, 10).await.unwrap().len(), 2);
}

async fn an_entity_has_one_restriction_in_force(store: &impl Store) {
    let (first, second) = (restriction("a", 1, 0), restriction("a", 2, 1));
    store.restrict(&first, &incident(&first, 0)).await.unwrap();
    let error = store.restrict(&second, &incident(&second, 1)).await.unwrap_err();
    assert!(matches!(&error, StoreError::AlreadyRestricted { reference, .. } if *reference == first.reference));
    // Nothing of the second one is left.
    assert_eq!(store.alerts(&AlertFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 1);
    assert_eq!(store.due_mails(at(9), false, 10).await.unwrap().len(), 2);
    let other = restriction("b", 3, 2);
    store.restrict(&other, &incident(&other, 2)).await.unwrap();
    let newest_first: Vec<_> = store.restrictions(&RestrictionFilter::default()).await.unwrap();
    assert_eq!(newest_first[0].record.restriction().entity, entity("b"));
}

async fn a_release_ends_it_once(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let audit = audit("restriction.release", "a@example.com", 5);
    let other = Reference::from_random(99);
    let refused = store.release(&entity("a"), Some(&other), &release(5), &audit).await;
    assert!(matches!(refused, Err(StoreError::NotRestricted { .. })));
    let released = store.release(&entity("a"), None, &release(5), &audit).await.unwrap();
    assert_eq!((released.restriction, released.release), (made.clone(), release(5)));
    let refused = store.release(&entity("a"), None, &release(6), &audit).await;
    assert!(matches!(refused, Err(StoreError::NotRestricted { .. })));
    assert!(store.restrictions(&RestrictionFilter::default()).await.unwrap().is_empty());
    let all = RestrictionFilter { released: true, ..RestrictionFilter::default() };
    assert_eq!(store.restrictions(&all).await.unwrap()[0].record.release(), Some(&release(5)));
    let alert = &store.alerts(&AlertFilter::default()).await.unwrap()[0].alert;
    assert_eq!((alert.status, alert.closed_at), (AlertStatus::Resolved, Some(at(5))));
    let probation = Standing::Probation { until: at(65) };
    assert_eq!(store.standings(at(6)).await.unwrap(), [(entity("a"), probation)]);
    assert!(store.standings(at(65)).await.unwrap().is_empty());
    // It can be restricted again.
    let again = restriction("a", 2, 7);
    store.restrict(&again, &incident(&again, 7)).await.unwrap();
}

async fn an_undone_release_leaves_the_same_restriction(store: &impl Store) {
    let made = Restriction { until: Some(at(90)), ..restriction("a", 1, 0) };
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let mails = store.due_mails(at(99), false, 10).await.unwrap();
    let undo = async |of: &Reference, minute| {
        store.undo_release(of, &audit("restriction.restore", "a@example.com", minute)).await
    };
    let release_it = async |minute| {
        let audit = audit("restriction.release", "a@example.com", minute);
        store.release(&entity("a"), None, &release(minute), &audit).await.unwrap();
    };
    let none = undo(&Reference::from_random(9), 1).await;
    assert!(matches!(none, Err(StoreError::NoRestriction { .. })), "{none:?}");
    let in_force = undo(&made.reference, 1).await;
    assert!(matches!(in_force, Err(StoreError::AlreadyRestricted { .. })), "{in_force:?}");
    release_it(5).await;
    undo(&made.reference, 6).await.unwrap();
    let kept = store.restrictions(&RestrictionFilter::default()).await.unwrap();
    assert_eq!(kept[0].record, RestrictionRecord::InForce(made.clone()));
    let alert = &store.alerts(&AlertFilter::default()).await.unwrap()[0].alert;
    assert_eq!((alert.status, alert.closed_at), (AlertStatus::Active, None));
    assert_eq!(store.due_mails(at(99), false, 10).await.unwrap(), mails, "nobody is told a second time");
    release_it(7).await;
    let over = undo(&made.reference, 90).await;
    assert!(matches!(over, Err(StoreError::TimeIsOver { .. })), "{over:?}");
    // Another restriction has been made and released since.
    let second = restriction("a", 2, 8);
    store.restrict(&second, &incident(&second, 8)).await.unwrap();
    release_it(9).await;
    let late = undo(&made.reference, 10).await;
    assert!(matches!(late, Err(StoreError::NotLastReleased { .. })), "{late:?}");
    // Whoever was at it is still at it, and what told that nobody releases it is open again.
    undo(&second.reference, 10).await.unwrap();
    let at_it =
        AlertNote { at: at(10), by: "x".into(), status: Some(AlertStatus::Investigating), comment: String::new() };
    store.note_alert(&second.reference, &at_it, &audit("alert.note", "x", 10)).await.unwrap();
    let mut overdue = incident(&second, 11);
    overdue.alert.reference = Reference::from_random(50);
    overdue.alert.policy = Trigger::ReleaseOverdue;
    store.raise_overdue(&second.reference, &overdue).await.unwrap();
    release_it(11).await;
    undo(&second.reference, 11).await.unwrap();
    let status = async |reference: &Reference| {
        let of = AlertFilter { reference: Some(reference.clone()), ..AlertFilter::default() };
        store.alerts(&of).await.unwrap()[0].alert.status
    };
    assert_eq!(status(&second.reference).await, AlertStatus::Investigating);
    assert_eq!(status(&overdue.alert.reference).await, AlertStatus::Active);
    release_it(11).await;
    // What somebody had closed by hand stays closed.
    undo(&second.reference, 10).await.unwrap();
    let note = AlertNote { at: at(11), by: "x".into(), status: Some(AlertStatus::Dismissed), comment: String::new() };
    store.note_alert(&second.reference, &note, &audit("alert.note", "x", 11)).await.unwrap();
    release_it(12).await;
    undo(&second.reference, 13).await.unwrap();
    assert_eq!(status(&second.reference).await, AlertStatus::Dismissed);
}

async fn a_standing_is_that_of_the_restriction_in_force_or_of_the_last_release(store: &impl Store) {
    let alice = entity("a");
    assert_eq!(store.standing(&alice).await.unwrap(), Standing::Free);
    let release_of = async |made: &Restriction, release: Release| {
        let audit = audit("restriction.release", "a@example.com", 0);
        store.release(&alice, Some(&made.reference), &release, &audit).await.unwrap();
    };
    let first = Restriction { until: Some(at(90)), ..restriction("a", 1, 0) };
    store.restrict(&first, &incident(&first, 0)).await.unwrap();
    let restricted = Standing::Restricted { reference: first.reference.clone(), until: Some(at(90)) };
    assert_eq!(store.standing(&alice).await.unwrap(), restricted);
    release_of(&first, Release { probation_until: Some(at(500)), ..release(5) }).await;
    assert_eq!(store.standing(&alice).await.unwrap(), Standing::Probation { until: at(500) });
    // The last release counts, whatever an earlier one said.
    let second = restriction("a", 2, 6);
    store.restrict(&second, &incident(&second, 6)).await.unwrap();
    release_of(&second, Release { probation_until: Some(at(60)), ..release(7) }).await;
    assert_eq!(store.standing(&alice).await.unwrap(), Standing::Probation { until: at(60) });
    assert_eq!(store.standings(at(8)).await.unwrap(), [(alice.clone(), Standing::Probation { until: at(60) })]);
    let third = restriction("a", 3, 8);
    store.restrict(&third, &incident(&third, 8)).await.unwrap();
    let restricted = Standing::Restricted { reference: third.reference.clone(), until: None };
    assert_eq!(store.standings(at(8)).await.unwrap(), [(alice.clone(), restricted)]);
    release_of(&third, Release { probation_until: None, ..release(9) }).await;
    assert_eq!(store.standing(&alice).await.unwrap(), Standing::Free);
    assert_eq!(store.standings(at(10)).await.unwrap(), []);
}

async fn changes_come_in_the_order_in_which_they_were_written(store: &impl Store) {
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
    // What is undone, or writes no entry, is no change.
    let made = restriction("a", 1, 6);
    store.restrict(&made, &incident(&made, 6)).await.unwrap();
    assert_eq!(*newest.borrow_and_update(), 6);
    store.restrict(&restriction("a", 2, 7), &incident(&made, 7)).await.unwrap_err();
    store.note_refusals(&[Refusals { reference: made.reference, count: 1, last: at(8) }]).await.unwrap();
    assert!(!newest.has_changed().unwrap());
}

async fn the_daily_limit_leaves_out_mails_but_no_alerts(store: &impl Store) {
    for number in 0..4u32 {
        let made = restriction(&format!("u{number}"), u64::from(number), number);
        let limited = Incident { daily_notification_limits: vec![("Own".into(), 2)], ..incident(&made, number) };
        store.restrict(&made, &limited).await.unwrap();
    }
    assert_eq!(store.alerts(&AlertFilter::default()).await.unwrap().len(), 4);
    let mails = store.due_mails(at(100), false, 100).await.unwrap();
    let of = |kind| mails.iter().filter(|queued| queued.mail.kind == kind).count();
    assert_eq!((of(MailKind::Alert), of(MailKind::Notice)), (2, 4));
    // A new day, a new count.
    let tomorrow = 2 * 24 * 60;
    let made = restriction("late", 9, tomorrow);
    store
        .restrict(&made, &Incident { daily_notification_limits: vec![("Own".into(), 2)], ..incident(&made, tomorrow) })
        .await
        .unwrap();
    assert_eq!(store.due_mails(at(tomorrow), false, 100).await.unwrap().len(), 8);
}

async fn the_outbox_keeps_a_mail_until_it_is_delivered(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let due = store.due_mails(at(0), false, 1).await.unwrap();
    assert_eq!((due.len(), due[0].attempts), (1, 0));
    let retry = Delivery::Retry { at: at(10), error: "451 later".into() };
    store.tried(due[0].id, &retry, at(0)).await.unwrap();
    let rest = store.due_mails(at(9), false, 10).await.unwrap();
    assert_eq!((rest.len(), rest[0].id != due[0].id), (1, true));
    store.tried(rest[0].id, &Delivery::GivenUp { error: "550 no".into() }, at(9)).await.unwrap();
    let (state, next) = store.outbox().await.unwrap();
    assert_eq!((state.waiting, state.retrying, state.given_up, next), (1, 1, 1, Some(at(10))));
    let again = store.due_mails(at(10), false, 10).await.unwrap();
    assert_eq!((again[0].id, again[0].attempts, &again[0].mail), (due[0].id, 1, &due[0].mail));
    store.tried(again[0].id, &Delivery::Delivered, at(11)).await.unwrap();
    assert!(store.due_mails(at(99), false, 10).await.unwrap().is_empty());
    let alert = &store.alerts(&AlertFilter::default()).await.unwrap()[0];
    assert_eq!((alert.waiting, alert.delivered), (0, 1));
}

async fn the_audit_trail_is_a_chain(store: &impl Store) {
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

async fn alerts_without_a_restriction_are_found(store: &impl Store) {
    let made = restriction("a", 1, 0);
    let mut raised = incident(&made, 0);
    raised.alert.policy = Trigger::LimitExceeded;
    store.raise(&raised).await.unwrap();
    assert!(store.restrictions(&RestrictionFilter::default()).await.unwrap().is_empty());
    let open = async |only: Option<&EntityId>, since| store.open_alerts(only, since).await.unwrap();
    assert!(open(None, at(0)).await.is_empty(), "raised at that moment, not after it");
    let earlier = Timestamp::from_millis(at(0).as_millis() - 1);
    let found = OpenAlert { trigger: Trigger::LimitExceeded, entity: entity("a"), raised_at: at(0) };
    assert_eq!(open(None, earlier).await, std::slice::from_ref(&found));
    assert_eq!(open(Some(&entity("a")), earlier).await, [found]);
    assert!(open(Some(&entity("b")), earlier).await.is_empty());
    // The same again is none, as long as the first one is open.
    let mut again = incident(&restriction("a", 2, 5), 5);
    again.alert.policy = Trigger::LimitExceeded;
    again.unless_open_since = Some(earlier);
    let refused = store.raise(&again).await;
    assert!(matches!(&refused, Err(StoreError::AlreadyRaised { reference, .. }) if *reference == made.reference));
    again.unless_open_since = Some(at(0));
    store.raise(&again).await.unwrap();
    let resolved = AlertFilter { status: Some(AlertStatus::Resolved), ..AlertFilter::default() };
    assert!(store.alerts(&resolved).await.unwrap().is_empty());
}

async fn policies_are_kept_in_order_and_changed_by_one_at_a_time(store: &impl Store) {
    assert_eq!(store.policies(None).await.unwrap(), []);
    let policy = |name: &str| OutboundPolicy {
        name: name.into(),
        notify: vec!["x@example.com".into()],
        ..OutboundPolicy::default()
    };
    let book = PolicyBook { custom: vec![policy("B"), policy("A")], ..PolicyBook::default() };
    let first = KeptPolicies { book, revision: 0 };
    store
        .save_policies(
            &OrganizationId::first(),
            &first,
            None,
            &[audit("policy.add", "B", 0), audit("policy.add", "A", 0)],
        )
        .await
        .unwrap();
    assert_eq!(
        store.policies(None).await.unwrap(),
        [(OrganizationId::first(), KeptPolicies { revision: 1, ..first.clone() })]
    );
    let late = store.save_policies(&OrganizationId::first(), &first, None, &[audit("policy.change", "A", 1)]).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    let swapped = PolicyBook { custom: vec![policy("A"), policy("B")], ..PolicyBook::default() };
    let second = KeptPolicies { book: swapped, revision: 1 };
    store.save_policies(&OrganizationId::first(), &second, None, &[audit("policy.change", "A", 2)]).await.unwrap();
    let (_, kept) = store.policies(None).await.unwrap().remove(0);
    assert_eq!((kept.book, kept.revision), (second.book.clone(), 2));
    let file = FileSection::OutboundPolicy;
    assert_eq!(store.taken_over(file).await.unwrap(), None);
    let says = |before: Option<&str>, says: &str| TakenOver {
        section: file,
        before: before.map(str::to_owned),
        says: says.to_owned(),
    };
    store.note_taken_over(&says(None, "{}")).await.unwrap();
    let third = KeptPolicies { revision: 2, ..second };
    let first = OrganizationId::first();
    // Whoever knows an old word of the file takes nothing over.
    let stale = store.save_policies(&first, &third, Some(&says(None, "[]")), &[audit("policy.change", "A", 3)]).await;
    assert!(matches!(stale, Err(StoreError::Changed { .. })), "{stale:?}");
    assert_eq!(store.taken_over(file).await.unwrap().as_deref(), Some("{}"));
    store.save_policies(&first, &third, Some(&says(Some("{}"), "[]")), &[]).await.unwrap();
    assert_eq!(store.taken_over(file).await.unwrap().as_deref(), Some("[]"));
    assert_eq!(store.taken_over(FileSection::AlertPolicies).await.unwrap(), None);
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 3);
}

async fn an_entity_has_one_allowance_in_force(store: &impl Store) {
    let allowance = |number, per_day, until| Allowance {
        reference: Reference::from_random(number),
        entity: entity("a"),
        external_per_hour: None,
        internal_per_hour: None,
        per_day: Some(per_day),
        granted_at: at(0),
        until: at(until),
        granted_by: "alice".into(),
        reason: "newsletter".into(),
    };
    store.grant(&allowance(1, 2000, 10), &audit("allowance.grant", "a", 0)).await.unwrap();
    store.grant(&allowance(2, 3000, 20), &audit("allowance.grant", "a", 0)).await.unwrap();
    assert_eq!(store.allowances(None, at(9)).await.unwrap(), [allowance(2, 3000, 20)]);
    assert_eq!(store.allowances(None, at(20)).await.unwrap(), []);
    store.end_allowance(&entity("a"), &audit("allowance.end", "a", 5)).await.unwrap();
    assert_eq!(store.allowances(None, at(9)).await.unwrap(), []);
    let twice = store.end_allowance(&entity("a"), &audit("allowance.end", "a", 6)).await;
    assert!(matches!(twice, Err(StoreError::NoAllowance { .. })), "{twice:?}");
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 3);
}

async fn a_token_is_found_by_its_hash_until_it_is_revoked(store: &impl Store) {
    let token = |name: &str| KeptToken {
        name: name.into(),
        organization: None,
        role: Role::SecurityReader,
        created_at: at(0),
        created_by: "alice".into(),
        expires_at: Some(at(60)),
        last_used_at: None,
    };
    store.add_token(&token("backup"), &[1; 32], &audit("token.add", "backup", 0)).await.unwrap();
    let twice = store.add_token(&token("Backup"), &[2; 32], &audit("token.add", "Backup", 0)).await;
    assert!(matches!(twice, Err(StoreError::TokenExists { .. })), "{twice:?}");
    store.token_used(&[1; 32], at(3)).await.unwrap();
    let found = store.token(&[1; 32]).await.unwrap();
    assert_eq!(found, Some(KeptToken { last_used_at: Some(at(3)), ..token("backup") }));
    assert_eq!(store.token(&[2; 32]).await.unwrap(), None);
    store.revoke_token(None, "BACKUP", &audit("token.revoke", "backup", 4)).await.unwrap();
    assert_eq!((store.token(&[1; 32]).await.unwrap(), store.tokens().await.unwrap()), (None, vec![]));
    let gone = store.revoke_token(None, "backup", &audit("token.revoke", "backup", 5)).await;
    assert!(matches!(gone, Err(StoreError::NoToken { .. })), "{gone:?}");
    store.add_token(&token("backup"), &[3; 32], &audit("token.add", "backup", 6)).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), [token("backup")]);
}

async fn an_alert_has_notes_and_the_status_of_the_last(store: &impl Store) {
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

async fn webhooks_wait_beside_mails(store: &impl Store) {
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
    store.tried(webhooks[0].id, &Delivery::Delivered, at(1)).await.unwrap();
    assert!(store.due_mails(at(2), true, 10).await.unwrap().is_empty());
    // The alert tells of its mail and its webhook; the owner's notice is no notification of it.
    let alert = store.alerts(&AlertFilter::default()).await.unwrap().remove(0);
    assert_eq!((alert.delivered, alert.waiting), (1, 1));
}

async fn alert_policies_are_kept_and_changed_by_one_at_a_time(store: &impl Store) {
    assert_eq!(store.alert_policies(None).await.unwrap(), []);
    let own =
        AlertPolicy { name: "Sales".into(), recipients: Some(vec!["x@example.com".into()]), ..AlertPolicy::default() };
    let off = AlertPolicy { enabled: false, ..AlertPolicy::built_in(Trigger::ConnectorRestricted) };
    let kept = KeptAlertPolicies { book: AlertBook::new([own, off]), revision: 0 };
    store
        .save_alert_policies(&OrganizationId::first(), &kept, None, &[audit("alert-policy.add", "Sales", 0)])
        .await
        .unwrap();
    assert_eq!(
        store.alert_policies(None).await.unwrap(),
        [(OrganizationId::first(), KeptAlertPolicies { revision: 1, ..kept.clone() })]
    );
    let late = store
        .save_alert_policies(&OrganizationId::first(), &kept, None, &[audit("alert-policy.add", "Sales", 0)])
        .await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 1);
}

async fn a_restriction_is_overdue_once(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let ends = Restriction { until: Some(at(99)), ..restriction("b", 2, 0) };
    store.restrict(&ends, &incident(&ends, 0)).await.unwrap();
    assert!(store.overdue(at(0)).await.unwrap().is_empty());
    let overdue = store.overdue(at(60)).await.unwrap();
    assert_eq!(overdue.iter().map(|kept| kept.record.restriction()).collect::<Vec<_>>(), [&made]);
    let mut told = incident(&made, 60);
    told.alert.reference = Reference::from_random(3);
    told.alert.policy = Trigger::ReleaseOverdue;
    store.raise_overdue(&made.reference, &told).await.unwrap();
    let twice = store.raise_overdue(&made.reference, &told).await;
    assert!(matches!(twice, Err(StoreError::Changed { .. })), "{twice:?}");
    assert!(store.overdue(at(60)).await.unwrap().is_empty());
    // The release deals with both.
    store.release(&entity("a"), None, &release(70), &audit("restriction.release", "a", 70)).await.unwrap();
    let active = AlertFilter { status: Some(AlertStatus::Active), ..AlertFilter::default() };
    let active = store.alerts(&active).await.unwrap();
    assert_eq!(active.iter().map(|kept| &kept.alert.reference).collect::<Vec<_>>(), [&ends.reference]);
}

async fn lists_are_filtered_searched_and_paged(store: &impl Store) {
    for number in 0..7u32 {
        let name = ["anna", "b_b", "bxb", "carl", "dora", "emil", "fred"][number as usize];
        // Two at the same time: the reference decides.
        let made = restriction(name, u64::from(number), number / 2);
        store.restrict(&made, &incident(&made, number / 2)).await.unwrap();
    }
    let base = RestrictionFilter::default();
    let names = async |filter: RestrictionFilter| {
        let kept = store.restrictions(&filter).await.unwrap();
        kept.iter().map(|k| k.record.restriction().entity.name()[..4].to_owned()).collect::<Vec<_>>()
    };
    let all = names(base.clone()).await;
    assert_eq!(all.len(), 7);
    // Pages of two, by a cursor.
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = RestrictionFilter { limit: Some(2), after: after.take(), ..base.clone() };
        let kept = store.restrictions(&page).await.unwrap();
        let Some(last) = kept.last().map(|k| k.record.restriction()) else { break };
        after = Some((last.since, last.reference.clone()));
        paged.extend(kept.iter().map(|k| k.record.restriction().entity.name()[..4].to_owned()));
    }
    assert_eq!(paged, all);
    let skipped = RestrictionFilter { skip: 5, limit: Some(5), ..base.clone() };
    assert_eq!(names(skipped.clone()).await, all[5..]);
    assert_eq!(store.count_restrictions(&skipped).await.unwrap(), 7);
    let search = |text: &str| RestrictionFilter { search: Some(text.into()), ..base.clone() };
    assert_eq!(names(search("B_B")).await, ["b_b@"], "a letter is a letter");
    assert_eq!(names(search("limit_exceeded")).await.len(), 7);
    assert_eq!(store.count_restrictions(&search("nobody")).await.unwrap(), 0);
    let by = |order| RestrictionFilter { order, ..base.clone() };
    assert_eq!(names(by(RestrictionOrder::Entity)).await[..2], ["anna", "b_b@"]);
    assert_eq!(names(by(RestrictionOrder::Oldest)).await.last(), all.first());
    let fred = Reference::from_random(6);
    store.note_refusals(&[Refusals { reference: fred, count: 3, last: at(9) }]).await.unwrap();
    assert_eq!(names(by(RestrictionOrder::Refused)).await[0], "fred");
    let connectors = RestrictionFilter { kind: Some(EntityKind::Connector), ..base.clone() };
    assert!(names(connectors).await.is_empty());

    let alerts = |filter: AlertFilter| async move { store.alerts(&filter).await.unwrap().len() };
    let alert = AlertFilter::default();
    assert_eq!(alerts(AlertFilter { severity: Some(Severity::High), ..alert.clone() }).await, 7);
    assert_eq!(alerts(AlertFilter { policy: Some(Trigger::StoreAway), ..alert.clone() }).await, 0);
    assert_eq!(alerts(AlertFilter { search: Some("ann".into()), ..alert.clone() }).await, 1);
    assert_eq!(alerts(AlertFilter { entity: Some(entity("nobody")), ..alert.clone() }).await, 0);
    assert_eq!(alerts(AlertFilter { entity: Some(entity("anna")), ..alert.clone() }).await, 1);
    assert_eq!(alerts(AlertFilter { skip: 6, ..alert.clone() }).await, 1);
    assert_eq!(store.count_alerts(&AlertFilter { limit: Some(1), ..alert.clone() }).await.unwrap(), 7);
    let first = store.alerts(&AlertFilter { limit: Some(3), ..alert.clone() }).await.unwrap().pop().unwrap().alert;
    let rest = AlertFilter { after: Some((first.raised_at, first.reference)), ..alert };
    assert_eq!(alerts(rest).await, 4);

    store.record(&audit("policy.change", "Default", 20)).await.unwrap();
    let entries = async |filter: AuditFilter| store.audit(&filter).await.unwrap().len();
    let none = AuditFilter::default();
    assert_eq!(entries(AuditFilter { action: Some("restriction".into()), ..none.clone() }).await, 7);
    assert_eq!(entries(AuditFilter { action: Some("policy.change".into()), ..none.clone() }).await, 1);
    assert_eq!(entries(AuditFilter { action: Some("pol".into()), ..none.clone() }).await, 0);
    assert_eq!(entries(AuditFilter { search: Some("default".into()), ..none.clone() }).await, 1);
    assert_eq!(entries(AuditFilter { since: Some(at(1)), until: Some(at(2)), ..none.clone() }).await, 2);
    assert_eq!(entries(AuditFilter { target: Some("Default".into()), ..none.clone() }).await, 1);
    assert_eq!(entries(AuditFilter { before: Some(3), ..none.clone() }).await, 2);
    assert_eq!(entries(AuditFilter { actor: Some("bob".into()), ..none }).await, 0);
}

async fn a_keyed_request_counts_once(store: &impl Store) {
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

async fn organizations_are_kept_apart(store: &impl Store) {
    let contoso = OrganizationId::parse("contoso").unwrap();
    let kept = KeptOrganization {
        id: contoso.clone(),
        name: "Contoso".into(),
        domains: vec!["contoso.example".into()],
        admins: vec!["admin@contoso.example".into()],
        helpdesk: Vec::new(),
        time_zone: "Europe/Berlin".into(),
    };
    let entry = || NewAuditEntry { organization: Some(contoso.clone()), ..audit("organization.add", "contoso", 0) };
    store.add_organization(&kept, &entry()).await.unwrap();
    let twice = store.add_organization(&kept, &entry()).await;
    assert!(matches!(twice, Err(StoreError::OrganizationExists { .. })), "{twice:?}");
    let fabrikam = KeptOrganization { id: OrganizationId::parse("fabrikam").unwrap(), ..kept.clone() };
    let unknown = store.save_organization(&fabrikam, &fabrikam, &entry()).await;
    assert!(matches!(unknown, Err(StoreError::NoOrganization { .. })), "{unknown:?}");
    let taken = store.add_organization(&fabrikam, &entry()).await;
    assert!(matches!(&taken, Err(StoreError::DomainTaken { domain }) if domain.as_str() == "contoso.example"));
    let renamed = KeptOrganization { name: "Contoso Ltd".into(), ..kept.clone() };
    store.save_organization(&kept, &renamed, &entry()).await.unwrap();
    let stale = store.save_organization(&kept, &kept, &entry()).await;
    assert!(matches!(stale, Err(StoreError::Changed { .. })), "{stale:?}");
    assert_eq!(store.organizations().await.unwrap(), [renamed]);

    let (ours, theirs) = (restriction("a", 1, 0), restriction("b", 2, 0));
    store.restrict(&ours, &incident(&ours, 0)).await.unwrap();
    store.restrict(&theirs, &Incident { organization: contoso.clone(), ..incident(&theirs, 0) }).await.unwrap();
    let only = Some(contoso.clone());
    let filter = RestrictionFilter { organization: only.clone(), ..RestrictionFilter::default() };
    let found = store.restrictions(&filter).await.unwrap();
    assert_eq!(found.iter().map(|kept| kept.record.restriction()).collect::<Vec<_>>(), [&theirs]);
    let alerts = AlertFilter { organization: only.clone(), ..AlertFilter::default() };
    assert_eq!((store.count_restrictions(&filter).await.unwrap(), store.count_alerts(&alerts).await.unwrap()), (1, 1));
    let entries = AuditFilter { organization: only.clone(), ..AuditFilter::default() };
    // Numbers of its own, whatever others do.
    store.record(&entry()).await.unwrap();
    let found = store.audit(&entries).await.unwrap();
    let numbers: Vec<_> = found.iter().map(|entry| (entry.seq, entry.organization_seq)).collect();
    assert_eq!(numbers, [(5, Some(3)), (2, Some(2)), (1, Some(1))]);
    assert_eq!(store.seq_of(&contoso, 3).await.unwrap(), Some(5));
    assert_eq!(store.seq_of(&contoso, 4).await.unwrap(), None);
    assert_eq!(store.verify_audit(None).await.unwrap().broken, None);

    let own = KeptPolicies::default();
    store.save_policies(&contoso, &own, None, &[]).await.unwrap();
    store.save_policies(&OrganizationId::first(), &own, None, &[]).await.unwrap();
    let revisions = async |only| {
        let kept = store.policies(only).await.unwrap();
        kept.into_iter().map(|(id, kept)| (id, kept.revision)).collect::<Vec<_>>()
    };
    assert_eq!(revisions(None).await, [(contoso.clone(), 1), (OrganizationId::first(), 1)]);
    assert_eq!(revisions(Some(&contoso)).await, [(contoso.clone(), 1)]);
    // The same name twice, in two organizations.
    let token = |organization: Option<OrganizationId>| KeptToken {
        name: "backup".into(),
        organization,
        role: Role::SecurityReader,
        created_at: at(0),
        created_by: "alice".into(),
        expires_at: None,
        last_used_at: None,
    };
    store.add_token(&token(None), &[1; 32], &entry()).await.unwrap();
    store.add_token(&token(only.clone()), &[2; 32], &entry()).await.unwrap();
    store.revoke_token(only.as_ref(), "backup", &entry()).await.unwrap();
    assert_eq!(store.tokens().await.unwrap(), [token(None)]);

    store.remove_organization(&contoso, &entry()).await.unwrap();
    assert!(store.organizations().await.unwrap().is_empty());
    assert_eq!(store.policies(None).await.unwrap().len(), 1);
    assert_eq!(store.count_restrictions(&filter).await.unwrap(), 1, "what happened stays");
    let gone = store.remove_organization(&contoso, &entry()).await;
    assert!(matches!(gone, Err(StoreError::NoOrganization { .. })), "{gone:?}");
}

async fn acquaintances_are_remembered_until_they_are_old(store: &impl Store) {
    let noted = |recipient, day| Acquaintance { entity: entity("a"), recipient, day };
    store.note_acquaintances(&[noted(-7, 100), noted(8, 101)], at(0)).await.unwrap();
    store.note_acquaintances(&[noted(-7, 102), noted(8, 100)], at(9)).await.unwrap();
    let (since, mut kept) = store.acquaintances().await.unwrap();
    kept.sort_by_key(|kept| kept.recipient);
    assert_eq!((since, kept), (vec![(entity("a"), at(0))], vec![noted(-7, 102), noted(8, 101)]));
    store.forget_acquaintances(102).await.unwrap();
    assert_eq!(store.acquaintances().await.unwrap().1, [noted(-7, 102)]);
}

async fn traffic_adds_up_until_it_is_forgotten(store: &impl Store) {
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
