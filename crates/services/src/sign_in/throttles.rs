//! Counts failed sign-ins by account and by client address, and slows down further attempts.

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use ipnet::{IpNet, Ipv6Net};
use postern_domain::Timestamp;
use postern_domain::access::{Throttle, ThrottleRule};

/// At this many entries, those that no longer make anyone wait are dropped.
const MOST: usize = 100_000;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Account(String),
    Client(IpNet),
}

impl Key {
    fn rule(&self) -> ThrottleRule {
        match self {
            Key::Account(_) => ThrottleRule::ACCOUNT,
            Key::Client(_) => ThrottleRule::CLIENT,
        }
    }
}

/// Failures so far, in memory only: they are forgotten when Postern stops.
#[derive(Debug, Default)]
pub struct Throttles(Mutex<HashMap<Key, Throttle>>);

impl Throttles {
    /// How long an attempt has to wait; zero if it need not.
    pub fn wait(&self, account: &str, client: Option<IpAddr>, now: Timestamp) -> Duration {
        let all = self.lock();
        let wait = |key: Key| all.get(&key).map_or(Duration::ZERO, |throttle| throttle.wait(key.rule(), now));
        keys(account, client).map(wait).max().unwrap_or_default()
    }

    /// Records a failure.
    pub fn failed(&self, account: &str, client: Option<IpAddr>, now: Timestamp) {
        let mut all = self.lock();
        if all.len() >= MOST {
            all.retain(|key, throttle| throttle.wait(key.rule(), now) > Duration::ZERO);
        }
        for key in keys(account, client) {
            let rule = key.rule();
            let throttle = all.get(&key).map_or_else(|| Throttle::new(now), |throttle| throttle.failed(rule, now));
            all.insert(key, throttle);
        }
    }

    /// Clears the account's failures after a successful sign-in, but not its network's: otherwise, an
    /// attacker could reset the network's by signing in to an account of their own.
    pub fn succeeded(&self, account: &str) {
        self.lock().remove(&Key::Account(account.to_owned()));
    }

    /// Forgets old failures.
    pub fn sweep(&self, now: Timestamp) {
        self.lock().retain(|key, throttle| !throttle.is_forgotten(key.rule(), now));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Throttle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn keys(account: &str, client: Option<IpAddr>) -> impl Iterator<Item = Key> {
    let client = client.map(|address| match address.to_canonical() {
        IpAddr::V4(address) => Key::Client(IpAddr::V4(address).into()),
        // A customer has at least a /64 (RFC 6177).
        IpAddr::V6(address) => Key::Client(Ipv6Net::new_assert(address, 64).trunc().into()),
    });
    [Key::Account(account.to_owned())].into_iter().chain(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count_for_the_account_from_anywhere_and_for_the_network() {
        let throttles = Throttles::default();
        let now = Timestamp::from_millis(0);
        let ip = |text: &str| Some(text.parse().unwrap());
        for n in 0..6 {
            throttles.failed("alice", ip(&format!("2001:db8:{n}::1")), now);
        }
        assert_eq!(throttles.wait("alice", None, now).as_secs(), 2);
        assert_eq!(throttles.wait("bob", ip("2001:db8:1::1"), now).as_secs(), 0);
        for n in 0..21 {
            throttles.failed(&format!("user{n}"), ip(&format!("2001:db8::{n}")), now);
        }
        assert_eq!(throttles.wait("bob", ip("2001:db8::ffff"), now).as_secs(), 2);
        throttles.succeeded("alice");
        assert_eq!(throttles.wait("alice", None, now).as_secs(), 0);
        throttles.sweep(Timestamp::from_millis(86_400_000));
        assert!(throttles.lock().is_empty());
    }
}
