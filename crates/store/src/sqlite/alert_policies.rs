//! Table `alert_policies`, and its entries in `state`.

use postern_domain::alert::{AlertBook, AlertPolicy};
use rusqlite::{Connection, Transaction, params};

use super::Fault;
use super::policies::{set_state, state};
use crate::{KeptAlertPolicies, StoreError};

const REVISION: &str = "alert_policies.revision";
const FILE: &str = "alert_policies.file";

pub(super) fn load(db: &Connection) -> Result<Option<KeptAlertPolicies>, Fault> {
    let Some(revision) = state(db, REVISION)? else { return Ok(None) };
    let revision = revision.parse().map_err(|_| Fault::unreadable("state.alert_policies.revision", revision))?;
    let mut statement = db.prepare_cached("SELECT body FROM alert_policies ORDER BY position")?;
    let mut rows = statement.query([])?;
    let mut policies: Vec<AlertPolicy> = Vec::new();
    while let Some(row) = rows.next()? {
        policies.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
    }
    Ok(Some(KeptAlertPolicies { book: AlertBook::new(policies), revision, file: state(db, FILE)? }))
}

pub(super) fn save(tx: &Transaction<'_>, kept: &KeptAlertPolicies) -> Result<(), Fault> {
    let found = match state(tx, REVISION)? {
        Some(text) => text.parse().map_err(|_| Fault::unreadable("state.alert_policies.revision", text))?,
        None => 0u64,
    };
    if found != kept.revision {
        return Err(StoreError::Changed { what: "the alert policies" }.into());
    }
    tx.execute("DELETE FROM alert_policies", [])?;
    let mut insert = tx.prepare_cached("INSERT INTO alert_policies (name, position, body) VALUES (?1, ?2, ?3)")?;
    for (position, policy) in kept.book.all().iter().enumerate() {
        insert.execute(params![policy.name, i64::try_from(position).ok(), serde_json::to_string(policy)?])?;
    }
    set_state(tx, REVISION, &(kept.revision + 1).to_string())?;
    if let Some(file) = &kept.file {
        set_state(tx, FILE, file)?;
    }
    Ok(())
}
