//! Restrictions, incidents and usage.

use postern_domain::restriction::Recommendation;
use postern_domain::window::Window;
use postern_domain::{EntityId, EntityKind, Reference, Timestamp};
use postern_services::service::{self, views};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::convert;
use super::{AlertView, Allowance, Cause, Evidence, schema};

/// A restriction, with what happened to it since, as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct RestrictionView {
    /// The account or connector.
    #[schema(value_type = schema::EntityId)]
    pub entity: EntityId,
    /// Account or connector.
    #[schema(value_type = schema::EntityKind)]
    pub kind: EntityKind,
    /// The reference of the incident, for example `PR-7K3F-9QXD`.
    #[schema(value_type = schema::Reference)]
    pub reference: Reference,
    /// Why, in one line.
    pub reason: String,
    /// Why, in a structured form.
    pub cause: Cause,
    /// When it began.
    #[schema(value_type = schema::Timestamp)]
    pub since: Timestamp,
    /// When it ends automatically; none: an admin releases it.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub until: Option<Timestamp>,
    /// The number of attempts refused since.
    pub refused: u64,
    /// When the last of them was refused.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub last_refused_at: Option<Timestamp>,
    /// When it was released; none: it is in force.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub released_at: Option<Timestamp>,
    /// Who released it; none while it is in force.
    pub released_by: Option<String>,
    /// The reason that was given for the release; none while it is in force.
    pub release_reason: Option<String>,
    /// Until when the entity is on probation.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub probation_until: Option<Timestamp>,
    /// What was seen when it was made.
    pub evidence: Evidence,
}

convert!(views::RestrictionView => RestrictionView {
    same: entity, kind, reference, reason, since, until, refused, last_refused_at, released_at, released_by, release_reason, probation_until;
    into: cause, evidence;
});

/// A request for a restriction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RestrictRequest {
    /// The entity: any spelling of an account, or `connector:NAME`.
    pub entity: String,
    /// The reason for the audit trail, 1 to 1024 characters.
    #[schema(min_length = 1, max_length = 1024)]
    pub reason: String,
    /// When it ends automatically; none: an admin releases it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub until: Option<Timestamp>,
}

convert!(RestrictRequest => service::RestrictRequest {
    same: entity, reason, until;
});

/// A request for a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseRequest {
    /// The reason for the audit trail, 1 to 1024 characters.
    #[schema(min_length = 1, max_length = 1024)]
    pub reason: String,
    /// Release only if this restriction is the one in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Reference>)]
    pub reference: Option<Reference>,
    /// What the admin made sure of before; recorded in the audit trail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<schema::Recommendation>)]
    pub made_sure: Vec<Recommendation>,
}

convert!(ReleaseRequest => service::ReleaseRequest {
    same: reason, reference, made_sure;
});

/// A request to undo a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UndoReleaseRequest {
    /// The reason for the audit trail, 1 to 1024 characters.
    #[schema(min_length = 1, max_length = 1024)]
    pub reason: String,
    /// The restriction that was released; by default the entity's last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Reference>)]
    pub reference: Option<Reference>,
}

convert!(UndoReleaseRequest => service::UndoReleaseRequest {
    same: reason, reference;
});

/// Everything known about one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct IncidentView {
    /// The reference of the incident, for example `PR-7K3F-9QXD`.
    #[schema(value_type = schema::Reference)]
    pub reference: Reference,
    /// Its restriction, if it made one.
    pub restriction: Option<RestrictionView>,
    /// The alert of the same reference.
    pub alert: Option<AlertView>,
    /// The current usage of the entity.
    pub usage: Option<UsageView>,
}

convert!(views::IncidentView => IncidentView {
    same: reference;
    optional: restriction, alert, usage;
});

/// What an entity has sent, and its limits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageView {
    /// The account or connector.
    #[schema(value_type = schema::EntityId)]
    pub entity: EntityId,
    /// Account or connector.
    #[schema(value_type = schema::EntityKind)]
    pub kind: EntityKind,
    /// `free`, `probation` or `restricted`.
    pub standing: String,
    /// The restriction in force.
    #[schema(value_type = Option<schema::Reference>)]
    pub reference: Option<Reference>,
    /// When the restriction or the probation ends automatically.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub until: Option<Timestamp>,
    /// The policy that applies.
    pub policy: String,
    /// The allowance that raises its limits.
    #[serde(default)]
    pub allowance: Option<Allowance>,
    /// Every window: what was counted, and the limit.
    pub windows: Vec<WindowView>,
}

convert!(views::UsageView => UsageView {
    same: entity, kind, standing, reference, until, policy;
    optional: allowance;
    each: windows;
});

/// How full one window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowView {
    /// Which of the sliding windows it is about.
    #[schema(value_type = schema::Window)]
    pub window: Window,
    /// Recipients or messages that were accepted in the window.
    pub count: u32,
    /// Recipients or messages reserved by mail under way.
    pub reserved: u32,
    /// The limit of the window; none: no limit.
    pub limit: Option<u32>,
    /// When the next recipient fits again; none: now, or there is no limit.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub free_at: Option<Timestamp>,
}

convert!(views::WindowView => WindowView {
    same: window, count, reserved, limit, free_at;
});
