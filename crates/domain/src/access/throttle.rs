//! Delays sign-in longer with each failed attempt (OWASP ASVS 5, section 6.3.1).

use std::time::Duration;

use crate::time::Timestamp;

/// How many failed attempts are free, and how the wait grows after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleRule {
    /// This many failures cause no wait.
    pub free: u32,
    /// The wait after the first failure beyond `free`; each further failure doubles it.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
    /// After this long without a failure, earlier failures no longer count.
    pub forget: Duration,
}

impl ThrottleRule {
    /// For one account: barely delays a person who mistypes, but defeats a program that guesses.
    pub const ACCOUNT: Self = Self {
        free: 4,
        first: Duration::from_secs(1),
        most: Duration::from_secs(15 * 60),
        forget: Duration::from_secs(24 * 3600),
    };

    /// For one device from which the person has signed in before.
    pub const DEVICE: Self = Self::ACCOUNT;

    /// For one client address, which many people may share.
    pub const CLIENT: Self = Self { free: 20, ..Self::ACCOUNT };
}

/// The failed attempts of one account or one client address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    failures: u32,
    last: Timestamp,
}

impl Throttle {
    /// The state after a first failure at `now`.
    pub fn new(now: Timestamp) -> Self {
        Self { failures: 1, last: now }
    }

    /// The state that [`Throttle::failures`] and [`Throttle::last`] describe.
    pub fn restore(failures: u32, last: Timestamp) -> Self {
        Self { failures, last }
    }

    /// How many attempts have failed.
    pub fn failures(self) -> u32 {
        self.failures
    }

    /// When the last one failed.
    pub fn last(self) -> Timestamp {
        self.last
    }

    /// The state after one more failure at `now`.
    #[must_use]
    pub fn failed(self, rule: ThrottleRule, now: Timestamp) -> Self {
        let failures = if self.is_forgotten(rule, now) { 0 } else { self.failures };
        Self { failures: failures.saturating_add(1), last: now }
    }

    /// How long the next attempt still has to wait; zero if it need not.
    pub fn wait(self, rule: ThrottleRule, now: Timestamp) -> Duration {
        let Some(counted) = self.failures.checked_sub(rule.free + 1) else { return Duration::ZERO };
        let factor = 1u32.checked_shl(counted).unwrap_or(u32::MAX);
        rule.first.saturating_mul(factor).min(rule.most).saturating_sub(now.since(self.last))
    }

    /// Whether the failures are old enough to be forgotten.
    pub fn is_forgotten(self, rule: ThrottleRule, now: Timestamp) -> bool {
        now.since(self.last) >= rule.forget
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: ThrottleRule = ThrottleRule::ACCOUNT;

    fn after(failures: u32) -> Throttle {
        let now = Timestamp::from_millis(0);
        (1..failures).fold(Throttle::new(now), |throttle, _| throttle.failed(RULE, now))
    }

    #[test]
    fn the_wait_doubles_up_to_the_longest() {
        let wait = |failures| after(failures).wait(RULE, Timestamp::from_millis(0)).as_secs();
        assert_eq!([4, 5, 6, 7, 14, 15, 40, 400].map(wait), [0, 1, 2, 4, 512, 900, 900, 900]);
    }

    #[test]
    fn waiting_helps_and_a_day_forgets() {
        let later = |seconds: i64| Timestamp::from_millis(seconds * 1000);
        assert_eq!(after(7).wait(RULE, later(3)).as_secs(), 1);
        assert_eq!(after(7).wait(RULE, later(4)).as_secs(), 0);
        assert!(!after(7).is_forgotten(RULE, later(86_399)));
        assert_eq!(after(7).failed(RULE, later(86_400)), Throttle::new(later(86_400)));
    }
}
