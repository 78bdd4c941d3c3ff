//! What every ledger has to do, tested from outside: each test runs against every implementation.

#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod behaviour;
mod oracle;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use postern_domain::evidence::{AttemptRecord, Outcome};
use postern_domain::policy::Limits;
use postern_domain::window::Charge;
use postern_domain::{EntityId, Timestamp};
use postern_ledger::memory::MemoryLedger;
use postern_ledger::{Accepted, Claim, Committed, Ledger, MessageId, NodeId, Now, Reserved};

const LEASE: Duration = Duration::from_secs(30);

/// A clock that stands still until it is moved.
#[derive(Clone)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(Timestamp::parse("2026-11-25T18:00:00Z").unwrap().as_millis())))
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }

    fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }

    fn reader(&self) -> Now {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }
}

/// A ledger under test, with the clock that it reads.
pub(crate) struct Site<L> {
    ledger: L,
    clock: Clock,
    _folder: tempfile::TempDir,
}

/// A memory ledger over a new folder.
fn memory() -> Site<MemoryLedger> {
    let (clock, folder) = (Clock::new(), tempfile::tempdir().unwrap());
    Site { ledger: MemoryLedger::open(folder.path(), clock.reader()).unwrap(), clock, _folder: folder }
}

impl<L: Ledger> Site<L> {
    async fn reserve(&self, name: &str, message: &str, needs: Charge, limits: &Limits) -> Reserved {
        let entity = account(name);
        let message = MessageId::of(&entity, message, 0);
        let owner = NodeId::of("mx1");
        let claim = Claim { entity: &entity, message, owner, needs, limits, reserved_is_certain: false, lease: LEASE };
        self.ledger.reserve(claim).await.unwrap()
    }

    async fn cancel(&self, name: &str, message: &str) {
        let entity = account(name);
        self.ledger.cancel(&entity, MessageId::of(&entity, message, 0)).await.unwrap();
    }

    async fn commit(&self, name: &str, message: &str, charge: Charge) -> Committed {
        let entity = account(name);
        let message = MessageId::of(&entity, message, 0);
        let record = record(self.clock.now(), charge.recipients());
        self.ledger
            .commit(Accepted { entity: &entity, message, charge, record: (&record).into(), profile: None })
            .await
            .unwrap()
    }
}

pub(crate) fn account(name: &str) -> EntityId {
    EntityId::account_named(format!("{name}@example.com"))
}

pub(crate) fn external(recipients: u32) -> Charge {
    Charge { external: recipients, ..Charge::NONE }.as_message()
}

pub(crate) fn record(at: Timestamp, recipients: u32) -> AttemptRecord {
    AttemptRecord {
        at,
        client_address: Some("192.0.2.7".parse().unwrap()),
        helo_name: "client.example".into(),
        sasl_method: "PLAIN".into(),
        sender: "alice@example.com".into(),
        queue_id: "BAC8198E2F0".into(),
        recipients,
        external: recipients,
        size: 1234,
        outcome: Outcome::Accepted,
    }
}

macro_rules! suite {
    ($make:ident: $($test:ident),+ $(,)?) => {
        mod $make {
            $(#[tokio::test]
            async fn $test() {
                super::behaviour::$test(super::$make()).await;
            })+
        }
    };
}

suite!(memory:
    a_claim_names_the_whole_and_may_be_repeated,
    a_message_is_counted_once,
    a_reservation_ends_with_its_lease,
    whoever_waits_is_woken_by_what_ends,
    a_node_that_starts_anew_leaves_no_reservation_behind,
    what_does_not_fit_changes_nothing,
    unknown_recipients_stop_everything_but_the_escape_lane,
    the_last_attempts_are_there_from_the_first_message_on,
    windows_are_emptied,
    a_profile_comes_back_with_the_next_claim,
    many_at_once_do_not_overshoot,
    the_busiest_are_found_in_each_window,
);
