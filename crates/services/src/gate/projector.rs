//! Brings what a node holds in memory up to date with the audit trail, entry by entry.
//!
//! The trail has every change in the order in which it was written, whoever wrote it: this process or another. Who
//! changes something writes it through [`Projector::write`]: when that returns, the change is in force here, and those
//! who watch have been told of it.

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

/// Entries that are read at once.
const AT_ONCE: u32 = 256;
/// How long changes of other processes may go unseen, and when a store that has failed is asked again.
const AT_LEAST_EVERY: Duration = Duration::from_secs(1);

/// What is kept up to date.
#[derive(Clone)]
pub struct Views {
    /// Who may send.
    pub standings: Arc<Standings>,
    /// What they may send.
    pub policies: Arc<Policies>,
    /// Who is told.
    pub alert_policies: Arc<AlertPolicies>,
    /// What was told and goes on.
    pub open_alerts: Arc<OpenAlerts>,
    /// Which organizations there are.
    pub settings: Arc<SettingsInForce>,
    /// Those who watch.
    pub events: Events,
    /// Where it is said what can't be read.
    pub health: Arc<Health>,
}

/// What an entry is about, of what is kept up to date.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Standing(EntityId),
    Allowance(EntityId),
    OpenAlerts(EntityId),
    Policies(OrganizationId),
    AlertPolicies(OrganizationId),
    Organizations,
    /// Nobody knows: another version wrote it.
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
            // With its books.
            Fact::OrganizationRemoved { id } => {
                vec![Self::Organizations, Self::Policies(id.clone()), Self::AlertPolicies(id)]
            }
            // People, tokens and sessions are asked of the store each time: nothing is held in memory.
            _ => Vec::new(),
        }
    }
}

/// Follows the trail.
pub struct Projector {
    store: Arc<dyn Store>,
    views: Views,
    /// Locked while entries are projected.
    progress: Mutex<Progress>,
}

/// How far the projection has come.
#[derive(Default)]
struct Progress {
    /// The number of the last entry that is projected.
    projected: i64,
    /// What entries up to that one are about and could not be read, which is not in force.
    unreadable: HashSet<Subject>,
}

impl Projector {
    /// Nothing is projected before [`Projector::restore`].
    pub fn new(store: Arc<dyn Store>, views: Views) -> Self {
        Self { store, views, progress: Mutex::default() }
    }

    /// What is kept up to date.
    #[cfg(test)]
    pub(crate) fn views(&self) -> &Views {
        &self.views
    }

    /// Takes over at the start what the store holds.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn restore(&self, now: Timestamp) -> Result<(), StoreError> {
        let mut progress = self.progress.lock().await;
        // The number first: what is written meanwhile is projected again.
        let newest = *self.store.newest_change().borrow();
        self.read_everything(now).await?;
        progress.projected = newest;
        self.views.events.begin_after(newest);
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

    /// Writes a change of which nothing is held in memory (people, tokens, sessions): it is in force when it is written,
    /// and only those who watch may be told later.
    ///
    /// # Errors
    /// The change is refused, or the store fails; nothing is written then.
    pub async fn write_unheld<T>(&self, change: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let written = change.await?;
        if let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "changes can't be read right after one was written");
        }
        Ok(written)
    }

    /// Projects every entry that is written by now. What can't be read although the store works is left aside, so that
    /// everything else goes on, and is tried again each time.
    ///
    /// # Errors
    /// The store can't be read, and what is not projected by then is the next time; or something that one of the entries is
    /// about can't be read.
    pub async fn catch_up(&self) -> Result<(), StoreError> {
        let mut progress = self.progress.lock().await;
        self.try_again(&mut progress).await;
        loop {
            let changes = self.store.changes_after(None, progress.projected, AT_ONCE).await?;
            let (count, Some(last)) = (changes.len(), changes.last()) else { return Ok(()) };
            let (seq, at) = (last.seq, last.at);
            // What several entries are about is read once: the store holds what the last of them made of it.
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
            // Nothing is lost by a time that is too early: what is over is swept.
            if self.project(&subject, Timestamp::from_millis(0)).await.is_ok() {
                progress.unreadable.remove(&subject);
            }
        }
        if before > 0 && progress.unreadable.is_empty() {
            self.views.health.note(Part::Changes, Ok(()));
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
        let kept = self.store.organizations().await?;
        let known = self.views.settings.load_full();
        let tenants: Vec<_> = kept.iter().filter_map(|kept| readable(kept, &known)).collect();
        self.views.settings.replace_tenants(tenants);
        Ok(())
    }
}

/// An organization as it was written down. Should this machine not know its time zone any more, its days are UTC's; should
/// anything else be wrong, it stays what it was: no domain of one organization may become another's by that.
fn readable(kept: &OrganizationRecord, known: &InForce) -> Option<Organization> {
    let error = match kept.read() {
        Ok(organization) => return Some(organization),
        Err(error) => error,
    };
    tracing::error!(organization = %kept.id, %error, "an organization can't be read");
    let with_utc = OrganizationRecord { time_zone: "UTC".into(), ..kept.clone() }.read().ok();
    with_utc.or_else(|| known.organization(&kept.id).map(|known| Organization::clone(known)))
}
