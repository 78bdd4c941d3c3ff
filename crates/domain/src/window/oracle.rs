//! Tests the windows against an oracle that remembers every event to the millisecond.

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

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

/// The window under test and the oracle, side by side.
struct Run {
    now: i64,
    usage: Usage,
    oracle: Oracle,
    under_way: VecDeque<Charge>,
}

impl Run {
    fn take(&mut self, step: Step, limits: &Limits) -> Result<(), TestCaseError> {
        match step {
            Step::Wait(ms) => self.now += ms,
            Step::Reserve(external, internal) => self.reserve(external, internal, limits)?,
            Step::Accept => {
                if let Some(charge) = self.under_way.pop_front() {
                    self.usage.cancel(charge);
                    self.usage.accept(charge, Timestamp::from_millis(self.now));
                    self.oracle.0.push((self.now, charge));
                }
            }
            Step::GiveUp => {
                if let Some(charge) = self.under_way.pop_front() {
                    self.usage.cancel(charge);
                }
            }
        }
        Ok(())
    }

    fn reserve(&mut self, external: u32, internal: u32, limits: &Limits) -> Result<(), TestCaseError> {
        let more = Charge { external, internal, ..Charge::NONE }.as_message();
        match self.usage.fit(Charge::NONE, more, limits, false, Timestamp::from_millis(self.now)) {
            Fit::Fits => {
                self.usage.reserve(more);
                self.under_way.push_back(more);
            }
            Fit::Exceeds(excess) => {
                let (length, bucket) = lengths(excess.window);
                let truth = self.oracle.count(excess.window, self.now, length + bucket);
                prop_assert!(truth + more.in_window(excess.window) > excess.limit);
            }
            Fit::Contended(window) => {
                prop_assert!(!self.usage.reserved().is_none());
                prop_assert!(self.usage.reserved().in_window(window) > 0);
            }
        }
        Ok(())
    }

    fn check_counts(&self) -> Result<(), TestCaseError> {
        for window in Window::ALL {
            let (length, bucket) = lengths(window);
            let seen = self.usage.count(window, Timestamp::from_millis(self.now));
            prop_assert!(seen >= self.oracle.count(window, self.now, length));
            prop_assert!(seen <= self.oracle.count(window, self.now, length + bucket));
        }
        Ok(())
    }
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
        let mut run = Run { now: start, usage: Usage::default(), oracle: Oracle::default(), under_way: VecDeque::new() };
        for step in steps {
            run.take(step, &limits)?;
            run.check_counts()?;
        }
        // An interval is fullest when it ends with an event.
        for (window, limit) in limits.each() {
            for (at, _) in &run.oracle.0 {
                prop_assert!(run.oracle.count(window, *at, lengths(window).0) <= limit);
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
