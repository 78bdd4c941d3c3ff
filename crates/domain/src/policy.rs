//! Outbound policies: how much an entity may send, and what follows when it sends more.
//!
//! Settings, ranges and names are those of Exchange Online's outbound spam policies.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;
use crate::window::Window;

/// The largest limit that may be set, as in Exchange Online.
pub const MAX_LIMIT: u32 = 10_000;

/// What an entity may send, each limit in numbers: no value here means "some default".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// External recipients in any 60 minutes.
    pub external_per_hour: u32,
    /// Internal recipients in any 60 minutes.
    pub internal_per_hour: u32,
    /// All recipients in any 24 hours.
    pub per_day: u32,
    /// Recipients on the escape lane in any 60 minutes.
    pub escape_lane_per_hour: u32,
}

impl Limits {
    /// The built-in default: Microsoft's recommended Standard values.
    pub const DEFAULT: Limits =
        Limits { external_per_hour: 500, internal_per_hour: 1000, per_day: 1000, escape_lane_per_hour: 20 };

    /// Every limited window with its limit; what an outbound policy limits comes first.
    pub fn each(&self) -> [(Window, u32); 4] {
        [
            (Window::ExternalPerHour, self.external_per_hour),
            (Window::InternalPerHour, self.internal_per_hour),
            (Window::PerDay, self.per_day),
            (Window::EscapeLanePerHour, self.escape_lane_per_hour),
        ]
    }

    /// The limit of `window`, if it has one.
    pub fn of(&self, window: Window) -> Option<u32> {
        self.each().into_iter().find(|(w, _)| *w == window).map(|(_, limit)| limit)
    }

    /// The limits during probation: `percent` of these, at least 1.
    pub fn on_probation(&self, percent: u32) -> Limits {
        let part = |limit: u32| u32::try_from(u64::from(limit) * u64::from(percent) / 100).unwrap_or(u32::MAX).max(1);
        Limits {
            external_per_hour: part(self.external_per_hour),
            internal_per_hour: part(self.internal_per_hour),
            per_day: part(self.per_day),
            escape_lane_per_hour: self.escape_lane_per_hour,
        }
    }

    /// No policy limit at all; the escape lane keeps its own.
    pub fn unlimited(&self) -> Limits {
        Limits {
            external_per_hour: u32::MAX,
            internal_per_hour: u32::MAX,
            per_day: u32::MAX,
            escape_lane_per_hour: self.escape_lane_per_hour,
        }
    }
}

/// What follows when a limit is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// No action, alert only.
    AlertOnly,
    /// Restrict the user from sending mail until the following day.
    RestrictUntilNextDay,
    /// Restrict the user from sending mail.
    Restrict,
}

impl Action {
    /// Every action, by the name it has in settings.
    pub const ALL: [Action; 3] = [Action::AlertOnly, Action::RestrictUntilNextDay, Action::Restrict];

    /// The name it has in settings and in the API.
    pub fn key(self) -> &'static str {
        match self {
            Action::AlertOnly => "alert-only",
            Action::RestrictUntilNextDay => "restrict-until-next-day",
            Action::Restrict => "restrict",
        }
    }

    /// What is to be done about an entity that passes a limit at `now`.
    pub fn consequence(self, now: Timestamp) -> Consequence {
        match self {
            Action::AlertOnly => Consequence::Alert,
            Action::RestrictUntilNextDay => Consequence::Restrict { until: Some(now.next_day()) },
            Action::Restrict => Consequence::Restrict { until: None },
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::AlertOnly => "no action, alert only",
            Action::RestrictUntilNextDay => "restrict from sending mail until the following day (UTC)",
            Action::Restrict => "restrict from sending mail",
        })
    }
}

/// What is to be done about an entity that passed a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Tell the admins and let the mail go on.
    Alert,
    /// Restrict it, until a time or until an admin releases it.
    Restrict {
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
}

/// An outbound policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OutboundPolicy {
    /// Its name, as people see it.
    pub name: String,
    /// The limits in force.
    pub limits: Limits,
    /// What follows when one is passed.
    pub action: Action,
}

/// The default policy's name, as Exchange's admins know it.
pub const DEFAULT_POLICY: &str = "Default";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probation_takes_a_share_but_never_everything() {
        let limits = Limits { external_per_hour: 500, internal_per_hour: 1, per_day: 3, escape_lane_per_hour: 20 };
        let half = limits.on_probation(50);
        assert_eq!((half.external_per_hour, half.internal_per_hour, half.per_day), (250, 1, 1));
        assert_eq!(half.escape_lane_per_hour, 20);
    }

    #[test]
    fn actions_know_when_they_end() {
        let now = Timestamp::parse("2026-11-25T10:00:00Z").unwrap();
        assert_eq!(Action::AlertOnly.consequence(now), Consequence::Alert);
        assert_eq!(Action::Restrict.consequence(now), Consequence::Restrict { until: None });
        let midnight = Timestamp::parse("2026-11-26T00:00:00Z").unwrap();
        assert_eq!(Action::RestrictUntilNextDay.consequence(now), Consequence::Restrict { until: Some(midnight) });
    }
}
