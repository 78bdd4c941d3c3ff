//! Brings what the gate holds in memory up to date with the audit trail, entry by entry.
//!
//! The trail has every change in the order in which it was written, whoever wrote it: this process or another. Who
//! changes something writes it through [`Projector::write`]: when that returns, the change is in force here.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use postern_domain::restriction::Standing;
use postern_domain::{EntityId, OrganizationId, Timestamp};
use postern_store::audit::AuditEntry;
use postern_store::{RestrictionFilter, Store, StoreError};
use tokio::sync::{Mutex, watch};

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

/// What an entry is about, of what is kept up to date.
#[derive(PartialEq, Eq, Hash)]
enum Subject {
    Standing(EntityId),
    Allowance(EntityId),
    Policies(OrganizationId),
    AlertPolicies(OrganizationId),
}

impl Subject {
    fn of(change: &AuditEntry) -> Option<Self> {
        match change.action.split_once('.')?.0 {
            "restriction" => Some(Self::Standing(EntityId::from_text(&change.target))),
            "allowance" => Some(Self::Allowance(EntityId::from_text(&change.target))),
            "policy" => change.organization.clone().map(Self::Policies),
            "alert-policy" => change.organization.clone().map(Self::AlertPolicies),
            _ => None,
        }
    }
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
            self.views.standings.set(&restriction.entity, restriction.standing());
        }
        Ok(())
    }

    /// Writes a change, and returns when it is in force. One that is refused, since somebody else was faster, has
    /// what they wrote in force, so that the caller can look at it.
    ///
    /// # Errors
    /// The change is refused, or the store fails. Where that comes after the change is written, it is in force as
    /// soon as the store can be read.
    pub async fn write<T>(&self, change: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let written = change.await;
        match &written {
            Err(StoreError::Database { .. } | StoreError::Newer { .. }) => {}
            _ => self.catch_up().await?,
        }
        written
    }

    /// Projects every entry that is written by now.
    ///
    /// # Errors
    /// The store can't be read; what is not projected by then is the next time.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut projected = self.projected.lock().await;
        loop {
            let changes = self.store.changes_after(*projected, AT_ONCE).await?;
            let Some(last) = changes.last() else { return Ok(()) };
            // What several entries are about is read once: the store holds what the last of them made of it.
            let subjects: HashSet<Subject> = changes.iter().filter_map(Subject::of).collect();
            for subject in subjects {
                self.project(subject, last.at).await?;
            }
            *projected = last.seq;
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
            }
        }
    }

    /// Takes what the store holds now, not what an entry says: a later one may have been written already.
    async fn project(&self, subject: Subject, now: Timestamp) -> Result<(), StoreError> {
        let Views { standings, policies, alert_policies } = &self.views;
        match subject {
            Subject::Standing(entity) => standings.set(&entity, self.store.standing(&entity).await?),
            Subject::Allowance(entity) => {
                let in_force = self.store.allowances(now).await?;
                policies.set_allowance(&entity, in_force.into_iter().find(|allowance| allowance.entity == entity));
            }
            Subject::Policies(of) => {
                for (organization, kept) in self.store.policies().await?.into_iter().filter(|(id, _)| *id == of) {
                    policies.set(&organization, kept);
                }
            }
            Subject::AlertPolicies(of) => {
                for (organization, kept) in self.store.alert_policies().await?.into_iter().filter(|(id, _)| *id == of) {
                    alert_policies.set(&organization, kept);
                }
            }
        }
        Ok(())
    }
}
