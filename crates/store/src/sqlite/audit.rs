//! Tables `audit` and `audit_heads`.

use async_trait::async_trait;
use postern_domain::fact::FactColumns;
use postern_domain::{OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Rows, Transaction, named_params, params};
use tokio::sync::watch;

use super::rows::organization;
use super::{Fault, SqliteStore, audit, like};
use crate::StoreError;
use crate::audit::{AuditEntry, AuditReport, GENESIS, Hash, Head, Heads, NewAuditEntry, RawEntry, Verifier};
use postern_domain::filter::AuditFilter;

#[async_trait]
impl crate::Trail for SqliteStore {
    async fn record(&self, entry: &NewAuditEntry) -> Result<AuditEntry, StoreError> {
        let entry = entry.clone();
        self.write(move |tx| audit::append(tx, &entry)).await
    }

    async fn changes_after(
        &self,
        only: Option<&OrganizationId>,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| audit::after(db, only.as_ref(), seq, limit)).await
    }

    async fn seq_of(&self, organization: &OrganizationId, own: i64) -> Result<Option<i64>, StoreError> {
        let organization = organization.clone();
        self.read(move |db| audit::seq_of(db, &organization, own)).await
    }

    fn newest_change(&self) -> watch::Receiver<i64> {
        self.0.newest_change.subscribe()
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        let filter = filter.clone();
        // A search looks at every entry, so it must not occupy the reader.
        if filter.search.is_some() || filter.limit.is_none() {
            return self.scan(move |db| audit::list(db, &filter)).await;
        }
        self.read(move |db| audit::list(db, &filter)).await
    }

    async fn verify_audit(&self, must_hold: Option<Hash>) -> Result<AuditReport, StoreError> {
        self.scan(move |db| audit::verify(db, must_hold)).await
    }
}

/// The key of the whole trail in `audit_heads`.
const TRAIL: &str = "";

pub(super) fn append(tx: &Transaction<'_>, entry: &NewAuditEntry) -> Result<AuditEntry, Fault> {
    let head = |of: &str| -> rusqlite::Result<Option<Head>> {
        tx.prepare_cached("SELECT seq, hash FROM audit_heads WHERE organization = ?1")?
            .query_row([of], |row| Ok(Head { seq: row.get(0)?, hash: row.get(1)? }))
            .optional()
    };
    let (seq, previous) = head(TRAIL)?.map_or((1, GENESIS), |last| (last.seq + 1, last.hash));
    let organization = entry.organization.as_ref().map(OrganizationId::as_str);
    let organization_seq = match organization {
        Some(id) => Some(head(id)?.map_or(1, |last| last.seq + 1)),
        None => None,
    };
    let FactColumns { action, target, detail } = entry.fact.columns();
    let text = detail.to_string();
    let raw = RawEntry {
        seq,
        at: entry.at.as_millis(),
        organization,
        actor: &entry.actor,
        action: &action,
        target: &target,
        detail: &text,
    };
    let hash = raw.hash(&previous);
    tx.prepare_cached(
        "INSERT INTO audit (seq, at, actor, action, target, detail, previous, hash, organization, organization_seq) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
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
        organization,
        organization_seq
    ])?;
    for (of, seq) in [(Some(TRAIL), Some(seq)), (organization, organization_seq)] {
        if let (Some(of), Some(seq)) = (of, seq) {
            tx.prepare_cached("INSERT OR REPLACE INTO audit_heads (organization, seq, hash) VALUES (?1, ?2, ?3)")?
                .execute(params![of, seq, hash])?;
        }
    }
    Ok(AuditEntry {
        seq,
        organization_seq,
        at: entry.at,
        organization: entry.organization.clone(),
        actor: entry.actor.clone(),
        action,
        target,
        detail,
        previous,
        hash,
    })
}

/// The number in the whole trail of the organization's entry number `own`.
pub(super) fn seq_of(db: &Connection, of: &OrganizationId, own: i64) -> Result<Option<i64>, Fault> {
    let mut statement = db.prepare_cached("SELECT seq FROM audit WHERE organization = ?1 AND organization_seq = ?2")?;
    Ok(statement.query_row(params![of.as_str(), own], |row| row.get(0)).optional()?)
}

/// The number of the newest entry; 0 if there is none.
pub(super) fn newest(db: &Connection) -> rusqlite::Result<i64> {
    let mut statement = db.prepare_cached("SELECT seq FROM audit_heads WHERE organization = ?1")?;
    Ok(statement.query_row([TRAIL], |row| row.get(0)).optional()?.unwrap_or(0))
}

pub(super) fn after(
    db: &Connection,
    only: Option<&OrganizationId>,
    seq: i64,
    limit: u32,
) -> Result<Vec<AuditEntry>, Fault> {
    // Only if set, so that the planner can use its index.
    let whose = if only.is_some() { "organization = ?3" } else { "?3 IS NULL" };
    let mut statement =
        db.prepare_cached(&format!("SELECT * FROM audit WHERE seq > ?1 AND {whose} ORDER BY seq LIMIT ?2"))?;
    read(statement.query(params![seq, limit, only.map(OrganizationId::as_str)])?)
}

pub(super) fn list(db: &Connection, filter: &AuditFilter) -> Result<Vec<AuditEntry>, Fault> {
    // Only if set, so that the planner can use its index.
    let target = if filter.target.is_some() { "target = :target" } else { ":target IS NULL" };
    // The unary plus keeps the planner off the organization's index where there is a better one.
    let organization = match (&filter.organization, &filter.target) {
        (Some(_), Some(_)) => "+organization = :organization",
        (Some(_), None) => "organization = :organization",
        (None, _) => ":organization IS NULL",
    };
    let mut statement = db.prepare_cached(&format!(
        "SELECT * FROM audit \
         WHERE {target} AND (:action IS NULL OR action = :action OR action LIKE :action || '.%') \
           AND (:actor IS NULL OR actor = :actor) \
           AND (:search IS NULL OR actor LIKE :search ESCAPE '\\' OR action LIKE :search ESCAPE '\\' \
                OR target LIKE :search ESCAPE '\\' OR detail LIKE :search ESCAPE '\\') \
           AND (:since IS NULL OR at >= :since) AND (:until IS NULL OR at < :until) \
           AND (:before IS NULL OR seq < :before) \
           AND {organization} \
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
    // One transaction, so that the heads match the entries that are read.
    let db = db.unchecked_transaction()?;
    let mut verifier = Verifier::new(must_hold, heads(&db)?);
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
        verifier.next(&raw, row.get("organization_seq")?, previous, hash);
    }
    Ok(verifier.finish())
}

fn heads(db: &Connection) -> Result<Heads, Fault> {
    let mut heads = Heads::default();
    let mut statement = db.prepare_cached("SELECT organization, seq, hash FROM audit_heads")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (of, head) = (row.get::<_, String>(0)?, Head { seq: row.get(1)?, hash: row.get(2)? });
        if of == TRAIL {
            heads.trail = Some(head);
        } else {
            heads.organizations.insert(of, head);
        }
    }
    Ok(heads)
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
        organization_seq: row.get("organization_seq")?,
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
