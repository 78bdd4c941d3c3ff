//! Explain a reference id: all that is known of one incident.

use postern_store::{AlertFilter, RestrictionFilter};

use super::views::{AlertView, IncidentView, RestrictionView};
use super::{Caller, Desk, DeskError};

impl Desk {
    /// All that is known of an incident.
    ///
    /// # Errors
    /// The caller may not look, it is no reference, nothing has it, or the store fails.
    pub async fn explain(&self, caller: &Caller, reference: &str) -> Result<IncidentView, DeskError> {
        self.may_look(caller)?;
        let reference = super::reference(reference)?;
        self.write_refusals().await;
        let only = Some(reference.clone());
        let organization = caller.organization.clone();
        let filter = RestrictionFilter {
            reference: only.clone(),
            organization: organization.clone(),
            released: true,
            ..RestrictionFilter::default()
        };
        let restriction: Option<RestrictionView> = self.store.restrictions(&filter).await?.pop().map(Into::into);
        let filter = AlertFilter { reference: only, organization, ..AlertFilter::default() };
        let alert: Option<AlertView> = self.store.alerts(&filter).await?.pop().map(Into::into);
        let entity =
            restriction.as_ref().map(|r| &r.entity).or(alert.as_ref().and_then(|a| a.entity.as_ref())).cloned();
        if restriction.is_none() && alert.is_none() {
            return Err(DeskError::NotFound(format!("nothing has the reference {reference}")));
        }
        let usage = match &entity {
            Some(entity) => Some(self.usage_of(entity).await),
            None => None,
        };
        Ok(IncidentView { reference, restriction, alert, usage })
    }
}
