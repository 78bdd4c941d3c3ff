//! The limits that apply to an entity: those of its policy, adjusted for probation and allowance.

use std::sync::Arc;

use postern_domain::gate::limits_for;
use postern_domain::policy::{Limits, OutboundPolicy};
use postern_domain::restriction::Standing;
use postern_domain::{EntityId, Timestamp};

use crate::directory::DirectoryCache;
use crate::gate::Policies;
use crate::in_force::SettingsInForce;

/// Finds the limits of entities.
pub struct LimitsInForce {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Policies and allowances in force.
    pub(crate) policies: Arc<Policies>,
    /// The directory: accounts and their groups.
    pub(crate) directory_cache: Arc<DirectoryCache>,
}

impl LimitsInForce {
    /// The policy that applies to an entity with this standing, and its limits at `now`.
    pub fn of(&self, entity: &EntityId, standing: &Standing, now: Timestamp) -> (OutboundPolicy, Limits) {
        let settings = self.settings.load();
        let organization = settings.directory.organization_of(entity);
        let policy = self
            .policies
            .books
            .load()
            .of(&organization)
            .book
            .choose(self.directory_cache.load().member(entity))
            .clone();
        let allowance = self.policies.allowance(entity, now);
        let limits = limits_for(standing, &policy, settings.probation.percent, allowance.as_ref(), now);
        (policy, limits)
    }
}
