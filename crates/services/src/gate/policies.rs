//! The outbound policies and allowances in force, in memory: what is in force stays so while the
//! store is away, and a change is in force with the next question.

use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::{ArcSwap, Guard};
use hashbrown::HashMap;
use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook};
use postern_domain::{EntityId, OrganizationId, Timestamp};
use postern_store::audit::NewAuditEntry;
use postern_store::{KeptPolicies, Store, StoreError};
use serde_json::json;

use super::ByOrganization;

/// What holds for an organization that has no policies of its own: the first one's default policy,
/// without the people it names.
fn inherited(first: &KeptPolicies) -> KeptPolicies {
    let default = OutboundPolicy { notify: Vec::new(), copy_to: Vec::new(), ..first.book.default.clone() };
    KeptPolicies { book: PolicyBook { default, ..PolicyBook::default() }, revision: 0, file: None }
}

/// Who changes the default policy when the configuration file says something new.
pub const CONFIGURATION: &str = "configuration file";

/// The outbound policies and allowances in force.
#[derive(Debug)]
pub struct Policies {
    kept: ArcSwap<ByOrganization<KeptPolicies>>,
    allowances: RwLock<HashMap<EntityId, Allowance>>,
    editing: tokio::sync::Mutex<()>,
}

impl Default for Policies {
    fn default() -> Self {
        let kept = KeptPolicies { book: PolicyBook::default(), revision: 0, file: None };
        Self {
            kept: ArcSwap::from_pointee(ByOrganization::new(kept.clone(), kept)),
            allowances: RwLock::default(),
            editing: tokio::sync::Mutex::default(),
        }
    }
}

impl Policies {
    /// The policies by organization, and how often they have been changed.
    pub fn load(&self) -> Guard<Arc<ByOrganization<KeptPolicies>>> {
        self.kept.load()
    }

    /// One edit at a time: whoever holds this reads, changes, writes and puts in force.
    pub async fn editing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.editing.lock().await
    }

    /// Puts an organization's policies in force that have been written down.
    pub fn set(&self, organization: &OrganizationId, kept: KeptPolicies) {
        let all = ByOrganization::clone(&self.load());
        self.kept.store(Arc::new(all.with(organization, kept, inherited)));
    }

    /// Forgets the policies of an organization that is no more.
    pub fn forget(&self, organization: &OrganizationId) {
        let all = ByOrganization::clone(&self.load());
        self.kept.store(Arc::new(all.without(organization)));
    }

    /// The allowance of an entity.
    pub fn allowance(&self, entity: &EntityId, now: Timestamp) -> Option<Allowance> {
        let allowances = self.allowances.read().unwrap_or_else(PoisonError::into_inner);
        allowances.get(entity).filter(|allowance| now < allowance.until).cloned()
    }

    /// Puts an allowance in force, or takes it away.
    pub fn set_allowance(&self, entity: &EntityId, allowance: Option<Allowance>) {
        let mut allowances = self.allowances.write().unwrap_or_else(PoisonError::into_inner);
        match allowance {
            Some(allowance) => allowances.insert(entity.clone(), allowance),
            None => allowances.remove(entity),
        };
    }

    /// Takes over what the store holds, and what the configuration file says of the default
    /// policy, if that is not what it said last: whoever spoke last is right.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn restore(&self, store: &dyn Store, file: &OutboundPolicy, now: Timestamp) -> Result<(), StoreError> {
        for (organization, kept) in store.policies().await? {
            self.set(&organization, kept);
        }
        self.take_over(store, file, now).await?;
        let mut allowances = HashMap::new();
        for allowance in store.allowances(now).await? {
            allowances.insert(allowance.entity.clone(), allowance);
        }
        *self.allowances.write().unwrap_or_else(PoisonError::into_inner) = allowances;
        Ok(())
    }

    /// Takes over what the configuration file says of the default policy, if that is new.
    ///
    /// # Errors
    /// The store can't be written; what was in force stays so.
    pub async fn take_over(&self, store: &dyn Store, file: &OutboundPolicy, now: Timestamp) -> Result<(), StoreError> {
        let _one_at_a_time = self.editing().await;
        let first = OrganizationId::first();
        let kept = KeptPolicies::clone(self.load().of(&first));
        let said = json!(file).to_string();
        if kept.file.as_ref() == Some(&said) {
            return Ok(());
        }
        let is_new = kept.book.default != *file;
        let audit = is_new.then(|| NewAuditEntry {
            at: now,
            organization: Some(first.clone()),
            actor: CONFIGURATION.into(),
            action: "policy.change",
            target: file.name.clone(),
            detail: json!({ "to": file }),
        });
        let new = KeptPolicies { book: PolicyBook { default: file.clone(), ..kept.book }, file: Some(said), ..kept };
        store.save_policies(&first, &new, audit.as_slice()).await?;
        self.set(&first, KeptPolicies { revision: new.revision + 1, ..new });
        Ok(())
    }

    /// Forgets allowances that are over.
    pub fn sweep(&self, now: Timestamp) {
        let mut allowances = self.allowances.write().unwrap_or_else(PoisonError::into_inner);
        allowances.retain(|_, allowance| now < allowance.until);
    }
}
