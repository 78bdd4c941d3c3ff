//! Messages in progress on this node, keyed by the sending entity and the mail server's `instance`.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use postern_domain::attempt::{Attempt, Phase};
use postern_domain::{EntityId, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncGuard};

use super::mail_servers::MailServer;

const SHARDS: usize = 64;
/// How long a counted message is remembered, so that a repeated request is answered but not counted
/// again: a mail server repeats a request within its own timeout.
const KEEP_COUNTED: Duration = Duration::from_secs(120);
/// …and the most that are remembered in each shard.
const MOST_COUNTED: usize = 1024;

/// One message in progress: the sending entity, the mail server's `instance` for it, and its state.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) entity: EntityId,
    pub(super) instance: Box<str>,
    pub(super) server: Arc<MailServer>,
    hash: u64,
    state: AsyncMutex<State>,
}

#[derive(Debug)]
struct State {
    attempt: Attempt,
    last_seen: Timestamp,
    /// Whether a refusal has been recorded. One attempt is one refusal, however many recipients it has.
    refused: bool,
    /// Whether admins should get a copy: the message was let through over a limit, or its sender is
    /// suspicious.
    for_copy: bool,
}

/// Exclusive access to a message while one request about it is answered.
pub(super) struct Guard<'a>(AsyncGuard<'a, State>);

impl Message {
    pub(super) fn is(&self, entity: &EntityId, instance: &str) -> bool {
        *self.instance == *instance && self.entity == *entity
    }

    /// Locks the message, waiting until no other request about it is being answered.
    pub(super) async fn lock(&self) -> Guard<'_> {
        Guard(self.state.lock().await)
    }

    /// Like [`Message::lock`], for a request that arrived at `now`.
    pub(super) async fn ask(&self, now: Timestamp) -> Guard<'_> {
        let mut guard = match self.state.try_lock() {
            Ok(state) => Guard(state),
            Err(_) => self.lock().await,
        };
        guard.seen(now);
        guard
    }
}

impl Guard<'_> {
    /// When the last request about it arrived, which is the time that the current decision uses.
    pub(super) fn now(&self) -> Timestamp {
        self.0.last_seen
    }

    pub(super) fn seen(&mut self, now: Timestamp) {
        self.0.last_seen = now;
    }

    /// Records that admins should get a copy.
    pub(super) fn note_for_copy(&mut self) {
        self.0.for_copy = true;
    }

    pub(super) fn is_for_copy(&self) -> bool {
        self.0.for_copy
    }

    /// Records a refusal. Returns true the first time.
    pub(super) fn note_refused(&mut self) -> bool {
        !std::mem::replace(&mut self.0.refused, true)
    }
}

impl Deref for Guard<'_> {
    type Target = Attempt;
    fn deref(&self) -> &Attempt {
        &self.0.attempt
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Attempt {
        &mut self.0.attempt
    }
}

#[derive(Debug)]
pub(super) struct Attempts {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
}

impl Default for Attempts {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: DefaultHashBuilder::default() }
    }
}

#[derive(Debug, Default)]
struct Shard {
    open: HashTable<Arc<Message>>,
    /// Hashes of recently counted messages, as a lookup table here and oldest first below. The hash has
    /// a random key, so no sender can construct a second message with the hash of a first.
    counted: HashTable<u64>,
    counted_since: VecDeque<(Timestamp, u64)>,
}

impl Attempts {
    /// Returns the message with this `instance`, starting one if there is none; `None` if it was counted recently.
    pub(super) fn open(
        &self,
        entity: EntityId,
        instance: &str,
        server: &Arc<MailServer>,
        now: Timestamp,
    ) -> Option<Arc<Message>> {
        let hash = self.hasher.hash_one((&entity, instance));
        let mut shard = self.shard(hash);
        if shard.counted.find(hash, |counted| *counted == hash).is_some() {
            return None;
        }
        let entry = shard.open.entry(hash, |message| message.is(&entity, instance), |message| message.hash);
        let begun = || {
            let state =
                AsyncMutex::new(State { attempt: Attempt::default(), last_seen: now, refused: false, for_copy: false });
            Arc::new(Message { entity, instance: instance.into(), server: Arc::clone(server), hash, state })
        };
        Some(Arc::clone(entry.or_insert_with(begun).get()))
    }

    /// Ends the message as counted, and remembers that for a while.
    pub(super) fn counted(&self, message: &Message, now: Timestamp) {
        let hash = message.hash;
        let mut shard = self.shard(hash);
        if let Ok(open) = shard.open.find_entry(hash, |open| std::ptr::eq(&**open, message)) {
            open.remove();
        }
        shard.counted.entry(hash, |counted| *counted == hash, |counted| *counted).or_insert(hash);
        shard.counted_since.push_back((now, hash));
        shard.forget_counted(now);
    }

    /// Returns the open messages without a request for at least `silence`. Drops those that have ended,
    /// have been silent for `forget`, and that no session refers to any more.
    pub(super) fn silent(&self, now: Timestamp, silence: Duration, forget: Duration) -> Vec<Arc<Message>> {
        let mut silent = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.forget_counted(now);
            shard.open.retain(|message| {
                // A message that is locked has a request in progress, so it is not silent.
                let Ok(state) = message.state.try_lock() else { return true };
                let quiet = now.since(state.last_seen);
                let open = state.attempt.phase() == Phase::Open;
                drop(state);
                if open && quiet >= silence {
                    silent.push(Arc::clone(message));
                }
                open || quiet < forget || Arc::strong_count(message) > 1
            });
        }
        silent
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The table uses the low bits, so the shard is chosen by higher ones.
        lock(&self.shards[(hash >> 40) as usize % SHARDS])
    }
}

impl Shard {
    fn forget_counted(&mut self, now: Timestamp) {
        while let Some(&(at, hash)) = self.counted_since.front() {
            if self.counted_since.len() <= MOST_COUNTED && now.since(at) <= KEEP_COUNTED {
                break;
            }
            self.counted_since.pop_front();
            if let Ok(counted) = self.counted.find_entry(hash, |counted| *counted == hash) {
                counted.remove();
            }
        }
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::mail_servers::MailServers;
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000);

    fn open(attempts: &Attempts, instance: &str, now: Timestamp) -> Option<Arc<Message>> {
        let server = MailServers::default().server("unix", "");
        attempts.open(EntityId::account_named("alice@example.com"), instance, &server, now)
    }

    #[test]
    fn a_counted_message_is_not_begun_again_for_a_while() {
        let attempts = Attempts::default();
        let message = open(&attempts, "1", START).unwrap();
        assert!(Arc::ptr_eq(&message, &open(&attempts, "1", START).unwrap()));
        attempts.counted(&message, START);
        assert!(open(&attempts, "1", START.plus(KEEP_COUNTED)).is_none());
        let later = START.plus(KEEP_COUNTED + Duration::from_secs(1));
        attempts.silent(later, KEEP_COUNTED, KEEP_COUNTED);
        assert!(open(&attempts, "1", later).is_some());
    }

    #[test]
    fn a_message_that_a_session_holds_is_not_forgotten() {
        let attempts = Attempts::default();
        let message = open(&attempts, "1", START).unwrap();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            message.lock().await.cancelled();
        });
        let later = START.plus(Duration::from_secs(3600));
        assert!(attempts.silent(later, Duration::from_secs(60), Duration::from_secs(60)).is_empty());
        assert!(Arc::ptr_eq(&message, &open(&attempts, "1", later).unwrap()));
        drop(message);
        attempts.silent(later, Duration::from_secs(60), Duration::from_secs(60));
        assert_eq!(attempts.shards.iter().map(|shard| lock(shard).open.len()).sum::<usize>(), 0);
    }
}
