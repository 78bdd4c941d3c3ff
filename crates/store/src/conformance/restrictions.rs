//! Conformance tests for restrictions.

use postern_domain::alert::{AlertNote, AlertStatus, Severity, Trigger};
use postern_domain::restriction::{Release, Restriction, RestrictionRecord, Standing};
use postern_domain::{EntityKind, Reference};

use super::{at, audit, entity, incident, last, release, restriction};
use crate::{Refusals, Store, StoreError};
use postern_domain::filter::{AlertFilter, AuditFilter, RestrictionFilter, RestrictionOrder};

pub(super) async fn a_restriction_is_written_with_everything_that_belongs_to_it(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let refusals = Refusals { reference: made.reference.clone(), count: 3, last: at(2) };
    store.note_refusals(&[refusals.clone(), refusals]).await.unwrap();
    let stored = store.restrictions(&RestrictionFilter::default()).await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].record, RestrictionRecord::InForce(made.clone()));
    assert_eq!((stored[0].refused, stored[0].last_refused_at), (6, Some(at(2))));
    let alerts = store.alerts(&AlertFilter::default()).await.unwrap();
    assert_eq!(alerts[0].alert, incident(&made, 0).alert);
    assert_eq!(alerts[0].waiting, 1);
    assert_eq!(store.audit(&last(10)).await.unwrap()[0].target, "a@example.com");
    assert_eq!(store.due_mails(at(0), false, 10).await.unwrap().len(), 2);
}

pub(super) async fn an_entity_has_one_restriction_in_force(store: &impl Store) {
    let (first, second) = (restriction("a", 1, 0), restriction("a", 2, 1));
    store.restrict(&first, &incident(&first, 0)).await.unwrap();
    let error = store.restrict(&second, &incident(&second, 1)).await.unwrap_err();
    assert!(matches!(&error, StoreError::AlreadyRestricted { reference, .. } if *reference == first.reference));
    // The second attempt has left nothing behind.
    assert_eq!(store.alerts(&AlertFilter::default()).await.unwrap().len(), 1);
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 1);
    assert_eq!(store.due_mails(at(9), false, 10).await.unwrap().len(), 2);
    let other = restriction("b", 3, 2);
    store.restrict(&other, &incident(&other, 2)).await.unwrap();
    let newest_first: Vec<_> = store.restrictions(&RestrictionFilter::default()).await.unwrap();
    assert_eq!(newest_first[0].record.restriction().entity, entity("b"));
}

pub(super) async fn a_release_ends_it_once(store: &impl Store) {
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

pub(super) async fn an_undone_release_leaves_the_same_restriction(store: &impl Store) {
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
    let stored = store.restrictions(&RestrictionFilter::default()).await.unwrap();
    assert_eq!(stored[0].record, RestrictionRecord::InForce(made.clone()));
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
    // An alert under investigation is under investigation again, and the alert that the release is overdue is open
    // again.
    undo(&second.reference, 10).await.unwrap();
    let at_it =
        AlertNote { at: at(10), by: "x".into(), status: Some(AlertStatus::Investigating), comment: String::new() };
    store.note_alert(&second.reference, &at_it, &audit("alert.note", "x", 10)).await.unwrap();
    let mut overdue = incident(&second, 11);
    overdue.alert.reference = Reference::from_random(50);
    overdue.alert.trigger = Trigger::ReleaseOverdue;
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
    // An alert that somebody closed by hand stays closed.
    undo(&second.reference, 10).await.unwrap();
    let note = AlertNote { at: at(11), by: "x".into(), status: Some(AlertStatus::Dismissed), comment: String::new() };
    store.note_alert(&second.reference, &note, &audit("alert.note", "x", 11)).await.unwrap();
    release_it(12).await;
    undo(&second.reference, 13).await.unwrap();
    assert_eq!(status(&second.reference).await, AlertStatus::Dismissed);
}

pub(super) async fn a_standing_is_that_of_the_restriction_in_force_or_of_the_last_release(store: &impl Store) {
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
    // The last release counts, regardless of earlier ones.
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

pub(super) async fn a_restriction_is_overdue_once(store: &impl Store) {
    let made = restriction("a", 1, 0);
    store.restrict(&made, &incident(&made, 0)).await.unwrap();
    let ends = Restriction { until: Some(at(99)), ..restriction("b", 2, 0) };
    store.restrict(&ends, &incident(&ends, 0)).await.unwrap();
    assert!(store.overdue(at(0)).await.unwrap().is_empty());
    let overdue = store.overdue(at(60)).await.unwrap();
    assert_eq!(overdue.iter().map(|stored| stored.record.restriction()).collect::<Vec<_>>(), [&made]);
    let mut told = incident(&made, 60);
    told.alert.reference = Reference::from_random(3);
    told.alert.trigger = Trigger::ReleaseOverdue;
    store.raise_overdue(&made.reference, &told).await.unwrap();
    let twice = store.raise_overdue(&made.reference, &told).await;
    assert!(matches!(twice, Err(StoreError::Changed { .. })), "{twice:?}");
    assert!(store.overdue(at(60)).await.unwrap().is_empty());
    // The release resolves both alerts.
    store.release(&entity("a"), None, &release(70), &audit("restriction.release", "a", 70)).await.unwrap();
    let active = AlertFilter { status: Some(AlertStatus::Active), ..AlertFilter::default() };
    let active = store.alerts(&active).await.unwrap();
    assert_eq!(active.iter().map(|stored| &stored.alert.reference).collect::<Vec<_>>(), [&ends.reference]);
}

pub(super) async fn lists_are_filtered_searched_and_paged(store: &impl Store) {
    for number in 0..7u32 {
        let name = ["anna", "b_b", "bxb", "carl", "dora", "emil", "fred"][number as usize];
        // Two restrictions begin at the same time: the reference decides their order.
        let made = restriction(name, u64::from(number), number / 2);
        store.restrict(&made, &incident(&made, number / 2)).await.unwrap();
    }
    restrictions_are_filtered_searched_and_paged(store).await;
    alerts_are_filtered_searched_and_paged(store).await;
    the_trail_is_filtered_and_searched(store).await;
}

async fn restrictions_are_filtered_searched_and_paged(store: &impl Store) {
    let base = RestrictionFilter::default();
    let names = async |filter: RestrictionFilter| {
        let stored = store.restrictions(&filter).await.unwrap();
        stored.iter().map(|k| k.record.restriction().entity.name()[..4].to_owned()).collect::<Vec<_>>()
    };
    let all = names(base.clone()).await;
    assert_eq!(all.len(), 7);
    // Pages of two, by cursor.
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let page = RestrictionFilter { limit: Some(2), after: after.take(), ..base.clone() };
        let stored = store.restrictions(&page).await.unwrap();
        let Some(last) = stored.last().map(|k| k.record.restriction()) else { break };
        after = Some((last.since, last.reference.clone()));
        paged.extend(stored.iter().map(|k| k.record.restriction().entity.name()[..4].to_owned()));
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
}

async fn alerts_are_filtered_searched_and_paged(store: &impl Store) {
    let alerts = |filter: AlertFilter| async move { store.alerts(&filter).await.unwrap().len() };
    let alert = AlertFilter::default();
    assert_eq!(alerts(AlertFilter { severity: Some(Severity::High), ..alert.clone() }).await, 7);
    assert_eq!(alerts(AlertFilter { trigger: Some(Trigger::StoreAway), ..alert.clone() }).await, 0);
    assert_eq!(alerts(AlertFilter { search: Some("ann".into()), ..alert.clone() }).await, 1);
    assert_eq!(alerts(AlertFilter { entity: Some(entity("nobody")), ..alert.clone() }).await, 0);
    assert_eq!(alerts(AlertFilter { entity: Some(entity("anna")), ..alert.clone() }).await, 1);
    assert_eq!(alerts(AlertFilter { skip: 6, ..alert.clone() }).await, 1);
    assert_eq!(store.count_alerts(&AlertFilter { limit: Some(1), ..alert.clone() }).await.unwrap(), 7);
    let first = store.alerts(&AlertFilter { limit: Some(3), ..alert.clone() }).await.unwrap().pop().unwrap().alert;
    let rest = AlertFilter { after: Some((first.raised_at, first.reference)), ..alert };
    assert_eq!(alerts(rest).await, 4);
}

async fn the_trail_is_filtered_and_searched(store: &impl Store) {
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
