//! Allowances: higher limits for one entity, for a time.

use std::sync::Arc;

use postern_domain::access::Permission;
use postern_domain::policy::Allowance;
use postern_domain::{Fact, Timestamp};
use postern_store::Policies;
use postern_store::audit::NewAuditEntry;

use super::{Caller, ServiceError, reason};
use crate::clock::Clock;
use crate::gate::Projector;
use crate::in_force::SettingsInForce;
use crate::randomness::Randomness;

/// A request for an allowance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowanceRequest {
    /// The entity: any spelling of an account, or `connector:NAME`.
    pub entity: String,
    /// External recipients per hour, 1 to 1,000,000; if absent, the policy's limit applies.
    pub external_per_hour: Option<u32>,
    /// Internal recipients per hour, 1 to 1,000,000; if absent, the policy's limit applies.
    pub internal_per_hour: Option<u32>,
    /// Recipients per day, 1 to 1,000,000; if absent, the policy's limit applies.
    pub per_day: Option<u32>,
    /// When it ends.
    pub until: Timestamp,
    /// The reason, 1 to 1024 characters.
    pub reason: String,
}

/// Grants and ends allowances.
pub struct AllowanceService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Stored policies and allowances.
    pub(crate) store: Arc<dyn Policies>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub(crate) randomness: Arc<dyn Randomness>,
}

impl AllowanceService {
    /// The allowances in force, those that end soonest first.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Allowance>, ServiceError> {
        caller.may(Permission::Look)?;
        let mut allowances = self.store.allowances(None, self.clock.now()).await?;
        if let Some(organization) = &caller.organization {
            let settings = self.settings.load();
            allowances.retain(|allowance| settings.directory.organization_of(&allowance.entity) == *organization);
        }
        Ok(allowances)
    }

    /// Grants an allowance, which applies from the next request of a mail server; it replaces the one that the entity
    /// may already have.
    ///
    /// # Errors
    /// The caller lacks permission, a requested value is invalid, or the store fails.
    pub async fn grant(&self, caller: &Caller, request: &AllowanceRequest) -> Result<Allowance, ServiceError> {
        caller.may(Permission::Manage)?;
        let now = self.clock.now();
        let allowance = Allowance {
            reference: self.randomness.reference(),
            entity: caller.new_entity(&self.settings.load(), &request.entity)?,
            external_per_hour: request.external_per_hour,
            internal_per_hour: request.internal_per_hour,
            per_day: request.per_day,
            granted_at: now,
            until: request.until,
            granted_by: caller.name.clone(),
            reason: reason(&request.reason)?,
        };
        allowance.check()?;
        let organization = self.settings.load().directory.organization_of(&allowance.entity);
        let audit = NewAuditEntry {
            at: now,
            organization: Some(organization.clone()),
            actor: caller.name.clone(),
            fact: Fact::AllowanceGranted { entity: allowance.entity.clone(), allowance: Box::new(allowance.clone()) },
        };
        self.projector.write(self.store.grant(&allowance, &audit)).await?;
        tracing::info!(entity = %allowance.entity, by = caller.name, until = %allowance.until, "allowance granted");
        Ok(allowance)
    }

    /// Ends an entity's allowance early.
    ///
    /// # Errors
    /// The caller lacks permission, the entity has none, or the store fails.
    pub async fn end(&self, caller: &Caller, entity: &str) -> Result<(), ServiceError> {
        caller.may(Permission::Manage)?;
        let entity = caller.entity(&self.settings.load(), entity)?;
        let organization = self.settings.load().directory.organization_of(&entity);
        let audit = NewAuditEntry {
            at: self.clock.now(),
            organization: Some(organization.clone()),
            actor: caller.name.clone(),
            fact: Fact::AllowanceEnded { entity: entity.clone() },
        };
        self.projector.write(self.store.end_allowance(&entity, &audit)).await?;
        tracing::info!(%entity, by = caller.name, "allowance ended");
        Ok(())
    }
}
