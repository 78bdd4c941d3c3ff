//! Table `restrictions`.

use postern_domain::restriction::{Release, Released, Restriction, RestrictionRecord};
use postern_domain::{EntityId, EntityKind, OrganizationId, Reference, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, named_params, params};

use super::{Fault, like};
use crate::{KeptRestriction, Refusals, RestrictionFilter, RestrictionOrder, StoreError};

const COLUMNS: &str = "reference, entity, cause, evidence, since, until, refused, last_refused_at, \
                       released_at, released_by, release_reason, probation_until";

pub(super) fn insert(
    tx: &Transaction<'_>,
    restriction: &Restriction,
    organization: &OrganizationId,
) -> Result<(), Fault> {
    if let Some(kept) = in_force(tx, &restriction.entity)? {
        let reference = kept.record.restriction().reference.clone();
        return Err(StoreError::AlreadyRestricted { entity: restriction.entity.clone(), reference }.into());
    }
    tx.prepare_cached(
        "INSERT INTO restrictions (reference, entity, cause, evidence, since, until, organization) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        restriction.reference.as_str(),
        restriction.entity.to_string(),
        serde_json::to_string(&restriction.cause)?,
        serde_json::to_string(&restriction.evidence)?,
        restriction.since.as_millis(),
        restriction.until.map(Timestamp::as_millis),
        organization.as_str(),
    ])?;
    Ok(())
}

pub(super) fn release(
    tx: &Transaction<'_>,
    entity: &EntityId,
    only: Option<&Reference>,
    release: &Release,
) -> Result<Released, Fault> {
    let kept =
        in_force(tx, entity)?.filter(|kept| only.is_none_or(|only| kept.record.restriction().reference == *only));
    let Some(KeptRestriction { record: RestrictionRecord::InForce(restriction), .. }) = kept else {
        return Err(StoreError::NotRestricted { entity: entity.clone() }.into());
    };
    tx.execute(
        "UPDATE restrictions SET released_at = ?2, released_by = ?3, release_reason = ?4, probation_until = ?5 \
         WHERE reference = ?1",
        params![
            restriction.reference.as_str(),
            release.at.as_millis(),
            release.by,
            release.reason,
            release.probation_until.map(Timestamp::as_millis),
        ],
    )?;
    Ok(restriction.release(release.clone()))
}

const WHERE: &str = "(:entity IS NULL OR entity = :entity) AND (:reference IS NULL OR reference = :reference) \
     AND (:released OR released_at IS NULL) AND (:organization IS NULL OR organization = :organization) \
     AND (:connectors IS NULL OR (entity LIKE 'connector:%') = :connectors) \
     AND (:search IS NULL OR entity LIKE :search ESCAPE '\\' OR reference LIKE :search ESCAPE '\\' \
          OR cause LIKE :search ESCAPE '\\') \
     AND (:after IS NULL OR since < :after OR (since = :after AND reference > :after_reference))";

/// What [`WHERE`] is filled in with, and more.
macro_rules! filtered {
    ($filter:expr $(, $name:literal: $value:expr)*) => {
        named_params! {
            ":entity": $filter.entity.as_ref().map(ToString::to_string),
            ":reference": $filter.reference.as_ref().map(Reference::as_str),
            ":released": $filter.released,
            ":organization": $filter.organization.as_ref().map(OrganizationId::as_str),
            ":connectors": $filter.kind.map(|kind| kind == EntityKind::Connector),
            ":search": $filter.search.as_deref().map(like),
            ":after": $filter.after.as_ref().map(|(at, _)| at.as_millis()),
            ":after_reference": $filter.after.as_ref().map(|(_, reference)| reference.as_str()),
            $($name: $value,)*
        }
    };
}

pub(super) fn list(db: &Connection, filter: &RestrictionFilter) -> Result<Vec<KeptRestriction>, Fault> {
    let order = match filter.order {
        _ if filter.after.is_some() => "since DESC, reference",
        RestrictionOrder::Newest => "since DESC, reference",
        RestrictionOrder::Oldest => "since, reference",
        RestrictionOrder::Entity => "entity, since DESC",
        RestrictionOrder::Refused => "refused DESC, since DESC, reference",
    };
    let sql = format!("SELECT {COLUMNS} FROM restrictions WHERE {WHERE} ORDER BY {order} LIMIT :limit OFFSET :skip");
    let mut statement = db.prepare_cached(&sql)?;
    let limit = filter.limit.map_or(-1, i64::from);
    let mut rows = statement.query(filtered!(filter, ":limit": limit, ":skip": filter.skip))?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        kept.push(from_row(row)?);
    }
    Ok(kept)
}

pub(super) fn count(db: &Connection, filter: &RestrictionFilter) -> Result<u64, Fault> {
    let mut statement = db.prepare_cached(&format!("SELECT count(*) FROM restrictions WHERE {WHERE}"))?;
    let count: i64 = statement.query_row(filtered!(filter), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn probations(db: &Connection, now: Timestamp) -> Result<Vec<(EntityId, Timestamp)>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT entity, max(probation_until) FROM restrictions WHERE probation_until > ?1 GROUP BY entity",
    )?;
    let rows = statement.query_map([now.as_millis()], |row| {
        Ok((EntityId::from_text(&row.get::<_, String>(0)?), Timestamp::from_millis(row.get(1)?)))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) fn note_refusals(tx: &Transaction<'_>, refusals: &[Refusals]) -> Result<(), Fault> {
    let mut statement =
        tx.prepare_cached("UPDATE restrictions SET refused = refused + ?2, last_refused_at = ?3 WHERE reference = ?1")?;
    for refusal in refusals {
        let count = i64::try_from(refusal.count).unwrap_or(i64::MAX);
        statement.execute(params![refusal.reference.as_str(), count, refusal.last.as_millis()])?;
    }
    Ok(())
}

/// In force without an end since before `before`, and nobody was told.
pub(super) fn overdue(db: &Connection, before: Timestamp) -> Result<Vec<KeptRestriction>, Fault> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM restrictions WHERE released_at IS NULL AND until IS NULL AND NOT overdue_told \
         AND since < ?1 ORDER BY since LIMIT 100"
    ))?;
    let mut rows = statement.query([before.as_millis()])?;
    let mut kept = Vec::new();
    while let Some(row) = rows.next()? {
        kept.push(from_row(row)?);
    }
    Ok(kept)
}

pub(super) fn tell_overdue(tx: &Transaction<'_>, reference: &Reference) -> Result<(), Fault> {
    let told = tx.execute(
        "UPDATE restrictions SET overdue_told = 1 WHERE reference = ?1 AND NOT overdue_told AND released_at IS NULL",
        [reference.as_str()],
    )?;
    if told == 0 { Err(StoreError::Changed { what: "the restrictions" }.into()) } else { Ok(()) }
}

fn in_force(db: &Connection, entity: &EntityId) -> Result<Option<KeptRestriction>, Fault> {
    let mut statement =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM restrictions WHERE entity = ?1 AND released_at IS NULL"))?;
    statement.query_row([entity.to_string()], |row| Ok(from_row(row))).optional()?.transpose()
}

fn from_row(row: &Row<'_>) -> Result<KeptRestriction, Fault> {
    let reference: String = row.get("reference")?;
    let restriction = Restriction {
        reference: Reference::parse(&reference).map_err(|_| Fault::unreadable("restrictions.reference", reference))?,
        entity: EntityId::from_text(&row.get::<_, String>("entity")?),
        cause: serde_json::from_str(&row.get::<_, String>("cause")?)?,
        evidence: serde_json::from_str(&row.get::<_, String>("evidence")?)?,
        since: Timestamp::from_millis(row.get("since")?),
        until: time(row, "until")?,
    };
    let record = match time(row, "released_at")? {
        None => RestrictionRecord::InForce(restriction),
        Some(at) => RestrictionRecord::Released(restriction.release(Release {
            at,
            by: row.get("released_by")?,
            reason: row.get("release_reason")?,
            probation_until: time(row, "probation_until")?,
        })),
    };
    Ok(KeptRestriction {
        record,
        refused: u64::try_from(row.get::<_, i64>("refused")?).unwrap_or(0),
        last_refused_at: time(row, "last_refused_at")?,
    })
}

pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Timestamp::from_millis))
}
