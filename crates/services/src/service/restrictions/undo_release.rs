//! Undo a release: the same restriction is in force again.

use postern_domain::access::Permission;
use postern_domain::filter::RestrictionFilter;
use postern_domain::{Fact, Reference};
use postern_store::StoredRestriction;
use postern_store::audit::NewAuditEntry;

use crate::service::views::RestrictionView;
use crate::service::{Caller, RestrictionService, ServiceError, reason};

/// A request to undo a release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UndoReleaseRequest {
    /// The reason for the audit trail, 1 to 1024 characters.
    pub reason: String,
    /// The restriction that was released; by default the entity's last one.
    pub reference: Option<Reference>,
}

impl RestrictionService {
    /// Undoes the last release of an entity: from the next request of a mail server on, the same restriction is in
    /// force again, with the same reference, cause and evidence. Nobody is notified a second time.
    ///
    /// # Errors
    /// The caller lacks permission, no reason is given, the entity was never released or is restricted, another
    /// restriction than the given one was released last, its time is over, or the store fails.
    pub async fn undo_release(
        &self,
        caller: &Caller,
        entity: &str,
        request: &UndoReleaseRequest,
    ) -> Result<RestrictionView, ServiceError> {
        caller.may(Permission::Manage)?;
        let why = reason(&request.reason)?;
        let entity = caller.entity(&self.settings.load(), entity)?;
        let of = RestrictionFilter {
            entity: Some(entity.clone()),
            reference: request.reference.clone(),
            released: true,
            ..RestrictionFilter::default()
        };
        let known = self.store.restrictions(&of).await?;
        // If a restriction is in force, it takes precedence over all that have ended: the store refuses.
        let ended =
            |stored: &&StoredRestriction| stored.record.release().map_or(i64::MAX, |release| release.at.as_millis());
        let last = known.iter().max_by_key(ended);
        let restriction = match (last, &request.reference) {
            (Some(last), _) => last.record.restriction(),
            (None, Some(reference)) => {
                return Err(ServiceError::NotFound(format!("{entity} has no restriction {reference}")));
            }
            (None, None) => return Err(ServiceError::NotFound(format!("{entity} was never restricted"))),
        };
        let reference = &restriction.reference;
        let audit = NewAuditEntry {
            at: self.clock.now(),
            organization: Some(self.settings.load().directory.organization_of(&entity)),
            actor: caller.name.clone(),
            fact: Fact::RestrictionRestored {
                entity: entity.clone(),
                reference: reference.clone(),
                reason: why.clone(),
                until: restriction.until,
            },
        };
        self.projector.write(self.store.undo_release(reference, &audit)).await?;
        tracing::warn!(%entity, %reference, by = caller.name, why, "release undone: restricted again");
        let now = RestrictionFilter { reference: Some(reference.clone()), ..of };
        let restored = self.store.restrictions(&now).await?.pop();
        restored
            .map(Into::into)
            .ok_or_else(|| ServiceError::NotFound(format!("{entity} has no restriction {reference}")))
    }
}
