//! The last attempts of entities that send a lot, as evidence for restrictions and alerts.

use hashbrown::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use postern_domain::evidence::{AttemptRecord, Recent};
use postern_domain::policy::Limits;
use postern_domain::{EntityId, Timestamp};
use postern_ledger::Counts;

/// Attempts are remembered once an entity has used this fraction of a limit: one in …
const WORTH_KEEPING: u32 = 8;
/// The most busy entities; beyond that, evidence consists of the counts and the last attempt.
const MOST: usize = 20_000;
const KEEP: Duration = Duration::from_secs(24 * 3600);

/// The last attempts of busy entities.
#[derive(Debug, Default)]
pub struct Recents(Mutex<HashMap<EntityId, Recent>>);

impl Recents {
    /// Whether an entity has sent enough for its attempts to be remembered as evidence.
    pub fn is_worth_keeping(counts: &Counts, limits: &Limits) -> bool {
        counts.iter().any(|(window, count)| limits.of(*window).is_some_and(|limit| *count >= limit / WORTH_KEEPING))
    }

    /// Remembers an attempt.
    pub fn push(&self, entity: &EntityId, record: AttemptRecord) {
        let mut recents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recent) = recents.get_mut(entity) {
            recent.push(record);
        } else if recents.len() < MOST {
            let mut recent = Recent::default();
            recent.push(record);
            recents.insert(entity.clone(), recent);
        }
    }

    /// The entity's last attempts, oldest first.
    pub fn of(&self, entity: &EntityId) -> Vec<AttemptRecord> {
        let recents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recents.get(entity).map(Recent::to_vec).unwrap_or_default()
    }

    /// Forgets entities that have been quiet for a day.
    pub fn sweep(&self, now: Timestamp) {
        let mut recents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recents.retain(|_, recent| recent.newest().is_some_and(|at| now.since(at) < KEEP));
    }
}
