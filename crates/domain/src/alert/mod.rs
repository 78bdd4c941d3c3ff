//! Alerts about single events, and the alert policies that determine who is notified.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Nobody has to act.
    Informational,
    /// Somebody has to act eventually.
    Low,
    /// Somebody has to act today.
    Medium,
    /// Somebody has to act now.
    High,
}

/// How far the handling of an alert has progressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// Nobody has dealt with it yet.
    Active,
    /// Somebody is working on it.
    Investigating,
    /// It has been dealt with.
    Resolved,
    /// It was a false alarm.
    Dismissed,
}

/// A status change or comment that somebody added to an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertNote {
    /// When it was raised.
    pub at: Timestamp,
    /// Who wrote it, as named in the audit trail.
    pub by: String,
    /// The new status of the alert; if absent, its status did not change.
    pub status: Option<AlertStatus>,
    /// The comment; may be empty if there is a status.
    pub comment: String,
}

/// An alert about one event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// The incident's reference, which a restriction and its alert share.
    pub reference: Reference,
    /// What raised it; also the name of a built-in alert policy.
    #[serde(rename = "policy")]
    pub trigger: Trigger,
    /// How urgent it is.
    pub severity: Severity,
    /// How far its handling has progressed.
    pub status: AlertStatus,
    /// The entity it is about; if absent, Postern itself.
    pub entity: Option<EntityId>,
    /// Why it was raised.
    pub cause: Cause,
    /// What was seen; empty if a restriction with the same reference contains it.
    pub evidence: Evidence,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it was resolved or dismissed.
    pub closed_at: Option<Timestamp>,
}

impl AlertStatus {
    /// Whether the alert needs no further attention.
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
    /// Every severity, the lowest first.
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
