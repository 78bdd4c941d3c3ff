//! In-process nodes for tests: a clock that the test moves, seeded randomness, a store in a temporary folder.

use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use postern_domain::access::Role;
use postern_domain::finding::Finding;
use postern_domain::policy::CopyAlias;
use postern_domain::time::Zone;
use postern_domain::{Domain, Organization, OrganizationId, Timestamp};
use postern_store::sqlite::SqliteStore;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

use super::*;
use crate::in_force::InForce;
use crate::service::views::StatusView;
use crate::service::{Caller, CallerKind};

/// A clock that stands still until it is moved.
pub(crate) struct MovedClock(AtomicI64);

impl MovedClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

impl Clock for MovedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Gives the same bytes in every run.
struct Seeded(Mutex<StdRng>);

impl Randomness for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill_bytes(bytes);
    }
}

struct NoMailServer;

#[async_trait]
impl WiringCheck for NoMailServer {
    async fn findings(&self, _: &InForce, _: &StatusView) -> Vec<Finding> {
        Vec::new()
    }

    fn lines(&self, _: &Settings, _: &[CopyAlias]) -> String {
        String::new()
    }
}

/// The environment that nodes share: one database, one clock.
pub(crate) struct Site {
    pub(crate) clock: Arc<MovedClock>,
    /// The test's own connection, for inspecting the store.
    observer: SqliteStore,
    folder: TempDir,
    nodes: AtomicI64,
    /// Watchers end when it is dropped or set.
    closing: watch::Sender<bool>,
}

impl Site {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let observer = SqliteStore::open(&folder.path().join("postern.db")).unwrap();
        let noon = Timestamp::parse("2026-11-25T12:00:00Z").unwrap();
        Self {
            clock: Arc::new(MovedClock(AtomicI64::new(noon.as_millis()))),
            observer,
            folder,
            nodes: AtomicI64::new(0),
            closing: watch::Sender::new(false),
        }
    }

    /// The database, through connections that no node uses.
    pub(crate) fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.observer.clone())
    }

    /// The store's file, for a test that makes it fail.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join("postern.db")
    }

    /// Another node over the same database, with connections of its own, like another process. It has no background
    /// tasks: it sees other nodes' changes only when it reads them.
    pub(crate) async fn node(&self) -> Node {
        self.node_with(|_| {}).await
    }

    /// Like [`Site::node`], with changed settings.
    pub(crate) async fn node_with(&self, change: impl FnOnce(&mut Settings)) -> Node {
        let number = self.nodes.fetch_add(1, Ordering::Relaxed);
        let organization = Organization {
            id: OrganizationId::first(),
            name: "Example".into(),
            domains: vec![Domain::parse("example.com").unwrap()],
            admins: vec!["admin@example.com".into()],
            helpdesk: Vec::new(),
            time_zone: Zone::utc(),
        };
        let data = self.folder.path().join(number.to_string());
        let mut settings = Settings { data, ..Settings::of(organization, "https://postern.example.com") };
        change(&mut settings);
        self.start(settings, number).await
    }

    /// The node as it is after a restart: usage up to now is on disk, and nothing else of the node is left.
    pub(crate) async fn restarted(&self, node: Node) -> Node {
        node.shared.ledger.maintain(true).unwrap();
        node.shared.mail_servers.write(&*node.shared.store).await.unwrap();
        let settings = node.shared.settings.load().settings().clone();
        drop(node);
        self.start(settings, self.nodes.fetch_add(1, Ordering::Relaxed)).await
    }

    async fn start(&self, settings: Settings, number: i64) -> Node {
        let clock = Arc::clone(&self.clock);
        let ledger = MemoryLedger::open(&settings.data.join("usage"), Arc::new(move || clock.now())).unwrap();
        Node::new(NodeParts {
            settings,
            store: Arc::new(SqliteStore::open(&self.database()).unwrap()),
            ledger: Arc::new(ledger),
            clock: Arc::clone(&self.clock) as Arc<dyn Clock>,
            randomness: Arc::new(Seeded(Mutex::new(StdRng::seed_from_u64(number.unsigned_abs())))),
            wiring_check: Arc::new(NoMailServer),
            closing: self.closing.subscribe(),
        })
        .await
        .unwrap()
    }
}

/// An admin who may do everything.
pub(crate) fn admin() -> Caller {
    Caller {
        name: "root".into(),
        kind: CallerKind::LocalUser,
        organization: None,
        role: Some(Role::OrganizationManagement),
    }
}
