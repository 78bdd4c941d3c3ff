//! Tables `outbound_policies`, `allowances` and `state`.

use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook};
use postern_domain::{EntityId, Reference, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Fault;
use crate::{KeptPolicies, StoreError};

const REVISION: &str = "policies.revision";
const FILE: &str = "policies.file";

pub(super) fn load(db: &Connection) -> Result<Option<KeptPolicies>, Fault> {
    let Some(revision) = state(db, REVISION)? else { return Ok(None) };
    let revision = revision.parse().map_err(|_| Fault::unreadable("state.policies.revision", revision))?;
    let mut book = PolicyBook::default();
    let mut statement = db.prepare_cached("SELECT priority IS NULL, body FROM outbound_policies ORDER BY priority")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let policy: OutboundPolicy = serde_json::from_str(&row.get::<_, String>(1)?)?;
        if row.get(0)? {
            book.default = policy;
        } else {
            book.custom.push(policy);
        }
    }
    Ok(Some(KeptPolicies { book, revision, file: state(db, FILE)? }))
}

pub(super) fn save(tx: &Transaction<'_>, kept: &KeptPolicies) -> Result<(), Fault> {
    let found = match state(tx, REVISION)? {
        Some(text) => text.parse().map_err(|_| Fault::unreadable("state.policies.revision", text))?,
        None => 0u64,
    };
    if found != kept.revision {
        return Err(StoreError::Changed { what: "the outbound policies" }.into());
    }
    tx.execute("DELETE FROM outbound_policies", [])?;
    let mut insert = tx.prepare_cached("INSERT INTO outbound_policies (name, priority, body) VALUES (?1, ?2, ?3)")?;
    for (policy, priority) in kept.book.all() {
        let priority = priority.and_then(|priority| i64::try_from(priority).ok());
        insert.execute(params![policy.name, priority, serde_json::to_string(policy)?])?;
    }
    set_state(tx, REVISION, &(kept.revision + 1).to_string())?;
    if let Some(file) = &kept.file {
        set_state(tx, FILE, file)?;
    }
    Ok(())
}

pub(super) fn grant(tx: &Transaction<'_>, allowance: &Allowance) -> Result<(), Fault> {
    tx.execute(
        "UPDATE allowances SET ended_at = ?2, ended_by = ?3 WHERE entity = ?1 AND ended_at IS NULL",
        params![allowance.entity.to_string(), allowance.granted_at.as_millis(), allowance.granted_by],
    )?;
    tx.execute(
        "INSERT INTO allowances (reference, entity, external_per_hour, internal_per_hour, per_day, granted_at, until, \
         granted_by, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            allowance.reference.as_str(),
            allowance.entity.to_string(),
            allowance.external_per_hour,
            allowance.internal_per_hour,
            allowance.per_day,
            allowance.granted_at.as_millis(),
            allowance.until.as_millis(),
            allowance.granted_by,
            allowance.reason,
        ],
    )?;
    Ok(())
}

pub(super) fn end_allowance(tx: &Transaction<'_>, entity: &EntityId, by: &str, at: Timestamp) -> Result<(), Fault> {
    let ended = tx.execute(
        "UPDATE allowances SET ended_at = ?2, ended_by = ?3 WHERE entity = ?1 AND ended_at IS NULL AND until > ?2",
        params![entity.to_string(), at.as_millis(), by],
    )?;
    if ended == 0 {
        return Err(StoreError::NoAllowance { entity: entity.clone() }.into());
    }
    Ok(())
}

pub(super) fn allowances(db: &Connection, now: Timestamp) -> Result<Vec<Allowance>, Fault> {
    let mut statement =
        db.prepare_cached("SELECT * FROM allowances WHERE ended_at IS NULL AND until > ?1 ORDER BY until, reference")?;
    let mut rows = statement.query([now.as_millis()])?;
    let mut allowances = Vec::new();
    while let Some(row) = rows.next()? {
        allowances.push(allowance(row)?);
    }
    Ok(allowances)
}

fn allowance(row: &Row<'_>) -> Result<Allowance, Fault> {
    let reference: String = row.get("reference")?;
    Ok(Allowance {
        reference: Reference::parse(&reference).map_err(|_| Fault::unreadable("allowances.reference", reference))?,
        entity: EntityId::from_text(&row.get::<_, String>("entity")?),
        external_per_hour: row.get("external_per_hour")?,
        internal_per_hour: row.get("internal_per_hour")?,
        per_day: row.get("per_day")?,
        granted_at: Timestamp::from_millis(row.get("granted_at")?),
        until: Timestamp::from_millis(row.get("until")?),
        granted_by: row.get("granted_by")?,
        reason: row.get("reason")?,
    })
}

pub(super) fn state(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    db.query_row("SELECT value FROM state WHERE key = ?1", [key], |row| row.get(0)).optional()
}

pub(super) fn set_state(tx: &Transaction<'_>, key: &str, value: &str) -> rusqlite::Result<()> {
    tx.execute("INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)", [key, value]).map(|_| ())
}
