//! Tables `outbound_policies`, `allowances` and `state`.

use async_trait::async_trait;
use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook};
use postern_domain::{EntityId, OrganizationId, Reference, Timestamp};
use rusqlite::{Connection, Row, Transaction, params};

use super::books::{self, Keys, load_books, save_version};
use super::{Fault, SqliteStore, alert_policies, audit, policies};
use crate::audit::NewAuditEntry;
use crate::{FileSection, StoreError, TakenOver, VersionedAlertPolicies, VersionedPolicies};

#[async_trait]
impl crate::Policies for SqliteStore {
    async fn policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, VersionedPolicies)>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| policies::load(db, only.as_ref())).await
    }

    async fn save_policies(
        &self,
        organization: &OrganizationId,
        stored: &VersionedPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError> {
        self.save_book(policies::save, organization, stored, file, audit).await
    }

    async fn alert_policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, VersionedAlertPolicies)>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| alert_policies::load(db, only.as_ref())).await
    }

    async fn save_alert_policies(
        &self,
        organization: &OrganizationId,
        stored: &VersionedAlertPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError> {
        self.save_book(alert_policies::save, organization, stored, file, audit).await
    }

    async fn taken_over(&self, section: FileSection) -> Result<Option<String>, StoreError> {
        self.read(move |db| Ok(books::state(db, section.key())?)).await
    }

    async fn note_taken_over(&self, file: &TakenOver) -> Result<(), StoreError> {
        let file = file.clone();
        self.write(move |tx| books::take_over(tx, &file)).await
    }

    async fn grant(&self, allowance: &Allowance, audit: &NewAuditEntry) -> Result<(), StoreError> {
        let (allowance, audit) = (allowance.clone(), audit.clone());
        self.write(move |tx| {
            policies::grant(tx, &allowance)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn end_allowance(&self, entity: &EntityId, audit: &NewAuditEntry) -> Result<(), StoreError> {
        let (entity, audit) = (entity.clone(), audit.clone());
        self.write(move |tx| {
            policies::end_allowance(tx, &entity, &audit.actor, audit.at)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn allowances(&self, only: Option<&EntityId>, now: Timestamp) -> Result<Vec<Allowance>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| policies::allowances(db, only.as_ref(), now)).await
    }
}

const KEYS: Keys = Keys { revision: "policies.revision.", what: "the outbound policies" };

pub(super) fn load(
    db: &Connection,
    only: Option<&OrganizationId>,
) -> Result<Vec<(OrganizationId, VersionedPolicies)>, Fault> {
    load_books(db, &KEYS, only, |organization| {
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
        Ok(book)
    })
}

pub(super) fn save(
    tx: &Transaction<'_>,
    organization: &OrganizationId,
    stored: &VersionedPolicies,
) -> Result<(), Fault> {
    save_version(tx, &KEYS, organization, stored)?;
    tx.execute("DELETE FROM outbound_policies WHERE organization = ?1", [organization.as_str()])?;
    let mut insert = tx
        .prepare_cached("INSERT INTO outbound_policies (organization, name, priority, body) VALUES (?1, ?2, ?3, ?4)")?;
    for (policy, priority) in stored.book.all() {
        let priority = priority.and_then(|priority| i64::try_from(priority).ok());
        insert.execute(params![organization.as_str(), policy.name, priority, serde_json::to_string(policy)?])?;
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

pub(super) fn allowances(db: &Connection, only: Option<&EntityId>, now: Timestamp) -> Result<Vec<Allowance>, Fault> {
    // Only if set, so that the planner can use its index.
    let whose = if only.is_some() { "entity = ?2" } else { "?2 IS NULL" };
    let mut statement = db.prepare_cached(&format!(
        "SELECT * FROM allowances WHERE ended_at IS NULL AND until > ?1 AND {whose} ORDER BY until, reference"
    ))?;
    let mut rows = statement.query(params![now.as_millis(), only.map(ToString::to_string)])?;
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
