//! [`crate::Store`] in one SQLite file (WAL mode).

mod alert_policies;
mod alerts;
mod audit;
mod books;
mod idempotency;
mod known_recipients;
mod mail_servers;
mod organizations;
mod outbox;
mod people;
mod people_rows;
mod policies;
mod restrictions;
mod rows;
mod sign_in_attempts;
mod tokens;
mod traffic;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::{Connection, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations, SchemaVersion};
use tokio::sync::watch;

use crate::{Store, StoreError, Unreadable};

const SCHEMA: &[M<'_>] = &[
    M::up(include_str!("schema-1.sql")),
    M::up(include_str!("schema-2.sql")),
    M::up(include_str!("schema-3.sql")),
    M::up(include_str!("schema-4.sql")),
    M::up(include_str!("schema-5.sql")),
    M::up(include_str!("schema-6.sql")),
    M::up(include_str!("schema-7.sql")),
    M::up(include_str!("schema-8.sql")),
    M::up(include_str!("schema-9.sql")),
    M::up(include_str!("schema-10.sql")),
    M::up(include_str!("schema-11.sql")),
    M::up(include_str!("schema-12.sql")),
    M::up(include_str!("schema-13.sql")),
    M::up(include_str!("schema-14.sql")),
    M::up(include_str!("schema-15.sql")),
];

/// The store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: String,
    writer: Mutex<Connection>,
    /// For lists: separate from the writer, so that no restriction waits for a long list.
    reader: Mutex<Connection>,
    /// For scans of whole tables, which take long: no list waits for one.
    scanner: Mutex<Connection>,
    /// For what follows from a change: separate from lists, so that no change waits for one.
    follower: Mutex<Connection>,
    /// The number of the newest committed audit entry.
    newest_change: watch::Sender<i64>,
}

/// An error inside a transaction: the database's, or a [`StoreError`]. Either rolls the transaction back.
enum Fault {
    Database(Box<dyn std::error::Error + Send + Sync>),
    Store(StoreError),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Database(error.into())
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Fault::Database(error.into())
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Fault::Store(error)
    }
}

impl Fault {
    fn unreadable(column: &'static str, value: impl Into<String>) -> Self {
        Fault::Database(Unreadable { column, value: value.into() }.into())
    }
}

impl SqliteStore {
    /// Opens the database, creates it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// The file can't be read or written, is not a database, or was written by a newer version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let name = path.display().to_string();
        let fail =
            |source: Box<dyn std::error::Error + Send + Sync>| StoreError::Database { path: name.clone(), source };
        let mut writer = connect(path).map_err(|e| fail(e.into()))?;
        let migrations = Migrations::from_slice(SCHEMA);
        if let SchemaVersion::Outside(found) = migrations.current_version(&writer).map_err(|e| fail(e.into()))? {
            return Err(StoreError::Newer { path: name, found: found.get(), known: SCHEMA.len() });
        }
        migrations.to_latest(&mut writer).map_err(|e| fail(e.into()))?;
        let another = || connect(path).map(Mutex::new).map_err(|e| fail(e.into()));
        let (reader, scanner, follower) = (another()?, another()?, another()?);
        let newest_change = watch::Sender::new(audit::newest(&writer).map_err(|e| fail(e.into()))?);
        Ok(Self(Arc::new(Inner { path: name, writer: Mutex::new(writer), reader, scanner, follower, newest_change })))
    }

    async fn write<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Fault> + Send + 'static,
    {
        self.run(move |inner| {
            let mut connection = inner.writer.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            let newest = audit::newest(&transaction)?;
            transaction.commit()?;
            inner.newest_change.send_if_modified(|known| std::mem::replace(known, newest) != newest);
            Ok(value)
        })
        .await
    }

    async fn read<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.run(move |inner| in_one_transaction(&inner.reader, work)).await
    }

    /// Like [`SqliteStore::read`], for work that may take seconds.
    async fn scan<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.run(move |inner| work(&inner.scanner.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    /// Like [`SqliteStore::read`], for what follows from a change.
    async fn follow<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, Fault> + Send + 'static,
    {
        self.run(move |inner| in_one_transaction(&inner.follower, work)).await
    }

    async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Inner) -> Result<T, Fault> + Send + 'static,
    {
        let inner = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&inner)).await;
        let path = || self.0.path.clone();
        match done {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(Fault::Store(error))) => Err(error),
            Ok(Err(Fault::Database(source))) => Err(StoreError::Database { path: path(), source }),
            Err(join) => Err(StoreError::Database { path: path(), source: join.into() }),
        }
    }
}

/// Reads in one transaction, so that all statements see the same state.
fn in_one_transaction<T>(
    connection: &Mutex<Connection>,
    work: impl FnOnce(&Connection) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let mut connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
    work(&*connection.transaction()?)
}

/// A pattern for `LIKE … ESCAPE '\\'` that matches `text` anywhere.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What was acknowledged must survive a power cut, so every commit waits for the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

#[async_trait]
impl Store for SqliteStore {
    async fn check(&self) -> Result<(), StoreError> {
        // Beginning a write takes the lock and touches the file without changing it.
        self.write(|tx| {
            tx.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
