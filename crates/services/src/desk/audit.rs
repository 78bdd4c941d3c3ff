//! Read and check the audit trail.

use postern_store::AuditFilter;
use postern_store::audit::{hex, parse_hash};

use postern_domain::access::Permission;

use super::views::{AuditReportView, AuditView};
use super::{Caller, Desk, DeskError};

impl Desk {
    /// Entries, newest first.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn audit(&self, caller: &Caller, filter: &AuditFilter) -> Result<Vec<AuditView>, DeskError> {
        self.may_look(caller)?;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = AuditFilter { organization, ..filter.clone() };
        let entries = self.store.audit(&filter).await?;
        let views = entries.into_iter().map(|entry| AuditView {
            seq: entry.seq,
            at: entry.at,
            actor: entry.actor,
            action: entry.action,
            target: entry.target,
            detail: entry.detail,
            previous: hex(&entry.previous),
            hash: hex(&entry.hash),
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
