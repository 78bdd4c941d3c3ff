//! Table `alerts`.

use async_trait::async_trait;
use postern_domain::alert::{Alert, AlertNote, AlertStatus, Severity, Trigger};
use postern_domain::{EntityId, Reference, Timestamp};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::rows::{named, time};
use super::{Fault, SqliteStore, alerts, audit, like, outbox};
use crate::audit::NewAuditEntry;
use crate::{Incident, MailKind, OpenAlert, Outgoing, StoreError, StoredAlert};
use postern_domain::filter::AlertFilter;

#[async_trait]
impl crate::Alerts for SqliteStore {
    async fn raise(&self, incident: &Incident) -> Result<(), StoreError> {
        let incident = incident.clone();
        self.write(move |tx| alerts::raise(tx, &incident)).await
    }

    async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<StoredAlert>, StoreError> {
        let filter = filter.clone();
        self.read(move |db| alerts::list(db, &filter)).await
    }

    async fn count_alerts(&self, filter: &AlertFilter) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.read(move |db| alerts::count(db, &filter)).await
    }

    async fn note_alert(
        &self,
        reference: &Reference,
        note: &AlertNote,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError> {
        let (reference, note, audit) = (reference.clone(), note.clone(), audit.clone());
        self.write(move |tx| {
            alerts::note(tx, &reference, &note)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn alert_notes(&self, reference: &Reference) -> Result<Vec<AlertNote>, StoreError> {
        let reference = reference.clone();
        self.read(move |db| alerts::notes(db, &reference)).await
    }

    async fn open_alerts(&self, only: Option<&EntityId>, since: Timestamp) -> Result<Vec<OpenAlert>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| alerts::open(db, only.as_ref(), since)).await
    }
}

/// Writes an alert, its audit entry and its mails.
pub(super) fn raise(tx: &Transaction<'_>, incident: &Incident) -> Result<(), Fault> {
    let alert = &incident.alert;
    if let (Some(since), Some(entity)) = (incident.unless_open_since, &alert.entity)
        && let Some(reference) = open_of(tx, alert.trigger, entity, since)?
    {
        return Err(StoreError::AlreadyRaised { entity: entity.clone(), reference }.into());
    }
    let mails = within_limits(tx, incident)?;
    let notified = mails.iter().any(|mail| mail.kind != MailKind::Notice);
    tx.execute(
        "INSERT INTO alerts (reference, policy, severity, status, entity, cause, evidence, raised_at, closed_at, notified, \
         organization) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        params![
            alert.reference.as_str(),
            alert.trigger.name(),
            alert.severity.key(),
            alert.status.key(),
            alert.entity.as_ref().map(ToString::to_string).unwrap_or_default(),
            serde_json::to_string(&alert.cause)?,
            serde_json::to_string(&alert.evidence)?,
            alert.raised_at.as_millis(),
            alert.closed_at.map(Timestamp::as_millis),
            notified,
            incident.organization.as_str(),
        ],
    )?;
    audit::append(tx, &incident.audit)?;
    for mail in mails {
        outbox::put(tx, &alert.reference, mail, alert.raised_at)?;
    }
    Ok(())
}

/// The mails of an incident, without those of alert policies that have reached their limit for today.
fn within_limits<'a>(tx: &Transaction<'_>, incident: &'a Incident) -> Result<Vec<&'a Outgoing>, Fault> {
    let today = incident.alert.raised_at.start_of_day().as_millis();
    let mut over = Vec::new();
    for (policy, limit) in &incident.daily_notification_limits {
        let notified: u32 = tx.query_row(
            "SELECT count(DISTINCT o.reference) FROM outbox o JOIN alerts a ON a.reference = o.reference \
             WHERE o.policy = ?1 AND o.created_at >= ?2 AND a.organization = ?3",
            params![policy, today, incident.organization.as_str()],
            |row| row.get(0),
        )?;
        if notified >= *limit {
            over.push(policy.as_str());
        }
    }
    let within = |mail: &&Outgoing| mail.policy.as_deref().is_none_or(|policy| !over.contains(&policy));
    Ok(incident.mails.iter().filter(within).collect())
}

/// Resolves an alert if it is still open.
pub(super) fn resolve(tx: &Transaction<'_>, reference: &Reference, at: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "UPDATE alerts SET status = 'resolved', closed_at = ?2 WHERE reference = ?1 AND closed_at IS NULL",
        params![reference.as_str(), at.as_millis()],
    )?;
    Ok(())
}

/// Opens the alert of a restriction again if the restriction's release closed it.
pub(super) fn reopen(tx: &Transaction<'_>, reference: &Reference) -> Result<(), Fault> {
    let reopen = format!(
        "UPDATE alerts SET status = {STATUS_BEFORE}, closed_at = NULL WHERE reference = ?1 AND status = 'resolved' \
         AND closed_at = (SELECT released_at FROM restrictions WHERE reference = ?1)"
    );
    tx.execute(&reopen, [reference.as_str()])?;
    Ok(())
}

/// The same for the alert that the restriction's release is overdue.
pub(super) fn reopen_overdue(tx: &Transaction<'_>, restriction: &Reference) -> Result<(), Fault> {
    let reopen = format!(
        "UPDATE alerts SET status = {STATUS_BEFORE}, closed_at = NULL WHERE policy = ?2 AND status = 'resolved' \
         AND (entity, closed_at) = (SELECT entity, released_at FROM restrictions WHERE reference = ?1)"
    );
    tx.execute(&reopen, params![restriction.as_str(), Trigger::ReleaseOverdue.name()])?;
    Ok(())
}

/// The status that people last gave an alert, before something else closed it.
const STATUS_BEFORE: &str = "coalesce((SELECT status FROM alert_notes WHERE reference = alerts.reference \
                             AND status IS NOT NULL ORDER BY id DESC LIMIT 1), 'active')";

/// Resolves the alerts that an entity's release is overdue.
pub(super) fn resolve_overdue(tx: &Transaction<'_>, entity: &EntityId, at: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "UPDATE alerts SET status = 'resolved', closed_at = ?3 WHERE policy = ?1 AND entity = ?2 AND closed_at IS NULL",
        params![Trigger::ReleaseOverdue.name(), entity.to_string(), at.as_millis()],
    )?;
    Ok(())
}

/// Writes a note and gives the alert the note's status, if it has one.
pub(super) fn note(tx: &Transaction<'_>, reference: &Reference, note: &AlertNote) -> Result<(), Fault> {
    let known: Option<i64> =
        tx.query_row("SELECT 1 FROM alerts WHERE reference = ?1", [reference.as_str()], |row| row.get(0)).optional()?;
    if known.is_none() {
        return Err(StoreError::NoAlert { reference: reference.clone() }.into());
    }
    let status = note.status.map(AlertStatus::key);
    tx.execute(
        "INSERT INTO alert_notes (reference, at, by, status, comment) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![reference.as_str(), note.at.as_millis(), note.by, status, note.comment],
    )?;
    if let Some(status) = note.status {
        let closed_at = status.is_closed().then(|| note.at.as_millis());
        tx.execute(
            "UPDATE alerts SET status = ?2, closed_at = ?3 WHERE reference = ?1",
            params![reference.as_str(), status.key(), closed_at],
        )?;
    }
    Ok(())
}

pub(super) fn notes(db: &Connection, reference: &Reference) -> Result<Vec<AlertNote>, Fault> {
    let mut statement =
        db.prepare_cached("SELECT at, by, status, comment FROM alert_notes WHERE reference = ?1 ORDER BY id")?;
    let mut rows = statement.query([reference.as_str()])?;
    let mut notes = Vec::new();
    while let Some(row) = rows.next()? {
        let at = Timestamp::from_millis(row.get(0)?);
        let status = row.get::<_, Option<String>>(2)?.map(status_of).transpose()?;
        notes.push(AlertNote { at, by: row.get(1)?, status, comment: row.get(3)? });
    }
    Ok(notes)
}

/// The filter's conditions, as the text after `WHERE`, with the values of its named parameters. It contains only
/// conditions that are set: the planner chooses its index by them.
fn conditions(filter: &AlertFilter) -> (String, Vec<(&'static str, Value)>) {
    let mut clauses = vec!["TRUE"];
    let mut values = Vec::new();
    let mut keep = |clause: &'static str, name: &'static str, value: Option<Value>| {
        if let Some(value) = value {
            clauses.push(clause);
            values.push((name, value));
        }
    };
    let text = |text: &str| Value::from(text.to_owned());
    keep("a.entity = :entity", ":entity", filter.entity.as_ref().map(|entity| text(&entity.to_string())));
    keep("a.reference = :reference", ":reference", filter.reference.as_ref().map(|one| text(one.as_str())));
    keep("a.status = :status", ":status", filter.status.map(|status| text(status.key())));
    keep("severity = :severity", ":severity", filter.severity.map(|severity| text(severity.key())));
    keep("a.policy = :policy", ":policy", filter.trigger.map(|policy| text(policy.name())));
    // The unary plus keeps the planner off the organization's index where there is a better one.
    let organization = if filter.entity.is_some() || filter.status.is_some() {
        "+a.organization = :organization"
    } else {
        "a.organization = :organization"
    };
    keep(organization, ":organization", filter.organization.as_ref().map(|id| text(id.as_str())));
    let search =
        "(entity LIKE :search ESCAPE '\\' OR a.reference LIKE :search ESCAPE '\\' OR cause LIKE :search ESCAPE '\\')";
    keep(search, ":search", filter.search.as_deref().map(|search| like(search).into()));
    let after = filter.after.as_ref();
    keep("raised_at <= :after", ":after", after.map(|(at, _)| at.as_millis().into()));
    let later = "(raised_at < :after OR a.reference > :after_reference)";
    keep(later, ":after_reference", after.map(|(_, reference)| text(reference.as_str())));
    (clauses.join(" AND "), values)
}

pub(super) fn count(db: &Connection, filter: &AlertFilter) -> Result<u64, Fault> {
    let (conditions, values) = conditions(filter);
    let mut statement = db.prepare_cached(&format!("SELECT count(*) FROM alerts a WHERE {conditions}"))?;
    let count: i64 = statement.query_row(named(&values).as_slice(), |row| row.get(0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

pub(super) fn list(db: &Connection, filter: &AlertFilter) -> Result<Vec<StoredAlert>, Fault> {
    let (conditions, mut values) = conditions(filter);
    values.push((":limit", filter.limit.map_or(-1, i64::from).into()));
    values.push((":skip", i64::from(filter.skip).into()));
    let mut statement = db.prepare_cached(&format!(
        "SELECT a.*, \
                (SELECT count(*) FROM outbox o WHERE o.reference = a.reference AND o.kind <> 'notice' \
                    AND delivered_at IS NULL AND given_up_at IS NULL) AS waiting, \
                (SELECT count(*) FROM outbox o WHERE o.reference = a.reference AND o.kind <> 'notice' \
                    AND delivered_at IS NOT NULL) AS delivered, \
                (SELECT count(*) FROM outbox o WHERE o.reference = a.reference AND o.kind <> 'notice' \
                    AND given_up_at IS NOT NULL) AS given_up, \
                (SELECT last_error FROM outbox o WHERE o.reference = a.reference AND o.kind <> 'notice' \
                    AND delivered_at IS NULL AND last_error IS NOT NULL ORDER BY id DESC LIMIT 1) AS last_error \
         FROM alerts a WHERE {conditions} ORDER BY raised_at DESC, a.reference LIMIT :limit OFFSET :skip"
    ))?;
    let mut rows = statement.query(named(&values).as_slice())?;
    let mut stored = Vec::new();
    while let Some(row) = rows.next()? {
        stored.push(StoredAlert {
            alert: from_row(row)?,
            waiting: row.get("waiting")?,
            delivered: row.get("delivered")?,
            given_up: row.get("given_up")?,
            last_error: row.get("last_error")?,
        });
    }
    Ok(stored)
}

pub(super) fn open(db: &Connection, only: Option<&EntityId>, since: Timestamp) -> Result<Vec<OpenAlert>, Fault> {
    // Only if set, so that the planner can use its index.
    let whose = if only.is_some() { "entity = ?2" } else { "entity <> '' AND ?2 IS NULL" };
    let mut statement = db.prepare_cached(&format!(
        "SELECT policy, entity, max(raised_at) FROM alerts WHERE raised_at > ?1 AND closed_at IS NULL AND {whose} \
         GROUP BY policy, entity ORDER BY policy, entity"
    ))?;
    let mut rows = statement.query(params![since.as_millis(), only.map(ToString::to_string)])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        let (policy, entity): (String, String) = (row.get(0)?, row.get(1)?);
        // An open alert of a trigger that this version does not know is left out.
        let Some(trigger) = Trigger::from_name(&policy) else { continue };
        let (entity, raised_at) = (EntityId::from_text(&entity), Timestamp::from_millis(row.get(2)?));
        open.push(OpenAlert { trigger, entity, raised_at });
    }
    Ok(open)
}

fn open_of(db: &Connection, trigger: Trigger, entity: &EntityId, since: Timestamp) -> Result<Option<Reference>, Fault> {
    let mut statement = db.prepare_cached(
        "SELECT reference FROM alerts WHERE entity = ?1 AND raised_at > ?2 AND policy = ?3 AND closed_at IS NULL LIMIT 1",
    )?;
    let found = statement
        .query_row(params![entity.to_string(), since.as_millis(), trigger.name()], |row| row.get::<_, String>(0))
        .optional()?;
    found.map(|text| Reference::parse(&text).map_err(|_| Fault::unreadable("alerts.reference", text))).transpose()
}

fn from_row(row: &Row<'_>) -> Result<Alert, Fault> {
    let reference: String = row.get("reference")?;
    let policy: String = row.get("policy")?;
    let severity: String = row.get("severity")?;
    let status: String = row.get("status")?;
    let entity: String = row.get("entity")?;
    Ok(Alert {
        reference: Reference::parse(&reference).map_err(|_| Fault::unreadable("alerts.reference", reference))?,
        trigger: Trigger::from_name(&policy).ok_or_else(|| Fault::unreadable("alerts.policy", policy))?,
        severity: Severity::ALL
            .into_iter()
            .find(|s| s.key() == severity)
            .ok_or_else(|| Fault::unreadable("alerts.severity", severity))?,
        status: status_of(status)?,
        entity: (!entity.is_empty()).then(|| EntityId::from_text(&entity)),
        cause: serde_json::from_str(&row.get::<_, String>("cause")?)?,
        evidence: serde_json::from_str(&row.get::<_, String>("evidence")?)?,
        raised_at: Timestamp::from_millis(row.get("raised_at")?),
        closed_at: time(row, "closed_at")?,
    })
}

fn status_of(key: String) -> Result<AlertStatus, Fault> {
    let known = AlertStatus::ALL.into_iter().find(|status| status.key() == key);
    known.ok_or_else(|| Fault::unreadable("status", key))
}
