//! Usage: what an entity has sent, and its limits.

use std::sync::Arc;

use postern_domain::EntityId;
use postern_domain::access::Permission;
use postern_domain::evidence::AttemptRecord;
use postern_domain::restriction::Standing;
use postern_domain::window::Window;
use postern_ledger::Ledger;
use postern_ledger::memory::MemoryLedger;

use super::views::{UsageView, WindowView};
use super::{Caller, LimitsInForce, ServiceError};
use crate::clock::Clock;
use crate::gate::{Policies, Standings};
use crate::in_force::SettingsInForce;

/// Reports what an entity has sent, and its limits.
pub struct UsageService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Counts of what was sent.
    pub(crate) ledger: Arc<MemoryLedger>,
    /// The standing of entities.
    pub(crate) standings: Arc<Standings>,
    /// Policies and allowances in force.
    pub(crate) policies: Arc<Policies>,
    /// Finds the limits that apply.
    pub(crate) limits: Arc<LimitsInForce>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
}

impl UsageService {
    /// Every window of an entity: the count, the limit, and when it has capacity again. For an entity that has never
    /// sent, the counts are 0.
    ///
    /// # Errors
    /// The caller may not view this.
    pub async fn of(&self, caller: &Caller, entity: &str) -> Result<UsageView, ServiceError> {
        caller.may(Permission::Look)?;
        let entity = caller.entity(&self.settings.load(), entity)?;
        self.of_entity(&entity).await
    }

    /// The last attempts of an entity, oldest first.
    ///
    /// # Errors
    /// The caller may not view this, or the ledger fails.
    pub async fn attempts(&self, caller: &Caller, entity: &str) -> Result<Vec<AttemptRecord>, ServiceError> {
        caller.may(Permission::Look)?;
        let entity = caller.entity(&self.settings.load(), entity)?;
        Ok(self.ledger.recent(&entity).await?.records())
    }

    pub(super) async fn of_entity(&self, entity: &EntityId) -> Result<UsageView, ServiceError> {
        let now = self.clock.now();
        let standing = self.standings.get(entity, now);
        let (policy, limits) = self.limits.of(entity, &standing, now);
        let usage = self.ledger.usage(entity).await?;
        let reserved = usage.reserved();
        let windows = Window::ALL.into_iter().map(|window| {
            let limit = limits.of(window);
            WindowView {
                window,
                count: usage.count(window, now),
                reserved: reserved.in_window(window),
                limit,
                free_at: limit.and_then(|limit| usage.free_at(window, limit, now)),
            }
        });
        let name = standing.key();
        let (reference, until) = match standing {
            Standing::Free => (None, None),
            Standing::Probation { until } => (None, Some(until)),
            Standing::Restricted { reference, until } => (Some(reference), until),
        };
        Ok(UsageView {
            entity: entity.clone(),
            kind: entity.kind(),
            standing: name.into(),
            reference,
            until,
            policy: policy.name,
            allowance: self.policies.allowance(entity, now),
            windows: windows.collect(),
        })
    }
}
