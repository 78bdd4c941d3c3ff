//! A randomised model test of two nodes over one store: whatever they do, in turn or at once, the in-memory state of
//! each matches the store.

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashMap;
use postern_domain::alert::{AlertBook, AlertStatus, Trigger};
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::filter::{AlertFilter, AuditFilter};
use postern_domain::policy::{Allowance, PolicyBook};
use postern_domain::restriction::Standing;
use postern_domain::{EntityId, Organization, OrganizationId, Timestamp};
use postern_store::Versioned;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::json;

use super::testing::{Site, admin};
use super::*;
use crate::gate::NewRestriction;
use crate::service::{
    AlertRequest, AllowanceRequest, OrganizationRequest, ReleaseRequest, RestrictRequest, ServiceError,
    UndoReleaseRequest,
};

/// The number of rounds; `POSTERN_MODEL_ROUNDS` overrides it.
const ROUNDS: u32 = 2_000;
/// The number of rounds before the nodes and their store are created anew.
const ROUNDS_OF_A_CASE: usize = 100;
const ACCOUNTS: [&str; 4] = ["alice@example.com", "bob@example.com", "ann@contoso.example", "finn@fabrikam.example"];
const TENANTS: [&str; 2] = ["contoso", "fabrikam"];

/// What a node does in one round. Numbers are indices, minutes and settings.
#[derive(Debug, Clone)]
enum Step {
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

#[derive(Debug, Clone)]
enum Round {
    /// One node takes a step.
    One { node: usize, step: Step },
    /// Both nodes take a step at once.
    Both(Step, Step),
    /// Time passes.
    Wait { minutes: u32 },
}

fn step() -> impl Strategy<Value = Step> {
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

fn round() -> impl Strategy<Value = Round> {
    prop_oneof![
        8 => (0..2usize, step()).prop_map(|(node, step)| Round::One { node, step }),
        3 => (step(), step()).prop_map(|(one, other)| Round::Both(one, other)),
        2 => (1..120u32).prop_map(|minutes| Round::Wait { minutes }),
    ]
}

fn entity(who: usize) -> EntityId {
    EntityId::account_named(ACCOUNTS[who])
}

fn tenant(which: usize) -> OrganizationId {
    OrganizationId::parse(TENANTS[which]).unwrap()
}

/// An admin of a tenant, or of everything.
fn admin_of(of: Option<usize>) -> crate::service::Caller {
    crate::service::Caller { organization: of.map(tenant), ..admin() }
}

fn minutes(count: u32) -> Duration {
    Duration::from_secs(60) * count
}

/// Takes the step, and returns its result, which may be a refusal.
async fn take(step: &Step, site: &Site, node: &mut Node) -> Result<(), ServiceError> {
    let (services, shared) = (Arc::clone(&node.services), node.shared.clone());
    let now = site.clock.now();
    let account = |who: usize| ACCOUNTS[who].to_owned();
    let reason = || "as the dice fell".to_owned();
    match *step {
        Step::Restrict { who, minutes: end } => {
            let until = end.map(|count| now.plus(minutes(count)));
            let request = RestrictRequest { entity: account(who), reason: reason(), until };
            services.restrictions.restrict(&admin(), &request).await.map(drop)
        }
        Step::RestrictByLimit { who } => {
            let new = NewRestriction {
                entity: entity(who),
                cause: Cause::Manual { reason: reason() },
                evidence: Evidence::default(),
                until: None,
                actor: None,
                notify: Vec::new(),
            };
            shared.incidents.restrict(new, "x@example.net", now).await?;
            Ok(())
        }
        Step::Release { who } => {
            let request = ReleaseRequest { reason: reason(), reference: None, made_sure: Vec::new() };
            services.restrictions.release(&admin(), &account(who), &request).await.map(drop)
        }
        Step::UndoRelease { who } => {
            let request = UndoReleaseRequest { reason: reason(), reference: None };
            services.restrictions.undo_release(&admin(), &account(who), &request).await.map(drop)
        }
        Step::Expire => {
            services.restrictions.release_expired().await;
            Ok(())
        }
        Step::RaiseAlert { who } => {
            let cause = Cause::Manual { reason: reason() };
            shared.incidents.raise(Trigger::LimitExceeded, &entity(who), cause, Evidence::default(), now).await;
            Ok(())
        }
        Step::CloseAlerts { who } => {
            let open = AlertFilter {
                entity: Some(entity(who)),
                status: Some(AlertStatus::Active),
                trigger: Some(Trigger::LimitExceeded),
                ..AlertFilter::default()
            };
            for alert in services.alerts.list(&admin(), &open).await? {
                let request = AlertRequest { status: Some(AlertStatus::Resolved), comment: String::new() };
                services.alerts.change(&admin(), alert.reference.as_str(), &request).await?;
            }
            Ok(())
        }
        Step::Allow { who, minutes: end } => {
            let request = AllowanceRequest {
                entity: account(who),
                external_per_hour: Some(5000),
                internal_per_hour: None,
                per_day: None,
                until: now.plus(minutes(end)),
                reason: reason(),
            };
            services.allowances.grant(&admin(), &request).await.map(drop)
        }
        Step::EndAllowance { who } => services.allowances.end(&admin(), ACCOUNTS[who]).await,
        Step::EditPolicy { of, per_day } => {
            let patch = json!({ "per_day": per_day });
            services.policies.change(&admin_of(of), "Default", &patch, None).await.map(drop)
        }
        Step::EditAlertPolicy { of, limit } => {
            let patch = json!({ "daily_notification_limit": limit });
            let name = Trigger::UserRestricted.name();
            services.alert_policies.change(&admin_of(of), name, &patch, None).await.map(drop)
        }
        Step::AddTenant { which } => {
            let domains = Some(vec![format!("{}.example", TENANTS[which])]);
            let request = OrganizationRequest { domains, ..OrganizationRequest::default() };
            services.organizations.add(&admin(), TENANTS[which], &request).await.map(drop)
        }
        Step::MoveTenant { which, domain } => {
            let domains = Some(vec![format!("{}.example", TENANTS[domain])]);
            let request = OrganizationRequest { domains, ..OrganizationRequest::default() };
            services.organizations.change(&admin(), TENANTS[which], &request).await.map(drop)
        }
        Step::RemoveTenant { which } => services.organizations.remove(&admin(), TENANTS[which]).await,
        Step::Reload { per_day } => {
            let mut file = services.settings.load().settings().clone();
            file.outbound_policy.per_day = per_day;
            services.configuration.take_over(&file).await?;
            services.settings.replace_settings(file);
            Ok(())
        }
        Step::Restart => {
            *node = site.node().await;
            Ok(())
        }
        Step::CatchUp => Ok(shared.projector.catch_up().await?),
    }
}

/// All in-memory state of a node, without what has expired at `now`.
#[derive(Debug, PartialEq)]
struct Held {
    standings: HashMap<EntityId, Standing>,
    allowances: HashMap<EntityId, Allowance>,
    open_alerts: BTreeMap<String, Vec<(Trigger, Timestamp)>>,
    policies: Vec<Versioned<PolicyBook>>,
    alert_policies: Vec<Versioned<AlertBook>>,
    tenants: BTreeMap<String, Organization>,
}

impl Held {
    fn by(views: &Views, now: Timestamp) -> Self {
        views.standings.sweep(now);
        views.policies.sweep(now);
        views.open_alerts.sweep(now);
        let everybody = || std::iter::once(OrganizationId::first()).chain((0..TENANTS.len()).map(tenant));
        let open = views.open_alerts.all().into_iter().map(|(entity, alerts)| (entity.to_string(), alerts));
        let in_force = views.settings.load();
        Self {
            standings: views.standings.all(),
            allowances: views.policies.allowances(),
            open_alerts: open.collect(),
            policies: everybody().map(|id| Versioned::clone(views.policies.books.load().of(&id))).collect(),
            alert_policies: everybody().map(|id| Versioned::clone(views.alert_policies.load().of(&id))).collect(),
            tenants: in_force.tenants().map(|tenant| (tenant.id.to_string(), tenant.clone())).collect(),
        }
    }
}

fn views_of(node: &Node) -> Views {
    node.shared.projector.views().clone()
}

/// The in-memory state that a node starting now would have.
async fn from_the_store(site: &Site, settings: &Settings) -> Held {
    let (_, closing) = watch::channel(false);
    let store = site.store();
    let views = Views {
        standings: Arc::default(),
        policies: Arc::default(),
        alert_policies: Arc::default(),
        open_alerts: Arc::default(),
        settings: Arc::new(SettingsInForce::new(settings.clone())),
        events: Events::new(Arc::clone(&store), closing),
        health: Arc::default(),
    };
    let now = site.clock.now();
    Projector::new(store, views.clone()).restore(now).await.unwrap();
    Held::by(&views, now)
}

/// Checks that the step changed standings only as it may.
fn check_standings(
    step: &Step,
    done: bool,
    before: &HashMap<EntityId, Standing>,
    after: &HashMap<EntityId, Standing>,
    now: Timestamp,
) {
    for who in 0..ACCOUNTS.len() {
        let entity = entity(who);
        let was = before.get(&entity).cloned().unwrap_or(Standing::Free);
        let is = after.get(&entity).cloned().unwrap_or(Standing::Free);
        let begun = Standing::Probation { until: now.plus(minutes(24 * 60)) };
        let expected = match step {
            Step::Restrict { who: of, .. } | Step::UndoRelease { who: of } if *of == who && done => {
                assert!(!was.is_restricted() && is.is_restricted(), "{step:?}: {was:?} → {is:?}");
                continue;
            }
            Step::RestrictByLimit { who: of } if *of == who && done && !was.is_restricted() => {
                assert!(is.is_restricted(), "{step:?}: {was:?} → {is:?}");
                continue;
            }
            Step::Release { who: of } if *of == who && done => begun,
            Step::Expire => match &was {
                // The node may not know about it yet.
                Standing::Restricted { until: Some(until), .. } if *until <= now => {
                    assert!(is == was || is == begun, "{step:?}: {was:?} → {is:?}");
                    continue;
                }
                was => was.clone(),
            },
            _ => was.clone(),
        };
        assert_eq!(is, expected, "{step:?} of {entity}, which was {was:?}");
    }
}

async fn standings(site: &Site) -> HashMap<EntityId, Standing> {
    let store = site.store();
    let mut standings = HashMap::new();
    for who in 0..ACCOUNTS.len() {
        standings.insert(entity(who), store.standing(&entity(who)).await.unwrap());
    }
    standings
}

/// Whether a step was done, or else refused. A failure of the store or the ledger fails the test.
fn was_done(step: &Step, result: Result<(), ServiceError>) -> Result<bool, TestCaseError> {
    match result {
        Ok(()) => Ok(true),
        Err(ServiceError::Store(error)) => Err(TestCaseError::fail(format!("{step:?}: {error}"))),
        Err(ServiceError::Ledger(error)) => Err(TestCaseError::fail(format!("{step:?}: {error}"))),
        Err(_) => Ok(false),
    }
}

async fn play(rounds: Vec<Round>) -> Result<(), TestCaseError> {
    let site = Site::new();
    let (mut one, mut other) = (site.node().await, site.node().await);
    let mut watched = other.shared.events.watch(None, Some(0)).await.unwrap();
    let mut last_seen = 0;
    for round in &rounds {
        match round {
            Round::Wait { minutes: count } => site.clock.advance(minutes(*count)),
            Round::One { node, step } => {
                let before = standings(&site).await;
                let node = if *node == 0 { &mut one } else { &mut other };
                let done = was_done(step, take(step, &site, node).await)?;
                let now = site.clock.now();
                check_standings(step, done, &before, &standings(&site).await, now);
                // A node that has written a change has it in force without following the trail.
                if done {
                    let settings = node.shared.settings.load().settings().clone();
                    prop_assert_eq!(
                        Held::by(&views_of(node), now),
                        from_the_store(&site, &settings).await,
                        "{:?}",
                        step
                    );
                }
            }
            Round::Both(first, second) => {
                let (a, b) = tokio::join!(take(first, &site, &mut one), take(second, &site, &mut other));
                was_done(first, a)?;
                was_done(second, b)?;
            }
        }
        for node in [&one, &other] {
            node.shared.projector.catch_up().await.unwrap();
            let (now, settings) = (site.clock.now(), node.shared.settings.load().settings().clone());
            prop_assert_eq!(
                Held::by(&views_of(node), now),
                from_the_store(&site, &settings).await,
                "after {:?}",
                round
            );
        }
        // A watcher sees every reported entry once and in order, whether or not a node was restarted.
        let all = AuditFilter::default();
        let told = other.shared.store.audit(&all).await.unwrap();
        let seen = last_seen;
        let told = told.iter().rev().filter(|entry| entry.seq > seen && entry.fact().unwrap().event().is_some());
        if matches!(
            round,
            Round::One { step: Step::Restart, .. } | Round::Both(Step::Restart, _) | Round::Both(_, Step::Restart)
        ) {
            watched = other.shared.events.watch(None, Some(last_seen)).await.unwrap();
        }
        for entry in told {
            let event = tokio::time::timeout(Duration::from_secs(5), watched.next()).await.unwrap().unwrap();
            prop_assert_eq!(event.id, entry.seq);
            last_seen = entry.seq;
        }
    }
    let report = site.store().verify_audit(None).await.unwrap();
    prop_assert_eq!(report.broken, None);
    Ok(())
}

#[test]
fn whatever_two_nodes_do_each_sees_what_the_store_holds() {
    let rounds = std::env::var("POSTERN_MODEL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let cases = rounds.div_ceil(ROUNDS_OF_A_CASE as u32);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner = TestRunner::new(Config { cases, max_shrink_time: 60_000, ..Config::default() });
    let rounds = proptest::collection::vec(round(), ROUNDS_OF_A_CASE);
    runner.run(&rounds, |rounds| runtime.block_on(play(rounds))).unwrap();
}
