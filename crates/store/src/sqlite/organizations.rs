//! Table `organizations`.

use async_trait::async_trait;
use postern_domain::{Domain, OrganizationId, Timestamp};
use rusqlite::{Connection, Transaction, params};

use super::{Fault, SqliteStore, audit, like, organizations, tokens};
use crate::audit::NewAuditEntry;
use crate::{OrganizationRecord, StoreError};

#[async_trait]
impl crate::Organizations for SqliteStore {
    async fn organizations(&self) -> Result<Vec<OrganizationRecord>, StoreError> {
        self.follow(organizations::list).await
    }

    async fn add_organization(&self, new: &OrganizationRecord, audit: &NewAuditEntry) -> Result<(), StoreError> {
        let (new, audit) = (new.clone(), audit.clone());
        self.write(move |tx| {
            organizations::add(tx, &new, audit.at, &audit.actor)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn save_organization(
        &self,
        before: &OrganizationRecord,
        new: &OrganizationRecord,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError> {
        let (before, new, audit) = (before.clone(), new.clone(), audit.clone());
        self.write(move |tx| {
            organizations::save(tx, &before, &new, &audit)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn remove_organization(&self, id: &OrganizationId, audit: &NewAuditEntry) -> Result<(), StoreError> {
        let (id, audit) = (id.clone(), audit.clone());
        self.write(move |tx| {
            organizations::remove(tx, &id)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }
}

pub(super) fn list(db: &Connection) -> Result<Vec<OrganizationRecord>, Fault> {
    let mut statement = db.prepare_cached("SELECT body FROM organizations ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut organizations = Vec::new();
    while let Some(row) = rows.next()? {
        organizations.push(serde_json::from_str(&row.get::<_, String>(0)?)?);
    }
    Ok(organizations)
}

pub(super) fn add(tx: &Transaction<'_>, new: &OrganizationRecord, at: Timestamp, by: &str) -> Result<(), Fault> {
    has_own_domains(tx, new)?;
    for domain in &new.domains {
        forget_history(tx, domain)?;
    }
    let added = tx.execute(
        "INSERT INTO organizations (id, body, created_at, created_by) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (id) DO NOTHING",
        params![new.id.as_str(), serde_json::to_string(new)?, at.as_millis(), by],
    )?;
    if added == 0 { Err(StoreError::OrganizationExists { id: new.id.clone() }.into()) } else { Ok(()) }
}

pub(super) fn save(
    tx: &Transaction<'_>,
    before: &OrganizationRecord,
    new: &OrganizationRecord,
    entry: &NewAuditEntry,
) -> Result<(), Fault> {
    let known = list(tx)?.into_iter().find(|known| known.id == new.id);
    let known = known.ok_or_else(|| StoreError::NoOrganization { id: new.id.clone() })?;
    if known != *before {
        return Err(StoreError::Changed { what: "the organizations" }.into());
    }
    has_own_domains(tx, new)?;
    tx.execute(
        "UPDATE organizations SET body = ?2 WHERE id = ?1",
        params![new.id.as_str(), serde_json::to_string(new)?],
    )?;
    let lost = before.domains.iter().filter(|domain| !new.domains.contains(domain));
    for domain in lost.clone() {
        remove_people(tx, &new.id, domain, entry)?;
    }
    let gained = new.domains.iter().filter(|domain| !before.domains.contains(domain));
    for domain in lost.chain(gained) {
        forget_history(tx, domain)?;
    }
    Ok(())
}

/// Checks that no other organization has one of its domains; inside the transaction, so that nobody else writes
/// meanwhile.
fn has_own_domains(tx: &Transaction<'_>, new: &OrganizationRecord) -> Result<(), Fault> {
    for other in list(tx)?.iter().filter(|other| other.id != new.id) {
        if let Some(taken) = new.domains.iter().find(|domain| other.domains.contains(domain)) {
            let domain = Domain::parse(taken).map_err(|_| Fault::unreadable("organizations.body", taken))?;
            return Err(StoreError::DomainTaken { domain }.into());
        }
    }
    Ok(())
}

/// Removes the organization's people in a domain that it no longer has: the next organization that gets the domain may
/// invite the same addresses, and they are other people then.
fn remove_people(tx: &Transaction<'_>, id: &OrganizationId, domain: &str, entry: &NewAuditEntry) -> Result<(), Fault> {
    let mut statement =
        tx.prepare_cached("SELECT address FROM people WHERE organization = ?1 AND address LIKE ?2 ESCAPE '\\'")?;
    let people = statement.query_map(params![id.as_str(), within(domain)], |row| row.get(0))?;
    for address in people.collect::<Result<Vec<String>, _>>()? {
        tx.execute("DELETE FROM people WHERE address = ?1", [&address])?;
        tokens::revoke_those_of(tx, &address, &entry.actor, entry.at)?;
    }
    Ok(())
}

/// Forgets what accounts in a domain that changes hands have sent, and to whom they have written.
fn forget_history(tx: &Transaction<'_>, domain: &str) -> Result<(), Fault> {
    for table in ["traffic", "acquaintances", "acquainted"] {
        tx.execute(&format!("DELETE FROM {table} WHERE entity LIKE ?1 ESCAPE '\\'"), [within(domain)])?;
    }
    Ok(())
}

/// A pattern for the addresses in a domain.
fn within(domain: &str) -> String {
    let mut pattern = like(&format!("@{domain}"));
    // It ends with the domain.
    pattern.pop();
    pattern
}

/// The organization's restrictions, alerts and trail stay; its policies, people and tokens are deleted, and what its
/// accounts have sent.
pub(super) fn remove(tx: &Transaction<'_>, id: &OrganizationId) -> Result<(), Fault> {
    let known = list(tx)?.into_iter().find(|known| known.id == *id);
    for domain in known.iter().flat_map(|known| &known.domains) {
        forget_history(tx, domain)?;
    }
    if tx.execute("DELETE FROM organizations WHERE id = ?1", [id.as_str()])? == 0 {
        return Err(StoreError::NoOrganization { id: id.clone() }.into());
    }
    for table in ["outbound_policies", "alert_policies", "people", "tokens"] {
        tx.execute(&format!("DELETE FROM {table} WHERE organization = ?1"), [id.as_str()])?;
    }
    for key in ["policies.revision", "alert_policies.revision"] {
        tx.execute("DELETE FROM state WHERE key = ?1", [format!("{key}.{id}")])?;
    }
    Ok(())
}
