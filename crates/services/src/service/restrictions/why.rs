//! Why am I restricted? What the link in a refusal shows to the owner of an account.

use postern_domain::evidence::Cause;
use postern_domain::filter::RestrictionFilter;
use postern_domain::{Reference, Timestamp};

use crate::service::{RestrictionService, ServiceError};

/// What the owner of a restricted account sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhyView {
    /// The account or connector.
    pub entity: String,
    /// Why, in one line; an admin's own words are not shown.
    pub reason: String,
    /// The reference of the incident, for example `PR-7K3F-9QXD`.
    pub reference: Reference,
    /// When it began.
    pub since: Timestamp,
    /// When it ends automatically; none: an admin releases it.
    pub until: Option<Timestamp>,
    /// When it was ended.
    pub released_at: Option<Timestamp>,
    /// The address to write to; mail to it is still accepted.
    pub contact: String,
}

impl RestrictionService {
    /// What the link with this reference and signature shows. An incomplete link is treated as if it did not exist.
    ///
    /// # Errors
    /// The link is wrong, or the store fails.
    pub async fn why(&self, reference: &str, signature: &str) -> Result<WhyView, ServiceError> {
        let nothing = || ServiceError::NotFound("this link is not complete; copy it whole from the message".into());
        let reference = Reference::parse(reference).map_err(|_| nothing())?;
        if !self.links.opens_why(&reference, signature) {
            return Err(nothing());
        }
        let filter = RestrictionFilter { reference: Some(reference), released: true, ..RestrictionFilter::default() };
        let stored = self.store.restrictions(&filter).await?.pop().ok_or_else(nothing)?;
        let restriction = stored.record.restriction();
        let reason = match &restriction.cause {
            Cause::Manual { .. } => "an admin restricted it".into(),
            cause => cause.describe(),
        };
        Ok(WhyView {
            entity: restriction.entity.name().to_owned(),
            reason,
            reference: restriction.reference.clone(),
            since: restriction.since,
            until: restriction.until,
            released_at: stored.record.release().map(|release| release.at),
            contact: self.settings.load().organization_of(&restriction.entity).contact(restriction.entity.name()),
        })
    }
}
