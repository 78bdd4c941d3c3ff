//! Triggers: the conditions that raise alerts.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Severity;
use crate::entity::{EntityId, EntityKind};

/// What raises an alert. Each trigger has a built-in alert policy of the same name; the names are
/// those Exchange admins know, where Exchange has an equivalent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Trigger {
    /// An account was restricted.
    #[serde(rename = "User restricted from sending email")]
    UserRestricted,
    /// A connector was restricted.
    #[serde(rename = "Connector restricted")]
    ConnectorRestricted,
    /// A limit was exceeded under a policy that only alerts.
    #[serde(rename = "Email sending limit exceeded")]
    LimitExceeded,
    /// The sending pattern looks like that of a compromised account.
    #[serde(rename = "Suspicious email sending patterns detected")]
    SuspiciousPattern,
    /// A limit was exceeded on probation.
    #[serde(rename = "Probation broken")]
    ProbationBroken,
    /// A restriction has been neither released nor dismissed for a long time.
    #[serde(rename = "Release overdue")]
    ReleaseOverdue,
    /// The store or the counter engine is unavailable.
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
    /// Every trigger, in the order in which lists show them.
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

    /// The trigger of a restriction's alert.
    pub fn of_restriction(entity: &EntityId, on_probation: bool) -> Self {
        match entity.kind() {
            _ if on_probation => Trigger::ProbationBroken,
            EntityKind::Account => Trigger::UserRestricted,
            EntityKind::Connector => Trigger::ConnectorRestricted,
        }
    }

    /// The trigger whose alert policies are notified too: a policy for restrictions also covers the
    /// restriction that follows a broken probation.
    pub fn includes(self, entity: Option<&EntityId>) -> Option<Trigger> {
        let entity = entity.filter(|_| self == Trigger::ProbationBroken)?;
        Some(Trigger::of_restriction(entity, false))
    }

    /// The name shown to people.
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

    /// The trigger with this name, ignoring case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|trigger| trigger.name().eq_ignore_ascii_case(name))
    }

    /// How urgent its alerts are, unless a policy specifies otherwise.
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

    /// Whether people are notified unless a policy specifies otherwise. Report-only alerts notify
    /// nobody by default; they are only listed.
    pub fn notifies_by_default(self) -> bool {
        self != Trigger::ReportOnly
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
