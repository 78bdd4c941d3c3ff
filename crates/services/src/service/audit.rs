//! The audit trail: read it, check it, and follow what is added to it.

use std::sync::Arc;

use postern_domain::access::Permission;
use postern_domain::filter::AuditFilter;
use postern_store::Trail;
use postern_store::audit::{hex, parse_hash};

use super::views::{AuditReportView, AuditView};
use super::{Caller, ServiceError};
use crate::events::{Events, Watcher};

/// Reads, checks and follows the audit trail.
pub struct AuditService {
    /// The stored audit trail.
    pub(crate) store: Arc<dyn Trail>,
    /// The stream of events, for watchers.
    pub(crate) events: Events,
}

impl AuditService {
    /// Entries, newest first. A caller that is limited to an organization sees the numbers within that organization,
    /// both here and in the filter, and no hashes: those would reveal when something happened elsewhere.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn list(&self, caller: &Caller, filter: &AuditFilter) -> Result<Vec<AuditView>, ServiceError> {
        caller.may(Permission::Look)?;
        let own = caller.organization.as_ref();
        let before = match (own, filter.before) {
            (Some(own), Some(before)) if before > 0 => self.store.seq_of(own, before).await?,
            (_, before) => before,
        };
        let organization = own.cloned().or_else(|| filter.organization.clone());
        let filter = AuditFilter { organization, before, ..filter.clone() };
        let entries = self.store.audit(&filter).await?;
        let views = entries.into_iter().map(|entry| AuditView {
            seq: own.and(entry.organization_seq).unwrap_or(entry.seq),
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            detail: entry.detail,
            previous: own.is_none().then(|| hex(&entry.previous)),
            hash: own.is_none().then(|| hex(&entry.hash)),
        });
        Ok(views.collect())
    }

    /// The number and the hash of the last entry, in hexadecimal; none if there is no entry. Recorded elsewhere, it shows
    /// later whether the trail up to here was changed.
    ///
    /// # Errors
    /// The store fails.
    pub async fn head(&self) -> Result<Option<(i64, String)>, ServiceError> {
        let newest = AuditFilter { limit: Some(1), ..AuditFilter::default() };
        Ok(self.store.audit(&newest).await?.pop().map(|entry| (entry.seq, hex(&entry.hash))))
    }

    /// Checks the whole chain; with `head`, also that it still contains the entry with that hash.
    ///
    /// # Errors
    /// The caller may not view this, `head` is not a hash, or the store fails.
    pub async fn verify(&self, caller: &Caller, head: Option<&str>) -> Result<AuditReportView, ServiceError> {
        caller.may_everywhere(Permission::Look)?;
        let problem = || "is no hash; expected 64 hexadecimal digits, as audit verify prints them".to_owned();
        let head = match head {
            None => None,
            Some(text) => Some(
                parse_hash(text).ok_or_else(|| ServiceError::Invalid { field: "head".into(), problem: problem() })?,
            ),
        };
        let report = self.store.verify_audit(head).await?;
        let broken = report.broken;
        Ok(AuditReportView {
            entries: report.entries,
            head: hex(&report.head),
            broken_at: broken.as_ref().map(|b| b.seq),
            why: broken.map(|b| b.why),
        })
    }

    /// Watches events from now on, or those after the event with number `after`.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn watch(&self, caller: &Caller, after: Option<i64>) -> Result<Watcher, ServiceError> {
        caller.may(Permission::Look)?;
        Ok(self.events.watch(caller.organization.clone(), after).await?)
    }
}
