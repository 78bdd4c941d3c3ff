//! Alerts: one thing that happened, and the standing rules that say who is told.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::entity::{EntityId, EntityKind};
use crate::evidence::{Cause, Evidence};
use crate::reference::Reference;
use crate::time::Timestamp;

/// The standing rules, by the names Exchange's admins know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub enum AlertPolicy {
    /// An account was restricted.
    #[serde(rename = "User restricted from sending email")]
    UserRestricted,
    /// A connector was restricted.
    #[serde(rename = "Connector restricted")]
    ConnectorRestricted,
    /// A limit was passed under a policy that only alerts.
    #[serde(rename = "Email sending limit exceeded")]
    LimitExceeded,
    /// A share of a limit was reached.
    #[serde(rename = "Email sending limit nearly reached")]
    LimitNearlyReached,
    /// A policy in report-only mode would have acted.
    #[serde(rename = "Outbound policy in report-only mode")]
    ReportOnly,
}

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// To know.
    Informational,
    /// Some day.
    Low,
    /// Today.
    Medium,
    /// Now.
    High,
}

/// How far people have come with an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// Nobody has dealt with it yet.
    Active,
    /// Somebody is at it.
    Investigating,
    /// It is dealt with.
    Resolved,
    /// It was nothing.
    Dismissed,
}

/// What somebody did about an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertNote {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// The status it got; none: it kept the one it had.
    pub status: Option<AlertStatus>,
    /// What they say; may be empty beside a status.
    pub comment: String,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The incident; a restriction and its alert share it.
    pub reference: Reference,
    /// The rule that raised it.
    pub policy: AlertPolicy,
    /// How urgent it is.
    pub severity: Severity,
    /// How far people have come.
    pub status: AlertStatus,
    /// Whom it is about.
    pub entity: EntityId,
    /// Why it was raised.
    pub cause: Cause,
    /// What was seen; empty where a restriction of the same reference holds it.
    pub evidence: Evidence,
    /// When.
    pub raised_at: Timestamp,
    /// When it was resolved or dismissed.
    pub closed_at: Option<Timestamp>,
}

impl AlertStatus {
    /// Whether nobody has to look at it any more.
    pub fn is_closed(self) -> bool {
        matches!(self, AlertStatus::Resolved | AlertStatus::Dismissed)
    }
}

impl AlertPolicy {
    /// Every alert policy.
    pub const ALL: [AlertPolicy; 5] = [
        AlertPolicy::UserRestricted,
        AlertPolicy::ConnectorRestricted,
        AlertPolicy::LimitExceeded,
        AlertPolicy::LimitNearlyReached,
        AlertPolicy::ReportOnly,
    ];

    /// The rule for an entity that was restricted.
    pub fn for_restriction(entity: &EntityId) -> Self {
        match entity.kind() {
            EntityKind::Account => AlertPolicy::UserRestricted,
            EntityKind::Connector => AlertPolicy::ConnectorRestricted,
        }
    }

    /// The name people see.
    pub fn name(self) -> &'static str {
        match self {
            AlertPolicy::UserRestricted => "User restricted from sending email",
            AlertPolicy::ConnectorRestricted => "Connector restricted",
            AlertPolicy::LimitExceeded => "Email sending limit exceeded",
            AlertPolicy::LimitNearlyReached => "Email sending limit nearly reached",
            AlertPolicy::ReportOnly => "Outbound policy in report-only mode",
        }
    }

    /// The rule of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|policy| policy.name() == name)
    }

    /// How urgent its alerts are.
    pub fn severity(self) -> Severity {
        match self {
            AlertPolicy::UserRestricted | AlertPolicy::ConnectorRestricted => Severity::High,
            AlertPolicy::LimitExceeded => Severity::Medium,
            AlertPolicy::LimitNearlyReached => Severity::Low,
            AlertPolicy::ReportOnly => Severity::Informational,
        }
    }
}

impl fmt::Display for AlertPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Informational => "Informational",
            Severity::Low => "Low",
            Severity::Medium => "Medium",
            Severity::High => "High",
        })
    }
}

impl Severity {
    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            Severity::Informational => "informational",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
        }
    }
}

impl AlertStatus {
    /// Every status.
    pub const ALL: [AlertStatus; 4] =
        [AlertStatus::Active, AlertStatus::Investigating, AlertStatus::Resolved, AlertStatus::Dismissed];

    /// The name used in the store and in the API.
    pub fn key(self) -> &'static str {
        match self {
            AlertStatus::Active => "active",
            AlertStatus::Investigating => "investigating",
            AlertStatus::Resolved => "resolved",
            AlertStatus::Dismissed => "dismissed",
        }
    }
}
