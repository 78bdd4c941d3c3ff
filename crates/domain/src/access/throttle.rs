//! Sign-in attempts that fail are answered ever later (OWASP ASVS 5, section 6.3.1).

use std::time::Duration;

use crate::time::Timestamp;

/// Attempts that cost nothing, and how the waiting grows after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ThrottleRule {
    /// So many failures are free.
    pub free: u32,
    /// How long to wait after the first one that is not; each further one doubles it.
    pub first: Duration,
    /// The longest wait.
    pub most: Duration,
    /// After so long without a failure everything is forgotten.
    pub forget: Duration,
}

impl ThrottleRule {
    /// For one account: a person who mistypes is hardly held up, a program gets nowhere.
    pub const ACCOUNT: Self = Self {
        free: 4,
        first: Duration::from_secs(1),
        most: Duration::from_secs(15 * 60),
        forget: Duration::from_secs(24 * 3600),
    };

    /// For one client address, behind which there may be many people.
    pub const CLIENT: Self = Self { free: 20, ..Self::ACCOUNT };
}

/// What is known of one account's, or one address's, failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    failures: u32,
    last: Timestamp,
}

impl Throttle {
    /// After a first failure.
    pub fn new(now: Timestamp) -> Self {
        Self { failures: 1, last: now }
    }

    /// After one more.
    #[must_use]
    pub fn failed(self, rule: ThrottleRule, now: Timestamp) -> Self {
        let failures = if self.is_forgotten(rule, now) { 0 } else { self.failures };
        Self { failures: failures.saturating_add(1), last: now }
    }

    /// How long the next attempt still has to wait; zero: not at all.
    pub fn wait(self, rule: ThrottleRule, now: Timestamp) -> Duration {
        let Some(counted) = self.failures.checked_sub(rule.free + 1) else { return Duration::ZERO };
        let factor = 1u32.checked_shl(counted).unwrap_or(u32::MAX);
        rule.first.saturating_mul(factor).min(rule.most).saturating_sub(now.since(self.last))
    }

    /// Whether nothing follows from it any more.
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
