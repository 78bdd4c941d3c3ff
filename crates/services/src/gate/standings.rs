//! Which entities may send now, cached in memory, so that restrictions stay in force while the store is unavailable.

use hashbrown::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};

use postern_domain::restriction::Standing;
use postern_domain::{EntityId, Reference, Timestamp};
use postern_store::Refusals;

/// The standing of every entity that is restricted or on probation.
#[derive(Debug, Default)]
pub struct Standings {
    by_entity: RwLock<HashMap<EntityId, Standing>>,
    refusals: Mutex<HashMap<Reference, Refusals>>,
}

impl Standings {
    /// The entity's standing. An expired restriction applies until it is released, which happens within
    /// a second and clears the windows it was made for.
    pub fn get(&self, entity: &EntityId, now: Timestamp) -> Standing {
        let standings = self.by_entity.read().unwrap_or_else(PoisonError::into_inner);
        match standings.get(entity) {
            None => Standing::Free,
            Some(standing @ Standing::Restricted { .. }) => standing.clone(),
            Some(standing) => standing.at(now),
        }
    }

    /// Sets the entity's standing, in force from the next request on; for the projector.
    pub(super) fn set(&self, entity: &EntityId, standing: Standing) {
        let mut standings = self.by_entity.write().unwrap_or_else(PoisonError::into_inner);
        match standing {
            Standing::Free => standings.remove(entity),
            standing => standings.insert(entity.clone(), standing),
        };
    }

    /// Replaces all standings; for the projector.
    pub(super) fn replace(&self, new: impl IntoIterator<Item = (EntityId, Standing)>) {
        *self.by_entity.write().unwrap_or_else(PoisonError::into_inner) = new.into_iter().collect();
    }

    /// All standings held here.
    #[cfg(test)]
    pub(crate) fn all(&self) -> HashMap<EntityId, Standing> {
        self.by_entity.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Restrictions that have expired and are still to be released.
    pub fn expired(&self, now: Timestamp) -> Vec<(EntityId, Reference)> {
        let standings = self.by_entity.read().unwrap_or_else(PoisonError::into_inner);
        let due = standings.iter().filter_map(|(entity, standing)| match standing {
            Standing::Restricted { reference, until: Some(until) } if *until <= now => {
                Some((entity.clone(), reference.clone()))
            }
            _ => None,
        });
        due.collect()
    }

    /// Forgets probations that have ended.
    pub fn sweep(&self, now: Timestamp) {
        let mut standings = self.by_entity.write().unwrap_or_else(PoisonError::into_inner);
        standings.retain(|_, standing| standing.is_restricted() || standing.at(now) != Standing::Free);
    }

    /// The entities that are restricted or on probation and for which `wanted` returns true.
    pub fn entities(&self, wanted: impl Fn(&EntityId) -> bool) -> Vec<EntityId> {
        let standings = self.by_entity.read().unwrap_or_else(PoisonError::into_inner);
        standings.keys().filter(|entity| wanted(entity)).cloned().collect()
    }

    /// The number of restricted entities, and of entities on probation.
    pub fn counts(&self) -> (usize, usize) {
        let standings = self.by_entity.read().unwrap_or_else(PoisonError::into_inner);
        let restricted = standings.values().filter(|standing| standing.is_restricted()).count();
        (restricted, standings.len() - restricted)
    }

    /// Counts an attempt refused under a restriction.
    pub fn note_refusal(&self, reference: &Reference, now: Timestamp) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Refusals { reference: reference.clone(), count: 0, last: now };
        let entry = refusals.entry(reference.clone()).or_insert_with(new);
        entry.count += 1;
        entry.last = now;
    }

    /// Takes the refusals that have not been written to the store yet.
    pub fn take_refusals(&self) -> Vec<Refusals> {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.drain().map(|(_, refusal)| refusal).collect()
    }

    /// Puts back refusals that could not be written to the store.
    pub fn put_back_refusals(&self, unwritten: Vec<Refusals>) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        for refusal in unwritten {
            let entry =
                refusals.entry(refusal.reference.clone()).or_insert_with(|| Refusals { count: 0, ..refusal.clone() });
            entry.count += refusal.count;
        }
    }
}
