//! Read and check the audit trail.

use postern_store::AuditFilter;
use postern_store::audit::{hex, parse_hash};

use postern_domain::access::Permission;

use super::views::{AuditReportView, AuditView};
use super::{Caller, Desk, DeskError};

impl Desk {
    /// Entries, newest first. Whoever is kept to an organization sees the numbers of its own, here and in what the filter
    /// says of them, and no hashes: those would tell when something happened elsewhere.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn audit(&self, caller: &Caller, filter: &AuditFilter) -> Result<Vec<AuditView>, DeskError> {
        self.may_look(caller)?;
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

    /// Checks the whole chain; with `head`, whether it still holds the entry of that hash.
    ///
    /// # Errors
    /// The caller may not look, `head` is no hash, or the store fails.
    pub async fn verify_audit(&self, caller: &Caller, head: Option<&str>) -> Result<AuditReportView, DeskError> {
        self.may_everywhere(caller, Permission::Look)?;
        let problem = || "is no hash; expected 64 hexadecimal digits, as audit verify prints them".to_owned();
        let head = match head {
            None => None,
            Some(text) => {
                Some(parse_hash(text).ok_or_else(|| DeskError::Invalid { field: "head".into(), problem: problem() })?)
            }
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
}
