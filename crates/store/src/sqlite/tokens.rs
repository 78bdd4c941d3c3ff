//! Table `tokens`.

use postern_domain::access::Role;
use postern_domain::{OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Fault;
use super::organizations::organization;
use super::restrictions::time;
use crate::{KeptToken, StoreError};

pub(super) fn insert(tx: &Transaction<'_>, token: &KeptToken, hash: &[u8; 32]) -> Result<(), Fault> {
    let taken: Option<i64> = tx
        .query_row(
            "SELECT 1 FROM tokens WHERE name = ?1 AND organization IS ?2 AND revoked_at IS NULL",
            params![token.name, token.organization.as_ref().map(OrganizationId::as_str)],
            |row| row.get(0),
        )
        .optional()?;
    if taken.is_some() {
        return Err(StoreError::TokenExists { name: token.name.clone() }.into());
    }
    tx.execute(
        "INSERT INTO tokens (name, hash, role, created_at, created_by, expires_at, organization) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            token.name,
            hash,
            token.role.key(),
            token.created_at.as_millis(),
            token.created_by,
            token.expires_at.map(Timestamp::as_millis),
            token.organization.as_ref().map(OrganizationId::as_str),
        ],
    )?;
    Ok(())
}

pub(super) fn revoke(
    tx: &Transaction<'_>,
    organization: Option<&OrganizationId>,
    name: &str,
    by: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    let revoked = tx.execute(
        "UPDATE tokens SET revoked_at = ?2, revoked_by = ?3 WHERE name = ?1 AND organization IS ?4 AND revoked_at IS NULL",
        params![name, at.as_millis(), by, organization.map(OrganizationId::as_str)],
    )?;
    if revoked == 0 {
        return Err(StoreError::NoToken { name: name.to_owned() }.into());
    }
    Ok(())
}

pub(super) fn list(db: &Connection) -> Result<Vec<KeptToken>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM tokens WHERE revoked_at IS NULL ORDER BY created_at, name")?;
    let mut rows = statement.query([])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(from_row(row)?);
    }
    Ok(tokens)
}

pub(super) fn find(db: &Connection, hash: &[u8; 32]) -> Result<Option<KeptToken>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM tokens WHERE hash = ?1 AND revoked_at IS NULL")?;
    statement.query_row([hash], |row| Ok(from_row(row))).optional()?.transpose()
}

pub(super) fn used(tx: &Transaction<'_>, hash: &[u8; 32], at: Timestamp) -> Result<(), Fault> {
    tx.execute("UPDATE tokens SET last_used_at = ?2 WHERE hash = ?1", params![hash, at.as_millis()])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<KeptToken, Fault> {
    let role: String = row.get("role")?;
    Ok(KeptToken {
        name: row.get("name")?,
        organization: organization(row)?,
        role: Role::from_key(&role).ok_or_else(|| Fault::unreadable("tokens.role", role))?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        created_by: row.get("created_by")?,
        expires_at: time(row, "expires_at")?,
        last_used_at: time(row, "last_used_at")?,
    })
}
