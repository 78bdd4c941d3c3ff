//! Restrictions: list them; making and ending one has a file each.

mod explain;
mod release;
mod restrict;
mod undo_release;
mod why;

use std::sync::Arc;

use postern_domain::access::Permission;
use postern_domain::filter::RestrictionFilter;
use postern_ledger::memory::MemoryLedger;
use postern_store::Store;

use crate::clock::Clock;
use crate::gate::{Incidents, Projector, Recents, Standings};
use crate::in_force::SettingsInForce;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::service::views::RestrictionView;
use crate::service::{Caller, LimitsInForce, ServiceError, UsageService};

pub use release::{Recommendation, ReleaseRequest};
pub use restrict::RestrictRequest;
pub use undo_release::UndoReleaseRequest;
pub use why::WhyView;

/// Lists, makes and ends restrictions.
pub struct RestrictionService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Everything that lasts.
    pub(crate) store: Arc<dyn Store>,
    /// Writes, and puts in force what is written.
    pub(crate) projector: Arc<Projector>,
    /// What was sent.
    pub(crate) ledger: Arc<MemoryLedger>,
    /// Who may send.
    pub(crate) standings: Arc<Standings>,
    /// Writes restrictions and alerts.
    pub(crate) incidents: Arc<Incidents>,
    /// Last attempts of busy entities.
    pub(crate) recents: Arc<Recents>,
    /// The limits that hold.
    pub(crate) limits: Arc<LimitsInForce>,
    /// What entities have sent.
    pub(crate) usage: Arc<UsageService>,
    /// Links that tell somebody about themselves.
    pub(crate) links: Links,
    /// Tells the time; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// What is measured.
    pub(crate) metrics: Arc<Metrics>,
}

impl RestrictionService {
    /// Restrictions, newest first unless the filter says otherwise.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &RestrictionFilter,
    ) -> Result<Vec<RestrictionView>, ServiceError> {
        caller.may(Permission::Look)?;
        self.write_refusals().await;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = RestrictionFilter { organization, ..filter.clone() };
        Ok(self.store.restrictions(&filter).await?.into_iter().map(Into::into).collect())
    }

    /// How many restrictions there are, whatever the filter says of pages.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn count(&self, caller: &Caller, filter: &RestrictionFilter) -> Result<u64, ServiceError> {
        caller.may(Permission::Look)?;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = RestrictionFilter { organization, ..filter.clone() };
        Ok(self.store.count_restrictions(&filter).await?)
    }

    /// The restrictions of one entity, newest first, those that have ended too.
    ///
    /// # Errors
    /// The caller may not look, it was never restricted, or the store fails.
    pub async fn of(&self, caller: &Caller, entity: &str) -> Result<Vec<RestrictionView>, ServiceError> {
        caller.may(Permission::Look)?;
        self.write_refusals().await;
        let entity = caller.entity(&self.settings.load(), entity)?;
        let filter = RestrictionFilter { entity: Some(entity.clone()), released: true, ..RestrictionFilter::default() };
        let found: Vec<_> = self.store.restrictions(&filter).await?.into_iter().map(Into::into).collect();
        if found.is_empty() {
            return Err(ServiceError::NotFound(format!("{entity} has never been restricted")));
        }
        Ok(found)
    }

    /// Writes down the refusals that are only in memory yet, so that lists are up to date.
    pub async fn write_refusals(&self) {
        let refusals = self.standings.take_refusals();
        if refusals.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_refusals(&refusals).await {
            self.metrics.store_errors.inc();
            tracing::warn!(%error, "the number of refusals can't be written down yet");
            self.standings.put_back_refusals(refusals);
        }
    }
}
