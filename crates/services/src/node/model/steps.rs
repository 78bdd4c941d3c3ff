//! What a node does in the model test.

use std::time::Duration;

use postern_domain::alert::{AlertStatus, Trigger};
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::filter::AlertFilter;
use postern_domain::{EntityId, OrganizationId, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use super::super::Node;
use super::super::testing::{Site, admin};
use super::{ACCOUNTS, TENANTS};
use crate::clock::Clock;
use crate::gate::NewRestriction;
use crate::service::{
    AlertRequest, AllowanceRequest, Caller, OrganizationRequest, ReleaseRequest, RestrictRequest, ServiceError,
    UndoReleaseRequest,
};

/// What a node does in one round. Numbers are indices, minutes and settings.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Restrict { who: usize, minutes: Option<u32> },
    RestrictByLimit { who: usize },
    Release { who: usize },
    UndoRelease { who: usize },
    Expire,
    RaiseAlert { who: usize },
    CloseAlerts { who: usize },
    Allow { who: usize, minutes: u32 },
    EndAllowance { who: usize },
    EditPolicy { of: Option<usize>, per_day: u32 },
    EditAlertPolicy { of: Option<usize>, limit: u32 },
    AddTenant { which: usize },
    MoveTenant { which: usize, domain: usize },
    RemoveTenant { which: usize },
    Reload { per_day: u32 },
    Restart,
    CatchUp,
}

pub(super) fn step() -> impl Strategy<Value = Step> {
    let who = 0..ACCOUNTS.len();
    let tenant = 0..TENANTS.len();
    let of = proptest::option::of(0..TENANTS.len());
    prop_oneof![
        6 => (who.clone(), proptest::option::of(1..200u32)).prop_map(|(who, minutes)| Step::Restrict { who, minutes }),
        3 => who.clone().prop_map(|who| Step::RestrictByLimit { who }),
        5 => who.clone().prop_map(|who| Step::Release { who }),
        4 => who.clone().prop_map(|who| Step::UndoRelease { who }),
        4 => Just(Step::Expire),
        3 => who.clone().prop_map(|who| Step::RaiseAlert { who }),
        2 => who.clone().prop_map(|who| Step::CloseAlerts { who }),
        3 => (who.clone(), 1..200u32).prop_map(|(who, minutes)| Step::Allow { who, minutes }),
        2 => who.prop_map(|who| Step::EndAllowance { who }),
        3 => (of.clone(), 1..9u32).prop_map(|(of, per_day)| Step::EditPolicy { of, per_day }),
        2 => (of, 1..9u32).prop_map(|(of, limit)| Step::EditAlertPolicy { of, limit }),
        3 => tenant.clone().prop_map(|which| Step::AddTenant { which }),
        2 => (tenant.clone(), tenant.clone()).prop_map(|(which, domain)| Step::MoveTenant { which, domain }),
        2 => tenant.prop_map(|which| Step::RemoveTenant { which }),
        2 => (1..9u32).prop_map(|per_day| Step::Reload { per_day }),
        1 => Just(Step::Restart),
        2 => Just(Step::CatchUp),
    ]
}

pub(super) fn entity(who: usize) -> EntityId {
    EntityId::account_named(ACCOUNTS[who])
}

pub(super) fn tenant(which: usize) -> OrganizationId {
    OrganizationId::parse(TENANTS[which]).unwrap()
}

/// An admin of a tenant, or of everything.
fn admin_of(of: Option<usize>) -> Caller {
    Caller { organization: of.map(tenant), ..admin() }
}

pub(super) fn minutes(count: u32) -> Duration {
    Duration::from_secs(60) * count
}

fn reason() -> String {
    "random".into()
}

/// Takes the step, and returns its result, which may be a refusal.
pub(super) async fn take(step: &Step, site: &Site, node: &mut Node) -> Result<(), ServiceError> {
    let now = site.clock.now();
    match *step {
        Step::Restrict { who, minutes } => restrict(node, who, minutes, now).await,
        Step::RestrictByLimit { who } => restrict_by_limit(node, who, now).await,
        Step::Release { who } => {
            let request = ReleaseRequest { reason: reason(), reference: None, made_sure: Vec::new() };
            node.services.restrictions.release(&admin(), ACCOUNTS[who], &request).await.map(drop)
        }
        Step::UndoRelease { who } => {
            let request = UndoReleaseRequest { reason: reason(), reference: None };
            node.services.restrictions.undo_release(&admin(), ACCOUNTS[who], &request).await.map(drop)
        }
        Step::Expire => {
            node.services.restrictions.release_expired().await;
            Ok(())
        }
        Step::RaiseAlert { who } => {
            let cause = Cause::Manual { reason: reason() };
            let evidence = Evidence::default();
            node.shared.incidents.raise(Trigger::LimitExceeded, &entity(who), cause, evidence, now).await;
            Ok(())
        }
        Step::CloseAlerts { who } => close_alerts(node, who).await,
        Step::Allow { who, minutes } => allow(node, who, minutes, now).await,
        Step::EndAllowance { who } => node.services.allowances.end(&admin(), ACCOUNTS[who]).await,
        Step::EditPolicy { of, per_day } => {
            let patch = json!({ "per_day": per_day });
            node.services.policies.change(&admin_of(of), "Default", &patch, None).await.map(drop)
        }
        Step::EditAlertPolicy { of, limit } => {
            let patch = json!({ "daily_notification_limit": limit });
            let name = Trigger::UserRestricted.name();
            node.services.alert_policies.change(&admin_of(of), name, &patch, None).await.map(drop)
        }
        Step::AddTenant { which } => {
            node.services.organizations.add(&admin(), TENANTS[which], &with_domain(which)).await.map(drop)
        }
        Step::MoveTenant { which, domain } => {
            node.services.organizations.change(&admin(), TENANTS[which], &with_domain(domain)).await.map(drop)
        }
        Step::RemoveTenant { which } => node.services.organizations.remove(&admin(), TENANTS[which]).await,
        Step::Reload { per_day } => reload(node, per_day).await,
        Step::Restart => {
            *node = site.node().await;
            Ok(())
        }
        Step::CatchUp => Ok(node.shared.projector.catch_up().await?),
    }
}

async fn restrict(node: &Node, who: usize, end: Option<u32>, now: Timestamp) -> Result<(), ServiceError> {
    let until = end.map(|count| now.plus(minutes(count)));
    let request = RestrictRequest { entity: ACCOUNTS[who].into(), reason: reason(), until };
    node.services.restrictions.restrict(&admin(), &request).await.map(drop)
}

async fn restrict_by_limit(node: &Node, who: usize, now: Timestamp) -> Result<(), ServiceError> {
    let new = NewRestriction {
        entity: entity(who),
        cause: Cause::Manual { reason: reason() },
        evidence: Evidence::default(),
        until: None,
        actor: None,
        notify: Vec::new(),
    };
    node.shared.incidents.restrict(new, "x@example.net", now).await?;
    Ok(())
}

async fn close_alerts(node: &Node, who: usize) -> Result<(), ServiceError> {
    let open = AlertFilter {
        entity: Some(entity(who)),
        status: Some(AlertStatus::Active),
        trigger: Some(Trigger::LimitExceeded),
        ..AlertFilter::default()
    };
    for alert in node.services.alerts.list(&admin(), &open).await? {
        let request = AlertRequest { status: Some(AlertStatus::Resolved), comment: String::new() };
        node.services.alerts.change(&admin(), alert.reference.as_str(), &request).await?;
    }
    Ok(())
}

async fn allow(node: &Node, who: usize, end: u32, now: Timestamp) -> Result<(), ServiceError> {
    let request = AllowanceRequest {
        entity: ACCOUNTS[who].into(),
        external_per_hour: Some(5000),
        internal_per_hour: None,
        per_day: None,
        until: now.plus(minutes(end)),
        reason: reason(),
    };
    node.services.allowances.grant(&admin(), &request).await.map(drop)
}

async fn reload(node: &Node, per_day: u32) -> Result<(), ServiceError> {
    let mut file = node.services.settings.load().settings().clone();
    file.outbound_policy.per_day = per_day;
    node.services.configuration.take_over(&file).await?;
    node.services.settings.replace_settings(file);
    Ok(())
}

/// A request that gives a tenant the domain of the one with this number.
fn with_domain(number: usize) -> OrganizationRequest {
    let domains = Some(vec![format!("{}.example", TENANTS[number])]);
    OrganizationRequest { domains, ..OrganizationRequest::default() }
}
