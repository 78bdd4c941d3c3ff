//! In-process tests of the gate over a ledger that fails.

use std::sync::atomic::{AtomicBool, Ordering};

use postern_domain::EntityId;
use postern_domain::gate::Verdict;
use postern_domain::window::{Charge, Usage, Window};
use postern_ledger::{
    Accepted, AttemptRef, Claim, Committed, Ledger, LedgerError, MessageId, NodeId, RecentAttempts, Reserved,
};

use super::door::LEARNED;
use super::testing::Site;
use super::*;
use crate::gate::{Ask, Event, Recipients, Trace, Who};

/// A memory ledger that can't be reached while `away` is set.
struct Distant {
    ledger: Arc<MemoryLedger>,
    away: AtomicBool,
}

impl Distant {
    fn reach(&self) -> Result<&MemoryLedger, LedgerError> {
        match self.away.load(Ordering::Relaxed) {
            true => Err(LedgerError::Unreachable("no route to host".into())),
            false => Ok(&self.ledger),
        }
    }
}

impl Ledger for Distant {
    async fn reserve(&self, claim: Claim<'_>) -> Result<Reserved, LedgerError> {
        self.reach()?.reserve(claim).await
    }

    async fn cancel(&self, entity: &EntityId, message: MessageId) -> Result<(), LedgerError> {
        self.reach()?.cancel(entity, message).await
    }

    async fn cancel_all_of(&self, owner: NodeId) -> Result<(), LedgerError> {
        self.reach()?.cancel_all_of(owner).await
    }

    async fn commit(&self, accepted: Accepted<'_>) -> Result<Committed, LedgerError> {
        self.reach()?.commit(accepted).await
    }

    async fn refused(&self, entity: &EntityId, record: AttemptRef<'_>) -> Result<(), LedgerError> {
        self.reach()?.refused(entity, record).await
    }

    async fn note(&self, entity: &EntityId, charge: Charge) -> Result<(), LedgerError> {
        self.reach()?.note(entity, charge).await
    }

    fn freed(&self, entity: &EntityId) -> impl Future<Output = ()> + Send {
        self.ledger.freed(entity)
    }

    async fn usage(&self, entity: &EntityId) -> Result<Usage, LedgerError> {
        self.reach()?.usage(entity).await
    }

    async fn recent(&self, entity: &EntityId) -> Result<RecentAttempts, LedgerError> {
        self.reach()?.recent(entity).await
    }

    async fn reset(&self, entity: &EntityId, windows: &[Window]) -> Result<(), LedgerError> {
        self.reach()?.reset(entity, windows).await
    }

    async fn entity_count(&self) -> Result<usize, LedgerError> {
        self.reach()?.entity_count().await
    }

    async fn busiest(
        &self,
        windows: &[Window],
        most: usize,
        wanted: impl Fn(&EntityId) -> bool + Send,
    ) -> Result<Vec<EntityId>, LedgerError> {
        self.reach()?.busiest(windows, most, wanted).await
    }

    async fn entities(
        &self,
        most: usize,
        wanted: impl Fn(&EntityId) -> bool + Send,
    ) -> Result<Vec<EntityId>, LedgerError> {
        self.reach()?.entities(most, wanted).await
    }
}

#[tokio::test]
async fn a_ledger_that_is_away_stops_no_mail_and_health_says_so() {
    let site = Site::new();
    let node = site.node_with(|settings| settings.outbound_policy.external_per_hour = 1).await;
    let distant = Arc::new(Distant { ledger: Arc::clone(&node.shared.ledger), away: AtomicBool::new(false) });
    let shared = &node.shared;
    let gate = Gate::new(of!(shared, Parts {
        settings, standings, policies, incidents, own_mail, mail_servers, clock, metrics, health, links, directory_cache,
        known_recipients; node: NodeId::of("test"), ledger: Arc::clone(&distant), traffic: Arc::clone(&shared.meter)
    }));
    let mut session = gate.session("unix", LEARNED);
    let mut ask = async |key: &str, event: Event<'_>| {
        let who = Who { login: "alice", ..Who::default() };
        gate.answer(&Ask { who, message: key, event, trace: Trace::default() }, &mut session).await
    };
    let end = Event::End(Recipients::Count(1));
    assert_eq!(ask("1", Event::Recipient("a@x.example")).await, Verdict::Pass);
    distant.away.store(true, Ordering::Relaxed);
    // One that was reserved before, and one that begins and ends meanwhile.
    assert_eq!(ask("1", end).await, Verdict::Pass);
    for event in [Event::Recipient("b@x.example"), Event::Recipient("c@x.example"), end] {
        assert_eq!(ask("2", event).await, Verdict::Pass);
    }
    let problem = "counter engine: the counter engine can't be reached: no route to host";
    assert_eq!(shared.health.problems(), [problem]);
    assert!(shared.metrics.ledger_errors.get() > 0);
    distant.away.store(false, Ordering::Relaxed);
    // Counting goes on; what passed meanwhile is not counted, and what it had reserved ends with its lease.
    site.clock.advance(std::time::Duration::from_secs(120));
    assert_eq!(ask("3", Event::Recipient("d@x.example")).await, Verdict::Pass);
    assert_eq!(shared.health.problems(), [] as [String; 0]);
    assert_eq!(ask("3", end).await, Verdict::Pass);
    assert!(matches!(ask("4", Event::Recipient("e@x.example")).await, Verdict::Refuse(_)));
}
