//! Records what is sent, for charts and for trying policies on past traffic. Collected beside the ledger and
//! written to the store after the answer: a crash loses the last seconds, but affects no decision.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashbrown::{Equivalent, HashMap};
use postern_domain::entity::Directory;
use postern_domain::traffic::{BUCKETS_PER_HOUR, Traffic, bucket};
use postern_domain::{EntityId, Timestamp};
use postern_store::TrafficHistory;
use postern_store::traffic::TrafficNote;

const BUCKETS_PER_DAY: u32 = 24 * BUCKETS_PER_HOUR;
/// Each entity's traffic is stored for this many days …
const ENTITY_DAYS: u32 = 8;
/// … and each organization's hourly traffic for this many.
pub const HOURS_DAYS: u32 = 36;
/// How many notes are written in one transaction, so that a restriction need not wait for all of them.
const PART: usize = 1000;
/// The most notes that wait for an unavailable store; beyond that, new ones are dropped.
const MOST_WAITING: usize = 1_000_000;

/// The unit of collection: one entity's traffic in one bucket.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    entity: EntityId,
    bucket: u32,
}

/// [`Key`] with a borrowed entity, for look-ups.
#[derive(Hash)]
struct KeyRef<'a> {
    entity: &'a EntityId,
    bucket: u32,
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.bucket == key.bucket && *self.entity == key.entity
    }
}

type Noted = HashMap<Key, Traffic>;

fn add(noted: &mut Noted, entity: &EntityId, bucket: u32, traffic: Traffic) {
    match noted.get_mut(&KeyRef { entity, bucket }) {
        Some(sum) => *sum = sum.plus(traffic),
        None => {
            noted.insert(Key { entity: entity.clone(), bucket }, traffic);
        }
    }
}

/// Traffic that has not been written to the store yet.
#[derive(Debug, Default)]
pub struct TrafficMeter {
    noted: Mutex<Noted>,
    /// Notes being written, or that could not be written; separate, so that noting never waits for the store.
    waiting: tokio::sync::Mutex<Noted>,
    /// The last day on which old traffic was forgotten.
    forgotten: AtomicU32,
}

impl TrafficMeter {
    /// Records what an entity sent.
    pub fn note(&self, entity: &EntityId, traffic: Traffic, now: Timestamp) {
        if traffic != Traffic::default() {
            add(&mut self.lock(), entity, bucket(now), traffic);
        }
    }

    /// Writes the collected traffic to the store; what can't be written is retried next time. This future must
    /// not be cancelled: a part being written would be written twice.
    pub async fn write(&self, store: &dyn TrafficHistory, directory: &Directory) {
        let mut waiting = self.waiting.lock().await;
        let noted = std::mem::take(&mut *self.lock());
        if waiting.is_empty() {
            *waiting = noted;
        } else if waiting.len() < MOST_WAITING {
            for (Key { entity, bucket }, traffic) in noted {
                add(&mut waiting, &entity, bucket, traffic);
            }
        }
        while !waiting.is_empty() {
            // Built in parts: a copy of everything would double the memory.
            let note = |(key, traffic): (&Key, &Traffic)| TrafficNote {
                organization: directory.organization_of(&key.entity),
                entity: key.entity.clone(),
                bucket: key.bucket,
                traffic: *traffic,
            };
            let part: Vec<TrafficNote> = waiting.iter().take(PART).map(note).collect();
            if let Err(error) = store.note_traffic(&part).await {
                tracing::warn!(%error, "what was sent can't be written down yet");
                return;
            }
            for TrafficNote { entity, bucket, .. } in &part {
                waiting.remove(&KeyRef { entity, bucket: *bucket });
            }
        }
        *waiting = Noted::default();
    }

    /// Forgets old traffic, once a day.
    pub async fn forget(&self, store: &dyn TrafficHistory, now: Timestamp) {
        let bucket = bucket(now);
        let today = bucket / BUCKETS_PER_DAY;
        if self.forgotten.load(Ordering::Relaxed) == today {
            return;
        }
        let before = |days: u32| bucket.saturating_sub(days * BUCKETS_PER_DAY);
        match store.forget_traffic(before(ENTITY_DAYS), before(HOURS_DAYS) / BUCKETS_PER_HOUR).await {
            Ok(()) => self.forgotten.store(today, Ordering::Relaxed),
            Err(error) => tracing::debug!(%error, "what was sent long ago can't be forgotten yet"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use hashbrown::HashSet;

    use postern_domain::address::AddressRules;
    use postern_domain::entity::Tenants;
    use postern_domain::window::Charge;
    use postern_store::sqlite::SqliteStore;
    use postern_store::traffic::TrafficHistory;

    use super::*;

    #[tokio::test]
    async fn what_one_sends_in_a_bucket_is_one_note_and_is_written_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("postern.db")).unwrap();
        let domain = postern_domain::Domain::parse("example.com").unwrap();
        let directory = Directory {
            rules: AddressRules { recipient_delimiter: "+".into(), default_domain: domain.clone() },
            domains: HashSet::from([domain]),
            connectors: Vec::new(),
            trust_envelope_sender: false,
            escape_lane: HashSet::new(),
            tenants: Tenants::default(),
            groups: HashMap::default(),
        };
        let meter = TrafficMeter::default();
        let alice = EntityId::account_named("alice@example.com");
        let at = |minute| Timestamp::from_minute(minute);
        let two = Traffic::accepted(Charge { external: 2, messages: 1, ..Charge::NONE });
        for minute in [600, 601, 615] {
            meter.note(&alice, two, at(minute));
        }
        meter.note(&alice, Traffic::default(), at(640));
        assert_eq!(meter.lock().len(), 2);
        for _ in 0..2 {
            meter.write(&store, &directory).await;
            assert_eq!(store.traffic_of(&alice, 0).await.unwrap(), [(60, two.plus(two)), (61, two)]);
        }
        meter.forget(&store, at(600 + 9 * 24 * 60)).await;
        assert_eq!(store.traffic_of(&alice, 0).await.unwrap(), []);
    }
}
