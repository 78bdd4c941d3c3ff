//! The ledger of a single node: usage in memory, a journal behind it.
//!
//! Entities are spread over shards by their hash, each behind its own lock, so that requests
//! of different entities do not wait for each other. What is counted goes into a shard's list
//! of pending records, under the same lock; [`journal`] writes those lists out behind the
//! answers. See `README.md` in this folder for the files.

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

/// A mail server whose question a crash left unanswered asks again at once; by then it has
/// given up on the message.
const REMEMBER: Duration = Duration::from_secs(5 * 60);

/// Usage of every entity in memory, journaled into a folder.
#[derive(Debug)]
pub struct MemoryLedger {
    shards: Box<[Mutex<Shard>]>,
    hasher: DefaultHashBuilder,
    journal: Mutex<Journal>,
    /// Messages that were counted shortly before the start, by their hash.
    before_start: Mutex<HashSet<u64>>,
    /// Whether there are any: the lock is one for all entities.
    remembers: AtomicBool,
    started: Timestamp,
    folder: PathBuf,
}

#[derive(Debug, Default)]
struct Shard {
    entities: HashTable<Box<Entry>>,
    /// Encoded records that are not yet with the journal.
    pending: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    entity: EntityId,
    usage: Usage,
}

impl MemoryLedger {
    /// Opens the journal in `folder` (made if it is missing) and restores usage from it.
    ///
    /// A torn last record, as a crash leaves it, is dropped.
    ///
    /// # Errors
    /// The folder or its files can't be read or written, or are not a journal.
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

    /// Writes out what was counted since the last call. With `durable`, waits until it is on
    /// the disk and not only with the operating system.
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

    /// Whether the journal has grown so much that [`MemoryLedger::compact`] is worth it.
    pub fn wants_compaction(&self) -> bool {
        lock(&self.journal).wants_compaction()
    }

    /// Writes all usage into a snapshot and starts a new journal file, shard by shard, so that
    /// no request waits for more than one shard.
    ///
    /// # Errors
    /// The files can't be written; the old ones stay.
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
            // What shards that are done count from here on belongs after the snapshot.
            for shard in &self.shards[..=done] {
                let mut shard = lock(shard);
                snapshot.append_after(&shard.pending);
                shard.pending.clear();
            }
        }
        journal.finish_snapshot(snapshot)
    }

    /// Forgets entities whose usage has left every window. Cheap enough for every minute.
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

    /// The entities that `wanted` says count, with the most in one of `windows`: so many for each
    /// window. Looks at everybody, shard by shard: tens of milliseconds
    /// where a million send.
    pub fn busiest(
        &self,
        windows: &[Window],
        most: usize,
        now: Timestamp,
        wanted: impl Fn(&EntityId) -> bool,
    ) -> Vec<EntityId> {
        let mut found: Vec<EntityId> = Vec::new();
        for &window in windows {
            // Few are kept of each shard, so that no long list is sorted under its lock.
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

    /// Entities with usage that `wanted` says, the first by name, at most `most`. Looks at everybody, as
    /// [`MemoryLedger::busiest`] does.
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
        // The table uses the low bits; take the shard from others.
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
            // Rolling everything each minute would copy a million lists; old ones are enough.
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

/// The same on every start, unlike the table's hash: it is written to the journal.
fn message_hash(entity: &EntityId, message: &str) -> u64 {
    // FNV-1a: short keys, no secrets; an instance id is the mail server's, not the client's.
    let bytes = entity.name().bytes().chain([0]).chain(message.bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// A panic while a lock was held would be a bug; the counts are still the best there are.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
