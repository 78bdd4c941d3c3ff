//! Restrict an entity by hand.

use postern_domain::access::Permission;
use postern_domain::evidence::Cause;
use postern_domain::restriction::Standing;
use postern_domain::{EntityId, Timestamp};
use postern_ledger::Ledger;
use postern_store::StoreError;

use crate::gate::{NewRestriction, evidence};
use crate::service::views::RestrictionView;
use crate::service::{Caller, RestrictionService, ServiceError, reason};

/// A request for a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestrictRequest {
    /// The entity: any spelling of an account, or `connector:NAME`.
    pub entity: String,
    /// The reason for the audit trail, 1 to 1024 characters.
    pub reason: String,
    /// When it ends automatically; none: an admin releases it.
    pub until: Option<Timestamp>,
}

impl RestrictionService {
    /// The entity that would be restricted.
    ///
    /// # Errors
    /// The text names no entity, or one that is already restricted.
    pub fn check(&self, caller: &Caller, text: &str) -> Result<EntityId, ServiceError> {
        let entity = caller.new_entity(&self.settings.load(), text)?;
        match self.standings.get(&entity, self.clock.now()) {
            Standing::Restricted { reference, .. } => Err(StoreError::AlreadyRestricted { entity, reference }.into()),
            _ => Ok(entity),
        }
    }

    /// Restricts an entity, from the next request of a mail server on.
    ///
    /// # Errors
    /// The caller lacks permission, a requested value is invalid, the entity is already restricted, or the store fails.
    pub async fn restrict(&self, caller: &Caller, request: &RestrictRequest) -> Result<RestrictionView, ServiceError> {
        caller.may(Permission::Manage)?;
        let why = reason(&request.reason)?;
        let now = self.clock.now();
        if request.until.is_some_and(|until| until <= now) {
            let problem = "is in the past; expected a later time".into();
            return Err(ServiceError::Invalid { field: "until".into(), problem });
        }
        let entity = self.check(caller, &request.entity)?;
        let usage = self.ledger.usage(&entity).await?;
        let attempts = self.ledger.recent(&entity).await?.records();
        let (policy, limits) = self.limits.of(&entity, &Standing::Free, now);
        let new = NewRestriction {
            entity: entity.clone(),
            cause: Cause::Manual { reason: why },
            evidence: evidence(&usage, &limits, attempts, now),
            until: request.until,
            actor: Some(caller.name.clone()),
            notify: policy.notify,
        };
        self.incidents.restrict(new, "", now).await?;
        let mut found = self.of(caller, &entity.to_string()).await?;
        Ok(found.swap_remove(0))
    }
}
