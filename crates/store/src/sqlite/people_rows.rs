//! Reading and writing the rows of the tables about people.

use postern_domain::access::{Origin, Person, PersonState, Role};
use postern_domain::{OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::Fault;
use super::rows::organization;
use super::rows::time;
use crate::StoreError;
use crate::people::{CredentialChange, Credentials, Invitation, PasskeyRecord, SessionRecord, TotpRecord};

pub(super) fn insert(tx: &Transaction<'_>, person: &Person, subject: Option<&str>) -> Result<(), Fault> {
    let made = tx.execute(
        "INSERT OR IGNORE INTO people (address, handle, role, state, origin, created_at, created_by, subject, organization)
         VALUES (?1, randomblob(16), ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            person.address,
            person.role.key(),
            person.state.key(),
            person.origin.key(),
            person.created_at.as_millis(),
            person.created_by,
            subject,
            person.organization.as_ref().map(OrganizationId::as_str),
        ],
    )?;
    if made == 0 {
        return Err(StoreError::PersonExists { address: person.address.clone() }.into());
    }
    tx.execute("DELETE FROM invitations WHERE address IS NULL", [])?;
    Ok(())
}

pub(super) fn change_credential(tx: &Transaction<'_>, address: &str, change: &CredentialChange) -> Result<(), Fault> {
    let changed = match change {
        CredentialChange::Password(phc) => {
            tx.execute("UPDATE people SET password = ?2 WHERE address = ?1", params![address, phc])?
        }
        CredentialChange::Totp(totp) => tx.execute(
            "UPDATE people SET totp_secret = ?2, totp_step = ?3 WHERE address = ?1",
            params![address, totp.as_ref().map(|t| &t.secret), totp.as_ref().map(|t| integer(t.step))],
        )?,
        CredentialChange::TotpSealed { before, now } => tx.execute(
            "UPDATE people SET totp_secret = ?3 WHERE address = ?1 AND totp_secret = ?2",
            params![address, before, now],
        )?,
        CredentialChange::TotpUsed(used) => tx.execute(
            "UPDATE people SET totp_step = ?2 WHERE address = ?1 AND totp_step < ?2",
            params![address, integer(*used)],
        )?,
        CredentialChange::RecoveryCodes(hashes) => {
            tx.execute("DELETE FROM recovery_codes WHERE person = ?1", [address])?;
            for hash in hashes {
                tx.execute("INSERT INTO recovery_codes (person, hash) VALUES (?1, ?2)", params![address, hash])?;
            }
            1
        }
        CredentialChange::RecoveryCodeUsed(hash) => {
            tx.execute("DELETE FROM recovery_codes WHERE person = ?1 AND hash = ?2", params![address, hash])?
        }
        CredentialChange::AddPasskey(key) => tx.execute(
            "INSERT OR IGNORE INTO passkeys (id, person, name, passkey, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![key.id, address, key.name, key.passkey, key.created_at.as_millis()],
        )?,
        CredentialChange::PasskeyUsed { id, passkey, at } => tx.execute(
            "UPDATE passkeys SET passkey = ?3, last_used_at = ?4 WHERE id = ?1 AND person = ?2",
            params![id, address, passkey, at.as_millis()],
        )?,
        CredentialChange::RemovePasskey(id) => {
            tx.execute("DELETE FROM passkeys WHERE id = ?1 AND person = ?2", params![id, address])?
        }
        CredentialChange::ChallengeUsed(hash, until) => tx.execute(
            "INSERT OR IGNORE INTO used_challenges (hash, expires_at) VALUES (?1, ?2)",
            params![hash, until.as_millis()],
        )?,
        CredentialChange::SignedIn { at, version } => tx.execute(
            "UPDATE people SET last_sign_in_at = ?2 WHERE address = ?1 AND state = 'active' AND version = ?3",
            params![address, at.as_millis(), integer(*version)],
        )?,
    };
    if changed == 0 { Err(StoreError::Changed { what: "credentials" }.into()) } else { Ok(()) }
}

/// Ends what was begun with a person's former factors: the version, their sessions other than the one with the id `but`,
/// and their links. Returns the new version.
pub(super) fn end_access(tx: &Transaction<'_>, address: &str, but: Option<&str>) -> Result<u64, Fault> {
    tx.execute("DELETE FROM sessions WHERE person = ?1 AND id IS NOT ?2", params![address, but])?;
    tx.execute("DELETE FROM invitations WHERE address = ?1", [address])?;
    let next = "UPDATE people SET version = version + 1 WHERE address = ?1 RETURNING version";
    let version: Option<i64> = tx.query_row(next, [address], |row| row.get(0)).optional()?;
    Ok(version.and_then(|version| version.try_into().ok()).unwrap_or(0))
}

/// SQLite's integers are signed; time steps and versions are far below their limit.
pub(super) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// `column` is one of ours, never text from a caller.
pub(super) fn find(
    db: &Connection,
    column: &'static str,
    value: &dyn rusqlite::ToSql,
) -> Result<Option<(Person, Credentials)>, Fault> {
    let mut statement = db.prepare_cached(&format!("SELECT * FROM people WHERE {column} = ?1"))?;
    let mut rows = statement.query([value])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let person = person(row)?;
    let secret: Option<Vec<u8>> = row.get("totp_secret")?;
    let used: Option<i64> = row.get("totp_step")?;
    let totp = secret.map(|secret| TotpRecord { secret, step: used.and_then(|s| s.try_into().ok()).unwrap_or(0) });
    let version: i64 = row.get("version")?;
    let credentials = Credentials {
        version: version.try_into().unwrap_or(0),
        handle: row.get("handle")?,
        subject: row.get("subject")?,
        password: row.get("password")?,
        totp,
        passkeys: passkeys(db, &person.address)?,
        recovery_codes: recovery_codes(db, &person.address)?,
    };
    Ok(Some((person, credentials)))
}

pub(super) fn passkeys(db: &Connection, address: &str) -> Result<Vec<PasskeyRecord>, Fault> {
    let mut statement = db.prepare_cached("SELECT * FROM passkeys WHERE person = ?1 ORDER BY created_at, id")?;
    let mut rows = statement.query([address])?;
    let mut passkeys = Vec::new();
    while let Some(row) = rows.next()? {
        passkeys.push(PasskeyRecord {
            id: row.get("id")?,
            name: row.get("name")?,
            passkey: row.get("passkey")?,
            created_at: Timestamp::from_millis(row.get("created_at")?),
            last_used_at: time(row, "last_used_at")?,
        });
    }
    Ok(passkeys)
}

pub(super) fn recovery_codes(db: &Connection, address: &str) -> Result<Vec<[u8; 32]>, Fault> {
    let mut statement = db.prepare_cached("SELECT hash FROM recovery_codes WHERE person = ?1")?;
    Ok(statement.query_map([address], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

pub(super) fn role(row: &Row<'_>, column: &'static str) -> Result<Role, Fault> {
    let role: String = row.get("role")?;
    Role::from_key(&role).ok_or_else(|| Fault::unreadable(column, role))
}

pub(super) fn person(row: &Row<'_>) -> Result<Person, Fault> {
    let state: String = row.get("state")?;
    let origin: String = row.get("origin")?;
    Ok(Person {
        address: row.get("address")?,
        organization: organization(row)?,
        role: role(row, "people.role")?,
        state: PersonState::from_key(&state).ok_or_else(|| Fault::unreadable("people.state", state))?,
        origin: Origin::from_key(&origin).ok_or_else(|| Fault::unreadable("people.origin", origin))?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        created_by: row.get("created_by")?,
        last_sign_in_at: time(row, "last_sign_in_at")?,
    })
}

pub(super) fn invitation(row: &Row<'_>) -> Result<Invitation, Fault> {
    Ok(Invitation {
        address: row.get("address")?,
        role: role(row, "invitations.role")?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        created_by: row.get("created_by")?,
        expires_at: Timestamp::from_millis(row.get("expires_at")?),
    })
}

pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    Ok(SessionRecord {
        id: row.get("id")?,
        person: row.get("person")?,
        data: row.get("data")?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        seen_at: Timestamp::from_millis(row.get("seen_at")?),
        expires_at: Timestamp::from_millis(row.get("expires_at")?),
    })
}
