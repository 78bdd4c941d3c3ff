//! Table `tokens`.

use async_trait::async_trait;
use postern_domain::access::{Role, TokenMaker};
use postern_domain::{OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::rows::organization;
use super::rows::time;
use super::{Fault, SqliteStore, audit, tokens};
use crate::audit::NewAuditEntry;
use crate::{StoreError, TokenRecord};

#[async_trait]
impl crate::Tokens for SqliteStore {
    async fn add_token(&self, token: &TokenRecord, hash: &[u8; 32], audit: &NewAuditEntry) -> Result<(), StoreError> {
        let (token, hash, audit) = (token.clone(), *hash, audit.clone());
        self.write(move |tx| {
            tokens::insert(tx, &token, &hash)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn revoke_token(
        &self,
        organization: Option<&OrganizationId>,
        name: &str,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError> {
        let (organization, name, audit) = (organization.cloned(), name.to_owned(), audit.clone());
        self.write(move |tx| {
            tokens::revoke(tx, organization.as_ref(), &name, &audit.actor, audit.at)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError> {
        self.read(tokens::list).await
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, StoreError> {
        let hash = *hash;
        self.read(move |db| tokens::find(db, &hash)).await
    }

    async fn token_used(&self, hash: &[u8; 32], at: Timestamp) -> Result<(), StoreError> {
        let hash = *hash;
        self.write(move |tx| tokens::used(tx, &hash, at)).await
    }
}

pub(super) fn insert(tx: &Transaction<'_>, token: &TokenRecord, hash: &[u8; 32]) -> Result<(), Fault> {
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
    let (person, parent) = match &token.maker {
        TokenMaker::LocalUser => (None, None),
        TokenMaker::Person(address) => (Some(address), None),
        TokenMaker::Token(hash) => (None, Some(hash)),
    };
    tx.execute(
        "INSERT INTO tokens
         (name, hash, role, created_at, created_by, expires_at, organization, made_by_person, made_by_token)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        params![
            token.name,
            hash,
            token.role.key(),
            token.created_at.as_millis(),
            token.created_by,
            token.expires_at.map(Timestamp::as_millis),
            token.organization.as_ref().map(OrganizationId::as_str),
            person,
            parent,
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

/// Revokes the tokens that a person has made, who is removed. Those made with these tokens end with them.
pub(super) fn revoke_those_of(tx: &Transaction<'_>, person: &str, by: &str, at: Timestamp) -> Result<(), Fault> {
    tx.execute(
        "UPDATE tokens SET revoked_at = ?2, revoked_by = ?3 WHERE made_by_person = ?1 AND revoked_at IS NULL",
        params![person, at.as_millis(), by],
    )?;
    Ok(())
}

pub(super) fn list(db: &Connection) -> Result<Vec<TokenRecord>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM tokens WHERE revoked_at IS NULL ORDER BY created_at, name")?;
    let mut rows = statement.query([])?;
    let mut tokens = Vec::new();
    while let Some(row) = rows.next()? {
        tokens.push(from_row(row)?);
    }
    Ok(tokens)
}

pub(super) fn find(db: &Connection, hash: &[u8; 32]) -> Result<Option<TokenRecord>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM tokens WHERE hash = ?1 AND revoked_at IS NULL")?;
    statement.query_row([hash], |row| Ok(from_row(row))).optional()?.transpose()
}

pub(super) fn used(tx: &Transaction<'_>, hash: &[u8; 32], at: Timestamp) -> Result<(), Fault> {
    tx.execute("UPDATE tokens SET last_used_at = ?2 WHERE hash = ?1", params![hash, at.as_millis()])?;
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<TokenRecord, Fault> {
    let role: String = row.get("role")?;
    let maker = match (row.get("made_by_person")?, row.get("made_by_token")?) {
        (Some(address), _) => TokenMaker::Person(address),
        (None, Some(hash)) => TokenMaker::Token(hash),
        (None, None) => TokenMaker::LocalUser,
    };
    Ok(TokenRecord {
        maker,
        name: row.get("name")?,
        organization: organization(row)?,
        role: Role::from_key(&role).ok_or_else(|| Fault::unreadable("tokens.role", role))?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        created_by: row.get("created_by")?,
        expires_at: time(row, "expires_at")?,
        last_used_at: time(row, "last_used_at")?,
    })
}
