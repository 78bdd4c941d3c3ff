//! What books of outbound policies and of alert policies have in common: a revision, and what was taken over from the
//! configuration file; table `state`.

use postern_domain::OrganizationId;
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{Fault, SqliteStore, audit};
use crate::audit::NewAuditEntry;
use crate::{StoreError, TakenOver, Versioned};

/// A kind of book.
pub(super) struct Keys {
    /// The key of its revision in `state`, without the organization's id.
    pub(super) revision: &'static str,
    /// What the error calls its policies where somebody else changed them first.
    pub(super) what: &'static str,
}

/// Writes a book to the tables of its kind.
type Save<B> = fn(&Transaction<'_>, &OrganizationId, &Versioned<B>) -> Result<(), Fault>;

impl SqliteStore {
    /// Writes an organization's book with its audit entries and, with `file`, what was taken over from the file.
    pub(super) async fn save_book<B: Clone + Send + 'static>(
        &self,
        save: Save<B>,
        organization: &OrganizationId,
        book: &Versioned<B>,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError> {
        let (organization, book, file, audit) = (organization.clone(), book.clone(), file.cloned(), audit.to_vec());
        self.write(move |tx| {
            file.map_or(Ok(()), |file| take_over(tx, &file))?;
            save(tx, &organization, &book)?;
            for entry in &audit {
                audit::append(tx, entry)?;
            }
            Ok(())
        })
        .await
    }
}

/// The books of this kind of every organization that has one; with `only`, just that organization's.
pub(super) fn load_books<B>(
    db: &Connection,
    keys: &Keys,
    only: Option<&OrganizationId>,
    book: impl Fn(&OrganizationId) -> Result<B, Fault>,
) -> Result<Vec<(OrganizationId, Versioned<B>)>, Fault> {
    let mut statement = db.prepare_cached("SELECT key, value FROM state WHERE key GLOB ?1 || '*'")?;
    let wanted = format!("{}{}", keys.revision, only.map_or("", OrganizationId::as_str));
    let mut rows = statement.query([wanted])?;
    let mut books = Vec::new();
    while let Some(row) = rows.next()? {
        let (key, value): (String, String) = (row.get(0)?, row.get(1)?);
        let organization =
            OrganizationId::parse(&key[keys.revision.len()..]).map_err(|_| Fault::unreadable("state.key", &key))?;
        if only.is_some_and(|only| *only != organization) {
            continue;
        }
        let revision = value.parse().map_err(|_| Fault::unreadable("state.value", value))?;
        let book = book(&organization)?;
        books.push((organization, Versioned { book, revision }));
    }
    Ok(books)
}

/// Increments the revision, if the stored one is still that of `kept`.
pub(super) fn save_version<B>(
    tx: &Transaction<'_>,
    keys: &Keys,
    organization: &OrganizationId,
    stored: &Versioned<B>,
) -> Result<(), Fault> {
    let key = format!("{}{organization}", keys.revision);
    let found = match state(tx, &key)? {
        Some(text) => text.parse().map_err(|_| Fault::unreadable("state.value", text))?,
        None => 0u64,
    };
    if found != stored.revision {
        return Err(StoreError::Changed { what: keys.what }.into());
    }
    set_state(tx, &key, &(found + 1).to_string())?;
    Ok(())
}

/// Records the content of the file as taken over, if nothing else has been taken over meanwhile.
pub(super) fn take_over(tx: &Transaction<'_>, file: &TakenOver) -> Result<(), Fault> {
    if state(tx, file.section.key())? != file.before {
        return Err(StoreError::Changed { what: "what was taken over from the file" }.into());
    }
    set_state(tx, file.section.key(), &file.says)?;
    Ok(())
}

pub(super) fn state(db: &Connection, key: &str) -> rusqlite::Result<Option<String>> {
    db.query_row("SELECT value FROM state WHERE key = ?1", [key], |row| row.get(0)).optional()
}

pub(super) fn set_state(tx: &Transaction<'_>, key: &str, value: &str) -> rusqlite::Result<()> {
    tx.execute("INSERT OR REPLACE INTO state (key, value) VALUES (?1, ?2)", [key, value]).map(|_| ())
}
