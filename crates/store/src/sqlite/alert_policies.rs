//! Table `alert_policies`, and its keys in table `state`.

use postern_domain::OrganizationId;
use postern_domain::alert::{AlertBook, AlertPolicy};
use rusqlite::{Connection, Transaction, params};

use super::Fault;
use super::books::{Keys, load_books, save_version};
use crate::VersionedAlertPolicies;

const KEYS: Keys = Keys { revision: "alert_policies.revision.", what: "the alert policies" };

pub(super) fn load(
    db: &Connection,
    only: Option<&OrganizationId>,
) -> Result<Vec<(OrganizationId, VersionedAlertPolicies)>, Fault> {
    load_books(db, &KEYS, only, |organization| {
        let mut statement =
            db.prepare_cached("SELECT body FROM alert_policies WHERE organization = ?1 ORDER BY position")?;
        let mut rows = statement.query([organization.as_str()])?;
        let mut policies: Vec<AlertPolicy> = Vec::new();
        while let Some(row) = rows.next()? {
            policies.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
        }
        Ok(AlertBook::new(policies))
    })
}

pub(super) fn save(
    tx: &Transaction<'_>,
    organization: &OrganizationId,
    stored: &VersionedAlertPolicies,
) -> Result<(), Fault> {
    save_version(tx, &KEYS, organization, stored)?;
    tx.execute("DELETE FROM alert_policies WHERE organization = ?1", [organization.as_str()])?;
    let mut insert =
        tx.prepare_cached("INSERT INTO alert_policies (organization, name, position, body) VALUES (?1, ?2, ?3, ?4)")?;
    for (position, policy) in stored.book.all().iter().enumerate() {
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        insert.execute(params![organization.as_str(), policy.name, position, serde_json::to_string(policy)?])?;
    }
    Ok(())
}
