//! What one node makes of what another has done.

use std::time::Duration;

use postern_domain::alert::Trigger;
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::restriction::Standing;
use postern_domain::{EntityId, OrganizationId};
use serde_json::json;

use super::testing::{Site, admin};
use super::*;
use crate::desk::{AllowanceRequest, ReleaseRequest, RestrictRequest};
use crate::gate::NewRestriction;

const MINUTE: Duration = Duration::from_secs(60);

fn alice() -> EntityId {
    EntityId::account_named("alice@example.com")
}

async fn restrict(node: &Node, minutes: Option<u32>) {
    let until = minutes.map(|minutes| node.desk.clock.now().plus(MINUTE * minutes));
    let request = RestrictRequest { entity: "alice@example.com".into(), reason: "phished".into(), until };
    node.desk.restrict(&admin(), &request).await.unwrap();
}

async fn release(node: &Node) {
    let request = ReleaseRequest { reason: "password changed".into(), reference: None, made_sure: Vec::new() };
    node.desk.release(&admin(), "alice@example.com", &request).await.unwrap();
}

fn standing(node: &Node) -> Standing {
    node.desk.standings.get(&alice(), node.desk.clock.now())
}

#[tokio::test]
async fn an_expiry_keeps_the_probation_that_an_admin_has_begun_elsewhere() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    restrict(&one, Some(60)).await;
    other.desk.projector.catch_up().await.unwrap();
    release(&other).await;
    let on_probation = standing(&other);
    assert!(matches!(on_probation, Standing::Probation { .. }), "{on_probation:?}");
    // The time of the restriction comes before the first node has seen the release.
    site.clock.advance(61 * MINUTE);
    one.desk.release_expired().await;
    assert_eq!(standing(&one), on_probation);
}

#[tokio::test]
async fn an_expiry_keeps_the_restriction_that_was_made_anew_elsewhere() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    restrict(&one, Some(60)).await;
    other.desk.projector.catch_up().await.unwrap();
    release(&other).await;
    restrict(&other, None).await;
    site.clock.advance(61 * MINUTE);
    one.desk.release_expired().await;
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
    let reference = other.desk.incidents.restrict(new, "", site.clock.now()).await.unwrap();
    assert_eq!(standing(&other), standing(&one));
    assert!(matches!(standing(&one), Standing::Restricted { reference: held, .. } if held == reference));
}

#[tokio::test]
async fn what_another_node_does_is_seen_without_being_asked_for() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let (_end, closing) = watch::channel(false);
    let projector = Arc::clone(&other.desk.projector);
    let following = tokio::spawn(async move { projector.follow(closing).await });
    restrict(&one, None).await;
    let seen = async {
        while !standing(&other).is_restricted() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(Duration::from_millis(800), seen).await.expect("in force before a second is over");
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
    node.desk.policies.books.load().of(&OrganizationId::first()).book.default.per_day
}

#[tokio::test]
async fn whoever_was_slower_sees_what_the_faster_one_wrote_and_may_try_again() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let change = async |node: &Node, per_day: u32| {
        let patch = json!({ "per_day": per_day });
        node.desk.change_policy(&admin(), "Default", &patch, None).await.map(|policy| policy.policy.per_day)
    };
    assert_eq!(change(&one, 7).await.unwrap(), 7);
    let refused = change(&other, 8).await.unwrap_err();
    assert!(refused.to_string().contains("were changed meanwhile"), "{refused}");
    assert_eq!(per_day(&other), 7);
    assert_eq!(change(&other, 8).await.unwrap(), 8);
    one.desk.projector.catch_up().await.unwrap();
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
    let granted = one.desk.grant_allowance(&admin(), &request).await.unwrap();
    other.desk.projector.catch_up().await.unwrap();
    assert_eq!(other.desk.policies.allowance(&alice(), now), Some(granted));
    other.desk.end_allowance(&admin(), "alice@example.com").await.unwrap();
    one.desk.projector.catch_up().await.unwrap();
    assert_eq!(one.desk.policies.allowance(&alice(), now), None);
}

#[tokio::test]
async fn alert_policies_are_the_same_everywhere() {
    let site = Site::new();
    let (one, other) = (site.node().await, site.node().await);
    let name = Trigger::UserRestricted.name();
    one.desk.change_alert_policy(&admin(), name, &json!({ "recipients": ["soc@example.com"] }), None).await.unwrap();
    other.desk.projector.catch_up().await.unwrap();
    let recipients = |node: &Node| {
        let kept = node.desk.alert_policies.load();
        kept.of(&OrganizationId::first()).book.find(name).unwrap().recipients.clone()
    };
    assert_eq!(recipients(&other), Some(vec!["soc@example.com".to_owned()]));
    assert_eq!(recipients(&one), recipients(&other));
}
