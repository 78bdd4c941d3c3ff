//! The limits on what an entity may send.

use serde::{Deserialize, Serialize};

use super::Window;

/// The highest limit that may be set, as in Exchange Online.
pub const MAX_LIMIT: u32 = 10_000;
/// The highest value that an allowance may raise a limit to.
pub const MAX_ALLOWANCE: u32 = 1_000_000;
/// Stands for "no limit".
pub const NO_LIMIT: u32 = u32::MAX;

/// What an entity may send. Every limit is an effective value; none stands for a default.
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
    /// Messages in any 60 seconds; may be [`NO_LIMIT`].
    pub messages_per_minute: u32,
    /// Messages in any 24 hours; may be [`NO_LIMIT`].
    pub messages_per_day: u32,
    /// Recipients in any 24 hours that the entity had never written to before; may be [`NO_LIMIT`].
    pub first_time_recipients_per_day: u32,
    /// Recipients in any 60 minutes that the mail server itself refused; may be [`NO_LIMIT`].
    pub unknown_recipients_per_hour: u32,
}

impl Limits {
    /// The built-in default: Microsoft's recommended Standard values.
    pub const DEFAULT: Limits = Limits {
        external_per_hour: 500,
        internal_per_hour: 1000,
        per_day: 1000,
        escape_lane_per_hour: 20,
        messages_per_minute: NO_LIMIT,
        messages_per_day: NO_LIMIT,
        first_time_recipients_per_day: NO_LIMIT,
        unknown_recipients_per_hour: NO_LIMIT,
    };

    /// Every limited window with its limit; those that Exchange's outbound policies limit come first.
    pub fn each(&self) -> impl Iterator<Item = (Window, u32)> + use<> {
        let all = [
            (Window::ExternalPerHour, self.external_per_hour),
            (Window::InternalPerHour, self.internal_per_hour),
            (Window::PerDay, self.per_day),
            (Window::EscapeLanePerHour, self.escape_lane_per_hour),
            (Window::MessagesPerMinute, self.messages_per_minute),
            (Window::MessagesPerDay, self.messages_per_day),
            (Window::FirstTimeRecipientsPerDay, self.first_time_recipients_per_day),
            (Window::UnknownRecipientsPerHour, self.unknown_recipients_per_hour),
        ];
        all.into_iter().filter(|(_, limit)| *limit != NO_LIMIT)
    }

    /// The limit of `window`, if it has one.
    pub fn of(&self, window: Window) -> Option<u32> {
        self.each().find(|(w, _)| *w == window).map(|(_, limit)| limit)
    }

    /// The limits during probation: `percent` percent of these, at least 1; the escape lane keeps its limit.
    #[must_use]
    pub fn on_probation(&self, percent: u32) -> Limits {
        let part = |limit: u32| match limit {
            NO_LIMIT => NO_LIMIT,
            limit => u32::try_from(u64::from(limit) * u64::from(percent) / 100).unwrap_or(u32::MAX).max(1),
        };
        Limits {
            external_per_hour: part(self.external_per_hour),
            internal_per_hour: part(self.internal_per_hour),
            per_day: part(self.per_day),
            escape_lane_per_hour: self.escape_lane_per_hour,
            messages_per_minute: part(self.messages_per_minute),
            messages_per_day: part(self.messages_per_day),
            first_time_recipients_per_day: part(self.first_time_recipients_per_day),
            unknown_recipients_per_hour: part(self.unknown_recipients_per_hour),
        }
    }

    /// The limits without any policy limit; only the escape lane's limit remains.
    #[must_use]
    pub fn unlimited(&self) -> Limits {
        Limits {
            external_per_hour: NO_LIMIT,
            internal_per_hour: NO_LIMIT,
            per_day: NO_LIMIT,
            messages_per_minute: NO_LIMIT,
            messages_per_day: NO_LIMIT,
            first_time_recipients_per_day: NO_LIMIT,
            unknown_recipients_per_hour: NO_LIMIT,
            ..*self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probation_takes_a_share_but_never_everything() {
        let limits = Limits { external_per_hour: 500, internal_per_hour: 1, per_day: 3, ..Limits::DEFAULT };
        let half = limits.on_probation(50);
        assert_eq!((half.external_per_hour, half.internal_per_hour, half.per_day), (250, 1, 1));
        assert_eq!((half.escape_lane_per_hour, half.messages_per_day), (20, NO_LIMIT));
    }
}
