//! The outbound policies and allowances in force, cached in memory.

use std::sync::{PoisonError, RwLock};

use hashbrown::HashMap;
use postern_domain::policy::{Allowance, PolicyBook};
use postern_domain::{EntityId, Timestamp};

use super::Books;

/// The outbound policies and allowances in force.
#[derive(Debug, Default)]
pub struct Policies {
    /// The policies of each organization.
    pub books: Books<PolicyBook>,
    allowances: RwLock<HashMap<EntityId, Allowance>>,
}

impl Policies {
    /// The allowance of an entity; `None` if it has none or it has expired.
    pub fn allowance(&self, entity: &EntityId, now: Timestamp) -> Option<Allowance> {
        let allowances = self.allowances.read().unwrap_or_else(PoisonError::into_inner);
        allowances.get(entity).filter(|allowance| now < allowance.until).cloned()
    }

    /// Puts an allowance in force, or removes it.
    pub(super) fn set_allowance(&self, entity: &EntityId, allowance: Option<Allowance>) {
        let mut allowances = self.allowances.write().unwrap_or_else(PoisonError::into_inner);
        match allowance {
            Some(allowance) => allowances.insert(entity.clone(), allowance),
            None => allowances.remove(entity),
        };
    }

    /// Puts these allowances in force, replacing all previous ones.
    pub(super) fn replace_allowances(&self, new: impl IntoIterator<Item = Allowance>) {
        let new = new.into_iter().map(|allowance| (allowance.entity.clone(), allowance)).collect();
        *self.allowances.write().unwrap_or_else(PoisonError::into_inner) = new;
    }

    /// Forgets allowances that have expired.
    pub fn sweep(&self, now: Timestamp) {
        let mut allowances = self.allowances.write().unwrap_or_else(PoisonError::into_inner);
        allowances.retain(|_, allowance| now < allowance.until);
    }

    /// All allowances held here.
    #[cfg(test)]
    pub(crate) fn allowances(&self) -> HashMap<EntityId, Allowance> {
        self.allowances.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
