//! Which questions each mail server asks. Whether it reports how messages end decides how reservations end;
//! `postern doctor` reports the counts to admins.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postern_domain::{EntityId, EntityKind, Timestamp};
use postern_store::{MailServerRecord, Store, StoreError};

use super::ask::{Abilities, Event};

/// If this many messages in a row have ended without a report, the mail server no longer reports how they end.
const PATIENCE: u32 = 20;
/// The precision, in milliseconds, of a server's last request time.
const LAST_STEP_MS: i64 = 100;
/// The most servers that are tracked. There are few in practice, but a mail server supplies the listener's name.
const MOST: usize = 1024;

/// One listener of one mail server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ServerKey {
    /// Where its questions come from: an address, or `unix`.
    pub peer: String,
    /// Which of its listeners the message arrived at, for example by its port; empty if it doesn't say.
    pub listener: String,
}

/// The questions that one mail server has asked.
#[derive(Debug)]
pub struct MailServer {
    key: ServerKey,
    abilities: Abilities,
    recipients: AtomicU64,
    confirmed: AtomicU64,
    data: AtomicU64,
    ends: AtomicU64,
    other: AtomicU64,
    accounts: AtomicU64,
    connectors: AtomicU64,
    last: AtomicI64,
    reports_ends: AtomicBool,
    confirms: AtomicBool,
    /// Messages in a row that have ended without a report.
    unreported: AtomicU32,
    /// Whether what it reports has changed since it was stored.
    changed: AtomicBool,
}

/// A report on one mail server's questions, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// Where its questions come from.
    pub peer: String,
    /// Which of its listeners messages arrive at; empty if it doesn't say.
    pub listener: String,
    /// Questions about recipients.
    pub rcpt: u64,
    /// Confirmations of recipients.
    pub confirm: u64,
    /// Questions before the content.
    pub data: u64,
    /// Reported ends of messages.
    pub end_of_message: u64,
    /// Questions at other stages.
    pub other: u64,
    /// Questions about accounts.
    pub accounts: u64,
    /// Questions about connectors.
    pub connectors: u64,
    /// When it last asked, to 100 ms.
    pub last: Timestamp,
}

impl MailServer {
    fn new(key: ServerKey, abilities: Abilities, reports_ends: bool, confirms: bool) -> Self {
        Self {
            key,
            abilities,
            recipients: AtomicU64::default(),
            confirmed: AtomicU64::default(),
            data: AtomicU64::default(),
            ends: AtomicU64::default(),
            other: AtomicU64::default(),
            accounts: AtomicU64::default(),
            connectors: AtomicU64::default(),
            last: AtomicI64::default(),
            reports_ends: AtomicBool::new(reports_ends),
            confirms: AtomicBool::new(confirms),
            unreported: AtomicU32::default(),
            changed: AtomicBool::default(),
        }
    }

    /// Which mail server and listener this is.
    pub fn key(&self) -> &ServerKey {
        &self.key
    }

    /// What its door can do.
    pub fn abilities(&self) -> &Abilities {
        &self.abilities
    }

    /// Counts a question; `None` is one about something that the gate does not decide.
    pub fn note(&self, event: Option<&Event<'_>>, now: Timestamp) {
        let counter = match event {
            Some(Event::Recipient(_)) => &self.recipients,
            Some(Event::Confirmed(_)) => &self.confirmed,
            Some(Event::Data(_)) => &self.data,
            Some(Event::End(_) | Event::Whole(_)) => &self.ends,
            Some(Event::Aborted) | None => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        match event {
            Some(Event::Confirmed(_)) => self.learn(&self.confirms, true),
            Some(Event::End(_)) => {
                self.learn(&self.reports_ends, true);
                // All connections of the server share this, so what is zero already is not written again.
                if self.unreported.load(Ordering::Relaxed) > 0 {
                    self.unreported.store(0, Ordering::Relaxed);
                }
            }
            _ => {}
        }
        let now = now.as_millis();
        if now - self.last.load(Ordering::Relaxed) >= LAST_STEP_MS {
            self.last.store(now, Ordering::Relaxed);
        }
    }

    fn learn(&self, what: &AtomicBool, is: bool) {
        if what.load(Ordering::Relaxed) != is {
            what.store(is, Ordering::Relaxed);
            self.changed.store(true, Ordering::Relaxed);
        }
    }

    /// Counts a question by the kind of entity it is about.
    pub fn note_entity(&self, entity: &EntityId) {
        let counter = match entity.kind() {
            EntityKind::Account => &self.accounts,
            EntityKind::Connector => &self.connectors,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes a message whose end was not reported, although it may have been accepted.
    pub fn note_unreported(&self) {
        if self.unreported.fetch_add(1, Ordering::Relaxed) + 1 >= PATIENCE {
            self.learn(&self.reports_ends, false);
        }
    }

    /// Whether it confirms which recipients its other rules accepted.
    pub fn confirms(&self) -> bool {
        self.abilities.confirms.always() || self.confirms.load(Ordering::Relaxed)
    }

    /// Whether it reports how messages end: its protocol requires that, or it has done so lately.
    pub fn reports_ends(&self) -> bool {
        self.abilities.reports_ends.always() || self.reports_ends.load(Ordering::Relaxed)
    }

    fn report(&self) -> ServerReport {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServerReport {
            peer: self.key.peer.clone(),
            listener: self.key.listener.clone(),
            rcpt: get(&self.recipients),
            confirm: get(&self.confirmed),
            data: get(&self.data),
            end_of_message: get(&self.ends),
            other: get(&self.other),
            accounts: get(&self.accounts),
            connectors: get(&self.connectors),
            last: Timestamp::from_millis(self.last.load(Ordering::Relaxed)),
        }
    }

    fn record(&self) -> MailServerRecord {
        MailServerRecord {
            peer: self.key.peer.clone(),
            listener: self.key.listener.clone(),
            reports_ends: self.reports_ends.load(Ordering::Relaxed),
            confirms: self.confirms.load(Ordering::Relaxed),
        }
    }
}

/// Every mail server that has asked since the process started, and what those of earlier processes reported.
#[derive(Debug, Default)]
pub struct MailServers {
    servers: Mutex<HashMap<ServerKey, Arc<MailServer>>>,
    known: Mutex<HashMap<ServerKey, MailServerRecord>>,
}

impl MailServers {
    /// Reads what mail servers reported before this process started.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn restore(&self, store: &dyn Store) -> Result<(), StoreError> {
        let known = store.mail_servers().await?.into_iter().map(|record| {
            let key = ServerKey { peer: record.peer.clone(), listener: record.listener.clone() };
            (key, record)
        });
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known.collect();
        Ok(())
    }

    /// Stores what mail servers report, where that has changed. What can't be stored is tried again by the next call.
    ///
    /// # Errors
    /// The store can't be written.
    pub async fn write(&self, store: &dyn Store) -> Result<(), StoreError> {
        let changed: Vec<_> = self.lock().values().filter(|one| one.changed.load(Ordering::Relaxed)).cloned().collect();
        for server in changed {
            server.changed.store(false, Ordering::Relaxed);
            if let Err(error) = store.save_mail_server(&server.record()).await {
                server.changed.store(true, Ordering::Relaxed);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Returns the mail server with this peer address and listener. Beyond 1024 servers, new ones are not remembered.
    pub fn server(&self, peer: &str, listener: &str, abilities: Abilities) -> Arc<MailServer> {
        let key = ServerKey { peer: peer.to_owned(), listener: listener.to_owned() };
        let new = |key: ServerKey| {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let (ends, confirms) = known.get(&key).map_or((false, false), |one| (one.reports_ends, one.confirms));
            Arc::new(MailServer::new(key, abilities, ends, confirms))
        };
        let mut servers = self.lock();
        if servers.len() >= MOST && !servers.contains_key(&key) {
            return new(key);
        }
        Arc::clone(servers.entry(key.clone()).or_insert_with(|| new(key)))
    }

    /// A report on each mail server that has asked about mail, sorted by peer and listener.
    pub fn report(&self) -> Vec<ServerReport> {
        let mut reports: Vec<_> = self.lock().values().map(|server| server.report()).collect();
        // A question at another stage may come from a health check, not a mail server.
        reports.retain(|report| report.rcpt + report.confirm + report.data + report.end_of_message > 0);
        reports.sort_by(|a, b| (&a.peer, &a.listener).cmp(&(&b.peer, &b.listener)));
        reports
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<ServerKey, Arc<MailServer>>> {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
