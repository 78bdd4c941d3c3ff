//! List restrictions.

use postern_store::RestrictionFilter;

use super::views::RestrictionView;
use super::{Caller, Desk, DeskError};

impl Desk {
    /// Restrictions, newest first unless the filter says otherwise.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn restricted(
        &self,
        caller: &Caller,
        filter: &RestrictionFilter,
    ) -> Result<Vec<RestrictionView>, DeskError> {
        self.may_look(caller)?;
        self.write_refusals().await;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = RestrictionFilter { organization, ..filter.clone() };
        Ok(self.store.restrictions(&filter).await?.into_iter().map(Into::into).collect())
    }

    /// How many restrictions there are, whatever the filter says of pages.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn count_restricted(&self, caller: &Caller, filter: &RestrictionFilter) -> Result<u64, DeskError> {
        self.may_look(caller)?;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = RestrictionFilter { organization, ..filter.clone() };
        Ok(self.store.count_restrictions(&filter).await?)
    }

    /// The restrictions of one entity, newest first, those that have ended too.
    ///
    /// # Errors
    /// The caller may not look, it was never restricted, or the store fails.
    pub async fn restrictions_of(&self, caller: &Caller, entity: &str) -> Result<Vec<RestrictionView>, DeskError> {
        self.may_look(caller)?;
        self.write_refusals().await;
        let entity = self.entity(caller, entity)?;
        let filter = RestrictionFilter { entity: Some(entity.clone()), released: true, ..RestrictionFilter::default() };
        let found: Vec<_> = self.store.restrictions(&filter).await?.into_iter().map(Into::into).collect();
        if found.is_empty() {
            return Err(DeskError::NotFound(format!("{entity} has never been restricted")));
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
