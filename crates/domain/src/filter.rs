//! What lists are filtered by: restrictions, alerts and the audit trail.

use crate::alert::{AlertStatus, Severity, Trigger};
use crate::entity::{EntityId, EntityKind};
use crate::organization::OrganizationId;
use crate::reference::Reference;
use crate::time::Timestamp;

/// In which order restrictions are listed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RestrictionOrder {
    /// The newest in front.
    #[default]
    Newest,
    /// The oldest in front.
    Oldest,
    /// By the name of the account or connector, from A.
    Entity,
    /// Those with the most refused attempts in front.
    Refused,
}

/// Which restrictions are asked for.
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
    /// Only where entity, reference or cause has this text in it.
    pub search: Option<String>,
    /// Those that have ended too.
    pub released: bool,
    /// In this order.
    pub order: RestrictionOrder,
    /// Only what comes after this one, by time and reference; the order is then the newest first.
    pub after: Option<(Timestamp, Reference)>,
    /// Without the first so many.
    pub skip: u32,
    /// At most so many; none: all.
    pub limit: Option<u32>,
}

/// Which alerts are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Only of this organization.
    pub organization: Option<OrganizationId>,
    /// Only of this reference.
    pub reference: Option<Reference>,
    /// Only about this entity.
    pub entity: Option<EntityId>,
    /// Only of this status.
    pub status: Option<AlertStatus>,
    /// Only of this severity.
    pub severity: Option<Severity>,
    /// Only raised by this.
    pub trigger: Option<Trigger>,
    /// Only where entity, reference or cause has this text in it.
    pub search: Option<String>,
    /// Only what comes after this one, by time and reference.
    pub after: Option<(Timestamp, Reference)>,
    /// Without the first so many.
    pub skip: u32,
    /// At most so many, newest first; none: all.
    pub limit: Option<u32>,
}

/// Which audit entries are asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Only about this organization.
    pub organization: Option<OrganizationId>,
    /// Only of actions that begin with this, such as `policy` or `policy.change`.
    pub action: Option<String>,
    /// Only by this actor.
    pub actor: Option<String>,
    /// Only about exactly this.
    pub target: Option<String>,
    /// Only where actor, action, target or detail has this text in it.
    pub search: Option<String>,
    /// Only from this time on.
    pub since: Option<Timestamp>,
    /// Only before this time.
    pub until: Option<Timestamp>,
    /// Only before this entry.
    pub before: Option<i64>,
    /// Without the first so many.
    pub skip: u32,
    /// At most so many, newest first; none: all.
    pub limit: Option<u32>,
}
