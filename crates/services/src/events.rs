//! The live event stream for watchers: audit-trail entries about restrictions, releases, alerts, policies,
//! allowances and organizations, once they are in force.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use postern_domain::filter::AuditFilter;
use postern_domain::{Fact, OrganizationId, Timestamp};
use postern_store::audit::AuditEntry;
use postern_store::{Store, StoreError};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How many of the last entries are in memory; a watcher that is further behind reads from the store.
const IN_MEMORY: usize = 256;
/// How long to wait after a store failure before reading again.
const AGAIN_AFTER: Duration = Duration::from_secs(1);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// Its number in the audit trail as the watcher sees it. A watcher that gives it as the last event seen gets the
    /// events after it.
    pub id: i64,
    /// `restriction.made`, `restriction.released`, `restriction.restored`, `alert.raised`, `alert.changed`,
    /// `policies.changed`, `alert-policies.changed`, `allowance.granted`, `allowance.ended` or `organizations.changed`.
    pub kind: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// Details, such as `entity` and `reference` if there are any.
    pub data: Value,
}

/// The source of events; clones share it.
#[derive(Clone)]
pub struct Events {
    store: Arc<dyn Store>,
    /// The last entries in force, without gaps.
    recent: Arc<RwLock<VecDeque<Arc<AuditEntry>>>>,
    /// The number of the last entry in force.
    newest: watch::Sender<i64>,
    closing: watch::Receiver<bool>,
}

/// Reads events in order, and waits for the next one.
pub struct Watcher {
    events: Events,
    newest: watch::Receiver<i64>,
    only: Option<OrganizationId>,
    /// The number of the last entry examined.
    last: i64,
    next: VecDeque<Arc<AuditEntry>>,
}

impl Events {
    /// Creates the stream. Watchers end when `closing` turns true.
    pub fn new(store: Arc<dyn Store>, closing: watch::Receiver<bool>) -> Self {
        Self { store, recent: Arc::default(), newest: watch::Sender::new(0), closing }
    }

    /// Entries after this number are reported.
    pub(crate) fn begin_after(&self, seq: i64) {
        self.newest.send_replace(seq);
    }

    /// Reports that these entries, the next ones in the trail, are in force.
    pub(crate) fn happened(&self, entries: Vec<AuditEntry>) {
        let Some(newest) = entries.last().map(|entry| entry.seq) else { return };
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.extend(entries.into_iter().map(Arc::new));
        let surplus = recent.len().saturating_sub(IN_MEMORY);
        recent.drain(..surplus);
        drop(recent);
        self.newest.send_replace(newest);
    }

    /// Watches all events, or only those of one organization, from after the entry with number `after`, or from now on
    /// without it. With an organization, `after` is one of that organization's own numbers.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn watch(&self, only: Option<OrganizationId>, after: Option<i64>) -> Result<Watcher, StoreError> {
        let newest = self.newest.subscribe();
        let now = *newest.borrow();
        let last = match (&only, after) {
            (_, None) => now,
            (_, Some(after)) if after <= 0 => 0,
            // Waits for an entry that is not yet in force on this node; a number beyond the trail counts as its end.
            (None, Some(after)) => after.min(self.newest_written().await?.max(now)),
            (Some(own), Some(after)) => self.store.seq_of(own, after).await?.unwrap_or(now),
        };
        Ok(Watcher { events: self.clone(), newest, only, last, next: VecDeque::new() })
    }

    async fn newest_written(&self) -> Result<i64, StoreError> {
        let newest = AuditFilter { limit: Some(1), ..AuditFilter::default() };
        Ok(self.store.audit(&newest).await?.pop().map_or(0, |entry| entry.seq))
    }

    /// The entries in force after this number, if the first of them is in memory.
    fn recent_after(&self, seq: i64) -> Option<VecDeque<Arc<AuditEntry>>> {
        let recent = self.recent.read().unwrap_or_else(PoisonError::into_inner);
        let first = recent.front()?.seq;
        let skip = usize::try_from(seq + 1 - first).ok()?;
        (skip < recent.len()).then(|| recent.iter().skip(skip).cloned().collect())
    }
}

impl Watcher {
    /// Waits for the next event; `None` when the node is closing.
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

    /// Waits until there are new entries, and takes some of them.
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
            // Entries that are not in force yet are reported once they are.
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

/// The event for an entry, for a watcher of everything or of one organization; `None` if there is none.
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
