//! Undo a release: the same restriction is in force again.

use postern_domain::Fact;
use postern_store::RestrictionFilter;
use postern_store::audit::NewAuditEntry;
use serde::{Deserialize, Serialize};

use super::views::RestrictionView;
use super::{Caller, Desk, DeskError, reason};

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoReleaseRequest {
    /// Why.
    #[schema(min_length = 1, max_length = 1024)]
    pub reason: String,
}

impl Desk {
    /// Undoes the release of the restriction of that reference: it is in force again with the next question of a mail
    /// server, with the reference, the cause and the evidence that it had. Nobody is told a second time.
    ///
    /// # Errors
    /// The caller may not, no reason is given, there is no such restriction, it is in force, another one has been made for
    /// the entity since, its time is over, or the store fails.
    pub async fn undo_release(
        &self,
        caller: &Caller,
        reference: &str,
        request: &UndoReleaseRequest,
    ) -> Result<RestrictionView, DeskError> {
        self.may_manage(caller)?;
        let why = reason(&request.reason)?;
        let reference = super::reference(reference)?;
        let of = RestrictionFilter {
            reference: Some(reference.clone()),
            organization: caller.organization.clone(),
            released: true,
            ..RestrictionFilter::default()
        };
        // Another organization's is as good as none.
        let missing = || DeskError::NotFound(format!("there is no restriction {reference}"));
        let known = self.store.restrictions(&of).await?.pop().ok_or_else(missing)?;
        let restriction = known.record.restriction();
        let entity = &restriction.entity;
        let audit = NewAuditEntry {
            at: self.clock.now(),
            organization: Some(self.settings.load().directory.organization_of(entity)),
            actor: caller.name.clone(),
            fact: Fact::RestrictionRestored {
                entity: entity.clone(),
                reference: reference.clone(),
                reason: why.clone(),
                until: restriction.until,
            },
        };
        self.projector.write(self.store.undo_release(&reference, &audit)).await?;
        tracing::warn!(%entity, %reference, by = caller.name, why, "release undone: restricted again");
        let kept = self.store.restrictions(&of).await?.pop().ok_or_else(missing)?;
        Ok(kept.into())
    }
}
