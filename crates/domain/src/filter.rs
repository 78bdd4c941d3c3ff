//! Filters for lists of restrictions, alerts and audit entries.

use crate::alert::{AlertStatus, Severity, Trigger};
use crate::entity::{EntityId, EntityKind};
use crate::organization::OrganizationId;
use crate::reference::Reference;
use crate::time::Timestamp;

/// The order in which restrictions are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RestrictionOrder {
    /// Newest first.
    #[default]
    Newest,
    /// Oldest first.
    Oldest,
    /// By the name of the account or connector, ascending.
    Entity,
    /// Those with the most refused attempts first.
    Refused,
}

/// Selects restrictions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RestrictionFilter {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only of this entity.
    pub entity: Option<EntityId>,
    /// Only of this reference.
    pub reference: Option<Reference>,
    /// Only of this kind of entity.
    pub kind: Option<EntityKind>,
    /// Only where entity, reference or cause contains this text.
    pub search: Option<String>,
    /// Include those that have ended.
    pub released: bool,
    /// The order of the list.
    pub order: RestrictionOrder,
    /// Only what comes after this one, by time and reference; the order is then newest first.
    pub after: Option<(Timestamp, Reference)>,
    /// Skip this many entries first.
    pub skip: u32,
    /// At most this many; if unset, all.
    pub limit: Option<u32>,
}

/// Selects alerts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only of this reference.
    pub reference: Option<Reference>,
    /// Only about this entity.
    pub entity: Option<EntityId>,
    /// Only with this status.
    pub status: Option<AlertStatus>,
    /// Only with this severity.
    pub severity: Option<Severity>,
    /// Only raised by this trigger.
    pub trigger: Option<Trigger>,
    /// Only where entity, reference or cause contains this text.
    pub search: Option<String>,
    /// Only what comes after this one, by time and reference.
    pub after: Option<(Timestamp, Reference)>,
    /// Skip this many entries first.
    pub skip: u32,
    /// At most this many, newest first; if unset, all.
    pub limit: Option<u32>,
}

/// Selects audit entries.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only about this organization.
    pub organization: Option<OrganizationId>,
    /// Only actions that begin with this, such as `policy` or `policy.change`.
    pub action: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only about exactly this target.
    pub target: Option<String>,
    /// Only where actor, action, target or detail contains this text.
    pub search: Option<String>,
    /// Only at or after this time.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only entries before the one with this number.
    pub before: Option<i64>,
    /// Skip this many entries first.
    pub skip: u32,
    /// At most this many, newest first; if unset, all.
    pub limit: Option<u32>,
}
