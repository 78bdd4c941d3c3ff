//! Alerts that restrict nobody and are open, in memory: what goes on is one incident, and is told once.

use std::sync::{PoisonError, RwLock};
use std::time::Duration;

use hashbrown::HashMap;
use postern_domain::alert::Trigger;
use postern_domain::{EntityId, Timestamp};
use postern_store::OpenAlert;

/// Where nobody is restricted, an entity that stays over its limit is one incident for so long, unless its alert is
/// closed before.
const SAME_INCIDENT: Duration = Duration::from_secs(24 * 3600);
/// What goes on, and is told once.
const REPEATED: [Trigger; 4] =
    [Trigger::LimitExceeded, Trigger::LimitNearlyReached, Trigger::ReportOnly, Trigger::SuspiciousPattern];

/// When the open alerts of each entity were raised.
#[derive(Debug, Default)]
pub struct OpenAlerts(RwLock<HashMap<EntityId, Vec<(Trigger, Timestamp)>>>);

impl OpenAlerts {
    /// What was raised after this is the same incident.
    pub fn since(now: Timestamp) -> Timestamp {
        Timestamp::from_millis(now.as_millis() - i64::try_from(SAME_INCIDENT.as_millis()).unwrap_or(0))
    }

    /// Whether such an alert is open.
    pub fn has(&self, trigger: Trigger, entity: &EntityId, now: Timestamp) -> bool {
        let open = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let same = |(of, at): &(Trigger, Timestamp)| *of == trigger && *at > Self::since(now);
        open.get(entity).is_some_and(|alerts| alerts.iter().any(same))
    }

    /// Takes over what is open of an entity.
    pub(super) fn set(&self, entity: &EntityId, alerts: Vec<OpenAlert>) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.remove(entity);
        add(&mut open, alerts);
    }

    /// Takes over what is open, in place of all there was.
    pub(super) fn replace(&self, alerts: Vec<OpenAlert>) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.clear();
        add(&mut open, alerts);
    }

    /// Forgets alerts that are too old to be the same incident.
    pub fn sweep(&self, now: Timestamp) {
        let mut open = self.0.write().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, alerts| {
            alerts.retain(|(_, at)| *at > Self::since(now));
            !alerts.is_empty()
        });
    }

    /// Everything that is held here.
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
