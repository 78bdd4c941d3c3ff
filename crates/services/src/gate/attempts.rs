//! Messages in progress on this node, keyed by the sending entity and the door's key for the message.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use postern_domain::attempt::{Attempt, Phase};
use postern_domain::window::Charge;
use postern_domain::{EntityId, Timestamp};
use postern_ledger::{AttemptRef, MessageId};
use tokio::sync::{Mutex as AsyncMutex, MutexGuard as AsyncGuard};

use super::ask::Ask;
use super::mail_servers::MailServer;
use super::unreported::{NOTHING, Unreported};

const SHARDS: usize = 64;

/// One message in progress: the sending entity, the door's key for it, and its state.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) entity: EntityId,
    pub(super) key: Box<str>,
    pub(super) server: Arc<MailServer>,
    hash: u64,
    state: AsyncMutex<State>,
}

#[derive(Debug)]
struct State {
    attempt: Attempt,
    /// The ledger's name for what is not counted yet.
    id: MessageId,
    /// How many parts of the message have been counted.
    parts: u32,
    last_seen: Timestamp,
    /// When the ledger last confirmed the reservation.
    reserved_at: Timestamp,
    /// Whether a refusal has been recorded. One attempt is one refusal, however many recipients it has.
    refused: bool,
    /// Whether admins should get a copy: the message was let through over a limit, or its sender is
    /// suspicious.
    for_copy: bool,
    /// What is known of the message, where its end may not be reported.
    unreported: Option<Box<Unreported>>,
}

/// Exclusive access to a message while one question about it is answered.
pub(super) struct Guard<'a> {
    message: &'a Message,
    state: AsyncGuard<'a, State>,
}

impl Message {
    pub(super) fn is(&self, entity: &EntityId, key: &str) -> bool {
        *self.key == *key && self.entity == *entity
    }

    /// Locks the message, waiting until no other question about it is being answered.
    pub(super) async fn lock(&self) -> Guard<'_> {
        Guard { message: self, state: self.state.lock().await }
    }

    /// Like [`Message::lock`], for a question that arrived at `now`.
    pub(super) async fn ask(&self, now: Timestamp) -> Guard<'_> {
        let mut guard = match self.state.try_lock() {
            Ok(state) => Guard { message: self, state },
            Err(_) => self.lock().await,
        };
        guard.seen(now);
        guard
    }
}

impl Guard<'_> {
    /// When the last question about it arrived, which is the time that the current decision uses.
    pub(super) fn now(&self) -> Timestamp {
        self.state.last_seen
    }

    pub(super) fn seen(&mut self, now: Timestamp) {
        self.state.last_seen = now;
    }

    /// Notes that the ledger has confirmed the reservation.
    pub(super) fn reserved(&mut self) {
        self.state.reserved_at = self.state.last_seen;
        self.state.attempt.reserved_again();
    }

    /// Whether the message's recipients are reserved for certain: the ledger ends a reservation that it has not confirmed
    /// for longer than `timeout` and some slack.
    pub(super) fn is_reserved(&self, timeout: Duration) -> bool {
        self.state.attempt.phase() == Phase::Open && self.now().since(self.state.reserved_at) < timeout
    }

    /// The ledger's name for the part of the message that is not counted yet.
    pub(super) fn id(&self) -> MessageId {
        self.state.id
    }

    /// Notes that `charge` was counted before the message ended; what follows is another part of it.
    pub(super) fn counted_early(&mut self, charge: Charge) {
        self.state.attempt.counted_early(charge);
        self.state.parts += 1;
        self.state.id = MessageId::of(&self.message.entity, &self.message.key, self.state.parts);
    }

    /// Whether a part of the message has been counted.
    pub(super) fn has_counted_part(&self) -> bool {
        self.state.parts > 0
    }

    /// Remembers what is known of the message, in case nobody reports its end.
    pub(super) fn note_unreported(&mut self, ask: &Ask<'_>) {
        self.state.unreported.get_or_insert_default().note(ask);
    }

    /// What is known of the message, as one to the recipients in `charge`.
    pub(super) fn unreported(&self, charge: Charge) -> AttemptRef<'_> {
        self.state.unreported.as_deref().unwrap_or(&NOTHING).record(charge, self.now())
    }

    /// Records that admins should get a copy.
    pub(super) fn note_for_copy(&mut self) {
        self.state.for_copy = true;
    }

    pub(super) fn is_for_copy(&self) -> bool {
        self.state.for_copy
    }

    /// Records a refusal. Returns true the first time.
    pub(super) fn note_refused(&mut self) -> bool {
        !std::mem::replace(&mut self.state.refused, true)
    }
}

impl Deref for Guard<'_> {
    type Target = Attempt;
    fn deref(&self) -> &Attempt {
        &self.state.attempt
    }
}

impl DerefMut for Guard<'_> {
    fn deref_mut(&mut self) -> &mut Attempt {
        &mut self.state.attempt
    }
}

/// The messages in progress. One is forgotten as soon as no connection is about it any more; the ledger remembers those
/// that were counted.
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
    messages: HashTable<Arc<Message>>,
    /// When to look at which message again, soonest first. An entry whose message is gone is skipped.
    due: VecDeque<(Timestamp, u64)>,
}

impl Attempts {
    /// Returns the message with this key, starting one if there is none. It is due for [`Attempts::silent`] after
    /// `silence`.
    pub(super) fn open(
        &self,
        entity: EntityId,
        key: &str,
        server: &Arc<MailServer>,
        now: Timestamp,
        silence: Duration,
    ) -> Arc<Message> {
        let hash = self.hasher.hash_one((&entity, key));
        let mut shard = self.shard(hash);
        if let Some(message) = shard.messages.find(hash, |message| message.is(&entity, key)) {
            return Arc::clone(message);
        }
        let state = State {
            attempt: Attempt::default(),
            id: MessageId::of(&entity, key, 0),
            parts: 0,
            last_seen: now,
            reserved_at: now,
            refused: false,
            for_copy: false,
            unreported: None,
        };
        let state = AsyncMutex::new(state);
        let message = Arc::new(Message { entity, key: key.into(), server: Arc::clone(server), hash, state });
        shard.messages.insert_unique(hash, Arc::clone(&message), |message| message.hash);
        shard.due.push_back((now.plus(silence), hash));
        message
    }

    /// Forgets the message, unless it is open or a connection other than the caller's is about it. `message` is the
    /// caller's only reference.
    pub(super) fn leave(&self, message: Arc<Message>) {
        let mut shard = self.shard(message.hash);
        let Ok(found) = shard.messages.find_entry(message.hash, |open| Arc::ptr_eq(open, &message)) else { return };
        let is_open = message.state.try_lock().map_or(true, |state| state.attempt.phase() == Phase::Open);
        // The table's reference and the caller's.
        if !is_open && Arc::strong_count(&message) <= 2 {
            found.remove();
        }
    }

    /// Returns the open messages without a question for at least `silence`, and forgets those that have ended and that
    /// no connection is about.
    pub(super) fn silent(&self, now: Timestamp, silence: Duration) -> Vec<Arc<Message>> {
        let mut silent = Vec::new();
        for shard in &self.shards {
            let mut shard = lock(shard);
            while let Some(&(due, hash)) = shard.due.front() {
                if due > now {
                    break;
                }
                shard.due.pop_front();
                let again = shard.look_at(hash, now, silence, &mut silent);
                if let Some(again) = again {
                    shard.due.push_back((again, hash));
                }
            }
            if shard.due.capacity() > 4 * shard.due.len() + 64 {
                shard.due.shrink_to_fit();
            }
        }
        silent
    }

    /// How many messages are in progress.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).messages.len()).sum()
    }

    fn shard(&self, hash: u64) -> MutexGuard<'_, Shard> {
        // The table uses the low bits, so the shard is chosen by higher ones.
        lock(&self.shards[(hash >> 40) as usize % SHARDS])
    }
}

impl Shard {
    /// Looks at a message that is due. Returns when to look again; `None` once it is forgotten.
    fn look_at(
        &mut self,
        hash: u64,
        now: Timestamp,
        silence: Duration,
        silent: &mut Vec<Arc<Message>>,
    ) -> Option<Timestamp> {
        let found = self.messages.find_entry(hash, |message| message.hash == hash).ok()?;
        let message = found.get();
        // A message that is locked has a question in progress, so it is not silent.
        let Ok(state) = message.state.try_lock() else { return Some(now.plus(silence)) };
        let (quiet_since, phase) = (state.last_seen, state.attempt.phase());
        drop(state);
        if now.since(quiet_since) < silence {
            return Some(quiet_since.plus(silence));
        }
        if phase == Phase::Open {
            silent.push(Arc::clone(message));
        } else if Arc::strong_count(message) == 1 {
            found.remove();
            return None;
        }
        Some(now.plus(silence))
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::super::ask::{Abilities, Reports};
    use super::super::mail_servers::MailServers;
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_000_000);
    const SILENCE: Duration = Duration::from_secs(30);

    fn open(attempts: &Attempts, key: &str, now: Timestamp) -> Arc<Message> {
        let abilities = Abilities {
            reports_ends: Reports::OnceSeen,
            confirms: Reports::OnceSeen,
            reports_aborts: false,
            adds_copies: true,
            holds: false,
            sees_content: false,
        };
        let server = MailServers::default().server("unix", "", abilities);
        attempts.open(EntityId::account_named("alice@example.com"), key, &server, now, SILENCE)
    }

    #[tokio::test]
    async fn a_message_is_forgotten_once_it_has_ended_and_nobody_asks_about_it() {
        let attempts = Attempts::default();
        let (one, other) = (open(&attempts, "1", START), open(&attempts, "1", START));
        assert!(Arc::ptr_eq(&one, &other));
        one.lock().await.cancelled();
        attempts.leave(one);
        assert_eq!(attempts.len(), 1, "another connection is about it");
        attempts.leave(other);
        assert_eq!(attempts.len(), 0);
        // One that is open stays until it is silent, and its end is known.
        let open_one = open(&attempts, "2", START);
        attempts.leave(open_one);
        assert!(attempts.silent(START.plus(SILENCE / 2), SILENCE).is_empty());
        let silent = attempts.silent(START.plus(SILENCE), SILENCE);
        assert_eq!((silent.len(), attempts.len()), (1, 1));
        silent[0].lock().await.cancelled();
        drop(silent);
        assert!(attempts.silent(START.plus(3 * SILENCE), SILENCE).is_empty());
        assert_eq!(attempts.len(), 0);
    }

    #[tokio::test]
    async fn a_message_that_is_asked_about_is_not_silent() {
        let attempts = Attempts::default();
        let message = open(&attempts, "1", START);
        drop(message.ask(START.plus(SILENCE / 2)).await);
        assert!(attempts.silent(START.plus(SILENCE), SILENCE).is_empty());
        assert_eq!(attempts.silent(START.plus(2 * SILENCE), SILENCE).len(), 1);
    }
}
