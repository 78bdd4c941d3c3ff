//! Messages under way on this node, by who sends them and the mail server's name for them.

use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::{DefaultHashBuilder, HashMap};
use postern_domain::attempt::{Attempt, Phase};
use postern_domain::{EntityId, Timestamp};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::wiring::ServerWiring;

const SHARDS: usize = 64;
/// Messages that were counted are kept so that a repeated question is answered and not counted
/// again: a mail server repeats within its own time-out.
const KEEP_COUNTED: Duration = Duration::from_secs(120);
/// …but never more than this many in a shard.
const MOST_COUNTED: usize = 512;

/// Names a message under way.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct AttemptKey {
    pub(super) entity: EntityId,
    pub(super) instance: Box<str>,
}

/// The same without owning it, to look it up.
#[derive(Hash)]
struct KeyRef<'a> {
    entity: &'a EntityId,
    instance: &'a str,
}

impl hashbrown::Equivalent<Arc<AttemptKey>> for KeyRef<'_> {
    fn equivalent(&self, key: &Arc<AttemptKey>) -> bool {
        *self.instance == *key.instance && *self.entity == key.entity
    }
}

/// A message under way, and who asks about it.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) attempt: Attempt,
    pub(super) server: Arc<ServerWiring>,
    last_seen: Timestamp,
    /// Whether a refusal of it was noted; one attempt is one refusal, however many recipients.
    refused: bool,
}

pub(super) type Handle = Arc<AsyncMutex<Tracked>>;

#[derive(Debug, Default)]
pub(super) struct Attempts {
    shards: Shards,
    hasher: DefaultHashBuilder,
}

#[derive(Debug)]
struct Shards(Box<[Mutex<Shard>]>);

impl Default for Shards {
    fn default() -> Self {
        Self((0..SHARDS).map(|_| Mutex::default()).collect())
    }
}

#[derive(Debug, Default)]
struct Shard {
    open: HashMap<Arc<AttemptKey>, Handle>,
    counted: VecDeque<(Timestamp, Arc<AttemptKey>)>,
}

/// An attempt while one question about it is being answered.
pub(super) struct Guard {
    key: Arc<AttemptKey>,
    tracked: OwnedMutexGuard<Tracked>,
}

impl Guard {
    pub(super) async fn new(key: Arc<AttemptKey>, handle: Handle, now: Timestamp) -> Self {
        let mut tracked = handle.lock_owned().await;
        tracked.last_seen = now;
        Self { key, tracked }
    }

    pub(super) fn key(&self) -> &Arc<AttemptKey> {
        &self.key
    }

    /// Notes that it was refused; true the first time.
    pub(super) fn note_refused(&mut self) -> bool {
        !std::mem::replace(&mut self.tracked.refused, true)
    }
}

impl Deref for Guard {
    type Target = Attempt;
    fn deref(&self) -> &Attempt {
        &self.tracked.attempt
    }
}

impl DerefMut for Guard {
    fn deref_mut(&mut self) -> &mut Attempt {
        &mut self.tracked.attempt
    }
}

impl Attempts {
    /// The attempt of that name, begun if there is none.
    pub(super) fn open(
        &self,
        entity: &EntityId,
        instance: &str,
        server: &Arc<ServerWiring>,
        now: Timestamp,
    ) -> (Arc<AttemptKey>, Handle) {
        let mut shard = self.shard(entity, instance);
        if let Some((key, handle)) = shard.open.get_key_value(&KeyRef { entity, instance }) {
            return (Arc::clone(key), Arc::clone(handle));
        }
        let key = Arc::new(AttemptKey { entity: entity.clone(), instance: instance.into() });
        let tracked =
            Tracked { attempt: Attempt::default(), server: Arc::clone(server), last_seen: now, refused: false };
        let handle = Arc::new(AsyncMutex::new(tracked));
        shard.open.insert(Arc::clone(&key), Arc::clone(&handle));
        (key, handle)
    }

    pub(super) fn get(&self, entity: &EntityId, instance: &str) -> Option<Handle> {
        self.shard(entity, instance).open.get(&KeyRef { entity, instance }).cloned()
    }

    pub(super) fn find(&self, key: &AttemptKey) -> Option<Handle> {
        self.get(&key.entity, &key.instance)
    }

    /// The message was counted: keep it for a while against being asked about again.
    pub(super) fn finished(&self, key: &Arc<AttemptKey>, now: Timestamp) {
        let mut shard = self.shard(&key.entity, &key.instance);
        shard.counted.push_back((now, Arc::clone(key)));
        while let Some((at, _)) = shard.counted.front() {
            if shard.counted.len() <= MOST_COUNTED && now.since(*at) <= KEEP_COUNTED {
                break;
            }
            if let Some((_, key)) = shard.counted.pop_front() {
                shard.open.remove(&key);
            }
        }
    }

    /// Attempts that have been silent for `silence`; those silent for `forget` are dropped.
    pub(super) fn silent(&self, now: Timestamp, silence: Duration, forget: Duration) -> Vec<(Arc<AttemptKey>, Handle)> {
        let mut silent = Vec::new();
        for shard in &self.shards.0 {
            lock(shard).open.retain(|key, handle| {
                // One that is being asked about is not silent.
                let Ok(tracked) = handle.try_lock() else { return true };
                let quiet = now.since(tracked.last_seen);
                let open = tracked.attempt.phase() == Phase::Open;
                drop(tracked);
                if open && quiet >= silence {
                    silent.push((Arc::clone(key), Arc::clone(handle)));
                }
                open || quiet < forget
            });
        }
        silent
    }

    fn shard(&self, entity: &EntityId, instance: &str) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(KeyRef { entity, instance });
        lock(&self.shards.0[(hash >> 40) as usize % SHARDS])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
