//! Keeps a node's in-memory state up to date with the audit trail, entry by entry.
//!
//! The trail has every change in the order in which it was written, by this process or another. Changes are written
//! through [`Projector::write`]: when it returns, the change is in force on this node, and watchers have been notified.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use postern_domain::{EntityId, Fact, Organization, OrganizationId, Timestamp};
use postern_store::audit::AuditEntry;
use postern_store::{OrganizationRecord, Store, StoreError};
use tokio::sync::{Mutex, watch};

use super::{AlertPolicies, OpenAlerts, Policies, Standings};
use crate::events::Events;
use crate::health::{Health, Part};
use crate::in_force::{InForce, SettingsInForce};

/// How many entries are read at once.
const AT_ONCE: u32 = 256;
/// The longest time between checks for changes by other processes, and the retry interval after a store failure.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// What is kept up to date.
#[derive(Clone)]
pub struct Views {
    /// Who may send.
    pub standings: Arc<Standings>,
    /// What they may send.
    pub policies: Arc<Policies>,
    /// Who is notified.
    pub alert_policies: Arc<AlertPolicies>,
    /// Open alerts, so that an ongoing incident is reported once.
    pub open_alerts: Arc<OpenAlerts>,
    /// The settings and organizations in force.
    pub settings: Arc<SettingsInForce>,
    /// The event stream for watchers.
    pub events: Events,
    /// Where changes that can't be read are reported.
    pub health: Arc<Health>,
}

/// The part of the in-memory state that an entry affects.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Standing(EntityId),
    Allowance(EntityId),
    OpenAlerts(EntityId),
    Policies(OrganizationId),
    AlertPolicies(OrganizationId),
    Organizations,
    /// Unknown: the entry was written by another version.
    Everything,
}

impl Subject {
    fn of(change: &AuditEntry) -> Vec<Self> {
        let Ok(fact) = change.fact() else { return vec![Self::Everything] };
        let organization = || change.organization.clone().unwrap_or_else(OrganizationId::first);
        match fact {
            Fact::RestrictionAdded { entity, .. }
            | Fact::RestrictionReleased { entity, .. }
            | Fact::RestrictionRestored { entity, .. } => vec![Self::Standing(entity)],
            Fact::AllowanceGranted { entity, .. } | Fact::AllowanceEnded { entity } => vec![Self::Allowance(entity)],
            Fact::AlertRaised { .. } | Fact::AlertNoted { .. } => {
                fact.entity().map(Self::OpenAlerts).into_iter().collect()
            }
            Fact::PolicyAdded { .. } | Fact::PolicyChanged { .. } | Fact::PolicyRemoved { .. } => {
                vec![Self::Policies(organization())]
            }
            Fact::AlertPolicyAdded { .. } | Fact::AlertPolicyChanged { .. } | Fact::AlertPolicyRemoved { .. } => {
                vec![Self::AlertPolicies(organization())]
            }
            Fact::OrganizationAdded { .. } | Fact::OrganizationChanged { .. } => vec![Self::Organizations],
            // Its policy books are removed with it.
            Fact::OrganizationRemoved { id } => {
                vec![Self::Organizations, Self::Policies(id.clone()), Self::AlertPolicies(id)]
            }
            // People, tokens and sessions are read from the store each time; none are held in memory.
            _ => Vec::new(),
        }
    }
}

/// Follows the audit trail.
pub struct Projector {
    store: Arc<dyn Store>,
    views: Views,
    /// Locked while entries are projected.
    progress: Mutex<Progress>,
}

/// How far the projection has progressed.
#[derive(Default)]
struct Progress {
    /// The number of the last projected entry.
    projected: i64,
    /// Subjects of entries up to that one that could not be read and are not in force.
    unreadable: HashSet<Subject>,
}

impl Projector {
    /// Creates the projector. Nothing is projected before [`Projector::restore`].
    pub fn new(store: Arc<dyn Store>, views: Views) -> Self {
        Self { store, views, progress: Mutex::default() }
    }

    /// What is kept up to date.
    #[cfg(test)]
    pub(crate) fn views(&self) -> &Views {
        &self.views
    }

    /// Loads the stored state at startup.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn restore(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut progress = self.progress.lock().await;
        // Read the number first: what is written in the meantime is then projected again.
        let newest = *self.store.newest_change().borrow();
        self.read_everything(now).await?;
        progress.projected = newest;
        self.views.events.begin_after(newest);
        Ok(())
    }

    /// Writes a change, and returns once it is in force. If the change is refused because of a concurrent change,
    /// that other change is in force on return, so that the caller can look at it.
    ///
    /// # Errors
    /// The change is refused, or the store fails. If the store fails after the change is written, the change is in
    /// force as soon as the store can be read.
    pub async fn write<T>(&self, change: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let written = change.await;
        match &written {
            Err(StoreError::Database { .. } | StoreError::Newer { .. }) => {}
            _ => self.catch_up().await?,
        }
        written
    }

    /// Writes a change to data that is not held in memory (people, tokens, sessions). It is in force once written;
    /// only watchers may be notified later.
    ///
    /// # Errors
    /// The change is refused or the store fails; in both cases, nothing is written.
    pub async fn write_unheld<T>(&self, change: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let written = change.await?;
        if let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "changes can't be read right after one was written");
        }
        Ok(written)
    }

    /// Projects every entry written so far. A subject that can't be read although the store works is set aside, so that
    /// the projection can continue, and is retried on each call.
    ///
    /// # Errors
    /// The store can't be read, in which case the remaining entries are projected next time; or the subject of one of
    /// the entries can't be read.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut progress = self.progress.lock().await;
        self.try_again(&mut progress).await;
        loop {
            let changes = self.store.changes_after(None, progress.projected, AT_ONCE).await?;
            let (count, Some(last)) = (changes.len(), changes.last()) else { return Ok(()) };
            let (seq, at) = (last.seq, last.at);
            // A subject of several entries is read once: the store has its state after the last of them.
            let subjects: HashSet<Subject> = changes.iter().flat_map(Subject::of).collect();
            let mut failed = None;
            for subject in subjects {
                match self.project(&subject, at).await {
                    Ok(()) => {}
                    Err(error) if error.is_unreadable() => {
                        self.put_aside(&mut progress, subject, &error);
                        failed = Some(error);
                    }
                    Err(error) => return Err(error),
                }
            }
            progress.projected = seq;
            self.views.events.happened(changes);
            if let Some(error) = failed {
                return Err(error);
            }
            if count < AT_ONCE as usize {
                return Ok(());
            }
        }
    }

    fn put_aside(&self, progress: &mut Progress, subject: Subject, error: &StoreError) {
        tracing::error!(?subject, %error, "a change can't be read and is not in force");
        self.views.health.note(Part::Changes, Err(format!("{subject:?} can't be read and is not in force: {error}")));
        progress.unreadable.insert(subject);
    }

    async fn try_again(&self, progress: &mut Progress) {
        let before = progress.unreadable.len();
        for subject in progress.unreadable.clone() {
            // A time that is too early does no harm: expired state is swept.
            if self.project(&subject, Timestamp::from_millis(0)).await.is_ok() {
                progress.unreadable.remove(&subject);
            }
        }
        if before > 0 && progress.unreadable.is_empty() {
            self.views.health.note(Part::Changes, Ok(()));
        }
    }

    /// Projects the changes of other processes until `closing` turns true.
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

    /// Loads the current state from the store, not from the entry: a later entry may have been written already.
    async fn project(&self, subject: &Subject, now: Timestamp) -> Result<(), StoreError> {
        let Views { standings, policies, alert_policies, open_alerts, .. } = &self.views;
        match subject {
            Subject::Standing(entity) => standings.set(entity, self.store.standing(entity).await?),
            Subject::Allowance(entity) => {
                policies.set_allowance(entity, self.store.allowances(Some(entity), now).await?.pop());
            }
            Subject::OpenAlerts(entity) => {
                open_alerts.set(entity, self.store.open_alerts(Some(entity), OpenAlerts::since(now)).await?);
            }
            Subject::Policies(of) => {
                let book = self.store.policies(Some(of)).await?.pop();
                policies.books.set(of, book.map(|(_, book)| book));
            }
            Subject::AlertPolicies(of) => {
                let book = self.store.alert_policies(Some(of)).await?.pop();
                alert_policies.set(of, book.map(|(_, book)| book));
            }
            Subject::Organizations => self.read_organizations().await?,
            Subject::Everything => self.read_everything(now).await?,
        }
        Ok(())
    }

    async fn read_everything(&self, now: Timestamp) -> Result<(), StoreError> {
        let Views { standings, policies, alert_policies, open_alerts, .. } = &self.views;
        self.read_organizations().await?;
        policies.books.replace(self.store.policies(None).await?);
        policies.replace_allowances(self.store.allowances(None, now).await?);
        alert_policies.replace(self.store.alert_policies(None).await?);
        open_alerts.replace(self.store.open_alerts(None, OpenAlerts::since(now)).await?);
        standings.replace(self.store.standings(now).await?);
        Ok(())
    }

    async fn read_organizations(&self) -> Result<(), StoreError> {
        let stored = self.store.organizations().await?;
        let known = self.views.settings.load_full();
        let tenants: Vec<_> = stored.iter().filter_map(|stored| readable(stored, &known)).collect();
        self.views.settings.replace_tenants(tenants);
        Ok(())
    }
}

/// Reads an organization's record. If this machine does not know its time zone, UTC is used. If anything else is
/// wrong, the organization in force is retained, so that none of its domains falls to another organization.
fn readable(stored: &OrganizationRecord, known: &InForce) -> Option<Organization> {
    let error = match stored.read() {
        Ok(organization) => return Some(organization),
        Err(error) => error,
    };
    tracing::error!(organization = %stored.id, %error, "an organization can't be read");
    let with_utc = OrganizationRecord { time_zone: "UTC".into(), ..stored.clone() }.read().ok();
    with_utc.or_else(|| known.organization(&stored.id).map(|known| Organization::clone(known)))
}
