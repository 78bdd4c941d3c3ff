//! Usage: what one entity has sent in its windows, and whether more fits.

use super::*;

/// Whether more recipients fit within the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// All of them fit.
    Fits,
    /// They do not fit, whatever happens to other messages under way.
    Exceeds(Excess),
    /// They fit only if another message under way is not accepted.
    Contended(Window),
}

/// The usage of one entity: what was accepted, and what is reserved for messages under way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Usage {
    slots: Vec<Slot>,
    reserved: Charge,
}

impl Usage {
    /// Restores usage from the slots in a journal, oldest first.
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

    /// Whether nothing was sent or reserved.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.reserved.is_none()
    }

    /// What was accepted in `window` up to `now`.
    pub fn count(&self, window: Window, now: Timestamp) -> u32 {
        let now = now.minute();
        let inside = self.slots.iter().rev().take_while(|slot| window.holds(slot.minute, now));
        inside.map(|slot| window.of(slot)).fold(0, u32::saturating_add)
    }

    /// When the count in `window` will be below `limit`; `None` if it already is, or if `limit` is 0.
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
        // A count is never below zero; a valid policy has no limit of zero.
        None
    }

    /// Whether `more` fits in addition to what is counted. `held` is what the same message has already
    /// reserved. With `reserved_is_certain`, reservations of other messages are treated as accepted, for
    /// mail servers that never report how a message ended.
    pub fn fit(&self, held: Charge, more: Charge, limits: &Limits, reserved_is_certain: bool, now: Timestamp) -> Fit {
        let mut contended = None;
        for (window, limit) in limits.each() {
            if window == Window::UnknownRecipientsPerHour && more.total() > 0 {
                // Nothing is reserved in this window: what the mail server refuses is known only afterwards.
                let count = self.count(window, now);
                if count > limit {
                    return Fit::Exceeds(Excess { window, limit, count });
                }
            }
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

    /// Makes a reservation for recipients of a message under way.
    pub fn reserve(&mut self, charge: Charge) {
        self.reserved = self.reserved.plus(charge);
    }

    /// Cancels a reservation.
    pub fn cancel(&mut self, charge: Charge) {
        self.reserved = self.reserved.minus(charge);
    }

    /// Counts one accepted message with the recipients in `charge`.
    pub fn accept(&mut self, charge: Charge, now: Timestamp) {
        self.add(charge, 1, now.minute());
    }

    /// Counts `messages` and the recipients in `charge` at `minute`.
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

    /// Empties `windows`, so that what was sent before no longer counts in them.
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

    /// Drops slots that have left every window, and merges those that only the day windows still need.
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
            // Most entities send little: doubling would cost more memory than the time saved is worth.
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
