//! The store in one SQLite file (WAL).

mod acquaintances;
mod alert_policies;
mod alerts;
mod audit;
mod idempotency;
mod organizations;
mod outbox;
mod people;
mod policies;
mod restrictions;
mod tokens;
mod traffic;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use postern_domain::alert::AlertNote;
use postern_domain::policy::Allowance;
use postern_domain::restriction::{Release, Released, Restriction, Standing};
use postern_domain::{EntityId, OrganizationId, Reference, Timestamp};
use rusqlite::{Connection, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations, SchemaVersion};
use tokio::sync::watch;

use crate::audit::{AuditEntry, AuditReport, Hash, NewAuditEntry};
use crate::{
    AlertFilter, AuditFilter, Delivery, FileSection, Incident, KeptAlert, KeptAlertPolicies, KeptOrganization,
    KeptPolicies, KeptRestriction, KeptToken, OpenAlert, OutboxState, QueuedMail, Refusals, RestrictionFilter, Store,
    StoreError, TakenOver, Unreadable,
};

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
];

/// The store in one SQLite file.
#[derive(Debug, Clone)]
pub struct SqliteStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: String,
    writer: Mutex<Connection>,
    /// Lists are read beside the writer, so that no restriction waits for a long one.
    reader: Mutex<Connection>,
    /// What looks at everything takes its time, and no list waits for it either.
    scanner: Mutex<Connection>,
    /// What changes is read by itself, so that nobody who changes something waits for a list.
    follower: Mutex<Connection>,
    /// The number of the newest audit entry that is committed.
    newest_change: watch::Sender<i64>,
}

/// An error inside a transaction: the database's, or one that undoes it.
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
    /// Opens the database, makes it if there is none, and brings its schema up to date.
    ///
    /// # Errors
    /// It can't be read or written, is no database, or is from a newer version.
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
        self.run(move |inner| {
            let mut connection = inner.reader.lock().unwrap_or_else(PoisonError::into_inner);
            // One transaction, so that several statements see one state.
            let transaction = connection.transaction()?;
            work(&transaction)
        })
        .await
    }

    /// Like [`SqliteStore::read`], for what may take seconds.
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
        self.run(move |inner| {
            let mut connection = inner.follower.lock().unwrap_or_else(PoisonError::into_inner);
            let transaction = connection.transaction()?;
            work(&transaction)
        })
        .await
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

/// A pattern for `LIKE … ESCAPE '\\'` that finds a text anywhere.
fn like(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("%{escaped}%")
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // What was answered must survive a power cut, so every commit waits for the disk.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

#[async_trait]
impl Store for SqliteStore {
    async fn restrict(&self, restriction: &Restriction, incident: &Incident) -> Result<(), StoreError> {
        let (restriction, incident) = (restriction.clone(), incident.clone());
        self.write(move |tx| {
            restrictions::insert(tx, &restriction, &incident.organization)?;
            alerts::raise(tx, &incident)
        })
        .await
    }

    async fn raise(&self, incident: &Incident) -> Result<(), StoreError> {
        let incident = incident.clone();
        self.write(move |tx| alerts::raise(tx, &incident)).await
    }

    async fn release(
        &self,
        entity: &EntityId,
        only: Option<&Reference>,
        release: &Release,
        audit: &NewAuditEntry,
    ) -> Result<Released, StoreError> {
        let (entity, only, release, audit) = (entity.clone(), only.cloned(), release.clone(), audit.clone());
        self.write(move |tx| {
            let released = restrictions::release(tx, &entity, only.as_ref(), &release)?;
            alerts::resolve(tx, &released.restriction.reference, release.at)?;
            alerts::resolve_overdue(tx, &entity, release.at)?;
            audit::append(tx, &audit)?;
            Ok(released)
        })
        .await
    }

    async fn undo_release(&self, reference: &Reference, audit: &NewAuditEntry) -> Result<(), StoreError> {
        let (reference, audit) = (reference.clone(), audit.clone());
        self.write(move |tx| {
            alerts::reopen(tx, &reference)?;
            alerts::reopen_overdue(tx, &reference)?;
            restrictions::undo_release(tx, &reference, audit.at)?;
            audit::append(tx, &audit)?;
            Ok(())
        })
        .await
    }

    async fn restrictions(&self, filter: &RestrictionFilter) -> Result<Vec<KeptRestriction>, StoreError> {
        let filter = filter.clone();
        self.read(move |db| restrictions::list(db, &filter)).await
    }

    async fn count_restrictions(&self, filter: &RestrictionFilter) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.read(move |db| restrictions::count(db, &filter)).await
    }

    async fn standing(&self, entity: &EntityId) -> Result<Standing, StoreError> {
        let entity = entity.clone();
        self.follow(move |db| restrictions::standing(db, &entity)).await
    }

    async fn standings(&self, now: Timestamp) -> Result<Vec<(EntityId, Standing)>, StoreError> {
        self.read(move |db| restrictions::standings(db, now)).await
    }

    async fn note_refusals(&self, refusals: &[Refusals]) -> Result<(), StoreError> {
        let refusals = refusals.to_vec();
        self.write(move |tx| restrictions::note_refusals(tx, &refusals)).await
    }

    async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<KeptAlert>, StoreError> {
        let filter = filter.clone();
        self.read(move |db| alerts::list(db, &filter)).await
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

    async fn overdue(&self, before: Timestamp) -> Result<Vec<KeptRestriction>, StoreError> {
        self.read(move |db| restrictions::overdue(db, before)).await
    }

    async fn raise_overdue(&self, restriction: &Reference, incident: &Incident) -> Result<(), StoreError> {
        let (restriction, incident) = (restriction.clone(), incident.clone());
        self.write(move |tx| {
            restrictions::tell_overdue(tx, &restriction)?;
            alerts::raise(tx, &incident)
        })
        .await
    }

    async fn taken_over(&self, section: FileSection) -> Result<Option<String>, StoreError> {
        self.read(move |db| Ok(policies::state(db, section.key())?)).await
    }

    async fn note_taken_over(&self, file: &TakenOver) -> Result<(), StoreError> {
        let file = file.clone();
        self.write(move |tx| policies::take_over(tx, &file)).await
    }

    async fn organizations(&self) -> Result<Vec<KeptOrganization>, StoreError> {
        self.follow(organizations::list).await
    }

    async fn add_organization(&self, new: &KeptOrganization, audit: &NewAuditEntry) -> Result<(), StoreError> {
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
        before: &KeptOrganization,
        new: &KeptOrganization,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError> {
        let (before, new, audit) = (before.clone(), new.clone(), audit.clone());
        self.write(move |tx| {
            organizations::save(tx, &before, &new)?;
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

    async fn alert_policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, KeptAlertPolicies)>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| alert_policies::load(db, only.as_ref())).await
    }

    async fn save_alert_policies(
        &self,
        organization: &OrganizationId,
        kept: &KeptAlertPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError> {
        let (organization, kept, file, audit) = (organization.clone(), kept.clone(), file.cloned(), audit.to_vec());
        self.write(move |tx| {
            file.map_or(Ok(()), |file| policies::take_over(tx, &file))?;
            alert_policies::save(tx, &organization, &kept)?;
            for entry in &audit {
                audit::append(tx, entry)?;
            }
            Ok(())
        })
        .await
    }

    async fn policies(&self, only: Option<&OrganizationId>) -> Result<Vec<(OrganizationId, KeptPolicies)>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| policies::load(db, only.as_ref())).await
    }

    async fn save_policies(
        &self,
        organization: &OrganizationId,
        kept: &KeptPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError> {
        let (organization, kept, file, audit) = (organization.clone(), kept.clone(), file.cloned(), audit.to_vec());
        self.write(move |tx| {
            file.map_or(Ok(()), |file| policies::take_over(tx, &file))?;
            policies::save(tx, &organization, &kept)?;
            for entry in &audit {
                audit::append(tx, entry)?;
            }
            Ok(())
        })
        .await
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

    async fn add_token(&self, token: &KeptToken, hash: &[u8; 32], audit: &NewAuditEntry) -> Result<(), StoreError> {
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

    async fn tokens(&self) -> Result<Vec<KeptToken>, StoreError> {
        self.read(tokens::list).await
    }

    async fn token(&self, hash: &[u8; 32]) -> Result<Option<KeptToken>, StoreError> {
        let hash = *hash;
        self.read(move |db| tokens::find(db, &hash)).await
    }

    async fn token_used(&self, hash: &[u8; 32], at: Timestamp) -> Result<(), StoreError> {
        let hash = *hash;
        self.write(move |tx| tokens::used(tx, &hash, at)).await
    }

    async fn record(&self, entry: &NewAuditEntry) -> Result<AuditEntry, StoreError> {
        let entry = entry.clone();
        self.write(move |tx| audit::append(tx, &entry)).await
    }

    async fn changes_after(
        &self,
        only: Option<&OrganizationId>,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let only = only.cloned();
        self.follow(move |db| audit::after(db, only.as_ref(), seq, limit)).await
    }

    async fn seq_of(&self, organization: &OrganizationId, own: i64) -> Result<Option<i64>, StoreError> {
        let organization = organization.clone();
        self.read(move |db| audit::seq_of(db, &organization, own)).await
    }

    fn newest_change(&self) -> watch::Receiver<i64> {
        self.0.newest_change.subscribe()
    }

    async fn count_alerts(&self, filter: &AlertFilter) -> Result<u64, StoreError> {
        let filter = filter.clone();
        self.read(move |db| alerts::count(db, &filter)).await
    }

    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError> {
        let filter = filter.clone();
        // A search looks at every entry.
        if filter.search.is_some() || filter.limit.is_none() {
            return self.scan(move |db| audit::list(db, &filter)).await;
        }
        self.read(move |db| audit::list(db, &filter)).await
    }

    async fn verify_audit(&self, must_hold: Option<Hash>) -> Result<AuditReport, StoreError> {
        self.scan(move |db| audit::verify(db, must_hold)).await
    }

    async fn due_mails(&self, now: Timestamp, webhooks: bool, limit: u32) -> Result<Vec<QueuedMail>, StoreError> {
        self.read(move |db| outbox::due(db, now, webhooks, limit)).await
    }

    async fn tried(&self, id: i64, delivery: &Delivery, now: Timestamp) -> Result<(), StoreError> {
        let delivery = delivery.clone();
        self.write(move |tx| outbox::tried(tx, id, &delivery, now)).await
    }

    async fn outbox(&self) -> Result<(OutboxState, Option<Timestamp>), StoreError> {
        self.read(outbox::state).await
    }

    async fn check(&self) -> Result<(), StoreError> {
        // Beginning to write takes the lock and touches the file without changing it.
        self.write(|tx| {
            tx.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
