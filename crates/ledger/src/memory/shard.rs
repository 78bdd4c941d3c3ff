//! One shard of the memory ledger: the entities whose hash falls into it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use postern_domain::window::{Charge, Window};
use postern_domain::{EntityId, Timestamp};

use super::counted::Counted;
use super::entry::{Entry, Grown};
use super::format;
use crate::recent::{self, RecentAttempts};
use crate::{Accepted, AttemptRef, Committed, NodeId};

/// The memory for attempts in one shard, in bytes: 32 MiB over all shards. Beyond it, entities lose theirs that have been
/// quiet for long.
const MOST_RECENT: usize = 128 * 1024;
/// Attempts are dropped when the newest is this old.
const KEEP_RECENT: Duration = Duration::from_secs(24 * 3600);

/// Entities, and what was counted for them since the journal was last written.
#[derive(Debug, Default)]
pub(super) struct Shard {
    entities: HashTable<Box<Entry>>,
    pub(super) counted: Counted,
    /// Encoded records not yet passed to the journal.
    pub(super) pending: Vec<u8>,
    /// The memory in bytes that attempts take.
    recent_size: usize,
    /// The hashes of the entities that have attempts, in the order in which they lose them unless they have been active
    /// since (the CLOCK algorithm). Each is in it once.
    with_attempts: VecDeque<u64>,
    /// Encodes attempts, one at a time.
    scratch: Vec<u8>,
}

impl Shard {
    pub(super) fn entry(&mut self, entity: &EntityId, hash: u64, hasher: &DefaultHashBuilder) -> &mut Entry {
        self.entry_of(Cow::Borrowed(entity), hash, hasher)
    }

    /// As [`Shard::entry`]; an owned entity is not copied.
    pub(super) fn entry_of(&mut self, entity: Cow<'_, EntityId>, hash: u64, hasher: &DefaultHashBuilder) -> &mut Entry {
        let found = self.entities.entry(hash, |e| e.entity == *entity, |e| hasher.hash_one(&e.entity));
        found.or_insert_with(|| Box::new(Entry::new(entity.into_owned()))).into_mut()
    }

    pub(super) fn find(&mut self, entity: &EntityId, hash: u64) -> Option<&mut Entry> {
        self.entities.find_mut(hash, |e| e.entity == *entity).map(|entry| &mut **entry)
    }

    /// Ends every reservation of a node. Returns whether there were any.
    pub(super) fn cancel_all_of(&mut self, owner: NodeId) -> bool {
        self.entities.iter_mut().fold(false, |any, entry| entry.cancel_all_of(owner) | any)
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.entities.iter().map(|entry| &**entry)
    }

    pub(super) fn len(&self) -> usize {
        self.entities.len()
    }

    /// How many entities are remembered to have attempts.
    #[cfg(test)]
    pub(super) fn with_attempts(&self) -> usize {
        self.with_attempts.len()
    }

    /// Counts a message, unless it was counted before.
    pub(super) fn commit(
        &mut self,
        accepted: Accepted<'_>,
        hash: u64,
        hasher: &DefaultHashBuilder,
        now: Timestamp,
    ) -> Committed {
        let Accepted { entity, message, charge, record, profile } = accepted;
        let known = self.counted.contains(message);
        // Encoded before the entity is looked up, so that one look suffices.
        let attempt = self.encode(&record);
        let entry = self.entry(entity, hash, hasher);
        entry.cancel(message);
        if known {
            self.scratch = attempt;
            return Committed::CountedAlready;
        }
        entry.usage.accept(charge, now);
        let counts = Window::LIMITED.map(|window| (window, entry.usage.count(window, now)));
        let grown = entry.push_attempt(&attempt);
        if let Some(profile) = &profile {
            entry.set_profile(profile.clone());
        }
        self.counted.insert(message, now);
        format::encode_counted(&mut self.pending, entity, now.minute(), charge, 1, message.0, &attempt);
        if let Some(profile) = profile {
            format::encode_profile(&mut self.pending, entity, profile.as_bytes());
        }
        self.scratch = attempt;
        self.note_grown(hash, hasher, grown);
        Committed::Counted(counts)
    }

    /// The encoded attempt, in the memory of `scratch`.
    fn encode(&mut self, record: &AttemptRef<'_>) -> Vec<u8> {
        let mut attempt = std::mem::take(&mut self.scratch);
        attempt.clear();
        recent::encode(record, &mut attempt);
        attempt
    }

    /// Stores a refused attempt.
    pub(super) fn refused(
        &mut self,
        entity: &EntityId,
        hash: u64,
        hasher: &DefaultHashBuilder,
        record: &AttemptRef<'_>,
    ) {
        let attempt = self.encode(record);
        format::encode_attempt(&mut self.pending, entity, &attempt);
        let grown = self.entry(entity, hash, hasher).push_attempt(&attempt);
        self.note_grown(hash, hasher, grown);
        self.scratch = attempt;
    }

    /// Counts what a journal says was accepted, with the encoded attempt unless it is empty.
    pub(super) fn restore(
        &mut self,
        entity: EntityId,
        hash: u64,
        hasher: &DefaultHashBuilder,
        counted: Option<(Charge, u32, u32)>,
        attempt: &[u8],
    ) {
        let entry = self.entry_of(Cow::Owned(entity), hash, hasher);
        if let Some((charge, messages, minute)) = counted {
            entry.usage.add(charge, messages, minute);
        }
        if !attempt.is_empty() {
            let grown = entry.push_attempt(attempt);
            self.note_grown(hash, hasher, grown);
        }
    }

    /// Notes that an entity's attempts take more memory.
    fn note_grown(&mut self, hash: u64, hasher: &DefaultHashBuilder, grown: Grown) {
        self.recent_size += grown.bytes;
        if grown.is_first {
            self.with_attempts.push_back(hash);
        }
        if self.recent_size > MOST_RECENT {
            self.drop_attempts(hash, hasher);
        }
    }

    pub(super) fn set_recent(
        &mut self,
        entity: EntityId,
        hash: u64,
        hasher: &DefaultHashBuilder,
        recent: RecentAttempts,
    ) {
        let entry = self.entry_of(Cow::Owned(entity), hash, hasher);
        let former = entry.set_recent(recent);
        let bytes = entry.attempts_size();
        self.recent_size = self.recent_size.saturating_sub(former);
        if bytes > 0 {
            self.note_grown(hash, hasher, Grown { bytes, is_first: former == 0 });
        }
    }

    /// Drops attempts until they take no more memory than allowed, but never those of the entity with the hash `but`.
    fn drop_attempts(&mut self, but: u64, hasher: &DefaultHashBuilder) {
        // Twice around: the first time, each may have been active.
        for _ in 0..2 * self.with_attempts.len() {
            if self.recent_size <= MOST_RECENT {
                return;
            }
            let Some(hash) = self.with_attempts.pop_front() else { return };
            let found = self.entities.find_mut(hash, |entry| hasher.hash_one(&entry.entity) == hash);
            let Some(entry) = found.filter(|entry| entry.recent().is_some()) else { continue };
            if hash == but || entry.was_active() {
                self.with_attempts.push_back(hash);
            } else {
                self.recent_size = self.recent_size.saturating_sub(entry.set_recent(RecentAttempts::default()));
            }
        }
    }

    /// Drops what is no longer needed. Returns whether a reservation has ended.
    pub(super) fn sweep(&mut self, now: Timestamp, hasher: &DefaultHashBuilder) -> bool {
        let (mut expired, mut freed) = (false, 0);
        self.counted.forget(now);
        self.entities.retain(|entry| {
            expired |= entry.expire(now);
            entry.shrink();
            let oldest = entry.usage.slots().first().map(|slot| slot.minute);
            // Rolling every entity each minute would copy a million lists, so roll only those with old slots.
            if oldest.is_some_and(|minute| minute.saturating_add(24 * 60) < now.minute()) {
                entry.usage.roll(now.minute());
            }
            if newest(entry).is_some_and(|at| now.since(at) > KEEP_RECENT) {
                freed += entry.set_recent(RecentAttempts::default());
            }
            !entry.is_empty()
        });
        if freed > 0 {
            self.recent_size = self.recent_size.saturating_sub(freed);
            let entities = &self.entities;
            self.with_attempts.retain(|hash| {
                let found = entities.find(*hash, |entry| hasher.hash_one(&entry.entity) == *hash);
                found.is_some_and(|entry| entry.recent().is_some())
            });
        }
        let roomy = self.entities.capacity() > 4 * self.entities.len() + 64;
        if roomy {
            self.with_attempts.shrink_to_fit();
            self.entities.shrink_to_fit(|e| hasher.hash_one(&e.entity));
        }
        expired
    }
}

/// When the entity's newest attempt ended.
fn newest(entry: &Entry) -> Option<Timestamp> {
    entry.recent().and_then(RecentAttempts::newest)
}
