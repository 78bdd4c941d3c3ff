//! Evidence: the cause of a restriction or alert, and what was seen at that time.

use std::net::IpAddr;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Action;
use crate::reference::Reference;
use crate::time::Timestamp;
use crate::window::{Excess, Window};

/// How many recent attempts are stored for each entity, in case a restriction has to be explained.
pub const MAX_ATTEMPTS: usize = 20;

/// The outcome of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It was accepted and counted.
    Accepted,
    /// It was refused.
    Refused,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Outcome; 2] = [Outcome::Accepted, Outcome::Refused];
}

/// One attempt as evidence: the client that submitted it, and the number of recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// When it ended.
    pub at: Timestamp,
    /// The client's address, if the mail server reported it.
    pub client_address: Option<IpAddr>,
    /// The name the client gave in HELO or EHLO.
    pub helo_name: Box<str>,
    /// The client's SASL method; empty without a login.
    pub sasl_method: Box<str>,
    /// The envelope sender.
    pub sender: Box<str>,
    /// The mail server's queue ID, once there is one.
    pub queue_id: Box<str>,
    /// The number of recipients, including the refused one.
    pub recipients: u32,
    /// How many of them are external.
    pub external: u32,
    /// Size in bytes; 0 if unknown.
    pub size: u64,
    /// Whether it was accepted or refused.
    pub outcome: Outcome,
}

/// How full one window was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowCount {
    /// The sliding window.
    pub window: Window,
    /// The count in the window.
    pub count: u32,
    /// The limit of the window; absent if there is none.
    pub limit: Option<u32>,
}

/// What was seen when a restriction was imposed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Evidence {
    /// The count in every window, and its limit.
    pub windows: Vec<WindowCount>,
    /// The last attempts, oldest first; the last one exceeded the limit.
    pub attempts: Vec<AttemptRecord>,
}

/// Why a restriction was imposed or an alert raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Cause {
    /// A limit of an outbound policy was exceeded.
    LimitExceeded {
        /// The policy's name.
        policy: String,
        /// Which limit, and how far.
        #[serde(flatten)]
        excess: Excess,
        /// Whether the limit was the lower limit of a probation.
        probation: bool,
    },
    /// The share of a limit was reached at which the policy notifies admins.
    LimitNearlyReached {
        /// The policy's name.
        policy: String,
        /// Which limit, and how much of it is used.
        #[serde(flatten)]
        excess: Excess,
    },
    /// A limit of a policy in report-only mode was exceeded.
    ReportOnly {
        /// The policy's name.
        policy: String,
        /// Which limit, and how far.
        #[serde(flatten)]
        excess: Excess,
        /// The action that the policy would have taken.
        action: Action,
    },
    /// The entity's sending pattern looks like that of a compromised account.
    SuspiciousPattern {
        /// What was seen.
        #[serde(flatten)]
        pattern: Pattern,
    },
    /// The entity has been restricted for a long time, and nobody has released it.
    ReleaseOverdue {
        /// The reference of the restriction.
        restriction: Reference,
        /// When it began.
        since: Timestamp,
    },
    /// A part of Postern is unavailable.
    Away {
        /// The part of Postern that is unavailable.
        part: String,
        /// The error it reported.
        error: String,
    },
    /// An admin restricted the entity manually.
    Manual {
        /// The admin's reason.
        reason: String,
    },
}

impl Cause {
    /// The outbound policy whose limit was reached or exceeded.
    pub fn policy(&self) -> Option<&str> {
        match self {
            Cause::LimitExceeded { policy, .. }
            | Cause::LimitNearlyReached { policy, .. }
            | Cause::ReportOnly { policy, .. } => Some(policy),
            _ => None,
        }
    }

    /// Which limit, and what was counted.
    pub fn excess(&self) -> Option<Excess> {
        match self {
            Cause::LimitExceeded { excess, .. }
            | Cause::LimitNearlyReached { excess, .. }
            | Cause::ReportOnly { excess, .. } => Some(*excess),
            _ => None,
        }
    }

    /// The cause in one line, for people to read.
    pub fn describe(&self) -> String {
        match self {
            Cause::LimitExceeded { policy, excess, probation } => {
                let Excess { window, limit, count } = excess;
                let on_probation = if *probation { ", on probation" } else { "" };
                format!("{count} {window}, the limit is {limit} (policy {policy}{on_probation})")
            }
            Cause::LimitNearlyReached { policy, excess: Excess { window, limit, count } } => {
                format!("{count} {window}, the limit is {limit} (policy {policy})")
            }
            Cause::ReportOnly { policy, excess: Excess { window, limit, count }, action } => {
                let would = action.key();
                format!(
                    "{count} {window}, the limit is {limit} (policy {policy}, report only: the action would have been {would})"
                )
            }
            Cause::SuspiciousPattern { pattern } => pattern.to_string(),
            Cause::ReleaseOverdue { restriction, since } => {
                format!("restricted since {since} ({restriction}), and nobody has released it")
            }
            Cause::Away { part, error } => format!("{part} is away: {error}"),
            Cause::Manual { reason } => format!("restricted by an admin: {reason}"),
        }
    }
}

/// A pattern that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "pattern")]
pub enum Pattern {
    /// Messages came from many networks within an hour.
    ManyNetworks {
        /// How many networks (IPv4 /24, IPv6 /48).
        networks: u32,
    },
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Pattern::ManyNetworks { networks } => write!(f, "messages from {networks} networks within an hour"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_names_limit_count_and_policy() {
        let excess = Excess { window: Window::ExternalPerHour, limit: 500, count: 501 };
        let cause = Cause::LimitExceeded { policy: "Default".into(), excess, probation: false };
        assert_eq!(cause.describe(), "501 external recipients per hour, the limit is 500 (policy Default)");
        let json = serde_json::to_value(&cause).unwrap();
        assert_eq!(json["kind"], "limit_exceeded");
        assert_eq!(json["window"], "external_per_hour");
        assert_eq!(serde_json::from_value::<Cause>(json).unwrap(), cause);
    }
}
