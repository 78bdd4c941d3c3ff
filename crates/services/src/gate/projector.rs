//! Brings what the gate holds in memory up to date with the audit trail, entry by entry.
//!
//! The trail has every change in the order in which it was written, whoever wrote it: this process or another. Who
//! changes something writes it to the store and then calls [`Projector::catch_up`]: when that returns, the change is
//! in force here.

use std::sync::Arc;
use std::time::Duration;

use postern_domain::restriction::Standing;
use postern_domain::{EntityId, Timestamp};
use postern_store::audit::AuditEntry;
use postern_store::{RestrictionFilter, Store, StoreError};
use tokio::sync::{Mutex, watch};

use super::Standings;
use super::incidents::standing;

/// Entries that are read at once.
const AT_ONCE: u32 = 256;
/// How long changes of other processes may go unseen, and when a store that has failed is asked again.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// Follows the trail.
pub struct Projector {
    store: Arc<dyn Store>,
    standings: Arc<Standings>,
    /// The number of the last entry that is projected. Locked while the next ones are.
    projected: Mutex<i64>,
}

impl Projector {
    /// Nothing is projected before [`Projector::restore`].
    pub fn new(store: Arc<dyn Store>, standings: Arc<Standings>) -> Self {
        Self { store, standings, projected: Mutex::new(0) }
    }

    /// Takes over what is in force at the start.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn restore(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut projected = self.projected.lock().await;
        // The number first: what is written meanwhile is projected again.
        *projected = *self.store.newest_change().borrow();
        for (entity, until) in self.store.probations(now).await? {
            self.standings.set(&entity, Standing::Probation { until });
        }
        for kept in self.store.restrictions(&RestrictionFilter::default()).await? {
            let restriction = kept.record.restriction();
            self.standings.set(&restriction.entity, standing(restriction));
        }
        Ok(())
    }

    /// Projects every entry that is written by now.
    ///
    /// # Errors
    /// The store can't be read; what was read until then is projected.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut projected = self.projected.lock().await;
        loop {
            let changes = self.store.changes_after(*projected, AT_ONCE).await?;
            for change in &changes {
                self.project(change).await?;
                *projected = change.seq;
            }
            if changes.len() < AT_ONCE as usize {
                return Ok(());
            }
        }
    }

    /// Projects what others write, until `closing` turns true.
    pub async fn follow(&self, mut closing: watch::Receiver<bool>) {
        let mut newest = self.store.newest_change();
        loop {
            tokio::select! {
                _ = tokio::time::timeout(AT_LEAST_EVERY, newest.changed()) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
            if let Err(error) = self.catch_up().await {
                tracing::warn!(%error, "changes can't be read; what is in force stays so meanwhile");
                tokio::time::sleep(AT_LEAST_EVERY).await;
            }
        }
    }

    async fn project(&self, change: &AuditEntry) -> Result<(), StoreError> {
        match change.action.as_str() {
            "restriction.add" | "restriction.release" => {
                // What the store holds now, not what the entry says: a later one may have been written already.
                let entity = EntityId::from_text(&change.target);
                let standing = self.store.standing(&entity).await?;
                self.standings.set(&entity, standing);
            }
            _ => {}
        }
        Ok(())
    }
}
