//! The messages that were counted recently, so that a question that is asked again is answered but not counted again.

use std::time::Duration;

use hashbrown::HashTable;
use postern_domain::Timestamp;

use crate::MessageId;

/// How long a counted message is remembered at least: a mail server repeats a request within its own timeout, and after
/// a restart, it repeats at once what the crash left unanswered.
pub(super) const REMEMBER: Duration = Duration::from_secs(120);
/// How many of the newest messages are remembered in each shard at least, if they are more than fit into that time.
const MANY: usize = 896;

/// Recently counted messages, in two generations. The older one is forgotten as a whole: to forget each message by itself
/// would touch two more places in memory for every message that is counted.
#[derive(Debug, Default)]
pub(super) struct Counted {
    newer: HashTable<u64>,
    older: HashTable<u64>,
    /// When the newer generation began.
    since: Timestamp,
}

impl Counted {
    pub(super) fn contains(&self, message: MessageId) -> bool {
        [&self.newer, &self.older].iter().any(|all| all.find(spread(message.0), |one| *one == message.0).is_some())
    }

    pub(super) fn insert(&mut self, message: MessageId, now: Timestamp) {
        if self.newer.len() >= MANY {
            self.begin_generation(now);
        } else {
            self.forget(now);
        }
        self.newer.entry(spread(message.0), |one| *one == message.0, |one| spread(*one)).or_insert(message.0);
    }

    /// Forgets the messages whose time is over.
    pub(super) fn forget(&mut self, now: Timestamp) {
        let elapsed = now.since(self.since);
        if elapsed > REMEMBER {
            self.begin_generation(now);
        }
        // Each message was counted in the first half of this time: afterwards, a new generation would have begun.
        if elapsed > 2 * REMEMBER {
            self.older.clear();
        }
    }

    fn begin_generation(&mut self, now: Timestamp) {
        std::mem::swap(&mut self.newer, &mut self.older);
        self.newer.clear();
        self.since = now;
    }
}

/// FNV's bits are spread unevenly; the table needs both ends.
fn spread(message: u64) -> u64 {
    message.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_remembered_for_a_while() {
        let at = Timestamp::from_millis(1_000_000);
        let later = at.plus(REMEMBER + Duration::from_millis(1));
        let mut counted = Counted::default();
        counted.insert(MessageId(1), at);
        counted.insert(MessageId(2), at.plus(REMEMBER));
        counted.forget(later);
        assert!(counted.contains(MessageId(1)) && counted.contains(MessageId(2)) && !counted.contains(MessageId(3)));
        counted.forget(later.plus(REMEMBER));
        assert!(counted.contains(MessageId(2)), "it was counted only {REMEMBER:?} ago");
        counted.forget(later.plus(REMEMBER + Duration::from_millis(1)));
        assert!(!counted.contains(MessageId(1)) && !counted.contains(MessageId(2)));
        counted.insert(MessageId(4), later.plus(2 * REMEMBER));
        counted.forget(later.plus(5 * REMEMBER));
        assert!(!counted.contains(MessageId(4)));
    }

    #[test]
    fn the_newest_are_remembered_and_not_without_end() {
        let at = Timestamp::from_millis(1_000_000);
        let mut counted = Counted::default();
        for message in 0..5000 {
            counted.insert(MessageId(message), at);
        }
        assert!((5000 - MANY as u64..5000).all(|message| counted.contains(MessageId(message))));
        assert!(counted.newer.len() + counted.older.len() <= 2 * MANY);
        assert!(!counted.contains(MessageId(0)));
    }
}
