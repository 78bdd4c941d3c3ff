//! The ledger of a single node: usage in memory, backed by a journal.
//!
//! Entities are spread over shards by their hash, each with its own lock, so that requests of
//! different entities rarely wait for each other. What is counted goes into a shard's list of
//! pending records, under the same lock; `journal` writes those lists after the answers. See
//! `README.md` in this folder for the files.

mod format;
mod journal;

use std::collections::HashSet;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashTable};
use postern_domain::window::{Charge, Fit, Usage, Window};
use postern_domain::{EntityId, Timestamp};

use crate::{Claim, Counts, Ledger, LedgerError};
use format::Record;
use journal::Journal;

const SHARDS: usize = 256;

/// How long after the start messages counted before it are remembered. A mail server whose query a
/// crash left unanswered repeats it at once; after this time, it has given up on the message.
const REMEMBER: Duration = Duration::from_secs(5 * 60);

/// Usage of every entity in memory, journaled to a folder.
#[derive(Debug)]
pub struct MemoryLedger {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
    journal: Mutex<Journal>,
    /// Hashes of messages that were counted shortly before the start.
    before_start: Mutex<HashSet<u64>>,
    /// Whether there are any; avoids taking the lock, which all entities share.
    remembers: AtomicBool,
    started: Timestamp,
    folder: PathBuf,
}

#[derive(Debug, Default)]
struct Shard {
    entities: HashTable<Box<Entry>>,
    /// Encoded records not yet passed to the journal.
    pending: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    entity: EntityId,
    usage: Usage,
}

impl MemoryLedger {
    /// Opens the journal in `folder` (created if missing) and restores usage from it.
    ///
    /// An incomplete last record, such as after a crash, is dropped.
    ///
    /// # Errors
    /// The folder or its files can't be read or written, or the files are not a journal.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, LedgerError> {
        let mut ledger = Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            journal: Mutex::new(Journal::closed()),
            before_start: Mutex::default(),
            remembers: AtomicBool::new(false),
            started: now,
            folder: folder.to_owned(),
        };
        let journal = Journal::open(folder, &mut |record| ledger.replay(record, now.minute()))?;
        ledger.journal = Mutex::new(journal);
        ledger.remembers = AtomicBool::new(!lock(&ledger.before_start).is_empty());
        Ok(ledger)
    }

    /// Writes what was counted since the last call. With `durable`, waits until it is on disk, not just
    /// handed to the operating system.
    ///
    /// # Errors
    /// The journal can't be written; what was not written stays pending.
    pub fn flush(&self, durable: bool) -> Result<(), LedgerError> {
        let mut journal = lock(&self.journal);
        for shard in &self.shards {
            let mut shard = lock(shard);
            journal.append(&shard.pending);
            shard.pending.clear();
        }
        journal.write(durable)
    }

    /// Whether the journal has grown enough to make [`MemoryLedger::compact`] worthwhile.
    pub fn wants_compaction(&self) -> bool {
        lock(&self.journal).wants_compaction()
    }

    /// Writes all usage to a snapshot and starts a new journal file. Works shard by shard, so that no
    /// request waits for more than one shard.
    ///
    /// # Errors
    /// The files can't be written; the old files remain in use.
    pub fn compact(&self, now: Timestamp) -> Result<(), LedgerError> {
        let mut journal = lock(&self.journal);
        let mut snapshot = journal.begin_snapshot()?;
        for (done, shard) in self.shards.iter().enumerate() {
            {
                let mut shard = lock(shard);
                journal.append(&shard.pending);
                shard.pending.clear();
                shard.sweep(now.minute(), &self.hasher);
                for entry in &shard.entities {
                    snapshot.add(&entry.entity, entry.usage.slots());
                }
            }
            if let Err(error) = snapshot.flush_if_large() {
                journal.abandon_snapshot(snapshot);
                return Err(error);
            }
            // From here on, what the finished shards count belongs after the snapshot.
            for shard in &self.shards[..=done] {
                let mut shard = lock(shard);
                snapshot.append_after(&shard.pending);
                shard.pending.clear();
            }
        }
        journal.finish_snapshot(snapshot)
    }

    /// Drops entities whose usage has left every window. Cheap enough to run every minute.
    pub fn sweep(&self, now: Timestamp) {
        for shard in &self.shards {
            lock(shard).sweep(now.minute(), &self.hasher);
        }
        if now.since(self.started) > REMEMBER {
            self.remembers.store(false, Ordering::Relaxed);
            *lock(&self.before_start) = HashSet::new();
        }
    }

    /// How many entities have any usage.
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).entities.len()).sum()
    }

    /// The entities accepted by `wanted` with the highest counts in each of `windows`, at most `most` for
    /// each window. Scans all entities, shard by shard, which takes tens of milliseconds with a million
    /// senders.
    pub fn busiest(
        &self,
        windows: &[Window],
        most: usize,
        now: Timestamp,
        wanted: impl Fn(&EntityId) -> bool,
    ) -> Vec<EntityId> {
        let mut found: Vec<EntityId> = Vec::new();
        for &window in windows {
            // Truncate after each shard, so that the list stays short.
            let mut top: Vec<(u32, EntityId)> = Vec::new();
            for shard in &self.shards {
                let least = if top.len() < most { 0 } else { top.last().map_or(0, |(count, _)| *count) };
                for entry in &lock(shard).entities {
                    let count = entry.usage.count(window, now);
                    if count > least && wanted(&entry.entity) {
                        top.push((count, entry.entity.clone()));
                    }
                }
                top.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
                top.truncate(most);
            }
            for (_, entity) in top {
                if !found.contains(&entity) {
                    found.push(entity);
                }
            }
        }
        found
    }

    /// The entities with usage that are accepted by `wanted`, at most `most`, in order of name. Scans all
    /// entities, like [`MemoryLedger::busiest`].
    pub fn entities(&self, most: usize, wanted: impl Fn(&EntityId) -> bool) -> Vec<EntityId> {
        let mut found = Vec::new();
        for shard in &self.shards {
            found.extend(
                lock(shard).entities.iter().map(|entry| &entry.entity).filter(|entity| wanted(entity)).cloned(),
            );
            found.sort_unstable();
            found.truncate(most);
        }
        found
    }

    /// Whether no entity has any usage.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where the journal is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn shard(&self, entity: &EntityId) -> (MutexGuard<'_, Shard>, u64) {
        let hash = self.hasher.hash_one(entity);
        // The table uses the low bits, so select the shard by others.
        let index = (hash >> 40) as usize % SHARDS;
        (lock(&self.shards[index]), hash)
    }

    fn replay(&self, record: Record, now: u32) {
        match record {
            Record::Counted { entity, minute, charge, messages, message } => {
                let (mut shard, hash) = self.shard(&entity);
                if minute.saturating_add(5) >= now {
                    lock(&self.before_start).insert(message);
                }
                if now.saturating_sub(minute) <= 25 * 60 {
                    shard.entry(&entity, hash, &self.hasher).add(charge, messages, minute);
                }
            }
            Record::Slots { entity, slots } => {
                let (mut shard, hash) = self.shard(&entity);
                *shard.entry(&entity, hash, &self.hasher) = Usage::restore(slots);
            }
            Record::Reset { entity, windows } => {
                let (mut shard, hash) = self.shard(&entity);
                shard.entry(&entity, hash, &self.hasher).reset(&windows);
            }
        }
    }
}

impl Shard {
    fn entry(&mut self, entity: &EntityId, hash: u64, hasher: &DefaultHashBuilder) -> &mut Usage {
        let found = self.entities.entry(hash, |e| e.entity == *entity, |e| hasher.hash_one(&e.entity));
        let new = || Box::new(Entry { entity: entity.clone(), usage: Usage::default() });
        &mut found.or_insert_with(new).into_mut().usage
    }

    fn find(&mut self, entity: &EntityId, hash: u64) -> Option<&mut Usage> {
        self.entities.find_mut(hash, |e| e.entity == *entity).map(|e| &mut e.usage)
    }

    fn sweep(&mut self, now: u32, hasher: &DefaultHashBuilder) {
        self.entities.retain(|entry| {
            let oldest = entry.usage.slots().first().map(|slot| slot.minute);
            // Rolling every entity each minute would copy a million lists, so roll only those with old slots.
            if oldest.is_some_and(|minute| minute.saturating_add(24 * 60) < now) {
                entry.usage.roll(now);
            }
            !entry.usage.is_empty()
        });
        let roomy = self.entities.capacity() > 4 * self.entities.len() + 64;
        if roomy {
            self.entities.shrink_to_fit(|e| hasher.hash_one(&e.entity));
        }
    }
}

impl Ledger for MemoryLedger {
    async fn reserve(&self, claim: Claim<'_>, now: Timestamp) -> Fit {
        let (mut shard, hash) = self.shard(claim.entity);
        let usage = shard.entry(claim.entity, hash, &self.hasher);
        let fit = usage.fit(claim.held, claim.more, claim.limits, claim.reserved_is_certain, now);
        if fit == Fit::Fits {
            usage.reserve(claim.more);
        }
        fit
    }

    async fn cancel(&self, entity: &EntityId, held: Charge) {
        let (mut shard, hash) = self.shard(entity);
        if let Some(usage) = shard.find(entity, hash) {
            usage.cancel(held);
        }
    }

    async fn commit(&self, entity: &EntityId, message: &str, held: Charge, accepted: Charge, now: Timestamp) -> Counts {
        let message = message_hash(entity, message);
        let (mut shard, hash) = self.shard(entity);
        let usage = shard.entry(entity, hash, &self.hasher);
        usage.cancel(held);
        usage.accept(accepted, now);
        let counts = Window::LIMITED.map(|window| (window, usage.count(window, now)));
        format::encode_counted(&mut shard.pending, entity, now.minute(), accepted, 1, message);
        counts
    }

    async fn note(&self, entity: &EntityId, charge: Charge, now: Timestamp) {
        let (mut shard, hash) = self.shard(entity);
        shard.entry(entity, hash, &self.hasher).add(charge, 0, now.minute());
        format::encode_counted(&mut shard.pending, entity, now.minute(), charge, 0, 0);
    }

    async fn was_committed(&self, entity: &EntityId, message: &str) -> bool {
        self.remembers.load(Ordering::Relaxed) && lock(&self.before_start).contains(&message_hash(entity, message))
    }

    async fn usage(&self, entity: &EntityId) -> Usage {
        let (mut shard, hash) = self.shard(entity);
        shard.find(entity, hash).map(|usage| usage.clone()).unwrap_or_default()
    }

    async fn reset(&self, entity: &EntityId, windows: &[Window]) -> Result<(), LedgerError> {
        {
            let (mut shard, hash) = self.shard(entity);
            if let Some(usage) = shard.find(entity, hash) {
                usage.reset(windows);
            }
            format::encode_reset(&mut shard.pending, entity, windows);
        }
        self.flush(true)
    }
}

/// A hash that is the same on every start, unlike the table's, since it is written to the journal.
fn message_hash(entity: &EntityId, message: &str) -> u64 {
    // FNV-1a suffices: the keys are short and not secret, and the mail server, not the client, chooses instance IDs.
    let bytes = entity.name().bytes().chain([0]).chain(message.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// Ignores poisoning: a panic while a lock was held would be a bug, but the counts are still the best available.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
