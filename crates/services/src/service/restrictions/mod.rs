//! Restrictions: list them. Making, releasing and explaining one has a file each.

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
use crate::gate::{Incidents, Projector, Standings};
use crate::in_force::SettingsInForce;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::service::views::RestrictionView;
use crate::service::{Caller, LimitsInForce, ServiceError, UsageService};

pub use release::{Recommendation, ReleaseRequest};
pub use restrict::RestrictRequest;
pub use undo_release::UndoReleaseRequest;
pub use why::WhyView;

/// Lists, makes and releases restrictions.
pub struct RestrictionService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// The durable store.
    pub(crate) store: Arc<dyn Store>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// Counts of what was sent.
    pub(crate) ledger: Arc<MemoryLedger>,
    /// The standing of entities.
    pub(crate) standings: Arc<Standings>,
    /// Writes restrictions and alerts.
    pub(crate) incidents: Arc<Incidents>,
    /// Finds the limits that apply.
    pub(crate) limits: Arc<LimitsInForce>,
    /// What entities have sent.
    pub(crate) usage: Arc<UsageService>,
    /// Links by which an account's owner sees why it is restricted.
    pub(crate) links: Links,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
}

impl RestrictionService {
    /// Restrictions, newest first unless the filter states another order.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
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

    /// The number of matching restrictions, regardless of the filter's pages.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn count(&self, caller: &Caller, filter: &RestrictionFilter) -> Result<u64, ServiceError> {
        caller.may(Permission::Look)?;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = RestrictionFilter { organization, ..filter.clone() };
        Ok(self.store.count_restrictions(&filter).await?)
    }

    /// All restrictions of one entity, newest first, including those that have ended.
    ///
    /// # Errors
    /// The caller may not view this, the entity was never restricted, or the store fails.
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

    /// Writes refusals that are only in memory to the store, so that lists are up to date.
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
