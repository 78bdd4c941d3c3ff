//! The messages that were counted recently, so that a question that is asked again is answered but not counted again.

use std::collections::VecDeque;
use std::time::Duration;

use hashbrown::HashTable;
use postern_domain::Timestamp;

use crate::MessageId;

/// How long a counted message is remembered: a mail server repeats a request within its own timeout, and after a
/// restart, it repeats at once what the crash left unanswered.
pub(super) const REMEMBER: Duration = Duration::from_secs(120);
/// The most that are remembered in each shard.
const MOST: usize = 1024;

/// Recently counted messages.
#[derive(Debug, Default)]
pub(super) struct Counted {
    messages: HashTable<u64>,
    /// The same, oldest first.
    since: VecDeque<(Timestamp, u64)>,
}

impl Counted {
    pub(super) fn contains(&self, message: MessageId) -> bool {
        self.messages.find(spread(message.0), |known| *known == message.0).is_some()
    }

    pub(super) fn insert(&mut self, message: MessageId, now: Timestamp) {
        self.messages
            .entry(spread(message.0), |known| *known == message.0, |known| spread(*known))
            .or_insert(message.0);
        self.since.push_back((now, message.0));
        self.forget(now);
    }

    /// Forgets the messages whose time is over.
    pub(super) fn forget(&mut self, now: Timestamp) {
        while let Some(&(at, message)) = self.since.front() {
            if self.since.len() <= MOST && now.since(at) <= REMEMBER {
                break;
            }
            self.since.pop_front();
            if let Ok(known) = self.messages.find_entry(spread(message), |known| *known == message) {
                known.remove();
            }
        }
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
    fn messages_are_remembered_for_a_while_and_not_without_end() {
        let at = Timestamp::from_millis(1_000_000);
        let mut counted = Counted::default();
        counted.insert(MessageId(1), at);
        counted.forget(at.plus(REMEMBER));
        assert!(counted.contains(MessageId(1)) && !counted.contains(MessageId(2)));
        counted.forget(at.plus(REMEMBER + Duration::from_millis(1)));
        assert!(!counted.contains(MessageId(1)));
        for message in 0..5000 {
            counted.insert(MessageId(message), at);
        }
        assert_eq!((counted.since.len(), counted.messages.len()), (MOST, MOST));
        assert!(counted.contains(MessageId(4999)) && !counted.contains(MessageId(0)));
    }
}
