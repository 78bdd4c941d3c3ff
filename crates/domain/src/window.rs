//! Sliding windows that count what one entity sent.
//!
//! Time is divided into buckets: of one minute for the minute and hour windows, of ten minutes for the
//! day windows. A window covers its length *and* the rest of the bucket in which that ends, so
//!
//! - in any 60 minutes (24 hours) no more than the limit is ever accepted, and
//! - nothing is refused unless the exact count over the window, extended by one bucket, is at the limit.
//!
//! `window/oracle.rs` tests this against an exact oracle.

mod limits;
mod usage;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

pub use limits::{Limits, MAX_ALLOWANCE, MAX_LIMIT, NO_LIMIT};
pub use usage::{Fit, Usage};

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
/// Minutes in one bucket of the day windows.
const COARSE: u32 = 10;
/// If the clock steps back by more than this many minutes, later slots are moved to the new time, so
/// that counts do not last longer by as much as the clock was ahead.
const CLOCK_SLACK: u32 = 2;

/// A sliding window, and what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// External recipients in an hour.
    ExternalPerHour,
    /// Internal recipients in an hour.
    InternalPerHour,
    /// All recipients in 24 hours.
    PerDay,
    /// Messages in an hour.
    MessagesPerHour,
    /// Messages in 24 hours.
    MessagesPerDay,
    /// Recipients on the escape lane in an hour.
    EscapeLanePerHour,
    /// Messages in a minute.
    MessagesPerMinute,
    /// Recipients in 24 hours that the entity had never written to before.
    FirstTimeRecipientsPerDay,
    /// Recipients in an hour that the mail server itself refused, usually unknown ones.
    UnknownRecipientsPerHour,
}

impl Window {
    /// Every window, in display order.
    pub const ALL: [Window; 9] = [
        Window::ExternalPerHour,
        Window::InternalPerHour,
        Window::PerDay,
        Window::MessagesPerHour,
        Window::MessagesPerDay,
        Window::EscapeLanePerHour,
        Window::MessagesPerMinute,
        Window::FirstTimeRecipientsPerDay,
        Window::UnknownRecipientsPerHour,
    ];

    /// The windows whose counts are reported after each message.
    pub const LIMITED: [Window; 4] =
        [Window::ExternalPerHour, Window::InternalPerHour, Window::PerDay, Window::MessagesPerDay];

    /// The name used in settings, the API and the store.
    pub fn key(self) -> &'static str {
        match self {
            Window::ExternalPerHour => "external_per_hour",
            Window::InternalPerHour => "internal_per_hour",
            Window::PerDay => "per_day",
            Window::MessagesPerHour => "messages_per_hour",
            Window::MessagesPerDay => "messages_per_day",
            Window::EscapeLanePerHour => "escape_lane_per_hour",
            Window::MessagesPerMinute => "messages_per_minute",
            Window::FirstTimeRecipientsPerDay => "first_time_recipients_per_day",
            Window::UnknownRecipientsPerHour => "unknown_recipients_per_hour",
        }
    }

    /// The length in minutes of a window with one-minute buckets; `None` for the day windows.
    fn fine(self) -> Option<u32> {
        match self {
            Window::PerDay | Window::MessagesPerDay | Window::FirstTimeRecipientsPerDay => None,
            Window::MessagesPerMinute => Some(1),
            _ => Some(HOUR),
        }
    }

    fn of(self, slot: &Slot) -> u32 {
        u32::from(match self {
            Window::ExternalPerHour => slot.external,
            Window::InternalPerHour => slot.internal,
            Window::PerDay => slot.total,
            Window::MessagesPerHour | Window::MessagesPerDay | Window::MessagesPerMinute => slot.messages,
            Window::EscapeLanePerHour => slot.lane,
            Window::FirstTimeRecipientsPerDay => u16::from(slot.first_time),
            Window::UnknownRecipientsPerHour => u16::from(slot.unknown),
        })
    }

    /// Whether a slot that begins at `minute` is inside the window at `now`.
    fn holds(self, minute: u32, now: u32) -> bool {
        match self.fine() {
            Some(length) => minute + length >= now,
            None => minute / COARSE >= now.saturating_sub(DAY) / COARSE,
        }
    }

    /// The first minute at which a slot that begins at `minute` is outside the window.
    fn leaves(self, minute: u32) -> u32 {
        match self.fine() {
            Some(length) => minute + length + 1,
            None => (minute / COARSE + 1) * COARSE + DAY,
        }
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Window::ExternalPerHour => "external recipients per hour",
            Window::InternalPerHour => "internal recipients per hour",
            Window::PerDay => "recipients per day",
            Window::MessagesPerHour => "messages per hour",
            Window::MessagesPerDay => "messages per day",
            Window::EscapeLanePerHour => "escape lane recipients per hour",
            Window::MessagesPerMinute => "messages per minute",
            Window::FirstTimeRecipientsPerDay => "first-time recipients per day",
            Window::UnknownRecipientsPerHour => "unknown recipients per hour",
        })
    }
}

/// What is counted for a message: its recipients by class, and the message itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize, Deserialize)]
pub struct Charge {
    /// External recipients to count.
    pub external: u32,
    /// Internal recipients to count.
    pub internal: u32,
    /// Recipients on the escape lane, which count nowhere else.
    pub lane: u32,
    /// Messages: one with the first recipient that is not on the escape lane.
    pub messages: u32,
    /// How many of the recipients the entity had never written to before.
    pub first_time: u32,
    /// Recipients that the mail server itself refused, which count nowhere else.
    pub unknown: u32,
}

impl Charge {
    /// Counts nothing.
    pub const NONE: Charge = Charge { external: 0, internal: 0, lane: 0, messages: 0, first_time: 0, unknown: 0 };

    /// External and internal recipients together.
    pub fn total(self) -> u32 {
        self.external.saturating_add(self.internal)
    }

    /// All recipients, including those on the escape lane.
    pub fn recipients(self) -> u32 {
        self.total().saturating_add(self.lane)
    }

    /// Whether there is nothing to count.
    pub fn is_none(self) -> bool {
        self == Self::NONE
    }

    /// Whether `other` is no larger in any part.
    pub fn covers(self, other: Charge) -> bool {
        other.external <= self.external && other.internal <= self.internal && other.lane <= self.lane
    }

    /// The same charge, counted as one message.
    #[must_use]
    pub fn as_message(self) -> Charge {
        Charge { messages: u32::from(self.total() > 0), ..self }
    }

    /// The sum of both, part by part, saturating.
    #[must_use]
    pub fn plus(self, other: Charge) -> Charge {
        Charge {
            external: self.external.saturating_add(other.external),
            internal: self.internal.saturating_add(other.internal),
            lane: self.lane.saturating_add(other.lane),
            messages: self.messages.saturating_add(other.messages),
            first_time: self.first_time.saturating_add(other.first_time),
            unknown: self.unknown.saturating_add(other.unknown),
        }
    }

    /// The difference to `other`, part by part; no part goes below zero.
    #[must_use]
    pub fn minus(self, other: Charge) -> Charge {
        Charge {
            external: self.external.saturating_sub(other.external),
            internal: self.internal.saturating_sub(other.internal),
            lane: self.lane.saturating_sub(other.lane),
            messages: self.messages.saturating_sub(other.messages),
            first_time: self.first_time.saturating_sub(other.first_time),
            unknown: self.unknown.saturating_sub(other.unknown),
        }
    }

    /// The same charge with recipients on the escape lane counted as ordinary internal ones.
    #[must_use]
    pub fn without_lane(self) -> Charge {
        Charge { internal: self.internal.saturating_add(self.lane), lane: 0, ..self }.as_message()
    }

    /// The part of the charge that counts in `window`.
    pub fn in_window(self, window: Window) -> u32 {
        match window {
            Window::ExternalPerHour => self.external,
            Window::InternalPerHour => self.internal,
            Window::PerDay => self.total(),
            Window::EscapeLanePerHour => self.lane,
            Window::MessagesPerHour | Window::MessagesPerDay | Window::MessagesPerMinute => self.messages,
            Window::FirstTimeRecipientsPerDay => self.first_time,
            Window::UnknownRecipientsPerHour => self.unknown,
        }
    }
}

/// What was sent in one bucket. Counts use small integers so that a million entities fit in memory;
/// what does not fit goes into another slot with the same minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Slot {
    /// The minute at which the bucket begins.
    pub minute: u32,
    /// External recipients, for the hour window.
    pub external: u16,
    /// Internal recipients, for the hour window.
    pub internal: u16,
    /// All recipients, for the day window.
    pub total: u16,
    /// Messages, for the message windows.
    pub messages: u16,
    /// Recipients on the escape lane.
    pub lane: u16,
    /// Recipients that the entity had never written to before, for the day window.
    pub first_time: u8,
    /// Recipients that the mail server itself refused, for the hour window.
    pub unknown: u8,
}

impl Slot {
    fn is_empty(&self) -> bool {
        let sent = (self.external, self.internal, self.total, self.messages, self.lane);
        sent == (0, 0, 0, 0, 0) && (self.first_time, self.unknown) == (0, 0)
    }

    /// Adds `other`'s counts, unless one of them would not fit.
    fn absorb(&mut self, other: &Slot) -> bool {
        let sum = |a: u16, b: u16| a.checked_add(b);
        let merged = (|| {
            Some(Slot {
                minute: self.minute,
                external: sum(self.external, other.external)?,
                internal: sum(self.internal, other.internal)?,
                total: sum(self.total, other.total)?,
                messages: sum(self.messages, other.messages)?,
                lane: sum(self.lane, other.lane)?,
                first_time: self.first_time.checked_add(other.first_time)?,
                unknown: self.unknown.checked_add(other.unknown)?,
            })
        })();
        merged.map(|slot| *self = slot).is_some()
    }
}

/// A window, its limit, and the count that exceeds or approaches it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excess {
    /// The sliding window.
    pub window: Window,
    /// The limit of the window.
    pub limit: u32,
    /// The count in the window, including the mail in question.
    pub count: u32,
}

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests;
