//! Tables `people`, `passkeys`, `recovery_codes`, `invitations`, `sessions` and `keys`.

use async_trait::async_trait;
use postern_domain::access::{Origin, Person, PersonState, Role};
use postern_domain::{OrganizationId, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::organizations::organization;
use super::restrictions::time;
use super::{Fault, SqliteStore, audit};
use crate::StoreError;
use crate::audit::NewAuditEntry;
use crate::people::{CredentialChange, Credentials, Invitation, PasskeyRecord, People, SessionRecord, TotpRecord};

#[async_trait]
impl People for SqliteStore {
    async fn people(&self) -> Result<Vec<Person>, StoreError> {
        self.read(|db| {
            let mut statement = db.prepare_cached("SELECT * FROM people ORDER BY address")?;
            let mut rows = statement.query([])?;
            let mut people = Vec::new();
            while let Some(row) = rows.next()? {
                people.push(person(row)?);
            }
            Ok(people)
        })
        .await
    }

    async fn person(&self, address: &str) -> Result<Option<(Person, Credentials)>, StoreError> {
        let address = address.to_owned();
        self.read(move |db| find(db, "address", &address)).await
    }

    async fn person_of_handle(&self, handle: &[u8; 16]) -> Result<Option<(Person, Credentials)>, StoreError> {
        let handle = *handle;
        self.read(move |db| find(db, "handle", &handle.as_slice())).await
    }

    async fn person_of_subject(&self, subject: &str) -> Result<Option<Person>, StoreError> {
        let subject = subject.to_owned();
        self.read(move |db| Ok(find(db, "subject", &subject)?.map(|(person, _)| person))).await
    }

    async fn add_person(
        &self,
        person: &Person,
        subject: Option<&str>,
        entry: &NewAuditEntry,
    ) -> Result<(), StoreError> {
        let (person, subject, entry) = (person.clone(), subject.map(str::to_owned), entry.clone());
        self.write(move |tx| {
            insert(tx, &person, subject.as_deref())?;
            audit::append(tx, &entry)?;
            Ok(())
        })
        .await
    }

    async fn change_person(&self, person: &Person, entry: &NewAuditEntry) -> Result<(), StoreError> {
        let (person, entry) = (person.clone(), entry.clone());
        self.write(move |tx| {
            let changed = tx.execute(
                "UPDATE people SET role = ?2, state = ?3 WHERE address = ?1",
                params![person.address, person.role.key(), person.state.key()],
            )?;
            if changed == 0 {
                return Err(StoreError::NoPerson { address: person.address }.into());
            }
            if person.state == PersonState::Disabled {
                tx.execute("DELETE FROM sessions WHERE person = ?1", [&person.address])?;
                tx.execute("DELETE FROM invitations WHERE address = ?1", [&person.address])?;
            }
            audit::append(tx, &entry)?;
            Ok(())
        })
        .await
    }

    async fn remove_person(&self, address: &str, entry: &NewAuditEntry) -> Result<(), StoreError> {
        let (address, entry) = (address.to_owned(), entry.clone());
        self.write(move |tx| {
            if tx.execute("DELETE FROM people WHERE address = ?1", [&address])? == 0 {
                return Err(StoreError::NoPerson { address }.into());
            }
            audit::append(tx, &entry)?;
            Ok(())
        })
        .await
    }

    async fn change_credentials(
        &self,
        address: &str,
        changes: &[CredentialChange],
        entry: Option<&NewAuditEntry>,
    ) -> Result<(), StoreError> {
        let (address, changes, entry) = (address.to_owned(), changes.to_vec(), entry.cloned());
        self.write(move |tx| {
            for change in &changes {
                change_credential(tx, &address, change)?;
            }
            if let Some(entry) = &entry {
                audit::append(tx, entry)?;
            }
            Ok(())
        })
        .await
    }

    async fn invite(
        &self,
        invitation: &Invitation,
        hash: &[u8; 32],
        entry: Option<&NewAuditEntry>,
    ) -> Result<(), StoreError> {
        let (invitation, hash, entry) = (invitation.clone(), *hash, entry.cloned());
        self.write(move |tx| {
            tx.execute("DELETE FROM invitations WHERE address IS ?1", [&invitation.address])?;
            tx.execute(
                "INSERT INTO invitations (hash, address, role, created_at, created_by, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    hash,
                    invitation.address,
                    invitation.role.key(),
                    invitation.created_at.as_millis(),
                    invitation.created_by,
                    invitation.expires_at.as_millis(),
                ],
            )?;
            if let Some(entry) = &entry {
                audit::append(tx, entry)?;
            }
            Ok(())
        })
        .await
    }

    async fn invitation(&self, hash: &[u8; 32]) -> Result<Option<Invitation>, StoreError> {
        let hash = *hash;
        self.read(move |db| {
            let mut statement = db.prepare_cached("SELECT * FROM invitations WHERE hash = ?1")?;
            statement.query_row([hash], |row| Ok(invitation(row))).optional()?.transpose()
        })
        .await
    }

    async fn accept(
        &self,
        hash: &[u8; 32],
        person: &Person,
        password: &str,
        entry: &NewAuditEntry,
    ) -> Result<(), StoreError> {
        let (hash, person, password, entry) = (*hash, person.clone(), password.to_owned(), entry.clone());
        self.write(move |tx| {
            let address: Option<Option<String>> = tx
                .query_row("DELETE FROM invitations WHERE hash = ?1 RETURNING address", [hash], |row| row.get(0))
                .optional()?;
            match address {
                None => return Err(StoreError::Changed { what: "invitations" }.into()),
                Some(None) => insert(tx, &person, None)?,
                Some(Some(_)) => {}
            }
            tx.execute(
                "UPDATE people SET state = 'active', password = ?2, totp_secret = NULL, totp_step = NULL
                 WHERE address = ?1",
                params![person.address, password],
            )?;
            for table in ["passkeys", "recovery_codes", "sessions"] {
                tx.execute(&format!("DELETE FROM {table} WHERE person = ?1"), [&person.address])?;
            }
            audit::append(tx, &entry)?;
            Ok(())
        })
        .await
    }

    async fn save_session(&self, hash: &[u8; 32], session: &SessionRecord) -> Result<(), StoreError> {
        let (hash, session) = (*hash, session.clone());
        self.write(move |tx| {
            tx.execute(
                "INSERT INTO sessions (hash, id, person, data, created_at, seen_at, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (hash) DO UPDATE
                 SET person = excluded.person, data = excluded.data, seen_at = excluded.seen_at,
                     expires_at = excluded.expires_at",
                params![
                    hash,
                    session.id,
                    session.person,
                    session.data,
                    session.created_at.as_millis(),
                    session.seen_at.as_millis(),
                    session.expires_at.as_millis(),
                ],
            )?;
            Ok(())
        })
        .await
    }

    async fn session(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<SessionRecord>, StoreError> {
        let hash = *hash;
        self.read(move |db| {
            let mut statement = db.prepare_cached("SELECT * FROM sessions WHERE hash = ?1 AND expires_at > ?2")?;
            Ok(statement.query_row(params![hash, now.as_millis()], session).optional()?)
        })
        .await
    }

    async fn end_session(&self, hash: &[u8; 32]) -> Result<(), StoreError> {
        let hash = *hash;
        self.write(move |tx| {
            tx.execute("DELETE FROM sessions WHERE hash = ?1", [hash])?;
            Ok(())
        })
        .await
    }

    async fn sessions(&self, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError> {
        self.read(move |db| {
            let mut statement = db.prepare_cached(
                "SELECT * FROM sessions WHERE person IS NOT NULL AND expires_at > ?1 ORDER BY seen_at DESC, id",
            )?;
            Ok(statement.query_map([now.as_millis()], session)?.collect::<Result<_, _>>()?)
        })
        .await
    }

    async fn revoke_session(&self, id: &str, person: Option<&str>, entry: &NewAuditEntry) -> Result<(), StoreError> {
        let (id, person, entry) = (id.to_owned(), person.map(str::to_owned), entry.clone());
        self.write(move |tx| {
            let ended = tx.execute(
                "DELETE FROM sessions WHERE id = ?1 AND person IS NOT NULL AND (?2 IS NULL OR person = ?2)",
                params![id, person],
            )?;
            if ended == 0 {
                return Err(StoreError::NoSession { id }.into());
            }
            audit::append(tx, &entry)?;
            Ok(())
        })
        .await
    }

    async fn revoke_sessions(&self, person: &str, but: Option<&str>) -> Result<(), StoreError> {
        let (person, but) = (person.to_owned(), but.map(str::to_owned));
        self.write(move |tx| {
            tx.execute("DELETE FROM sessions WHERE person = ?1 AND id IS NOT ?2", params![person, but])?;
            Ok(())
        })
        .await
    }

    async fn sweep_access(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            for table in ["sessions", "invitations"] {
                tx.execute(&format!("DELETE FROM {table} WHERE expires_at <= ?1"), [now.as_millis()])?;
            }
            Ok(())
        })
        .await
    }

    async fn key(&self, name: &str, new: &[u8; 32]) -> Result<[u8; 32], StoreError> {
        let (name, new) = (name.to_owned(), *new);
        self.write(move |tx| {
            tx.execute("INSERT OR IGNORE INTO keys (name, value) VALUES (?1, ?2)", params![name, new])?;
            Ok(tx.query_row("SELECT value FROM keys WHERE name = ?1", [&name], |row| row.get(0))?)
        })
        .await
    }
}

fn insert(tx: &Transaction<'_>, person: &Person, subject: Option<&str>) -> Result<(), Fault> {
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
    if made == 0 { Err(StoreError::PersonExists { address: person.address.clone() }.into()) } else { Ok(()) }
}

fn change_credential(tx: &Transaction<'_>, address: &str, change: &CredentialChange) -> Result<(), Fault> {
    let changed = match change {
        CredentialChange::Password(phc) => {
            tx.execute("UPDATE people SET password = ?2 WHERE address = ?1", params![address, phc])?
        }
        CredentialChange::Totp(totp) => tx.execute(
            "UPDATE people SET totp_secret = ?2, totp_step = ?3 WHERE address = ?1",
            params![address, totp.as_ref().map(|t| &t.secret), totp.as_ref().map(|t| step(t.step))],
        )?,
        CredentialChange::TotpUsed(used) => tx.execute(
            "UPDATE people SET totp_step = ?2 WHERE address = ?1 AND totp_step < ?2",
            params![address, step(*used)],
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
        CredentialChange::SignedIn(at) => tx.execute(
            "UPDATE people SET last_sign_in_at = ?2 WHERE address = ?1 AND state = 'active'",
            params![address, at.as_millis()],
        )?,
    };
    if changed == 0 { Err(StoreError::Changed { what: "credentials" }.into()) } else { Ok(()) }
}

/// SQLite's integers are signed; time steps are far from the end of either.
fn step(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

/// `column` is one of ours, never a caller's text.
fn find(
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
    let credentials = Credentials {
        handle: row.get("handle")?,
        subject: row.get("subject")?,
        password: row.get("password")?,
        totp,
        passkeys: passkeys(db, &person.address)?,
        recovery_codes: recovery_codes(db, &person.address)?,
    };
    Ok(Some((person, credentials)))
}

fn passkeys(db: &Connection, address: &str) -> Result<Vec<PasskeyRecord>, Fault> {
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

fn recovery_codes(db: &Connection, address: &str) -> Result<Vec<[u8; 32]>, Fault> {
    let mut statement = db.prepare_cached("SELECT hash FROM recovery_codes WHERE person = ?1")?;
    Ok(statement.query_map([address], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn role(row: &Row<'_>, column: &'static str) -> Result<Role, Fault> {
    let role: String = row.get("role")?;
    Role::from_key(&role).ok_or_else(|| Fault::unreadable(column, role))
}

fn person(row: &Row<'_>) -> Result<Person, Fault> {
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

fn invitation(row: &Row<'_>) -> Result<Invitation, Fault> {
    Ok(Invitation {
        address: row.get("address")?,
        role: role(row, "invitations.role")?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        created_by: row.get("created_by")?,
        expires_at: Timestamp::from_millis(row.get("expires_at")?),
    })
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRecord> {
    Ok(SessionRecord {
        id: row.get("id")?,
        person: row.get("person")?,
        data: row.get("data")?,
        created_at: Timestamp::from_millis(row.get("created_at")?),
        seen_at: Timestamp::from_millis(row.get("seen_at")?),
        expires_at: Timestamp::from_millis(row.get("expires_at")?),
    })
}
