//! Traffic over days, in coarse buckets: for charts, and to try a policy on past traffic.
//!
//! The exact windows of [`crate::window`] forget after a day; this history is longer, and is never
//! used to decide about mail under way.

use std::collections::BTreeMap;

use crate::policy::{Limits, NO_LIMIT};
use crate::time::Timestamp;
use crate::window::{Charge, Excess, Window};

/// Minutes in one bucket.
pub const BUCKET_MINUTES: u32 = 10;
/// Buckets in an hour.
pub const BUCKETS_PER_HOUR: u32 = 60 / BUCKET_MINUTES;
const BUCKETS_PER_DAY: u32 = 24 * BUCKETS_PER_HOUR;

/// What was sent in a period. Counts are recipients, except `messages`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// Accepted external recipients.
    pub external: u32,
    /// Accepted internal recipients.
    pub internal: u32,
    /// Messages that were accepted.
    pub messages: u32,
    /// Recipients that the mail server itself refused, usually unknown ones.
    pub unknown: u32,
    /// Recipients that a restriction refused.
    pub refused: u32,
}

impl Traffic {
    /// The traffic of an accepted message, or of recipients that the mail server refused. Recipients on
    /// the escape lane are not included.
    pub fn accepted(charge: Charge) -> Self {
        Self {
            external: charge.external,
            internal: charge.internal,
            messages: charge.as_message().messages,
            unknown: charge.unknown,
            refused: 0,
        }
    }

    /// Recipients that a restriction refused.
    pub fn refused(recipients: u32) -> Self {
        Self { refused: recipients, ..Self::default() }
    }

    /// All accepted recipients, external and internal.
    pub fn recipients(self) -> u32 {
        self.external.saturating_add(self.internal)
    }

    /// The sum of both, count by count, saturating.
    #[must_use]
    pub fn plus(self, other: Traffic) -> Traffic {
        Traffic {
            external: self.external.saturating_add(other.external),
            internal: self.internal.saturating_add(other.internal),
            messages: self.messages.saturating_add(other.messages),
            unknown: self.unknown.saturating_add(other.unknown),
            refused: self.refused.saturating_add(other.refused),
        }
    }

    fn in_window(self, window: Window) -> u32 {
        match window {
            Window::ExternalPerHour => self.external,
            Window::InternalPerHour => self.internal,
            Window::PerDay => self.recipients(),
            Window::MessagesPerDay => self.messages,
            Window::UnknownRecipientsPerHour => self.unknown,
            _ => 0,
        }
    }
}

/// The number of the bucket that contains `at`, counted from 1970.
pub fn bucket(at: Timestamp) -> u32 {
    at.minute() / BUCKET_MINUTES
}

/// When a bucket begins.
pub fn bucket_start(bucket: u32) -> Timestamp {
    Timestamp::from_minute(bucket.saturating_mul(BUCKET_MINUTES))
}

/// The windows that buckets are fine enough for, and how many buckets each one spans.
const WINDOWS: [(Window, u32); 5] = [
    (Window::ExternalPerHour, BUCKETS_PER_HOUR),
    (Window::InternalPerHour, BUCKETS_PER_HOUR),
    (Window::PerDay, BUCKETS_PER_DAY),
    (Window::MessagesPerDay, BUCKETS_PER_DAY),
    (Window::UnknownRecipientsPerHour, BUCKETS_PER_HOUR),
];

/// The smallest limit that can be checked against buckets; [`NO_LIMIT`] if there is none. An entity
/// that sent no more than this in total cannot have exceeded any limit.
pub fn least_limit(limits: &Limits) -> u32 {
    WINDOWS.iter().filter_map(|(window, _)| limits.of(*window)).min().unwrap_or(NO_LIMIT)
}

/// The first bucket in which traffic would have exceeded one of `limits`, and which one. `sent` is in
/// order of time. Only full buckets are added up, so whatever this finds was certainly sent within
/// the window; an excess across bucket edges may be missed.
pub fn first_excess(sent: &[(u32, Traffic)], limits: &Limits) -> Option<(u32, Excess)> {
    let found = WINDOWS.iter().filter_map(|(window, length)| {
        let limit = limits.of(*window)?;
        let (mut count, mut from) = (0u64, 0);
        sent.iter().find_map(|(bucket, traffic)| {
            count += u64::from(traffic.in_window(*window));
            while sent[from].0 + length <= *bucket {
                count -= u64::from(sent[from].1.in_window(*window));
                from += 1;
            }
            let count = u32::try_from(count).unwrap_or(u32::MAX);
            (count > limit).then_some((*bucket, Excess { window: *window, limit, count }))
        })
    });
    found.min_by_key(|(bucket, _)| *bucket)
}

/// The usual number of recipients in each hour of a day: the median of the same hour on earlier days
/// (0 where nothing was sent). `None` if fewer than `least` days are known. `hours` maps hours since
/// 1970 to the traffic in them, `length` is the number of hours in the day, and `earlier` gives the
/// first hour of each earlier day, yesterday first.
pub fn usual(hours: &BTreeMap<u32, Traffic>, length: u32, earlier: &[u32], least: usize) -> Option<Vec<u32>> {
    // The same day of the week is a better guide, once there are two of them.
    let weekly: Vec<u32> = earlier.iter().skip(6).step_by(7).copied().collect();
    let days = if weekly.len() >= 2 { weekly } else { earlier.iter().take(7).copied().collect() };
    let usual_at = |hour: u32| {
        let sent = |day: &u32| hours.get(&(day + hour)).copied().unwrap_or_default().recipients();
        let mut counts: Vec<u32> = days.iter().map(sent).collect();
        counts.sort_unstable();
        counts[counts.len() / 2]
    };
    (days.len() >= least.max(1)).then(|| (0..length).map(usual_at).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn external(counts: &[(u32, u32)]) -> Vec<(u32, Traffic)> {
        counts
            .iter()
            .map(|(bucket, external)| (*bucket, Traffic { external: *external, ..Traffic::default() }))
            .collect()
    }

    fn hourly(limit: u32) -> Limits {
        Limits { external_per_hour: limit, ..Limits::DEFAULT.unlimited() }
    }

    #[test]
    fn what_was_sent_within_an_hour_is_counted_together_and_no_more() {
        let sent = external(&[(100, 3), (105, 3), (106, 1)]);
        let (bucket, excess) = first_excess(&sent, &hourly(5)).unwrap();
        assert_eq!((bucket, excess), (105, Excess { window: Window::ExternalPerHour, limit: 5, count: 6 }));
        assert_eq!(first_excess(&sent, &hourly(6)), None, "the first is out of the window with the third");
        assert_eq!(first_excess(&[], &hourly(0)), None);
        let day = Limits { per_day: 6, ..Limits::DEFAULT.unlimited() };
        assert_eq!(first_excess(&sent, &day).unwrap().0, 106);
    }

    #[test]
    fn the_smallest_limit_is_that_of_a_window_that_can_be_tried() {
        assert_eq!(least_limit(&Limits::DEFAULT), 500);
        assert_eq!(least_limit(&Limits::DEFAULT.unlimited()), NO_LIMIT);
        assert_eq!(least_limit(&Limits { messages_per_minute: 1, ..Limits::DEFAULT }), 500);
    }

    #[test]
    fn what_is_usual_is_the_middle_of_earlier_days() {
        let day = 24;
        let at = |hour: u32, external| (hour, Traffic { external, ..Traffic::default() });
        let today = 50 * day;
        let hours = [at(today - day, 4), at(today - 2 * day, 10), at(today - 3 * day, 5)].into_iter().collect();
        let usual = |earlier: &[u32]| usual(&hours, 2, earlier, 2);
        assert_eq!(usual(&[today - day, today - 2 * day, today - 3 * day]), Some(vec![5, 0]));
        assert_eq!(usual(&[today - day]), None, "one day is not enough to say");
        // Once two are known, the same day of the week is used.
        let fortnight: Vec<u32> = (1..=14).map(|back| today - back * day).collect();
        assert_eq!(usual(&fortnight), Some(vec![0, 0]));
    }

    proptest! {
        #[test]
        fn an_excess_is_found_just_where_some_aligned_hour_holds_more(
            counts in proptest::collection::btree_map(0u32..40, 0u32..8, 0..20), limit in 0u32..30,
        ) {
            let sent = external(&counts.iter().map(|(b, c)| (*b, *c)).collect::<Vec<_>>());
            let sum = |end: u32| -> u32 { counts.iter().filter(|(b, _)| **b <= end && **b + 6 > end).map(|(_, c)| c).sum() };
            let expected = counts.keys().copied().find(|end| sum(*end) > limit);
            prop_assert_eq!(first_excess(&sent, &hourly(limit)).map(|(bucket, _)| bucket), expected);
        }
    }
}
