//! What is sent, for charts and for policies to be tried on: noted beside the ledger, written down
//! behind the answer. A crash loses the last seconds of it, and decides nothing by that.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;
use postern_domain::entity::Directory;
use postern_domain::traffic::{BUCKETS_PER_HOUR, Traffic, bucket};
use postern_domain::{EntityId, Timestamp};
use postern_store::Store;
use postern_store::traffic::TrafficNote;

const BUCKETS_PER_DAY: u32 = 24 * BUCKETS_PER_HOUR;
/// What each entity sent is kept for so many days…
const ENTITY_DAYS: u32 = 8;
/// …and what organizations sent for so many.
pub const HOURS_DAYS: u32 = 36;
/// So many are written in one transaction, so that a restriction need not wait for all of them.
const PART: usize = 1000;

#[derive(Debug, Default)]
struct State {
    /// What is to be written down; one entity rarely has more than one bucket waiting.
    noted: HashMap<EntityId, Vec<(u32, Traffic)>>,
    /// The last day on which old ones were forgotten.
    forgotten: u32,
}

impl State {
    fn add(&mut self, entity: &EntityId, bucket: u32, traffic: Traffic) {
        if !self.noted.contains_key(entity) {
            self.noted.insert(entity.clone(), Vec::with_capacity(1));
        }
        let Some(buckets) = self.noted.get_mut(entity) else { return };
        match buckets.iter_mut().find(|(known, _)| *known == bucket) {
            Some((_, sum)) => *sum = sum.plus(traffic),
            None => buckets.push((bucket, traffic)),
        }
    }
}

/// What was sent and is not written down yet.
#[derive(Debug, Default)]
pub struct TrafficMeter(Mutex<State>);

impl TrafficMeter {
    /// Notes what an entity sent.
    pub fn note(&self, entity: &EntityId, traffic: Traffic, now: Timestamp) {
        if traffic != Traffic::default() {
            self.lock().add(entity, bucket(now), traffic);
        }
    }

    /// Writes down what was noted; what can't be written is kept.
    pub async fn write(&self, store: &dyn Store, directory: &Directory) {
        let noted = std::mem::take(&mut self.lock().noted);
        let mut notes = Vec::with_capacity(noted.len());
        for (entity, buckets) in noted {
            let organization = directory.organization_of(&entity);
            let note = |(bucket, traffic)| TrafficNote {
                organization: organization.clone(),
                entity: entity.clone(),
                bucket,
                traffic,
            };
            notes.extend(buckets.into_iter().map(note));
        }
        for (done, part) in notes.chunks(PART).enumerate() {
            if let Err(error) = store.note_traffic(part).await {
                tracing::warn!(%error, "what was sent can't be written down yet");
                let mut state = self.lock();
                for note in &notes[done * PART..] {
                    state.add(&note.entity, note.bucket, note.traffic);
                }
                return;
            }
        }
    }

    /// Once a day, forgets what is old.
    pub async fn forget(&self, store: &dyn Store, now: Timestamp) {
        let bucket = bucket(now);
        let today = bucket / BUCKETS_PER_DAY;
        if std::mem::replace(&mut self.lock().forgotten, today) == today {
            return;
        }
        let before = |days: u32| bucket.saturating_sub(days * BUCKETS_PER_DAY);
        if let Err(error) = store.forget_traffic(before(ENTITY_DAYS), before(HOURS_DAYS) / BUCKETS_PER_HOUR).await {
            tracing::debug!(%error, "what was sent long ago can't be forgotten yet");
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
