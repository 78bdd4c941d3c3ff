//! Tables `people`, `passkeys`, `recovery_codes`, `invitations`, `sessions` and `keys`.

use async_trait::async_trait;
use postern_domain::Timestamp;
use postern_domain::access::{Person, PersonState};
use rusqlite::{OptionalExtension, params};

use super::people_rows::{change_credential, end_access, find, insert, integer, invitation, person, session};
use super::{SqliteStore, audit, tokens};
use crate::StoreError;
use crate::audit::NewAuditEntry;
use crate::people::{CredentialChange, Credentials, Invitation, People, SessionRecord};

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

    async fn person_of_subject(&self, subject: &str) -> Result<Option<(Person, Credentials)>, StoreError> {
        let subject = subject.to_owned();
        self.read(move |db| find(db, "subject", &subject)).await
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
            let former: Option<String> = tx
                .query_row("SELECT state FROM people WHERE address = ?1", [&person.address], |row| row.get(0))
                .optional()?;
            let Some(former) = former else {
                return Err(StoreError::NoPerson { address: person.address }.into());
            };
            tx.execute(
                "UPDATE people SET role = ?2, state = ?3 WHERE address = ?1",
                params![person.address, person.role.key(), person.state.key()],
            )?;
            if person.state == PersonState::Disabled || former != person.state.key() {
                end_access(tx, &person.address, None)?;
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
            tokens::revoke_those_of(tx, &address, &entry.actor, entry.at)?;
            audit::append(tx, &entry)?;
            Ok(())
        })
        .await
    }

    async fn change_credentials(
        &self,
        address: &str,
        changes: &[CredentialChange],
        but: Option<&str>,
        entry: Option<&NewAuditEntry>,
    ) -> Result<(), StoreError> {
        let (address, changes, entry) = (address.to_owned(), changes.to_vec(), entry.cloned());
        let but = but.map(str::to_owned);
        self.write(move |tx| {
            for change in &changes {
                change_credential(tx, &address, change)?;
            }
            if changes.iter().any(CredentialChange::is_of_factors) {
                end_access(tx, &address, but.as_deref())?;
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
    ) -> Result<u64, StoreError> {
        let (hash, person, password, entry) = (*hash, person.clone(), password.to_owned(), entry.clone());
        self.write(move |tx| {
            let address: Option<Option<String>> = tx
                .query_row("DELETE FROM invitations WHERE hash = ?1 RETURNING address", [hash], |row| row.get(0))
                .optional()?;
            match address {
                None => return Err(StoreError::Changed { what: "invitations" }.into()),
                // Checked again: somebody may have been added since the link was opened.
                Some(None) if tx.query_row("SELECT count(*) FROM people", [], |row| row.get::<_, i64>(0))? > 0 => {
                    return Err(StoreError::Changed { what: "invitations" }.into());
                }
                Some(None) => insert(tx, &person, None)?,
                Some(Some(_)) => {}
            }
            tx.execute(
                "UPDATE people SET state = 'active', password = ?2, totp_secret = NULL, totp_step = NULL
                 WHERE address = ?1",
                params![person.address, password],
            )?;
            for table in ["passkeys", "recovery_codes"] {
                tx.execute(&format!("DELETE FROM {table} WHERE person = ?1"), [&person.address])?;
            }
            let version = end_access(tx, &person.address, None)?;
            audit::append(tx, &entry)?;
            Ok(version)
        })
        .await
    }

    async fn create_session(&self, hash: &[u8; 32], session: &SessionRecord, version: u64) -> Result<(), StoreError> {
        let (hash, session) = (*hash, session.clone());
        self.write(move |tx| {
            let made = tx.execute(
                "INSERT INTO sessions (hash, id, person, data, created_at, seen_at, expires_at)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
                 WHERE ?3 IS NULL
                 OR EXISTS (SELECT 1 FROM people WHERE address = ?3 AND state = 'active' AND version = ?8)",
                params![
                    hash,
                    session.id,
                    session.person,
                    session.data,
                    session.created_at.as_millis(),
                    session.seen_at.as_millis(),
                    session.expires_at.as_millis(),
                    integer(version),
                ],
            )?;
            if made == 0 { Err(StoreError::Changed { what: "credentials" }.into()) } else { Ok(()) }
        })
        .await
    }

    async fn save_session(&self, hash: &[u8; 32], session: &SessionRecord) -> Result<(), StoreError> {
        let (hash, session) = (*hash, session.clone());
        self.write(move |tx| {
            tx.execute(
                "UPDATE sessions SET data = ?3, seen_at = ?4, expires_at = ?5 WHERE hash = ?1 AND person IS ?2",
                params![
                    hash,
                    session.person,
                    session.data,
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

    async fn sweep_access(&self, now: Timestamp) -> Result<(), StoreError> {
        self.write(move |tx| {
            for table in ["sessions", "invitations", "used_challenges"] {
                tx.execute(&format!("DELETE FROM {table} WHERE expires_at <= ?1"), [now.as_millis()])?;
            }
            Ok(())
        })
        .await
    }

    async fn key(&self, name: &str, new: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (name, new) = (name.to_owned(), new.to_vec());
        self.write(move |tx| {
            tx.execute("INSERT OR IGNORE INTO keys (name, value) VALUES (?1, ?2)", params![name, new])?;
            Ok(tx.query_row("SELECT value FROM keys WHERE name = ?1", [&name], |row| row.get(0))?)
        })
        .await
    }

    async fn replace_key(&self, name: &str, before: &[u8], now: &[u8]) -> Result<(), StoreError> {
        let (name, before, now) = (name.to_owned(), before.to_vec(), now.to_vec());
        self.write(move |tx| {
            tx.execute("UPDATE keys SET value = ?3 WHERE name = ?1 AND value = ?2", params![name, before, now])?;
            Ok(())
        })
        .await
    }
}
