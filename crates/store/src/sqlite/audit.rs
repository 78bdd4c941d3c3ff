//! Table `audit`.

use postern_domain::{OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Rows, Transaction, named_params, params};

use super::organizations::organization;
use super::{Fault, like};
use crate::AuditFilter;
use crate::audit::{AuditEntry, AuditReport, GENESIS, Hash, NewAuditEntry, RawEntry, Verifier};

pub(super) fn append(tx: &Transaction<'_>, entry: &NewAuditEntry) -> Result<AuditEntry, Fault> {
    let last = tx
        .query_row("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, Hash>(1)?))
        })
        .optional()?;
    let (seq, previous) = last.map_or((1, GENESIS), |(seq, hash)| (seq + 1, hash));
    let detail = entry.detail.to_string();
    let raw = RawEntry {
        seq,
        at: entry.at.as_millis(),
        organization: entry.organization.as_ref().map(OrganizationId::as_str),
        actor: &entry.actor,
        action: entry.action,
        target: &entry.target,
        detail: &detail,
    };
    let hash = raw.hash(&previous);
    tx.prepare_cached(
        "INSERT INTO audit (seq, at, actor, action, target, detail, previous, hash, organization) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        seq,
        raw.at,
        raw.actor,
        raw.action,
        raw.target,
        raw.detail,
        previous,
        hash,
        raw.organization
    ])?;
    Ok(AuditEntry {
        seq,
        at: entry.at,
        organization: entry.organization.clone(),
        actor: entry.actor.clone(),
        action: entry.action.to_owned(),
        target: entry.target.clone(),
        detail: entry.detail.clone(),
        previous,
        hash,
    })
}

/// The number of the newest entry; 0 if there is none.
pub(super) fn newest(db: &Connection) -> rusqlite::Result<i64> {
    db.prepare_cached("SELECT coalesce(max(seq), 0) FROM audit")?.query_row([], |row| row.get(0))
}

pub(super) fn after(db: &Connection, seq: i64, limit: u32) -> Result<Vec<AuditEntry>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM audit WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    read(statement.query(params![seq, limit])?)
}

pub(super) fn list(db: &Connection, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Fault> {
    // Only where it is asked for, so that the planner has its index.
    let target = if filter.target.is_some() { "target = :target" } else { ":target IS NULL" };
    let mut statement = db.prepare_cached(&format!(
        "SELECT * FROM audit \
         WHERE {target} AND (:action IS NULL OR action = :action OR action LIKE :action || '.%') \
           AND (:actor IS NULL OR actor = :actor) \
           AND (:search IS NULL OR actor LIKE :search ESCAPE '\\' OR action LIKE :search ESCAPE '\\' \
                OR target LIKE :search ESCAPE '\\' OR detail LIKE :search ESCAPE '\\') \
           AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until) \
           AND (:before IS NULL OR seq < :before) \
           AND (:organization IS NULL OR organization = :organization) \
         ORDER BY seq DESC LIMIT :limit OFFSET :skip",
    ))?;
    read(statement.query(named_params! {
        ":action": filter.action,
        ":actor": filter.actor,
        ":target": filter.target,
        ":search": filter.search.as_deref().map(like),
        ":since": filter.since.map(Timestamp::as_millis),
        ":until": filter.until.map(Timestamp::as_millis),
        ":before": filter.before,
        ":organization": filter.organization.as_ref().map(OrganizationId::as_str),
        ":limit": filter.limit.map_or(-1, i64::from),
        ":skip": filter.skip,
    })?)
}

pub(super) fn verify(db: &Connection, must_hold: Option<Hash>) -> Result<AuditReport, Fault> {
    let mut verifier = Verifier::new(must_hold);
    let mut statement = db.prepare_cached("SELECT * FROM audit ORDER BY seq")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let raw = RawEntry {
            seq: row.get("seq")?,
            at: row.get("at")?,
            organization: row.get_ref("organization")?.as_str_or_null().map_err(rusqlite::Error::from)?,
            actor: row.get_ref("actor")?.as_str().map_err(rusqlite::Error::from)?,
            action: row.get_ref("action")?.as_str().map_err(rusqlite::Error::from)?,
            target: row.get_ref("target")?.as_str().map_err(rusqlite::Error::from)?,
            detail: row.get_ref("detail")?.as_str().map_err(rusqlite::Error::from)?,
        };
        let previous = row.get_ref("previous")?.as_blob().map_err(rusqlite::Error::from)?;
        let hash = row.get_ref("hash")?.as_blob().map_err(rusqlite::Error::from)?;
        verifier.next(&raw, previous, hash);
    }
    Ok(verifier.finish())
}

fn read(mut rows: Rows<'_>) -> Result<Vec<AuditEntry>, Fault> {
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(from_row(row)?);
    }
    Ok(entries)
}

fn from_row(row: &Row<'_>) -> Result<AuditEntry, Fault> {
    Ok(AuditEntry {
        seq: row.get("seq")?,
        at: Timestamp::from_millis(row.get("at")?),
        organization: organization(row)?,
        actor: row.get("actor")?,
        action: row.get("action")?,
        target: row.get("target")?,
        detail: serde_json::from_str(&row.get::<_, String>("detail")?)?,
        previous: row.get("previous")?,
        hash: row.get("hash")?,
    })
}
