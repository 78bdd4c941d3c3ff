//! Open alerts without a restriction, cached in memory, so that an ongoing incident is reported only once.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use hashbrown::HashMap;
use postern_domain::alert::Trigger;
use postern_domain::{EntityId, Timestamp};
use postern_store::OpenAlert;

/// Without a restriction, an entity that stays over its limit counts as one incident for this long, unless its alert
/// is closed earlier.
const SAME_INCIDENT: Duration = Duration::from_secs(24 * 3600);
/// The triggers that may repeat while an incident lasts, and are reported once.
const REPEATED: [Trigger; 4] =
    [Trigger::LimitExceeded, Trigger::LimitNearlyReached, Trigger::ReportOnly, Trigger::SuspiciousPattern];

/// When the open alerts of each entity were raised.
#[derive(Debug, Default)]
pub struct OpenAlerts(RwLock<HashMap<EntityId, Vec<(Trigger, Timestamp)>>>);

impl OpenAlerts {
    /// An alert raised after this time belongs to the same incident.
    pub fn since(now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis() - i64::try_from(SAME_INCIDENT.as_millis()).unwrap_or(0))
    }

    /// Whether an alert of the same incident is open.
    pub fn has(&self, trigger: Trigger, entity: &EntityId, now: Timestamp) -> bool {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let same = |(of, at): &(Trigger, Timestamp)| *of == trigger && *at > Self::since(now);
        open.get(entity).is_some_and(|alerts| alerts.iter().any(same))
    }

    /// Replaces the open alerts of an entity.
    pub(super) fn set(&self, entity: &EntityId, alerts: Vec<OpenAlert>) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.remove(entity);
        add(&mut open, alerts);
    }

    /// Replaces all open alerts.
    pub(super) fn replace(&self, alerts: Vec<OpenAlert>) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.clear();
        add(&mut open, alerts);
    }

    /// Forgets open alerts that are too old to belong to the same incident.
    pub fn sweep(&self, now: Timestamp) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, alerts| {
            alerts.retain(|(_, at)| *at > Self::since(now));
            !alerts.is_empty()
        });
    }

    /// All open alerts held here.
    #[cfg(test)]
    pub(crate) fn all(&self) -> HashMap<EntityId, Vec<(Trigger, Timestamp)>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn add(open: &mut HashMap<EntityId, Vec<(Trigger, Timestamp)>>, alerts: Vec<OpenAlert>) {
    for OpenAlert { trigger, entity, raised_at } in alerts {
        if REPEATED.contains(&trigger) {
            open.entry(entity).or_default().push((trigger, raised_at));
        }
    }
}
