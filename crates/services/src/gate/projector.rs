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

use super::incidents::standing;
use super::{AlertPolicies, Policies, Standings};

/// Entries that are read at once.
const AT_ONCE: u32 = 256;
/// How long changes of other processes may go unseen, and when a store that has failed is asked again.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// What is kept up to date.
pub struct Views {
    /// Who may send.
    pub standings: Arc<Standings>,
    /// What they may send.
    pub policies: Arc<Policies>,
    /// Who is told.
    pub alert_policies: Arc<AlertPolicies>,
}

/// Follows the trail.
pub struct Projector {
    store: Arc<dyn Store>,
    views: Views,
    /// The number of the last entry that is projected. Locked while the next ones are.
    projected: Mutex<i64>,
}

impl Projector {
    /// Nothing is projected before [`Projector::restore`].
    pub fn new(store: Arc<dyn Store>, views: Views) -> Self {
        Self { store, views, projected: Mutex::new(0) }
    }

    /// Takes over who may send at the start; policies and alert policies have been restored by then.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn restore(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut projected = self.projected.lock().await;
        // The number first: what is written meanwhile is projected again.
        *projected = *self.store.newest_change().borrow();
        for (entity, until) in self.store.probations(now).await? {
            self.views.standings.set(&entity, Standing::Probation { until });
        }
        for kept in self.store.restrictions(&RestrictionFilter::default()).await? {
            let restriction = kept.record.restriction();
            self.views.standings.set(&restriction.entity, standing(restriction));
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

    /// Takes what the store holds now, not what the entry says: a later one may have been written already.
    async fn project(&self, change: &AuditEntry) -> Result<(), StoreError> {
        let Views { standings, policies, alert_policies } = &self.views;
        let of = change.organization.as_ref();
        match change.action.split_once('.') {
            Some(("restriction", _)) => {
                let entity = EntityId::from_text(&change.target);
                standings.set(&entity, self.store.standing(&entity).await?);
            }
            Some(("allowance", _)) => {
                let entity = EntityId::from_text(&change.target);
                let in_force = self.store.allowances(change.at).await?;
                policies.set_allowance(&entity, in_force.into_iter().find(|allowance| allowance.entity == entity));
            }
            Some(("policy", _)) => {
                let kept = self.store.policies().await?;
                for (organization, kept) in kept.into_iter().filter(|(organization, _)| Some(organization) == of) {
                    policies.set(&organization, kept);
                }
            }
            Some(("alert-policy", _)) => {
                let kept = self.store.alert_policies().await?;
                for (organization, kept) in kept.into_iter().filter(|(organization, _)| Some(organization) == of) {
                    alert_policies.set(&organization, kept);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
