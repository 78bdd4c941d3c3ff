//! Conformance tests for policies and allowances.

use postern_domain::alert::{AlertBook, AlertPolicy, Trigger};
use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook};
use postern_domain::{OrganizationId, Reference};

use super::{at, audit, entity, last};
use crate::{FileSection, Store, StoreError, TakenOver, VersionedAlertPolicies, VersionedPolicies};

pub(super) async fn policies_are_kept_in_order_and_changed_by_one_at_a_time(store: &impl Store) {
    assert_eq!(store.policies(None).await.unwrap(), []);
    let policy = |name: &str| OutboundPolicy {
        name: name.into(),
        notify: vec!["x@example.com".into()],
        ..OutboundPolicy::default()
    };
    let book = PolicyBook { custom: vec![policy("B"), policy("A")], ..PolicyBook::default() };
    let first = VersionedPolicies { book, revision: 0 };
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
        [(OrganizationId::first(), VersionedPolicies { revision: 1, ..first.clone() })]
    );
    let late = store.save_policies(&OrganizationId::first(), &first, None, &[audit("policy.change", "A", 1)]).await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    let swapped = PolicyBook { custom: vec![policy("A"), policy("B")], ..PolicyBook::default() };
    let second = VersionedPolicies { book: swapped, revision: 1 };
    store.save_policies(&OrganizationId::first(), &second, None, &[audit("policy.change", "A", 2)]).await.unwrap();
    let (_, stored) = store.policies(None).await.unwrap().remove(0);
    assert_eq!((stored.book, stored.revision), (second.book.clone(), 2));
    let file = FileSection::OutboundPolicy;
    assert_eq!(store.taken_over(file).await.unwrap(), None);
    let says = |before: Option<&str>, says: &str| TakenOver {
        section: file,
        before: before.map(str::to_owned),
        says: says.to_owned(),
    };
    store.note_taken_over(&says(None, "{}")).await.unwrap();
    let third = VersionedPolicies { revision: 2, ..second };
    let first = OrganizationId::first();
    // A caller that knows an older content of the file takes nothing over.
    let stale = store.save_policies(&first, &third, Some(&says(None, "[]")), &[audit("policy.change", "A", 3)]).await;
    assert!(matches!(stale, Err(StoreError::Changed { .. })), "{stale:?}");
    assert_eq!(store.taken_over(file).await.unwrap().as_deref(), Some("{}"));
    store.save_policies(&first, &third, Some(&says(Some("{}"), "[]")), &[]).await.unwrap();
    assert_eq!(store.taken_over(file).await.unwrap().as_deref(), Some("[]"));
    assert_eq!(store.taken_over(FileSection::AlertPolicies).await.unwrap(), None);
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 3);
}

pub(super) async fn an_entity_has_one_allowance_in_force(store: &impl Store) {
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

pub(super) async fn alert_policies_are_kept_and_changed_by_one_at_a_time(store: &impl Store) {
    assert_eq!(store.alert_policies(None).await.unwrap(), []);
    let own =
        AlertPolicy { name: "Sales".into(), recipients: Some(vec!["x@example.com".into()]), ..AlertPolicy::default() };
    let off = AlertPolicy { enabled: false, ..AlertPolicy::built_in(Trigger::ConnectorRestricted) };
    let stored = VersionedAlertPolicies { book: AlertBook::new([own, off]), revision: 0 };
    store
        .save_alert_policies(&OrganizationId::first(), &stored, None, &[audit("alert-policy.add", "Sales", 0)])
        .await
        .unwrap();
    assert_eq!(
        store.alert_policies(None).await.unwrap(),
        [(OrganizationId::first(), VersionedAlertPolicies { revision: 1, ..stored.clone() })]
    );
    let late = store
        .save_alert_policies(&OrganizationId::first(), &stored, None, &[audit("alert-policy.add", "Sales", 0)])
        .await;
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    assert_eq!(store.audit(&last(10)).await.unwrap().len(), 1);
}
