//! Evidence: causes of restrictions and alerts, and what was seen.

use std::net::IpAddr;

use postern_domain::evidence::{self, Outcome};
use postern_domain::policy::Action;
use postern_domain::window::{self, Window};
use postern_domain::{Reference, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::convert;
use super::schema;

/// What was seen when a restriction was imposed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct Evidence {
    /// The count in every window, and its limit.
    pub windows: Vec<WindowCount>,
    /// The last attempts, oldest first; the last one exceeded the limit.
    pub attempts: Vec<AttemptRecord>,
}

convert!(evidence::Evidence => Evidence {
    same: ;
    each: windows, attempts;
});

/// How full one window was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WindowCount {
    /// The sliding window.
    #[schema(value_type = schema::Window)]
    pub window: Window,
    /// The count in the window.
    pub count: u32,
    /// The limit of the window; absent if there is none.
    pub limit: Option<u32>,
}

convert!(evidence::WindowCount => WindowCount {
    same: window, count, limit;
});

/// One attempt as evidence: the client that submitted it, and the number of recipients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AttemptRecord {
    /// When it ended.
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    /// The client's address, if the mail server reported it.
    #[schema(value_type = Option<String>)]
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
    #[schema(value_type = schema::Outcome)]
    pub outcome: Outcome,
}

convert!(evidence::AttemptRecord => AttemptRecord {
    same: at, client_address, helo_name, sasl_method, sender, queue_id, recipients, external, size, outcome;
});

/// A window, its limit, and the count that exceeds or approaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Excess {
    /// The sliding window.
    #[schema(value_type = schema::Window)]
    pub window: Window,
    /// The limit of the window.
    pub limit: u32,
    /// The count in the window, including the mail in question.
    pub count: u32,
}

convert!(window::Excess => Excess {
    same: window, limit, count;
});

/// Why a restriction was imposed or an alert raised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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
        #[schema(value_type = schema::Action)]
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
        #[schema(value_type = schema::Reference)]
        restriction: Reference,
        /// When it began.
        #[schema(value_type = schema::Timestamp)]
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

impl From<evidence::Cause> for Cause {
    fn from(cause: evidence::Cause) -> Self {
        use evidence::Cause as Of;
        match cause {
            Of::LimitExceeded { policy, excess, probation } => {
                Self::LimitExceeded { policy, excess: excess.into(), probation }
            }
            Of::LimitNearlyReached { policy, excess } => Self::LimitNearlyReached { policy, excess: excess.into() },
            Of::ReportOnly { policy, excess, action } => Self::ReportOnly { policy, excess: excess.into(), action },
            Of::SuspiciousPattern { pattern } => Self::SuspiciousPattern { pattern: pattern.into() },
            Of::ReleaseOverdue { restriction, since } => Self::ReleaseOverdue { restriction, since },
            Of::Away { part, error } => Self::Away { part, error },
            Of::Manual { reason } => Self::Manual { reason },
        }
    }
}

/// A pattern that was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case", tag = "pattern")]
pub enum Pattern {
    /// Messages came from many networks within an hour.
    ManyNetworks {
        /// How many networks (IPv4 /24, IPv6 /48).
        networks: u32,
    },
}

impl From<evidence::Pattern> for Pattern {
    fn from(pattern: evidence::Pattern) -> Self {
        match pattern {
            evidence::Pattern::ManyNetworks { networks } => Self::ManyNetworks { networks },
        }
    }
}
