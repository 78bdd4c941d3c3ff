//! A randomised model test of two nodes over one store: whatever they do, in turn or at once, the in-memory state of
//! each matches the store.

mod steps;

use std::collections::BTreeMap;
use std::time::Duration;

use hashbrown::HashMap;
use postern_domain::alert::{AlertBook, Trigger};
use postern_domain::filter::AuditFilter;
use postern_domain::policy::{Allowance, PolicyBook};
use postern_domain::restriction::Standing;
use postern_domain::{EntityId, Organization, OrganizationId, Timestamp};
use postern_store::Versioned;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use super::testing::Site;
use super::*;
use crate::events::Watcher;
use crate::service::ServiceError;
use steps::{Step, entity, minutes, step, take, tenant};

/// The number of rounds; `POSTERN_MODEL_ROUNDS` overrides it.
const ROUNDS: u32 = 2_000;
/// The number of rounds before the nodes and their store are created anew.
const ROUNDS_OF_A_CASE: usize = 100;
const ACCOUNTS: [&str; 4] = ["alice@example.com", "bob@example.com", "ann@contoso.example", "finn@fabrikam.example"];
const TENANTS: [&str; 2] = ["contoso", "fabrikam"];

#[derive(Debug, Clone)]
enum Round {
    /// One node takes a step.
    One { node: usize, step: Step },
    /// Both nodes take a step at once.
    Both(Step, Step),
    /// Time passes.
    Wait { minutes: u32 },
}

fn round() -> impl Strategy<Value = Round> {
    prop_oneof![
        8 => (0..2usize, step()).prop_map(|(node, step)| Round::One { node, step }),
        3 => (step(), step()).prop_map(|(one, other)| Round::Both(one, other)),
        2 => (1..120u32).prop_map(|minutes| Round::Wait { minutes }),
    ]
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
    let views = empty_views(settings.clone(), Events::new(Arc::clone(&store), closing));
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

impl Round {
    fn restarts_a_node(&self) -> bool {
        matches!(
            self,
            Round::One { step: Step::Restart, .. } | Round::Both(Step::Restart, _) | Round::Both(_, Step::Restart)
        )
    }
}

/// Checks that a node's in-memory state is what a node starting now would have.
async fn check_state(site: &Site, node: &Node, after: &impl std::fmt::Debug) -> Result<(), TestCaseError> {
    let settings = node.shared.settings.load().settings().clone();
    let held = Held::by(&views_of(node), site.clock.now());
    prop_assert_eq!(held, from_the_store(site, &settings).await, "after {:?}", after);
    Ok(())
}

/// One node takes a step.
async fn step_of_one(site: &Site, node: &mut Node, step: &Step) -> Result<(), TestCaseError> {
    let before = standings(site).await;
    let done = was_done(step, take(step, site, node).await)?;
    check_standings(step, done, &before, &standings(site).await, site.clock.now());
    // A node that has written a change has it in force without following the trail.
    if done { check_state(site, node, step).await } else { Ok(()) }
}

/// A watcher of events, and the last one that it saw.
struct Follower {
    watcher: Watcher,
    last_seen: i64,
}

impl Follower {
    async fn new(node: &Node, last_seen: i64) -> Self {
        Self { watcher: node.shared.events.watch(None, Some(last_seen)).await.unwrap(), last_seen }
    }

    /// Checks that the watcher sees every entry that is reported, once and in order.
    async fn check(&mut self, node: &Node) -> Result<(), TestCaseError> {
        let entries = node.shared.store.audit(&AuditFilter::default()).await.unwrap();
        let seen = self.last_seen;
        let reported = entries.iter().rev().filter(|entry| entry.seq > seen && entry.fact().unwrap().event().is_some());
        for entry in reported {
            let event = tokio::time::timeout(Duration::from_secs(5), self.watcher.next()).await.unwrap().unwrap();
            prop_assert_eq!(event.id, entry.seq);
            self.last_seen = entry.seq;
        }
        Ok(())
    }
}

async fn play(rounds: Vec<Round>) -> Result<(), TestCaseError> {
    let site = Site::new();
    let (mut one, mut other) = (site.node().await, site.node().await);
    let mut follower = Follower::new(&other, 0).await;
    for round in &rounds {
        match round {
            Round::Wait { minutes: count } => site.clock.advance(minutes(*count)),
            Round::One { node: 0, step } => step_of_one(&site, &mut one, step).await?,
            Round::One { step, .. } => step_of_one(&site, &mut other, step).await?,
            Round::Both(first, second) => {
                let (a, b) = tokio::join!(take(first, &site, &mut one), take(second, &site, &mut other));
                was_done(first, a)?;
                was_done(second, b)?;
            }
        }
        for node in [&one, &other] {
            node.shared.projector.catch_up().await.unwrap();
            check_state(&site, node, round).await?;
        }
        if round.restarts_a_node() {
            follower = Follower::new(&other, follower.last_seen).await;
        }
        follower.check(&other).await?;
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
