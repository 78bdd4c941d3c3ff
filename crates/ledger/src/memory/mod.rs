//! The ledger of a single node: usage in memory, backed by a journal.
//!
//! Entities are spread over shards by their hash, each with its own lock, so that requests of
//! different entities rarely wait for each other. What is counted goes into a shard's list of
//! pending records, under the same lock; `journal` writes those lists after the answers. See
//! `README.md` in this folder for the files.

mod counted;
mod entry;
mod faults;
mod format;
mod journal;
mod shard;

use std::borrow::Cow;
use std::hash::BuildHasher;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::DefaultHashBuilder;
use postern_domain::window::{Charge, Fit, Usage, Window};
use postern_domain::{EntityId, Timestamp};
use tokio::sync::Notify;

use crate::recent::RecentAttempts;
use crate::{Accepted, AttemptRef, Claim, Committed, Ledger, LedgerError, MessageId, NodeId, Now, Profile, Reserved};
use format::Record;
use journal::Journal;
use shard::Shard;

const SHARDS: usize = 256;
/// How often entities without usage are dropped.
const SWEEP: Duration = Duration::from_secs(60);

/// Usage of every entity in memory, journaled to a folder.
pub struct MemoryLedger {
    shards: Box<[Cell]>,
    hasher: DefaultHashBuilder,
    journal: Mutex<Journal>,
    swept: Mutex<Timestamp>,
    now: Now,
    folder: PathBuf,
}

/// A shard, and what tells waiting messages that a reservation in it has ended.
#[derive(Default)]
struct Cell {
    shard: Mutex<Shard>,
    freed: Notify,
    /// How many wait for it.
    waiting: AtomicUsize,
}

impl Cell {
    /// Wakes those that wait. Called after the shard's lock is released: whoever began to wait before has tried in vain
    /// under the lock, and whoever begins later will find what has been freed.
    fn wake(&self) {
        if self.waiting.load(Ordering::Relaxed) > 0 {
            self.freed.notify_waiters();
        }
    }
}

/// Counts one that waits, until it is dropped.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl MemoryLedger {
    /// Opens the journal in `folder` (created if missing) and restores usage from it.
    ///
    /// An incomplete last record, such as after a crash, is dropped.
    ///
    /// # Errors
    /// The folder or its files can't be read or written, or the files are not a journal.
    pub fn open(folder: &Path, now: Now) -> Result<Self, LedgerError> {
        let started = now();
        let mut ledger = Self {
            shards: (0..SHARDS).map(|_| Cell::default()).collect(),
            hasher: DefaultHashBuilder::default(),
            journal: Mutex::new(Journal::closed()),
            swept: Mutex::new(started),
            now,
            folder: folder.to_owned(),
        };
        let journal = Journal::open(folder, &mut |record| ledger.replay(record, started))?;
        ledger.journal = Mutex::new(journal);
        Ok(ledger)
    }

    /// Where the journal is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes what was counted since the last call, and compacts the journal when it has grown. With `durable`, waits
    /// until everything is on disk, not just handed to the operating system. Blocks; for a thread that may wait for a
    /// disk, several times a second.
    ///
    /// # Errors
    /// The journal can't be written; what was not written stays pending.
    pub fn maintain(&self, durable: bool) -> Result<(), LedgerError> {
        let now = (self.now)();
        let is_due = {
            let mut swept = lock(&self.swept);
            let is_due = now.since(*swept) >= SWEEP || now < *swept;
            if is_due {
                *swept = now;
            }
            is_due
        };
        if is_due {
            self.sweep(now);
        }
        self.flush(durable)?;
        let wants_compaction = lock(&self.journal).wants_compaction();
        if wants_compaction { self.compact() } else { Ok(()) }
    }

    fn flush(&self, durable: bool) -> Result<(), LedgerError> {
        let mut journal = lock(&self.journal);
        for cell in &self.shards {
            let mut shard = lock(&cell.shard);
            journal.append(&shard.pending);
            shard.pending.clear();
        }
        journal.write(durable)
    }

    /// Writes all usage to a snapshot and starts a new journal file. Works shard by shard, so that no
    /// request waits for more than one shard.
    ///
    /// # Errors
    /// The files can't be written; what was counted is neither lost nor counted twice.
    fn compact(&self) -> Result<(), LedgerError> {
        let now = (self.now)();
        let mut journal = lock(&self.journal);
        let mut snapshot = journal.begin_snapshot()?;
        for (done, cell) in self.shards.iter().enumerate() {
            {
                let mut shard = lock(&cell.shard);
                journal.append(&shard.pending);
                shard.pending.clear();
                shard.sweep(now, &self.hasher);
                for entry in shard.entries() {
                    snapshot.add(entry);
                }
            }
            if let Err(error) = snapshot.flush_if_large(&mut journal) {
                journal.abandon_snapshot(snapshot);
                return Err(error);
            }
            // From here on, what the finished shards count belongs after the snapshot.
            for cell in &self.shards[..=done] {
                let mut shard = lock(&cell.shard);
                snapshot.append_after(&shard.pending);
                shard.pending.clear();
            }
        }
        journal.finish_snapshot(snapshot)
    }

    /// Drops entities whose usage has left every window, and reservations whose lease is over.
    fn sweep(&self, now: Timestamp) {
        for cell in &self.shards {
            if lock(&cell.shard).sweep(now, &self.hasher) {
                cell.wake();
            }
        }
    }

    fn cell(&self, entity: &EntityId) -> (&Cell, u64) {
        let hash = self.hasher.hash_one(entity);
        // The table uses the low bits, so select the shard by others.
        (&self.shards[(hash >> 40) as usize % SHARDS], hash)
    }

    fn shard(&self, entity: &EntityId) -> (MutexGuard<'_, Shard>, u64) {
        let (cell, hash) = self.cell(entity);
        (lock(&cell.shard), hash)
    }

    fn replay(&self, record: Record<'_>, started: Timestamp) {
        let now = started.minute();
        match record {
            Record::Counted { entity, minute, charge, messages, message, attempt } => {
                let (mut shard, hash) = self.shard(&entity);
                if messages > 0 && minute.saturating_add(5) >= now {
                    shard.counted.insert(MessageId(message), started);
                }
                if now.saturating_sub(minute) <= 25 * 60 {
                    shard.restore(entity, hash, &self.hasher, Some((charge, messages, minute)), attempt);
                }
            }
            Record::Slots { entity, slots } => {
                let (mut shard, hash) = self.shard(&entity);
                shard.entry_of(Cow::Owned(entity), hash, &self.hasher).usage = Usage::restore(slots);
            }
            Record::Reset { entity, windows } => {
                let (mut shard, hash) = self.shard(&entity);
                shard.entry_of(Cow::Owned(entity), hash, &self.hasher).usage.reset(&windows);
            }
            Record::Attempt { entity, attempt } => {
                let (mut shard, hash) = self.shard(&entity);
                shard.restore(entity, hash, &self.hasher, None, attempt);
            }
            Record::Recent { entity, attempts } => {
                let (mut shard, hash) = self.shard(&entity);
                shard.set_recent(entity, hash, &self.hasher, RecentAttempts::restore(attempts.to_vec()));
            }
            Record::Profile { entity, profile } => {
                let (mut shard, hash) = self.shard(&entity);
                if let Some(profile) = Profile::new(profile) {
                    shard.entry_of(Cow::Owned(entity), hash, &self.hasher).set_profile(profile);
                }
            }
        }
    }
}

impl Ledger for MemoryLedger {
    async fn reserve(&self, claim: Claim<'_>) -> Result<Reserved, LedgerError> {
        let now = (self.now)();
        let (mut shard, hash) = self.shard(claim.entity);
        if shard.counted.contains(claim.message) {
            return Ok(Reserved::CountedAlready);
        }
        let entry = shard.entry(claim.entity, hash, &self.hasher);
        Ok(match entry.reserve(&claim, now) {
            Fit::Fits => Reserved::Fits(entry.profile().cloned()),
            Fit::Exceeds(excess) => Reserved::Exceeds(excess),
            Fit::Contended(window) => Reserved::Contended(window),
        })
    }

    async fn cancel(&self, entity: &EntityId, message: MessageId) -> Result<(), LedgerError> {
        let (cell, hash) = self.cell(entity);
        let had_one = lock(&cell.shard).find(entity, hash).is_some_and(|entry| entry.cancel(message));
        if had_one {
            cell.wake();
        }
        Ok(())
    }

    async fn cancel_all_of(&self, owner: NodeId) -> Result<(), LedgerError> {
        for cell in &self.shards {
            if lock(&cell.shard).cancel_all_of(owner) {
                cell.wake();
            }
        }
        Ok(())
    }

    async fn commit(&self, accepted: Accepted<'_>) -> Result<Committed, LedgerError> {
        let now = (self.now)();
        let (cell, hash) = self.cell(accepted.entity);
        let committed = lock(&cell.shard).commit(accepted, hash, &self.hasher, now);
        cell.wake();
        Ok(committed)
    }

    async fn refused(&self, entity: &EntityId, record: AttemptRef<'_>) -> Result<(), LedgerError> {
        let (mut shard, hash) = self.shard(entity);
        shard.refused(entity, hash, &self.hasher, &record);
        Ok(())
    }

    async fn note(&self, entity: &EntityId, charge: Charge) -> Result<(), LedgerError> {
        let minute = (self.now)().minute();
        let (mut shard, hash) = self.shard(entity);
        shard.entry(entity, hash, &self.hasher).usage.add(charge, 0, minute);
        format::encode_counted(&mut shard.pending, entity, minute, charge, 0, 0, &[]);
        Ok(())
    }

    fn freed(&self, entity: &EntityId) -> impl Future<Output = ()> + Send {
        let (cell, _) = self.cell(entity);
        cell.waiting.fetch_add(1, Ordering::Relaxed);
        let waiting = Waiting(&cell.waiting);
        // `notify_waiters` reaches every future that exists by then, polled or not.
        let notified = cell.freed.notified();
        async move {
            notified.await;
            drop(waiting);
        }
    }

    async fn usage(&self, entity: &EntityId) -> Result<Usage, LedgerError> {
        let now = (self.now)();
        let (mut shard, hash) = self.shard(entity);
        Ok(shard.find(entity, hash).map(|entry| entry.usage_at(now)).unwrap_or_default())
    }

    async fn recent(&self, entity: &EntityId) -> Result<RecentAttempts, LedgerError> {
        let (mut shard, hash) = self.shard(entity);
        Ok(shard.find(entity, hash).and_then(|entry| entry.recent()).cloned().unwrap_or_default())
    }

    async fn reset(&self, entity: &EntityId, windows: &[Window]) -> Result<(), LedgerError> {
        {
            let (mut shard, hash) = self.shard(entity);
            if let Some(entry) = shard.find(entity, hash) {
                entry.usage.reset(windows);
            }
            format::encode_reset(&mut shard.pending, entity, windows);
        }
        self.flush(true)
    }

    async fn entity_count(&self) -> Result<usize, LedgerError> {
        Ok(self.shards.iter().map(|cell| lock(&cell.shard).len()).sum())
    }

    async fn busiest(
        &self,
        windows: &[Window],
        most: usize,
        wanted: impl Fn(&EntityId) -> bool + Send,
    ) -> Result<Vec<EntityId>, LedgerError> {
        let now = (self.now)();
        let mut found: Vec<EntityId> = Vec::new();
        for &window in windows {
            // Truncate after each shard, so that the list stays short.
            let mut top: Vec<(u32, EntityId)> = Vec::new();
            for cell in &self.shards {
                let least = if top.len() < most { 0 } else { top.last().map_or(0, |(count, _)| *count) };
                for entry in lock(&cell.shard).entries() {
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
        Ok(found)
    }

    async fn entities(
        &self,
        most: usize,
        wanted: impl Fn(&EntityId) -> bool + Send,
    ) -> Result<Vec<EntityId>, LedgerError> {
        let mut found = Vec::new();
        for cell in &self.shards {
            found.extend(
                lock(&cell.shard).entries().map(|entry| &entry.entity).filter(|entity| wanted(entity)).cloned(),
            );
            found.sort_unstable();
            found.truncate(most);
        }
        Ok(found)
    }
}

/// Ignores poisoning: a panic while a lock was held would be a bug, but the counts are still the best available.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
