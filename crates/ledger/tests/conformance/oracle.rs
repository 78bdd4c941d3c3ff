//! Random messages of one account, against an oracle that remembers every event to the millisecond.

use std::collections::BTreeMap;
use std::time::Duration;

use postern_domain::policy::Limits;
use postern_domain::window::{Charge, Window};
use postern_ledger::{Committed, Ledger, Reserved};
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;

use super::{Site, account, memory};

const MINUTE: i64 = 60_000;

/// What happens next. Messages are numbered; a number may be used again at any time.
#[derive(Debug, Clone)]
enum Step {
    /// Time passes, in milliseconds.
    Wait(u32),
    /// The message names so many external and internal recipients in all.
    Reserve { message: u8, external: u32, internal: u32 },
    /// The message is accepted.
    Accept { message: u8 },
    /// The message is abandoned.
    Abandon { message: u8 },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..10_000u32).prop_map(Step::Wait),
        2 => (0..50 * 60_000u32).prop_map(Step::Wait),
        1 => (0..26 * 3_600_000u32).prop_map(Step::Wait),
        8 => (any::<u8>(), 0u32..6, 0u32..6).prop_map(|(message, external, internal)| Step::Reserve {
            message: message % 8,
            external,
            internal: internal.max(u32::from(external == 0)),
        }),
        6 => any::<u8>().prop_map(|message| Step::Accept { message: message % 8 }),
        2 => any::<u8>().prop_map(|message| Step::Abandon { message: message % 8 }),
    ]
}

/// What was accepted when, and what the messages under way have been granted.
#[derive(Default)]
struct Oracle {
    accepted: Vec<(i64, Charge)>,
    under_way: BTreeMap<u8, Charge>,
    /// Distinguishes messages of the same number.
    generation: BTreeMap<u8, u32>,
}

impl Oracle {
    fn count(&self, window: Window, end: i64, length: i64) -> u32 {
        let inside = self.accepted.iter().filter(|(at, _)| *at > end - length && *at <= end);
        inside.map(|(_, charge)| charge.in_window(window)).sum()
    }

    fn key(&self, message: u8) -> String {
        format!("{message}.{}", self.generation.get(&message).copied().unwrap_or(0))
    }

    fn ended(&mut self, message: u8) {
        self.under_way.remove(&message);
        *self.generation.entry(message).or_default() += 1;
    }
}

/// The length of a window and of one of its buckets, in milliseconds.
fn lengths(window: Window) -> (i64, i64) {
    match window {
        Window::PerDay | Window::MessagesPerDay | Window::FirstTimeRecipientsPerDay => (24 * 60 * MINUTE, 10 * MINUTE),
        Window::MessagesPerMinute => (MINUTE, MINUTE),
        _ => (60 * MINUTE, MINUTE),
    }
}

async fn take(site: &Site<impl Ledger>, oracle: &mut Oracle, step: Step, limits: &Limits) -> Result<(), TestCaseError> {
    let now = site.clock.now().as_millis();
    match step {
        Step::Wait(ms) => site.clock.advance(Duration::from_millis(u64::from(ms))),
        Step::Reserve { message, external, internal } => {
            let former = oracle.under_way.get(&message).copied().unwrap_or(Charge::NONE);
            let needs = former.plus(Charge { external, internal, ..Charge::NONE }).as_message();
            match site.reserve("a", &oracle.key(message), needs, limits).await {
                Reserved::Fits(_) => {
                    oracle.under_way.insert(message, needs);
                }
                Reserved::Exceeds(excess) => {
                    let (length, bucket) = lengths(excess.window);
                    let truth = oracle.count(excess.window, now, length + bucket);
                    prop_assert!(truth + needs.in_window(excess.window) > excess.limit, "refused under the limit");
                }
                Reserved::Contended(window) => {
                    let others = oracle.under_way.iter().filter(|(other, _)| **other != message);
                    prop_assert!(others.map(|(_, charge)| charge.in_window(window)).sum::<u32>() > 0);
                }
                Reserved::CountedAlready => prop_assert!(false, "{message} was never counted"),
            }
        }
        Step::Accept { message } => {
            // The mail server accepts only what was granted, and a lease that is over is claimed again.
            let Some(charge) = oracle.under_way.get(&message).copied() else { return Ok(()) };
            let key = oracle.key(message);
            if !matches!(site.reserve("a", &key, charge, limits).await, Reserved::Fits(_)) {
                site.cancel("a", &key).await;
                oracle.ended(message);
                return Ok(());
            }
            let first = site.commit("a", &key, charge).await;
            prop_assert!(matches!(first, Committed::Counted(_)));
            prop_assert_eq!(site.commit("a", &key, charge).await, Committed::CountedAlready);
            oracle.accepted.push((now, charge));
            oracle.ended(message);
        }
        Step::Abandon { message } => {
            site.cancel("a", &oracle.key(message)).await;
            oracle.ended(message);
        }
    }
    Ok(())
}

async fn run(site: Site<impl Ledger>, limits: Limits, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut oracle = Oracle::default();
    for step in steps {
        take(&site, &mut oracle, step, &limits).await?;
        let (now, usage) = (site.clock.now(), site.ledger.usage(&account("a")).await.unwrap());
        for window in Window::ALL {
            let (length, bucket) = lengths(window);
            let seen = usage.count(window, now);
            prop_assert!(seen >= oracle.count(window, now.as_millis(), length));
            prop_assert!(seen <= oracle.count(window, now.as_millis(), length + bucket));
        }
    }
    // An interval is fullest when it ends with an event.
    for (window, limit) in limits.each() {
        for (at, _) in &oracle.accepted {
            prop_assert!(oracle.count(window, *at, lengths(window).0) <= limit, "over {window}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_limit_is_exceeded_and_nothing_is_refused_without_need(
        limits in (1u32..20, 1u32..20, 1u32..40, 1u32..6, 1u32..20),
        steps in proptest::collection::vec(step(), 1..120),
    ) {
        let (external_per_hour, internal_per_hour, per_day, messages_per_minute, messages_per_day) = limits;
        let limits = Limits {
            external_per_hour,
            internal_per_hour,
            per_day,
            messages_per_minute,
            messages_per_day,
            ..Limits::DEFAULT
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(run(memory(), limits, steps))?;
    }
}
