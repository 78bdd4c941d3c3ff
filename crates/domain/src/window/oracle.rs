//! Tests the windows against an oracle that remembers every event to the millisecond.

use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;

/// The next step of a test run.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes, in milliseconds.
    Wait(i64),
    /// A message to this many external and internal recipients makes a reservation.
    Reserve(u32, u32),
    /// The oldest message under way is accepted.
    Accept,
    /// The oldest message under way is cancelled.
    GiveUp,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..50 * MINUTE).prop_map(Step::Wait),
        4 => (0..MINUTE).prop_map(Step::Wait),
        1 => (0..26 * 60 * MINUTE).prop_map(Step::Wait),
        6 => (0u32..6, 0u32..6).prop_map(|(external, internal)| Step::Reserve(external, internal.max(u32::from(external == 0)))),
        6 => Just(Step::Accept),
        1 => Just(Step::GiveUp),
    ]
}

/// Every accepted message: when, and for what.
#[derive(Default)]
struct Oracle(Vec<(i64, Charge)>);

impl Oracle {
    /// What was accepted in the `length` milliseconds up to and including `end`.
    fn count(&self, window: Window, end: i64, length: i64) -> u32 {
        let inside = self.0.iter().filter(|(at, _)| *at > end - length && *at <= end);
        inside.map(|(_, charge)| charge.in_window(window)).sum()
    }
}

/// The length of the window and of one of its buckets, in milliseconds.
fn lengths(window: Window) -> (i64, i64) {
    window.fine().map_or((24 * 60 * MINUTE, 10 * MINUTE), |length| (i64::from(length) * MINUTE, MINUTE))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_interval_exceeds_a_limit_and_no_refusal_is_unfounded(
        start in 0i64..100_000_000,
        limits in (1u32..20, 1u32..20, 1u32..40, 1u32..6, 1u32..20),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let (external_per_hour, internal_per_hour, per_day, messages_per_minute, messages_per_day) = limits;
        let limits = Limits {
            external_per_hour,
            internal_per_hour,
            per_day,
            escape_lane_per_hour: 5,
            messages_per_minute,
            messages_per_day,
            ..Limits::DEFAULT
        };
        let (mut now, mut usage, mut oracle) = (start, Usage::default(), Oracle::default());
        let mut under_way = std::collections::VecDeque::new();
        for step in steps {
            match step {
                Step::Wait(ms) => now += ms,
                Step::Reserve(external, internal) => {
                    let more = Charge { external, internal, ..Charge::NONE }.as_message();
                    match usage.fit(Charge::NONE, more, &limits, false, Timestamp::from_millis(now)) {
                        Fit::Fits => {
                            usage.reserve(more);
                            under_way.push_back(more);
                        }
                        Fit::Exceeds(excess) => {
                            let (length, bucket) = lengths(excess.window);
                            let truth = oracle.count(excess.window, now, length + bucket);
                            prop_assert!(truth + more.in_window(excess.window) > excess.limit);
                        }
                        Fit::Contended(window) => {
                            prop_assert!(!usage.reserved().is_none());
                            prop_assert!(usage.reserved().in_window(window) > 0);
                        }
                    }
                }
                Step::Accept => {
                    if let Some(charge) = under_way.pop_front() {
                        usage.cancel(charge);
                        usage.accept(charge, Timestamp::from_millis(now));
                        oracle.0.push((now, charge));
                    }
                }
                Step::GiveUp => {
                    if let Some(charge) = under_way.pop_front() {
                        usage.cancel(charge);
                    }
                }
            }
            for window in Window::ALL {
                let (length, bucket) = lengths(window);
                let seen = usage.count(window, Timestamp::from_millis(now));
                prop_assert!(seen >= oracle.count(window, now, length));
                prop_assert!(seen <= oracle.count(window, now, length + bucket));
            }
        }
        // An interval is fullest when it ends with an event.
        for (window, limit) in limits.each() {
            for (at, _) in &oracle.0 {
                prop_assert!(oracle.count(window, *at, lengths(window).0) <= limit);
            }
        }
    }

    #[test]
    fn free_at_is_the_first_minute_that_frees_room(
        events in proptest::collection::vec((0u32..3000, 1u32..5), 1..30),
        limit in 1u32..20,
    ) {
        let mut events = events;
        events.sort_unstable();
        let mut usage = Usage::default();
        for (minute, n) in &events {
            usage.accept(Charge { external: *n, ..Charge::NONE }, Timestamp::from_minute(*minute));
        }
        let now = Timestamp::from_minute(events.last().map_or(0, |(minute, _)| *minute));
        for window in [Window::ExternalPerHour, Window::PerDay] {
            if let Some(free) = usage.free_at(window, limit, now) {
                prop_assert!(usage.count(window, free) < limit);
                prop_assert!(usage.count(window, Timestamp::from_minute(free.minute() - 1)) >= limit);
            } else {
                prop_assert!(usage.count(window, now) < limit);
            }
        }
    }
}
