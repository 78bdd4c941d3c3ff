//! What raises alerts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::entity::{EntityId, EntityKind};

/// What raises an alert. Each has a built-in alert policy of the same name; the names are those
/// Exchange's admins know, where Exchange has the like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
pub enum Trigger {
    /// An account was restricted.
    #[serde(rename = "User restricted from sending email")]
    UserRestricted,
    /// A connector was restricted.
    #[serde(rename = "Connector restricted")]
    ConnectorRestricted,
    /// A limit was passed under a policy that only alerts.
    #[serde(rename = "Email sending limit exceeded")]
    LimitExceeded,
    /// Somebody sends as a taken-over account does.
    #[serde(rename = "Suspicious email sending patterns detected")]
    SuspiciousPattern,
    /// A limit was passed on probation.
    #[serde(rename = "Probation broken")]
    ProbationBroken,
    /// Nobody has released or dismissed a restriction for long.
    #[serde(rename = "Release overdue")]
    ReleaseOverdue,
    /// The store, or the engine that counts, is away.
    #[serde(rename = "Store or counter engine away")]
    StoreAway,
    /// A share of a limit was reached.
    #[serde(rename = "Email sending limit nearly reached")]
    LimitNearlyReached,
    /// A policy in report-only mode would have acted.
    #[serde(rename = "Outbound policy in report-only mode")]
    ReportOnly,
}

impl Trigger {
    /// Every trigger, in the order of the lists.
    pub const ALL: [Trigger; 9] = [
        Trigger::UserRestricted,
        Trigger::ConnectorRestricted,
        Trigger::LimitExceeded,
        Trigger::SuspiciousPattern,
        Trigger::ProbationBroken,
        Trigger::ReleaseOverdue,
        Trigger::StoreAway,
        Trigger::LimitNearlyReached,
        Trigger::ReportOnly,
    ];

    /// What a restriction raises.
    pub fn of_restriction(entity: &EntityId, on_probation: bool) -> Self {
        match entity.kind() {
            _ if on_probation => Trigger::ProbationBroken,
            EntityKind::Account => Trigger::UserRestricted,
            EntityKind::Connector => Trigger::ConnectorRestricted,
        }
    }

    /// Triggers whose alert policies are told too: whoever wants to hear of restrictions hears of
    /// the one that broke a probation.
    pub fn includes(self, entity: Option<&EntityId>) -> Option<Trigger> {
        let entity = entity.filter(|_| self == Trigger::ProbationBroken)?;
        Some(Trigger::of_restriction(entity, false))
    }

    /// The name people see.
    pub fn name(self) -> &'static str {
        match self {
            Trigger::UserRestricted => "User restricted from sending email",
            Trigger::ConnectorRestricted => "Connector restricted",
            Trigger::LimitExceeded => "Email sending limit exceeded",
            Trigger::SuspiciousPattern => "Suspicious email sending patterns detected",
            Trigger::ProbationBroken => "Probation broken",
            Trigger::ReleaseOverdue => "Release overdue",
            Trigger::StoreAway => "Store or counter engine away",
            Trigger::LimitNearlyReached => "Email sending limit nearly reached",
            Trigger::ReportOnly => "Outbound policy in report-only mode",
        }
    }

    /// The trigger of that name, in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.name().eq_ignore_ascii_case(name))
    }

    /// How urgent its alerts are, unless a policy says otherwise.
    pub fn severity(self) -> Severity {
        match self {
            Trigger::UserRestricted | Trigger::ConnectorRestricted | Trigger::ProbationBroken | Trigger::StoreAway => {
                Severity::High
            }
            Trigger::LimitExceeded | Trigger::SuspiciousPattern | Trigger::ReleaseOverdue => Severity::Medium,
            Trigger::LimitNearlyReached => Severity::Low,
            Trigger::ReportOnly => Severity::Informational,
        }
    }

    /// Whether people are told unless a policy says otherwise. What a policy would have done is
    /// for those who look.
    pub fn is_told(self) -> bool {
        self != Trigger::ReportOnly
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
