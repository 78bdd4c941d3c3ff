//! Tables `outbound_policies`, `allowances` and `state`.

use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook};
use postern_domain::{EntityId, OrganizationId, Reference, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Fault;
use crate::{KeptPolicies, StoreError};

const REVISION: &str = "policies.revision.";
const FILE: &str = "policies.file.";

/// The organizations that have policies of this kind of their own, with their revisions.
pub(super) fn revisions(db: &Connection, prefix: &'static str) -> Result<Vec<(OrganizationId, u64)>, Fault> {
    let mut statement = db.prepare_cached("SELECT key, value FROM state WHERE key LIKE ?1 || '%'")?;
    let mut rows = statement.query([prefix])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, value): (String, String) = (row.get(0)?, row.get(1)?);
        let id = OrganizationId::parse(&key[prefix.len()..]).map_err(|_| Fault::unreadable("state.key", &key))?;
        found.push((id, value.parse().map_err(|_| Fault::unreadable("state.value", value))?));
    }
    Ok(found)
}

/// Counts the revision up, if it is still `expected`.
pub(super) fn next_revision(tx: &Transaction<'_>, key: &str, expected: u64, what: &'static str) -> Result<(), Fault> {
    let found = match state(tx, key)? {
        Some(text) => text.parse().map_err(|_| Fault::unreadable("state.value", text))?,
        None => 0u64,
    };
    if found != expected {
        return Err(StoreError::Changed { what }.into());
    }
    set_state(tx, key, &(expected + 1).to_string())?;
    Ok(())
}

pub(super) fn load(db: &Connection) -> Result<Vec<(OrganizationId, KeptPolicies)>, Fault> {
    let mut all = Vec::new();
    for (organization, revision) in revisions(db, REVISION)? {
        let mut book = PolicyBook::default();
        let mut statement = db.prepare_cached(
            "SELECT priority IS NULL, body FROM outbound_policies WHERE organization = ?1 ORDER BY priority",
        )?;
        let mut rows = statement.query([organization.as_str()])?;
        while let Some(row) = rows.next()? {
            let policy: OutboundPolicy = serde_json::from_str(&row.get::<_, String>(1)?)?;
            if row.get(0)? {
                book.default = policy;
            } else {
                book.custom.push(policy);
            }
        }
        let file = state(db, &format!("{FILE}{organization}"))?;
        all.push((organization, KeptPolicies { book, revision, file }));
    }
    Ok(all)
}

pub(super) fn save(tx: &Transaction<'_>, organization: &OrganizationId, kept: &KeptPolicies) -> Result<(), Fault> {
    next_revision(tx, &format!("{REVISION}{organization}"), kept.revision, "the outbound policies")?;
    tx.execute("DELETE FROM outbound_policies WHERE organization = ?1", [organization.as_str()])?;
    let mut insert = tx
        .prepare_cached("INSERT INTO outbound_policies (organization, name, priority, body) VALUES (?1, ?2, ?3, ?4)")?;
    for (policy, priority) in kept.book.all() {
        let priority = priority.and_then(|priority| i64::try_from(priority).ok());
        insert.execute(params![organization.as_str(), policy.name, priority, serde_json::to_string(policy)?])?;
    }
    if let Some(file) = &kept.file {
        set_state(tx, &format!("{FILE}{organization}"), file)?;
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
