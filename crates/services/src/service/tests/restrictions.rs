//! Tests for restrictions and allowances.

use std::time::Duration;

use postern_domain::filter::RestrictionFilter;

use super::*;
use crate::clock::Clock;
use crate::service::{AllowanceRequest, ReleaseRequest, UndoReleaseRequest};

fn release(reason: &str) -> ReleaseRequest {
    ReleaseRequest { reason: reason.into(), reference: None, made_sure: Vec::new() }
}

#[tokio::test]
async fn whoever_only_looks_restricts_and_releases_nobody() {
    let site = Site::new();
    let node = site.node().await;
    let restrictions = &node.services.restrictions;
    let request = RestrictRequest { entity: "alice".into(), reason: "x".into(), until: None };
    forbidden(restrictions.restrict(&reader(), &request).await);
    restrict(&node, "alice").await;
    forbidden(restrictions.release(&reader(), "alice", &release("x")).await);
    assert_eq!(restrictions.list(&reader(), &RestrictionFilter::default()).await.unwrap().len(), 1);
    assert_eq!(actions(&site).await, ["restriction.add"]);
}

#[tokio::test]
async fn what_is_asked_for_has_to_make_sense() {
    let site = Site::new();
    let node = site.node().await;
    let restrictions = &node.services.restrictions;
    let ask =
        |entity: &str, reason: &str, until| RestrictRequest { entity: entity.into(), reason: reason.into(), until };
    let past = Some(site.clock.now());
    assert_eq!(invalid(restrictions.restrict(&admin(), &ask("alice", " ", None)).await), "reason");
    assert_eq!(invalid(restrictions.restrict(&admin(), &ask("alice", "x", past)).await), "until");
    assert_eq!(invalid(restrictions.restrict(&admin(), &ask("connector: ", "x", None)).await), "entity");
    not_found(restrictions.release(&admin(), "alice", &release("x")).await);
    restrict(&node, "alice").await;
    conflict(restrictions.restrict(&admin(), &ask("ALICE@example.com", "x", None)).await);
    assert_eq!(invalid(restrictions.release(&admin(), "alice", &release("")).await), "reason");
}

#[tokio::test]
async fn another_organizations_accounts_are_as_good_as_none() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    let restrictions = &node.services.restrictions;
    restrict(&node, "alice").await;
    restrict(&node, "ann@contoso.example").await;
    let seen = restrictions.list(&tenant_admin(), &RestrictionFilter::default()).await.unwrap();
    assert_eq!(seen.iter().map(|one| one.entity.to_string()).collect::<Vec<_>>(), ["ann@contoso.example"]);
    not_found(restrictions.release(&tenant_admin(), "alice@example.com", &release("x")).await);
    let reference = restrictions.of(&admin(), "alice").await.unwrap()[0].reference.clone();
    not_found(restrictions.explain(&tenant_admin(), reference.as_str()).await);
    // A name without a domain is an account of the caller's organization.
    restrictions.release(&tenant_admin(), "ann", &release("x")).await.unwrap();
}

#[tokio::test]
async fn an_undone_release_is_the_same_restriction_and_only_the_last_one() {
    let site = Site::new();
    let node = site.node().await;
    let restrictions = &node.services.restrictions;
    let undo = UndoReleaseRequest { reason: "too early".into(), reference: None };
    not_found(restrictions.undo_release(&admin(), "alice", &undo).await);
    restrict(&node, "alice").await;
    let first = restrictions.of(&admin(), "alice").await.unwrap().remove(0);
    conflict(restrictions.undo_release(&admin(), "alice", &undo).await);
    restrictions.release(&admin(), "alice", &release("done")).await.unwrap();
    forbidden(restrictions.undo_release(&reader(), "alice", &undo).await);
    let restored = restrictions.undo_release(&admin(), "alice", &undo).await.unwrap();
    assert_eq!((restored.reference.clone(), restored.released_at), (first.reference.clone(), None));
    // A later restriction has been made since.
    restrictions.release(&admin(), "alice", &release("done")).await.unwrap();
    restrict(&node, "alice").await;
    restrictions.release(&admin(), "alice", &release("done")).await.unwrap();
    let earlier = UndoReleaseRequest { reference: Some(first.reference), ..undo };
    conflict(restrictions.undo_release(&admin(), "alice", &earlier).await);
}

#[tokio::test]
async fn an_allowance_raises_limits_until_its_time() {
    let site = Site::new();
    let node = site.node().await;
    let ask = |per_day| AllowanceRequest {
        entity: "alice".into(),
        external_per_hour: None,
        internal_per_hour: None,
        per_day,
        until: site.clock.now().plus(Duration::from_secs(3600)),
        reason: "newsletter".into(),
    };
    let allowances = &node.services.allowances;
    forbidden(allowances.grant(&reader(), &ask(Some(5000))).await);
    assert!(allowances.grant(&admin(), &ask(None)).await.is_err(), "it raises nothing");
    allowances.grant(&admin(), &ask(Some(5000))).await.unwrap();
    let per_day = async || {
        let usage = node.services.usage.of(&reader(), "alice").await.unwrap();
        usage.windows.iter().find(|one| one.window.key() == "per_day").unwrap().limit
    };
    assert_eq!(per_day().await, Some(5000));
    site.clock.advance(Duration::from_secs(3600));
    assert_ne!(per_day().await, Some(5000));
    not_found(allowances.end(&admin(), "alice").await);
}
