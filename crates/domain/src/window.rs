//! Sliding windows over what one entity sent.
//!
//! Time is cut into buckets: of one minute for the hour windows, of ten minutes for the day
//! windows. A window looks back its length *and* the rest of the bucket in which that ends, so
//!
//! - in any 60 minutes (24 hours) no more than the limit is ever accepted, and
//! - nothing is refused unless the true count over the window, one bucket older, is at the limit.
//!
//! `window/oracle.rs` holds this to an exact oracle.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::policy::Limits;
use crate::time::Timestamp;

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
/// Minutes in one bucket of the day windows.
const COARSE: u32 = 10;
/// A clock that steps back by more than this moves later slots to its own time, so that a
/// clock that was wrong for a while does not keep counts for as long as it was wrong.
const CLOCK_SLACK: u32 = 2;

/// A window in which something is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
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
    /// Recipients in 24 hours that it had never written to before.
    FirstTimeRecipientsPerDay,
    /// Recipients in an hour that the mail server itself refused, unknown ones as a rule.
    UnknownRecipientsPerHour,
}

impl Window {
    /// Every window, in the order people are shown them.
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

    /// The windows whose filling up is told after each message.
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

    /// The length in minutes of a window whose buckets are minutes.
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

/// Recipients by what they count as, and the message they make.
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
    /// How many of them it had never written to before.
    pub first_time: u32,
    /// Recipients that the mail server itself refused; they count nowhere else.
    pub unknown: u32,
}

impl Charge {
    /// Counts nothing.
    pub const NONE: Charge = Charge { external: 0, internal: 0, lane: 0, messages: 0, first_time: 0, unknown: 0 };

    /// External and internal recipients together.
    pub fn total(self) -> u32 {
        self.external.saturating_add(self.internal)
    }

    /// All recipients, the escape lane's too.
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

    /// The same as one message.
    #[must_use]
    pub fn as_message(self) -> Charge {
        Charge { messages: u32::from(self.total() > 0), ..self }
    }

    /// The sum of both, window by window; it stops at the largest number.
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

    /// This without `other`, no part below zero.
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

    /// The same with the escape lane's recipients as ordinary internal ones.
    #[must_use]
    pub fn without_lane(self) -> Charge {
        Charge { internal: self.internal.saturating_add(self.lane), lane: 0, ..self }.as_message()
    }

    /// What counts in `window`.
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

/// What was sent in one bucket. Counts are small to keep a million entities in memory; what
/// does not fit goes into a further slot of the same minute.
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
    /// Messages to count.
    pub messages: u16,
    /// Recipients on the escape lane.
    pub lane: u16,
    /// Recipients that it had never written to before, for the day window.
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

/// What is in a window that is over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Excess {
    /// Which of the sliding windows it is about.
    pub window: Window,
    /// What it may hold.
    pub limit: u32,
    /// What it would hold.
    pub count: u32,
}

/// Whether more recipients fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// There is room for all of them.
    Fits,
    /// They do not, whatever becomes of other messages that are under way.
    Exceeds(Excess),
    /// They fit only if some other message that is under way comes to nothing.
    Contended(Window),
}

/// Usage of one entity: what was accepted, and what is reserved for messages under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    slots: Vec<Slot>,
    reserved: Charge,
}

impl Usage {
    /// Usage with these slots, oldest first, as a journal kept them.
    pub fn restore(slots: Vec<Slot>) -> Self {
        Self { slots, reserved: Charge::NONE }
    }

    /// The slots, oldest first.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// What is reserved for messages under way.
    pub fn reserved(&self) -> Charge {
        self.reserved
    }

    /// Whether there is nothing to remember.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.reserved.is_none()
    }

    /// What was accepted in `window`, seen at `now`.
    pub fn count(&self, window: Window, now: Timestamp) -> u32 {
        let now = now.minute();
        let inside = self.slots.iter().rev().take_while(|slot| window.holds(slot.minute, now));
        inside.map(|slot| window.of(slot)).fold(0, u32::saturating_add)
    }

    /// When `window` will hold less than `limit`; `None` if it does so now.
    pub fn free_at(&self, window: Window, limit: u32, now: Timestamp) -> Option<Timestamp> {
        let mut count = self.count(window, now);
        if count < limit {
            return None;
        }
        let inside = self.slots.iter().filter(|slot| window.holds(slot.minute, now.minute()));
        for slot in inside {
            count = count.saturating_sub(window.of(slot));
            if count < limit {
                return Some(Timestamp::from_minute(window.leaves(slot.minute)));
            }
        }
        // A limit of zero never frees up; there is none in a valid policy.
        None
    }

    /// Whether `more` fits beside what is counted. `held` is what the same message has
    /// reserved already. With `reserved_is_certain`, what other messages reserved is taken
    /// as accepted, for mail servers that never say how a message ended.
    pub fn fit(&self, held: Charge, more: Charge, limits: &Limits, reserved_is_certain: bool, now: Timestamp) -> Fit {
        let mut contended = None;
        for (window, limit) in limits.each() {
            let adds = more.in_window(window);
            if adds == 0 {
                continue;
            }
            let accepted = self.count(window, now);
            let own = held.in_window(window).saturating_add(adds);
            let others = self.reserved.minus(held).in_window(window);
            let all = accepted.saturating_add(own).saturating_add(others);
            let certain = if reserved_is_certain { all } else { accepted.saturating_add(own) };
            if certain > limit {
                return Fit::Exceeds(Excess { window, limit, count: certain });
            }
            if all > limit {
                contended.get_or_insert(window);
            }
        }
        contended.map_or(Fit::Fits, Fit::Contended)
    }

    /// Holds room for recipients of a message under way.
    pub fn reserve(&mut self, charge: Charge) {
        self.reserved = self.reserved.plus(charge);
    }

    /// Gives reserved room back.
    pub fn cancel(&mut self, charge: Charge) {
        self.reserved = self.reserved.minus(charge);
    }

    /// Counts one accepted message to `charge`.
    pub fn accept(&mut self, charge: Charge, now: Timestamp) {
        self.add(charge, 1, now.minute());
    }

    /// Counts `messages` with `charge` at `minute`.
    pub fn add(&mut self, charge: Charge, messages: u32, minute: u32) {
        let now = match self.slots.last() {
            Some(last) if minute > last.minute || last.minute > minute + CLOCK_SLACK => {
                self.roll(minute);
                minute
            }
            Some(last) => last.minute,
            None => minute,
        };
        let mut left = [charge.external, charge.internal, charge.total(), messages, charge.lane];
        let mut few = [charge.first_time, charge.unknown];
        while left.iter().chain(&few).any(|&n| n > 0) {
            let [external, internal, total, messages, lane] = left.each_mut().map(take_u16);
            let [first_time, unknown] = few.each_mut().map(take_u8);
            self.push(Slot { minute: now, external, internal, total, messages, lane, first_time, unknown });
        }
    }

    /// Empties `windows`, so that what was sent before does not count in them any more.
    pub fn reset(&mut self, windows: &[Window]) {
        for slot in &mut self.slots {
            for window in windows {
                match window {
                    Window::ExternalPerHour => slot.external = 0,
                    Window::InternalPerHour => slot.internal = 0,
                    Window::PerDay => slot.total = 0,
                    Window::MessagesPerHour | Window::MessagesPerDay | Window::MessagesPerMinute => slot.messages = 0,
                    Window::EscapeLanePerHour => slot.lane = 0,
                    Window::FirstTimeRecipientsPerDay => slot.first_time = 0,
                    Window::UnknownRecipientsPerHour => slot.unknown = 0,
                }
            }
        }
        self.slots.retain(|slot| !slot.is_empty());
    }

    /// Forgets what has left every window, and merges what only the day windows still need.
    pub fn roll(&mut self, now: u32) {
        let old = std::mem::take(&mut self.slots);
        let capacity = old.len();
        self.slots = Vec::with_capacity(capacity);
        for mut slot in old {
            if !Window::PerDay.holds(slot.minute, now) {
                continue;
            }
            if slot.minute > now + CLOCK_SLACK {
                slot.minute = now;
            }
            if !Window::ExternalPerHour.holds(slot.minute, now) {
                slot = Slot {
                    minute: slot.minute / COARSE * COARSE,
                    total: slot.total,
                    messages: slot.messages,
                    first_time: slot.first_time,
                    ..Slot::default()
                };
            }
            self.push(slot);
        }
    }

    fn push(&mut self, slot: Slot) {
        if slot.is_empty() {
            return;
        }
        if let Some(last) = self.slots.last_mut()
            && last.minute == slot.minute
            && last.absorb(&slot)
        {
            return;
        }
        if self.slots.len() == self.slots.capacity() {
            // Most entities send little: doubling would cost more memory than it saves time.
            self.slots.reserve_exact(2 + self.slots.len() / 2);
        }
        self.slots.push(slot);
    }
}

fn take_u16(left: &mut u32) -> u16 {
    let taken = u16::try_from(*left).unwrap_or(u16::MAX);
    *left -= u32::from(taken);
    taken
}

fn take_u8(left: &mut u32) -> u8 {
    let taken = u8::try_from(*left).unwrap_or(u8::MAX);
    *left -= u32::from(taken);
    taken
}

#[cfg(test)]
mod oracle;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minute: u32) -> Timestamp {
        Timestamp::from_minute(minute)
    }

    fn external(n: u32) -> Charge {
        Charge { external: n, ..Charge::NONE }
    }

    #[test]
    fn counts_leave_after_the_window_and_one_bucket() {
        let mut usage = Usage::default();
        usage.accept(external(3), at(10_000));
        assert_eq!(usage.count(Window::ExternalPerHour, at(10_060)), 3);
        assert_eq!(usage.count(Window::ExternalPerHour, at(10_061)), 0);
        assert_eq!(usage.count(Window::PerDay, at(11_440 + 9)), 3);
        assert_eq!(usage.count(Window::PerDay, at(11_440 + 10)), 0);
    }

    #[test]
    fn large_counts_spread_over_slots() {
        let mut usage = Usage::default();
        usage.accept(external(200_000), at(5));
        usage.accept(external(200_000), at(5));
        assert_eq!(usage.count(Window::ExternalPerHour, at(5)), 400_000);
        assert_eq!(usage.count(Window::MessagesPerHour, at(5)), 2);
        usage.roll(120);
        assert_eq!(usage.count(Window::PerDay, at(120)), 400_000);
    }

    #[test]
    fn first_time_and_unknown_recipients_have_windows_of_their_own() {
        let mut usage = Usage::default();
        usage.accept(Charge { external: 700, first_time: 600, unknown: 300, ..Charge::NONE }, at(10_000));
        let count = |usage: &Usage, window, minute| usage.count(window, at(minute));
        assert_eq!(count(&usage, Window::FirstTimeRecipientsPerDay, 10_000), 600);
        assert_eq!(count(&usage, Window::UnknownRecipientsPerHour, 10_060), 300);
        assert_eq!(count(&usage, Window::UnknownRecipientsPerHour, 10_061), 0);
        assert_eq!(count(&usage, Window::PerDay, 10_000), 700, "what was refused was not sent");
        usage.roll(10_200);
        assert_eq!(count(&usage, Window::FirstTimeRecipientsPerDay, 10_200), 600);
        usage.reset(&[Window::FirstTimeRecipientsPerDay]);
        assert_eq!(count(&usage, Window::FirstTimeRecipientsPerDay, 10_200), 0);
        assert_eq!(std::mem::size_of::<Slot>(), 16);
    }

    #[test]
    fn a_steady_sender_keeps_few_slots() {
        let mut usage = Usage::default();
        for minute in 0..5 * DAY {
            usage.accept(external(1), at(minute));
        }
        assert!(usage.slots().len() <= 61 + 145, "{}", usage.slots().len());
        let now = at(5 * DAY - 1);
        assert_eq!(usage.count(Window::ExternalPerHour, now), 61);
        assert!((1440..=1450).contains(&usage.count(Window::PerDay, now)));
    }

    #[test]
    fn a_clock_that_was_ahead_does_not_keep_counts_forever() {
        let mut usage = Usage::default();
        usage.accept(external(7), at(1_000_000));
        usage.accept(external(1), at(10_000));
        assert_eq!(usage.count(Window::ExternalPerHour, at(10_000)), 8);
        assert_eq!(usage.count(Window::ExternalPerHour, at(10_061)), 0);
    }

    #[test]
    fn a_reset_empties_only_what_it_names() {
        let mut usage = Usage::default();
        usage.accept(Charge { external: 4, internal: 2, ..Charge::NONE }, at(100));
        usage.reset(&[Window::ExternalPerHour]);
        assert_eq!(usage.count(Window::ExternalPerHour, at(100)), 0);
        assert_eq!(usage.count(Window::InternalPerHour, at(100)), 2);
        assert_eq!(usage.count(Window::PerDay, at(100)), 6);
    }

    #[test]
    fn free_at_names_the_minute_the_next_recipient_fits() {
        let mut usage = Usage::default();
        usage.accept(external(3), at(100));
        usage.accept(external(2), at(110));
        assert_eq!(usage.free_at(Window::ExternalPerHour, 6, at(120)), None);
        assert_eq!(usage.free_at(Window::ExternalPerHour, 5, at(120)), Some(at(161)));
        assert_eq!(usage.free_at(Window::ExternalPerHour, 2, at(120)), Some(at(171)));
    }

    #[test]
    fn other_messages_under_way_contend_but_do_not_exceed() {
        let limits = Limits {
            external_per_hour: 10,
            internal_per_hour: 10,
            per_day: 10,
            escape_lane_per_hour: 1,
            ..Limits::DEFAULT
        };
        let mut usage = Usage::default();
        usage.reserve(external(9));
        assert_eq!(usage.fit(Charge::NONE, external(1), &limits, false, at(0)), Fit::Fits);
        assert_eq!(
            usage.fit(Charge::NONE, external(2), &limits, false, at(0)),
            Fit::Contended(Window::ExternalPerHour)
        );
        let excess = Excess { window: Window::ExternalPerHour, limit: 10, count: 11 };
        assert_eq!(usage.fit(Charge::NONE, external(2), &limits, true, at(0)), Fit::Exceeds(excess));
        assert_eq!(usage.fit(external(9), external(2), &limits, false, at(0)), Fit::Exceeds(excess));
    }
}
