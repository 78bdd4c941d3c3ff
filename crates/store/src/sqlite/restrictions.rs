//! Table `restrictions`.

use async_trait::async_trait;
use postern_domain::restriction::{Release, Released, Restriction, RestrictionRecord, Standing};
use postern_domain::{EntityId, EntityKind, OrganizationId, Reference, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::rows::{named, time};
use super::{Fault, SqliteStore, alerts, audit, like, restrictions};
use crate::audit::NewAuditEntry;
use crate::{Incident, Refusals, StoreError, StoredRestriction};
use postern_domain::filter::{RestrictionFilter, RestrictionOrder};

#[async_trait]
impl crate::Restrictions for SqliteStore {
    async fn restrict(&self, restriction: &Restriction, incident: &Incident) -> Result<(), StoreError> {
        let (restriction, incident) = (restriction.clone(), incident.clone());
        self.write(move |tx| {
            restrictions::insert(tx, &restriction, &incident.organization)?;
            alerts::raise(tx, &incident)
        })
        .await
    }

    async fn release(
        &self,
        entity: &EntityId,
        only: Option<&Reference>,
        release: &Release,
        audit: &NewAuditEntry,
    ) -> Result<Released, StoreError> {
        let (entity, only, release, audit) = (entity.clone(), only.cloned(), release.clone(), audit.clone());
        self.write(move |tx| {
            let released = restrictions::release(tx, &entity, only.as_ref(), &release)?;
            alerts::resolve(tx, &released.restriction.reference, release.at)?;
            alerts::resolve_overdue(tx, &entity, release.at)?;
            audit::append(tx, &audit)?;
            Ok(released)
        })
        .await
    }

    async fn undo_release(&self, reference: &Reference, audit: &NewAuditEntry) -> Result<(), StoreError> {
        let (reference, audit) = (reference.clone(), audit.clone());
        self.write(move |tx| {
            alerts::reopen(tx, &reference)?;
            alerts::reopen_overdue(tx, &reference)?;
            restrictions::undo_release(tx, &reference, audit.at)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn restrictions(&self, filter: &RestrictionFilter) -> Result<Vec<StoredRestriction>, StoreError> {
        let filter = filter.clone();
        self.read(move |db| restrictions::list(db, &filter)).await
    }

    async fn count_restrictions(&self, filter: &RestrictionFilter) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.read(move |db| restrictions::count(db, &filter)).await
    }

    async fn standing(&self, entity: &EntityId) -> Result<Standing, StoreError> {
        let entity = entity.clone();
        self.follow(move |db| restrictions::standing(db, &entity)).await
    }

    async fn standings(&self, now: Timestamp) -> Result<Vec<(EntityId, Standing)>, StoreError> {
        self.read(move |db| restrictions::standings(db, now)).await
    }

    async fn note_refusals(&self, refusals: &[Refusals]) -> Result<(), StoreError> {
        let refusals = refusals.to_vec();
        self.write(move |tx| restrictions::note_refusals(tx, &refusals)).await
    }

    async fn overdue(&self, before: Timestamp) -> Result<Vec<StoredRestriction>, StoreError> {
        self.read(move |db| restrictions::overdue(db, before)).await
    }

    async fn raise_overdue(&self, restriction: &Reference, incident: &Incident) -> Result<(), StoreError> {
        let (restriction, incident) = (restriction.clone(), incident.clone());
        self.write(move |tx| {
            restrictions::tell_overdue(tx, &restriction)?;
            alerts::raise(tx, &incident)
        })
        .await
    }
}

const COLUMNS: &str = "reference, entity, cause, evidence, since, until, refused, last_refused_at, \
                       released_at, released_by, release_reason, probation_until";

pub(super) fn insert(
    tx: &Transaction<'_>,
    restriction: &Restriction,
    organization: &OrganizationId,
) -> Result<(), Fault> {
    if let Some(stored) = in_force(tx, &restriction.entity)? {
        let reference = stored.record.restriction().reference.clone();
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
    let stored =
        in_force(tx, entity)?.filter(|stored| only.is_none_or(|only| stored.record.restriction().reference == *only));
    let Some(StoredRestriction { record: RestrictionRecord::InForce(restriction), .. }) = stored else {
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

/// Puts a restriction into force again as it was, if its entity has not been restricted since and its time is not over.
pub(super) fn undo_release(tx: &Transaction<'_>, reference: &Reference, now: Timestamp) -> Result<(), Fault> {
    let found = list(
        tx,
        &RestrictionFilter { reference: Some(reference.clone()), released: true, ..RestrictionFilter::default() },
    )?;
    let Some(stored) = found.first() else {
        return Err(StoreError::NoRestriction { reference: reference.clone() }.into());
    };
    let Restriction { entity, until, .. } = stored.record.restriction().clone();
    if let Some(stored) = in_force(tx, &entity)? {
        let reference = stored.record.restriction().reference.clone();
        return Err(StoreError::AlreadyRestricted { entity, reference }.into());
    }
    if last_released(tx, &entity)?.is_none_or(|(last, _)| last != reference.as_str()) {
        return Err(StoreError::NotLastReleased { entity, reference: reference.clone() }.into());
    }
    if let Some(until) = until.filter(|until| *until <= now) {
        return Err(StoreError::TimeIsOver { entity, reference: reference.clone(), until }.into());
    }
    tx.execute(
        "UPDATE restrictions SET released_at = NULL, released_by = NULL, release_reason = NULL, probation_until = NULL \
         WHERE reference = ?1",
        [reference.as_str()],
    )?;
    Ok(())
}

/// The filter's conditions, as the text after `WHERE`, with the values of its named parameters. It contains only
/// conditions that are set: the planner chooses its index by them.
fn conditions(filter: &RestrictionFilter) -> (String, Vec<(&'static str, Value)>) {
    let mut clauses = vec!["TRUE"];
    let mut values = Vec::new();
    let mut keep = |clause: &'static str, name: &'static str, value: Value| {
        clauses.push(clause);
        values.push((name, value));
    };
    if let Some(entity) = &filter.entity {
        keep("entity = :entity", ":entity", entity.to_string().into());
    }
    if let Some(reference) = &filter.reference {
        keep("reference = :reference", ":reference", reference.as_str().to_owned().into());
    }
    if let Some(organization) = &filter.organization {
        // The unary plus keeps the planner off the organization's index where there is a better one.
        let every = filter.released && filter.entity.is_none();
        let clause = if every { "organization = :organization" } else { "+organization = :organization" };
        keep(clause, ":organization", organization.as_str().to_owned().into());
    }
    if let Some(kind) = filter.kind {
        let connectors = i64::from(kind == EntityKind::Connector);
        keep("(entity LIKE 'connector:%') = :connectors", ":connectors", connectors.into());
    }
    if let Some(search) = &filter.search {
        let clause = "(entity LIKE :search ESCAPE '\\' OR reference LIKE :search ESCAPE '\\' \
                       OR cause LIKE :search ESCAPE '\\')";
        keep(clause, ":search", like(search).into());
    }
    if let Some((at, reference)) = &filter.after {
        keep("since <= :after", ":after", at.as_millis().into());
        keep(
            "(since < :after OR (since = :after AND reference > :after_reference))",
            ":after_reference",
            reference.as_str().to_owned().into(),
        );
    }
    if !filter.released {
        clauses.push("released_at IS NULL");
    }
    (clauses.join(" AND "), values)
}

pub(super) fn list(db: &Connection, filter: &RestrictionFilter) -> Result<Vec<StoredRestriction>, Fault> {
    let order = match filter.order {
        _ if filter.after.is_some() => "since DESC, reference",
        RestrictionOrder::Newest => "since DESC, reference",
        RestrictionOrder::Oldest => "since, reference",
        RestrictionOrder::Entity => "entity, since DESC",
        RestrictionOrder::Refused => "refused DESC, since DESC, reference",
    };
    let (conditions, mut values) = conditions(filter);
    values.push((":limit", filter.limit.map_or(-1, i64::from).into()));
    values.push((":skip", i64::from(filter.skip).into()));
    let sql =
        format!("SELECT {COLUMNS} FROM restrictions WHERE {conditions} ORDER BY {order} LIMIT :limit OFFSET :skip");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(named(&values).as_slice())?;
    let mut stored = Vec::new();
    while let Some(row) = rows.next()? {
        stored.push(from_row(row)?);
    }
    Ok(stored)
}

pub(super) fn count(db: &Connection, filter: &RestrictionFilter) -> Result<u64, Fault> {
    let (conditions, values) = conditions(filter);
    let mut statement = db.prepare_cached(&format!("SELECT count(*) FROM restrictions WHERE {conditions}"))?;
    let count: i64 = statement.query_row(named(&values).as_slice(), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn standing(db: &Connection, entity: &EntityId) -> Result<Standing, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT entity, reference, until FROM restrictions WHERE entity = ?1 AND released_at IS NULL",
    )?;
    if let Some(restricted) = statement.query_row([entity.to_string()], |row| Ok(restricted(row))).optional()? {
        return Ok(restricted?.1);
    }
    let until = last_released(db, entity)?.and_then(|(_, until)| until);
    Ok(until.map_or(Standing::Free, |until| Standing::Probation { until }))
}

/// The reference of the entity's restriction that was released last, and until when the entity is on probation.
fn last_released(db: &Connection, entity: &EntityId) -> rusqlite::Result<Option<(String, Option<Timestamp>)>> {
    let mut statement = db.prepare_cached(
        "SELECT reference, probation_until FROM restrictions WHERE entity = ?1 AND released_at IS NOT NULL \
         ORDER BY released_at DESC, since DESC, rowid DESC LIMIT 1",
    )?;
    statement.query_row([entity.to_string()], |row| Ok((row.get(0)?, time(row, "probation_until")?))).optional()
}

/// Probation comes from the last release of each entity.
pub(super) fn standings(db: &Connection, now: Timestamp) -> Result<Vec<(EntityId, Standing)>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT entity, probation_until FROM restrictions AS last WHERE probation_until > ?1 AND NOT EXISTS \
         (SELECT 1 FROM restrictions AS later WHERE later.entity = last.entity AND (later.released_at IS NULL \
          OR (later.released_at, later.since, later.rowid) > (last.released_at, last.since, last.rowid)))",
    )?;
    let on_probation = statement.query_map([now.as_millis()], |row| {
        let until = Timestamp::from_millis(row.get(1)?);
        Ok((EntityId::from_text(&row.get::<_, String>(0)?), Standing::Probation { until }))
    })?;
    let mut standings: Vec<_> = on_probation.collect::<Result<_, _>>()?;
    let mut statement =
        db.prepare_cached("SELECT entity, reference, until FROM restrictions WHERE released_at IS NULL")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        standings.push(restricted(row)?);
    }
    Ok(standings)
}

fn restricted(row: &Row<'_>) -> Result<(EntityId, Standing), Fault> {
    let reference: String = row.get("reference")?;
    let reference = Reference::parse(&reference).map_err(|_| Fault::unreadable("restrictions.reference", reference))?;
    let entity = EntityId::from_text(&row.get::<_, String>("entity")?);
    Ok((entity, Standing::Restricted { reference, until: time(row, "until")? }))
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

/// Restrictions without an end, in force since before `before` and not yet reported as overdue.
pub(super) fn overdue(db: &Connection, before: Timestamp) -> Result<Vec<StoredRestriction>, Fault> {
    let mut statement = db.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM restrictions WHERE released_at IS NULL AND until IS NULL AND NOT overdue_told \
         AND since < ?1 ORDER BY since LIMIT 100"
    ))?;
    let mut rows = statement.query([before.as_millis()])?;
    let mut stored = Vec::new();
    while let Some(row) = rows.next()? {
        stored.push(from_row(row)?);
    }
    Ok(stored)
}

pub(super) fn tell_overdue(tx: &Transaction<'_>, reference: &Reference) -> Result<(), Fault> {
    let updated = tx.execute(
        "UPDATE restrictions SET overdue_told = 1 WHERE reference = ?1 AND NOT overdue_told AND released_at IS NULL",
        [reference.as_str()],
    )?;
    if updated == 0 { Err(StoreError::Changed { what: "the restrictions" }.into()) } else { Ok(()) }
}

fn in_force(db: &Connection, entity: &EntityId) -> Result<Option<StoredRestriction>, Fault> {
    let mut statement =
        db.prepare_cached(&format!("SELECT {COLUMNS} FROM restrictions WHERE entity = ?1 AND released_at IS NULL"))?;
    statement.query_row([entity.to_string()], |row| Ok(from_row(row))).optional()?.transpose()
}

fn from_row(row: &Row<'_>) -> Result<StoredRestriction, Fault> {
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
    Ok(StoredRestriction {
        record,
        refused: u64::try_from(row.get::<_, i64>("refused")?).unwrap_or(0),
        last_refused_at: time(row, "last_refused_at")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_force_is_looked_through_by_its_index() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postern.db");
        drop(crate::sqlite::SqliteStore::open(&path).unwrap());
        let db = Connection::open(&path).unwrap();
        for search in [None, Some("ann".to_owned())] {
            let organization = Some(OrganizationId::first());
            let (conditions, values) = conditions(&RestrictionFilter { organization, search, ..Default::default() });
            let sql = format!("EXPLAIN QUERY PLAN SELECT count(*) FROM restrictions WHERE {conditions}");
            let plan: String = db.query_row(&sql, named(&values).as_slice(), |row| row.get("detail")).unwrap();
            assert!(plan.contains("COVERING INDEX restrictions_list"), "{plan}");
        }
    }
}
