//! What happens, as it happens, for those who watch: what the audit trail says of restrictions, releases, alerts,
//! policies, allowances and organizations, once it is in force.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use postern_domain::filter::AuditFilter;
use postern_domain::{Fact, OrganizationId, Timestamp};
use postern_store::audit::AuditEntry;
use postern_store::{Store, StoreError};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::sync::watch;

/// So many of the last entries are in memory; whoever is further behind reads from the store.
const IN_MEMORY: usize = 256;
/// When a store that has failed is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct Event {
    /// Its number in the audit trail, as the watcher sees it: whoever names it as the last one seen gets what came after.
    pub id: i64,
    /// `restriction.made`, `restriction.released`, `restriction.restored`, `alert.raised`, `alert.changed`,
    /// `policies.changed`, `alert-policies.changed`, `allowance.granted`, `allowance.ended` or `organizations.changed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// Whose it is.
    pub organization: OrganizationId,
    /// What it is about: `entity` and `reference` where there are such.
    pub data: Value,
}

/// Where events are watched.
#[derive(Clone)]
pub struct Events {
    store: Arc<dyn Store>,
    /// The last entries that are in force, without gaps.
    recent: Arc<RwLock<VecDeque<Arc<AuditEntry>>>>,
    /// The number of the last entry that is in force.
    newest: watch::Sender<i64>,
    closing: watch::Receiver<bool>,
}

/// Reads events one after the other, and waits for the next.
pub struct Watcher {
    events: Events,
    newest: watch::Receiver<i64>,
    only: Option<OrganizationId>,
    /// The number of the last entry that was looked at.
    last: i64,
    next: VecDeque<Arc<AuditEntry>>,
}

impl Events {
    /// Watchers end when `closing` turns true.
    pub fn new(store: Arc<dyn Store>, closing: watch::Receiver<bool>) -> Self {
        Self { store, recent: Arc::default(), newest: watch::Sender::new(0), closing }
    }

    /// What comes after this entry is told.
    pub(crate) fn begin_after(&self, seq: i64) {
        self.newest.send_replace(seq);
    }

    /// These entries are in force, the next ones in the trail.
    pub(crate) fn happened(&self, entries: Vec<AuditEntry>) {
        let Some(newest) = entries.last().map(|entry| entry.seq) else { return };
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.extend(entries.into_iter().map(Arc::new));
        let surplus = recent.len().saturating_sub(IN_MEMORY);
        recent.drain(..surplus);
        drop(recent);
        self.newest.send_replace(newest);
    }

    /// Watches everything, or what is of one organization: what comes after the entry of the number `after`, which is one
    /// of the organization's own where there is one; without it, from now on.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn watch(&self, only: Option<OrganizationId>, after: Option<i64>) -> Result<Watcher, StoreError> {
        let newest = self.newest.subscribe();
        let now = *newest.borrow();
        let last = match (&only, after) {
            (_, None) => now,
            (_, Some(after)) if after <= 0 => 0,
            // One that this node has not in force yet is waited for; one that there never was is none.
            (None, Some(after)) => after.min(self.newest_written().await?.max(now)),
            (Some(own), Some(after)) => self.store.seq_of(own, after).await?.unwrap_or(now),
        };
        Ok(Watcher { events: self.clone(), newest, only, last, next: VecDeque::new() })
    }

    async fn newest_written(&self) -> Result<i64, StoreError> {
        let newest = AuditFilter { limit: Some(1), ..AuditFilter::default() };
        Ok(self.store.audit(&newest).await?.pop().map_or(0, |entry| entry.seq))
    }

    /// Entries after the one of that number that are in force, if memory has the first of them.
    fn recent_after(&self, seq: i64) -> Option<VecDeque<Arc<AuditEntry>>> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.seq;
        let skip = usize::try_from(seq + 1 - first).ok()?;
        (skip < recent.len()).then(|| recent.iter().skip(skip).cloned().collect())
    }
}

impl Watcher {
    /// Waits for the next; none at the end.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some(entry) = self.next.pop_front() {
                self.last = entry.seq;
                if let Some(event) = event(&entry, self.only.as_ref()) {
                    return Some(event);
                }
            }
            let mut closing = self.events.closing.clone();
            tokio::select! {
                biased;
                _ = closing.wait_for(|closing| *closing) => return None,
                () = self.more() => {}
            }
        }
    }

    /// Waits until there is more than was looked at, and takes some of it.
    async fn more(&mut self) {
        let last = self.last;
        let Ok(newest) = self.newest.wait_for(|newest| *newest > last).await.map(|newest| *newest) else {
            return std::future::pending().await;
        };
        if let Some(recent) = self.events.recent_after(last) {
            self.next = recent;
            return;
        }
        match self.events.store.changes_after(self.only.as_ref(), last, IN_MEMORY as u32).await {
            // What is not in force yet is told when it is.
            Ok(entries) => {
                self.next = entries.into_iter().filter(|entry| entry.seq <= newest).map(Arc::new).collect();
                if self.next.is_empty() {
                    self.last = newest;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "events can't be read; whoever watches gets them once the store is back");
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
}

/// What an entry tells somebody who watches everything, or only what is of one organization.
fn event(entry: &AuditEntry, only: Option<&OrganizationId>) -> Option<Event> {
    if only.is_some_and(|only| entry.organization.as_ref() != Some(only)) {
        return None;
    }
    let fact = entry.fact().ok()?;
    Some(Event {
        id: only.and(entry.organization_seq).unwrap_or(entry.seq),
        kind: fact.event()?,
        at: entry.at,
        organization: entry.organization.clone().unwrap_or_else(OrganizationId::first),
        data: data(&fact, &entry.actor),
    })
}

fn data(fact: &Fact, by: &str) -> Value {
    match fact {
        Fact::RestrictionAdded { entity, reference, reason, until } => {
            json!({ "entity": entity, "reference": reference, "reason": reason, "until": until })
        }
        Fact::RestrictionReleased { entity, reference, reason, .. } => {
            json!({ "entity": entity, "reference": reference, "by": by, "reason": reason })
        }
        Fact::RestrictionRestored { entity, reference, reason, until } => {
            json!({ "entity": entity, "reference": reference, "by": by, "reason": reason, "until": until })
        }
        Fact::AlertRaised { reference, reason, policy, .. } => {
            json!({ "entity": fact.entity(), "reference": reference, "policy": policy, "reason": reason })
        }
        Fact::AlertNoted { reference, entity, status, becomes, .. } => {
            json!({ "entity": entity, "reference": reference, "status": becomes.or(*status), "by": by })
        }
        Fact::PolicyAdded { name, revision, .. }
        | Fact::PolicyChanged { name, revision, .. }
        | Fact::PolicyRemoved { name, revision, .. } => json!({ "policy": name, "revision": revision, "by": by }),
        Fact::AlertPolicyAdded { name, .. }
        | Fact::AlertPolicyChanged { name, .. }
        | Fact::AlertPolicyRemoved { name, .. } => json!({ "policy": name, "by": by }),
        Fact::AllowanceGranted { allowance, .. } => json!(allowance),
        Fact::AllowanceEnded { entity } => json!({ "entity": entity, "by": by }),
        Fact::OrganizationAdded { id, .. }
        | Fact::OrganizationChanged { id, .. }
        | Fact::OrganizationRemoved { id } => {
            json!({ "id": id, "by": by })
        }
        _ => Value::Null,
    }
}
