//! Which requests each mail server sends, and at which stages. Whether it reports how messages end
//! decides how reservations end; `postern doctor` reports the counts to admins.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postern_domain::{EntityId, EntityKind, Timestamp};
use postern_wire::policy::{Request, Stage};

/// A mail server wired as `postern wiring postfix` describes sends END-OF-MESSAGE. If this many
/// messages have ended without one, it evidently does not.
const PATIENCE: u64 = 50;
/// The precision, in milliseconds, of a server's last request time.
const LAST_STEP_MS: i64 = 100;
/// The most servers that are tracked. There are few in practice, but the mail server supplies the port.
const MOST: usize = 1024;

/// One listener of one mail server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ServerKey {
    /// Where its requests come from: an address, or `unix`.
    pub peer: String,
    /// The port that its clients connect to.
    pub port: String,
}

/// The requests that one mail server has sent.
#[derive(Debug, Default)]
pub struct MailServer {
    key: ServerKey,
    gate: AtomicU64,
    confirm: AtomicU64,
    data: AtomicU64,
    end_of_message: AtomicU64,
    other: AtomicU64,
    named_context: AtomicBool,
    unended: AtomicU64,
    accounts: AtomicU64,
    connectors: AtomicU64,
    last: AtomicI64,
}

/// A report on one mail server's requests, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerReport {
    /// Where its requests come from.
    pub peer: String,
    /// The port that its clients connect to; empty if it doesn't report one.
    pub port: String,
    /// Requests about recipients.
    pub rcpt: u64,
    /// Confirmations of recipients.
    pub confirm: u64,
    /// Requests at DATA.
    pub data: u64,
    /// Requests at END-OF-MESSAGE.
    pub end_of_message: u64,
    /// Requests at other stages.
    pub other: u64,
    /// Requests that were charged to an account.
    pub accounts: u64,
    /// Requests that were charged to a connector.
    pub connectors: u64,
    /// When it last sent a request, to 100 ms.
    pub last: Timestamp,
}

impl MailServer {
    /// Which mail server and listener this is.
    pub fn key(&self) -> &ServerKey {
        &self.key
    }

    /// Counts a request by its stage.
    pub fn note(&self, request: &Request<'_>, now: Timestamp) {
        let counter = match request.stage {
            Stage::Rcpt if request.text.policy_context == super::CONFIRM_CONTEXT => &self.confirm,
            Stage::Rcpt => &self.gate,
            Stage::Data => &self.data,
            Stage::EndOfMessage => &self.end_of_message,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        // All connections of the server share this, so a flag that is already set is not written again.
        if !request.text.policy_context.is_empty() && !self.named_context.load(Ordering::Relaxed) {
            self.named_context.store(true, Ordering::Relaxed);
        }
        let now = now.as_millis();
        if now - self.last.load(Ordering::Relaxed) >= LAST_STEP_MS {
            self.last.store(now, Ordering::Relaxed);
        }
    }

    /// Counts a request by the kind of entity it was charged to.
    pub fn note_entity(&self, entity: &EntityId) {
        let counter = match entity.kind() {
            EntityKind::Account => &self.accounts,
            EntityKind::Connector => &self.connectors,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a message whose end was not reported.
    pub fn note_unended(&self) {
        self.unended.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it confirms which recipients its other rules accepted.
    pub fn confirms(&self) -> bool {
        self.confirm.load(Ordering::Relaxed) > 0
    }

    /// Whether it reports how messages end. A server that uses our `policy_context` is assumed to be
    /// wired as documented until enough messages have shown otherwise.
    pub fn tells_ends(&self) -> bool {
        self.end_of_message.load(Ordering::Relaxed) > 0
            || (self.named_context.load(Ordering::Relaxed) && self.unended.load(Ordering::Relaxed) < PATIENCE)
    }

    fn report(&self) -> ServerReport {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ServerReport {
            peer: self.key.peer.clone(),
            port: self.key.port.clone(),
            rcpt: get(&self.gate),
            confirm: get(&self.confirm),
            data: get(&self.data),
            end_of_message: get(&self.end_of_message),
            other: get(&self.other),
            accounts: get(&self.accounts),
            connectors: get(&self.connectors),
            last: Timestamp::from_millis(self.last.load(Ordering::Relaxed)),
        }
    }
}

/// Every mail server that has sent a request since the process started.
#[derive(Debug, Default)]
pub struct MailServers(Mutex<HashMap<ServerKey, Arc<MailServer>>>);

impl MailServers {
    /// Returns the mail server with this peer address and port. Beyond 1024 servers, new ones are not remembered.
    pub fn server(&self, peer: &str, port: &str) -> Arc<MailServer> {
        let key = ServerKey { peer: peer.to_owned(), port: port.to_owned() };
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if servers.len() >= MOST && !servers.contains_key(&key) {
            return Arc::new(MailServer { key, ..MailServer::default() });
        }
        let new = || Arc::new(MailServer { key: key.clone(), ..MailServer::default() });
        Arc::clone(servers.entry(key.clone()).or_insert_with(new))
    }

    /// A report on each mail server that has sent a mail request, sorted by peer and port.
    pub fn report(&self) -> Vec<ServerReport> {
        let servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reports: Vec<_> = servers.values().map(|server| server.report()).collect();
        // A request at another stage may come from a health check, not a mail server.
        reports.retain(|report| report.rcpt + report.confirm + report.data + report.end_of_message > 0);
        reports.sort_by(|a, b| (&a.peer, &a.port).cmp(&(&b.peer, &b.port)));
        reports
    }
}
