//! Explain a reference: everything known about one incident.

use postern_domain::access::Permission;
use postern_domain::filter::{AlertFilter, RestrictionFilter};

use crate::service::views::{AlertView, IncidentView, RestrictionView};
use crate::service::{Caller, RestrictionService, ServiceError};

impl RestrictionService {
    /// Everything known about an incident.
    ///
    /// # Errors
    /// The caller may not view this, the text is not a reference, nothing has this reference, or the store fails.
    pub async fn explain(&self, caller: &Caller, reference: &str) -> Result<IncidentView, ServiceError> {
        caller.may(Permission::Look)?;
        let reference = crate::service::reference(reference)?;
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
            return Err(ServiceError::NotFound(format!("nothing has the reference {reference}")));
        }
        let usage = match &entity {
            Some(entity) => Some(self.usage.of_entity(entity).await?),
            None => None,
        };
        Ok(IncidentView { reference, restriction, alert, usage })
    }
}
