//! Tests of how one node handles another node's changes.

use std::time::Duration;

use postern_domain::alert::Trigger;
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::filter::AuditFilter;
use postern_domain::restriction::Standing;
use postern_domain::{EntityId, OrganizationId};
use serde_json::json;

use super::testing::{Site, admin};
use super::*;
use crate::gate::NewRestriction;
use crate::service::{AllowanceRequest, OrganizationRequest, ReleaseRequest, RestrictRequest};

const MINUTE: Duration = Duration::from_secs(60);

fn alice() -> EntityId {
    EntityId::account_named("alice@example.com")
}

async fn restrict(node: &Node, minutes: Option<u32>) {
    let until = minutes.map(|minutes| node.shared.clock.now().plus(MINUTE * minutes));
    let request = RestrictRequest { entity: "alice@example.com".into(), reason: "phished".into(), until };
    node.services.restrictions.restrict(&admin(), &request).await.unwrap();
}

async fn release(node: &Node) {
    let request = ReleaseRequest { reason: "password changed".into(), reference: None, made_sure: Vec::new() };
    node.services.restrictions.release(&admin(), "alice@example.com", &request).await.unwrap();
}

fn standing(node: &Node) -> Standing {
    node.shared.standings.get(&alice(), node.shared.clock.now())
}

#[tokio::test]
async fn an_expiry_keeps_the_probation_that_an_admin_has_begun_elsewhere() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    restrict(&one, Some(60)).await;
    other.shared.projector.catch_up().await.unwrap();
    release(&other).await;
    let on_probation = standing(&other);
    assert!(matches!(on_probation, Standing::Probation { .. }), "{on_probation:?}");
    // The restriction expires before the first node has seen the release.
    site.clock.advance(61 * MINUTE);
    one.services.restrictions.release_expired().await;
    assert_eq!(standing(&one), on_probation);
}

#[tokio::test]
async fn an_expiry_keeps_the_restriction_that_was_made_anew_elsewhere() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    restrict(&one, Some(60)).await;
    other.shared.projector.catch_up().await.unwrap();
    release(&other).await;
    restrict(&other, None).await;
    site.clock.advance(61 * MINUTE);
    one.services.restrictions.release_expired().await;
    assert!(standing(&one).is_restricted());
    assert_eq!(standing(&one), standing(&other));
}

#[tokio::test]
async fn a_restriction_that_another_node_made_ends_when_that_node_said() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    restrict(&one, Some(60)).await;
    let new = NewRestriction {
        entity: alice(),
        cause: Cause::Manual { reason: "seen here too".into() },
        evidence: Evidence::default(),
        until: None,
        actor: None,
        notify: Vec::new(),
    };
    let reference = other.shared.incidents.restrict(new, "", site.clock.now()).await.unwrap();
    assert_eq!(standing(&other), standing(&one));
    assert!(matches!(standing(&one), Standing::Restricted { reference: held, .. } if held == reference));
}

#[tokio::test]
async fn what_another_node_does_is_seen_without_being_asked_for() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let (_end, closing) = watch::channel(false);
    let projector = Arc::clone(&other.shared.projector);
    let following = tokio::spawn(async move { projector.follow(closing).await });
    restrict(&one, None).await;
    let seen = async {
        while !standing(&other).is_restricted() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(1500), seen).await.expect("it is looked for once a second");
    following.abort();
}

#[tokio::test]
async fn a_node_starts_with_what_is_in_force() {
    let site = Site::new();
    let one = site.node().await;
    restrict(&one, None).await;
    assert_eq!(standing(&site.node().await), standing(&one));
    release(&one).await;
    assert_eq!(standing(&site.node().await), standing(&one));
    assert!(matches!(standing(&one), Standing::Probation { .. }));
}

fn per_day(node: &Node) -> u32 {
    node.shared.policies.books.load().of(&OrganizationId::first()).book.default.per_day
}

#[tokio::test]
async fn whoever_was_slower_sees_what_the_faster_one_wrote_and_may_try_again() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let change = async |node: &Node, per_day: u32| {
        let patch = json!({ "per_day": per_day });
        node.services.policies.change(&admin(), "Default", &patch, None).await.map(|policy| policy.policy.per_day)
    };
    assert_eq!(change(&one, 7).await.unwrap(), 7);
    let refused = change(&other, 8).await.unwrap_err();
    assert!(refused.to_string().contains("were changed meanwhile"), "{refused}");
    assert_eq!(per_day(&other), 7);
    assert_eq!(change(&other, 8).await.unwrap(), 8);
    one.shared.projector.catch_up().await.unwrap();
    assert_eq!((per_day(&one), per_day(&other)), (8, 8));
}

#[tokio::test]
async fn an_allowance_is_in_force_everywhere_and_ends_everywhere() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let now = site.clock.now();
    let request = AllowanceRequest {
        entity: "alice@example.com".into(),
        external_per_hour: Some(9000),
        internal_per_hour: None,
        per_day: None,
        until: now.plus(MINUTE),
        reason: "newsletter".into(),
    };
    let granted = one.services.allowances.grant(&admin(), &request).await.unwrap();
    other.shared.projector.catch_up().await.unwrap();
    assert_eq!(other.shared.policies.allowance(&alice(), now), Some(granted));
    other.services.allowances.end(&admin(), "alice@example.com").await.unwrap();
    one.shared.projector.catch_up().await.unwrap();
    assert_eq!(one.shared.policies.allowance(&alice(), now), None);
}

#[tokio::test]
async fn alert_policies_are_the_same_everywhere() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let name = Trigger::UserRestricted.name();
    one.services
        .alert_policies
        .change(&admin(), name, &json!({ "recipients": ["soc@example.com"] }), None)
        .await
        .unwrap();
    other.shared.projector.catch_up().await.unwrap();
    let recipients = |node: &Node| {
        let stored = node.shared.alert_policies.load();
        stored.of(&OrganizationId::first()).book.find(name).unwrap().recipients.clone()
    };
    assert_eq!(recipients(&other), Some(vec!["soc@example.com".to_owned()]));
    assert_eq!(recipients(&one), recipients(&other));
}

#[tokio::test]
async fn two_changes_of_one_organization_at_once_both_hold() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let new = OrganizationRequest { domains: Some(vec!["contoso.example".into()]), ..Default::default() };
    one.services.organizations.add(&admin(), "contoso", &new).await.unwrap();
    other.shared.projector.catch_up().await.unwrap();
    let name = OrganizationRequest { name: Some("Contoso Ltd".into()), ..Default::default() };
    one.services.organizations.change(&admin(), "contoso", &name).await.unwrap();
    // The other node has not seen the new name, and its request does not mention it.
    let zone = OrganizationRequest { time_zone: Some("Europe/Berlin".into()), ..Default::default() };
    let changed = other.services.organizations.change(&admin(), "contoso", &zone).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.time_zone.as_str()), ("Contoso Ltd", "Europe/Berlin"));
    assert_eq!(site.store().organizations().await.unwrap(), [changed]);
    let taken = other.services.organizations.add(&admin(), "fabrikam", &new).await.unwrap_err();
    assert_eq!(taken.to_string(), "domains: contoso.example is another organization's");
}

#[tokio::test]
async fn an_organization_whose_time_zone_is_gone_keeps_its_accounts() {
    let site = Site::new();
    let node = site.node().await;
    let new = |domain: &str| OrganizationRequest { domains: Some(vec![domain.into()]), ..Default::default() };
    node.services.organizations.add(&admin(), "contoso", &new("contoso.example")).await.unwrap();
    let statement = "UPDATE organizations SET body = replace(body, '\"UTC\"', '\"Mars/Olympus\"')";
    rusqlite::Connection::open(site.database()).unwrap().execute_batch(statement).unwrap();
    node.services.organizations.add(&admin(), "fabrikam", &new("fabrikam.example")).await.unwrap();
    let ann = EntityId::account_named("ann@contoso.example");
    assert_eq!(node.shared.settings.load().directory.organization_of(&ann).as_str(), "contoso");
}

#[tokio::test]
async fn what_the_file_says_is_taken_over_once_and_not_over_what_came_after_it() {
    let site = Site::new();
    let strict = |settings: &mut Settings| settings.outbound_policy.per_day = 7;
    let one = site.node_with(strict).await;
    let changes = async || {
        let of = AuditFilter { action: Some("policy.change".into()), ..AuditFilter::default() };
        site.store().audit(&of).await.unwrap().len()
    };
    assert_eq!((per_day(&one), changes().await), (7, 1));
    // Another node with the same file writes no changes, and neither does a second start.
    let other = site.node_with(strict).await;
    one.services.policies.change(&admin(), "Default", &json!({ "per_day": 9 }), None).await.unwrap();
    let again = site.node_with(strict).await;
    other.shared.projector.catch_up().await.unwrap();
    assert_eq!((per_day(&one), per_day(&other), per_day(&again), changes().await), (9, 9, 9, 2));
}

#[tokio::test]
async fn whoever_watches_elsewhere_is_told_nothing_twice() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    restrict(&one, None).await;
    release(&one).await;
    let mut watched = one.shared.events.watch(None, Some(0)).await.unwrap();
    let first = watched.next().await.unwrap();
    let second = watched.next().await.unwrap();
    assert_eq!((first.kind, second.kind), ("restriction.made", "restriction.released"));
    // The other node has seen neither entry, and is asked for those after them.
    let mut moved = other.shared.events.watch(None, Some(second.id)).await.unwrap();
    restrict(&one, None).await;
    other.shared.projector.catch_up().await.unwrap();
    let third = moved.next().await.unwrap();
    assert_eq!((third.kind, third.id > second.id), ("restriction.made", true));
}
