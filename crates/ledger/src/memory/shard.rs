//! One shard of the memory ledger: the entities whose hash falls into it.

use std::hash::BuildHasher;
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use postern_domain::window::Window;
use postern_domain::{EntityId, Timestamp};

use super::counted::Counted;
use super::entry::Entry;
use super::format;
use super::recent::{self, Recent};
use crate::{Accepted, AttemptRef, Committed, NodeId};

/// The memory for attempts in one shard, in bytes: 32 MiB over all shards. Beyond it, the entities that have been quiet
/// for longest lose theirs.
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
    /// Encodes attempts, one at a time.
    scratch: Vec<u8>,
}

impl Shard {
    pub(super) fn entry(&mut self, entity: &EntityId, hash: u64, hasher: &DefaultHashBuilder) -> &mut Entry {
        let found = self.entities.entry(hash, |e| e.entity == *entity, |e| hasher.hash_one(&e.entity));
        found.or_insert_with(|| Box::new(Entry::new(entity))).into_mut()
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
        self.note_grown(entity, grown);
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
        self.push_attempt(entity, hash, hasher, &attempt);
        self.scratch = attempt;
    }

    pub(super) fn push_attempt(&mut self, entity: &EntityId, hash: u64, hasher: &DefaultHashBuilder, attempt: &[u8]) {
        let grown = self.entry(entity, hash, hasher).push_attempt(attempt);
        self.note_grown(entity, grown);
    }

    /// Notes that an entity's attempts take more memory, in bytes.
    fn note_grown(&mut self, entity: &EntityId, grown: usize) {
        self.recent_size += grown;
        if self.recent_size > MOST_RECENT {
            self.drop_oldest_attempts(entity);
        }
    }

    pub(super) fn set_recent(&mut self, entity: &EntityId, hash: u64, hasher: &DefaultHashBuilder, recent: Recent) {
        let size = recent.size();
        let former = self.entry(entity, hash, hasher).set_recent(recent);
        self.recent_size = self.recent_size.saturating_sub(former) + size;
    }

    /// Halves the memory for attempts: drops those of the entities that have been quiet for longest, but never those
    /// of `but`.
    fn drop_oldest_attempts(&mut self, but: &EntityId) {
        let mut newest: Vec<i64> = self.entities.iter().filter_map(|entry| Some(newest(entry)?.as_millis())).collect();
        if newest.len() < 2 {
            return;
        }
        newest.sort_unstable();
        let limit = newest[newest.len() / 2];
        for entry in &mut self.entities {
            if newest_is_before(entry, limit) && entry.entity != *but {
                let freed = entry.set_recent(Recent::default());
                self.recent_size = self.recent_size.saturating_sub(freed);
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
                freed += entry.set_recent(Recent::default());
            }
            !entry.is_empty()
        });
        self.recent_size = self.recent_size.saturating_sub(freed);
        let roomy = self.entities.capacity() > 4 * self.entities.len() + 64;
        if roomy {
            self.entities.shrink_to_fit(|e| hasher.hash_one(&e.entity));
        }
        expired
    }
}

/// When the entity's newest attempt ended.
fn newest(entry: &Entry) -> Option<Timestamp> {
    entry.recent().and_then(Recent::newest)
}

fn newest_is_before(entry: &Entry, limit: i64) -> bool {
    newest(entry).is_some_and(|at| at.as_millis() <= limit)
}
