//! Alerts: one thing that happened, and the standing rules that say who is told.

mod policy;
mod trigger;

use std::fmt;

pub use policy::{AlertBook, AlertPolicy};
pub use trigger::Trigger;

use serde::{Deserialize, Serialize};

use crate::entity::EntityId;
use crate::evidence::{Cause, Evidence};
use crate::reference::Reference;
use crate::time::Timestamp;

/// How urgent an alert is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody has to act.
    Informational,
    /// Somebody has to act some day.
    Low,
    /// Somebody has to act today.
    Medium,
    /// Somebody has to act now.
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
    /// When the note was written.
    pub at: Timestamp,
    /// The name of whoever wrote it, as the audit trail has it.
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
    /// What raised it; the built-in alert policy of that name.
    #[serde(rename = "policy")]
    pub trigger: Trigger,
    /// How urgent it is.
    pub severity: Severity,
    /// How far people have come.
    pub status: AlertStatus,
    /// Whom it is about; none: Postern itself.
    pub entity: Option<EntityId>,
    /// Why it was raised.
    pub cause: Cause,
    /// What was seen; empty where a restriction of the same reference holds it.
    pub evidence: Evidence,
    /// When the note was written.
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
    /// Every severity, the least in front.
    pub const ALL: [Severity; 4] = [Severity::Informational, Severity::Low, Severity::Medium, Severity::High];

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
    /// Every status, the open ones first.
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
