//! What each mail server asks, and at which stages: whether it says how a message ended
//! decides how reservations end, and `postern doctor` tells people about it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use postern_domain::{EntityId, EntityKind, Timestamp};
use postern_wire::policy::{Request, Stage};
use serde::{Deserialize, Serialize};

/// A mail server that is wired as `postern wiring postfix` says sends END-OF-MESSAGE; if so many
/// messages have ended without one, it does not after all.
const PATIENCE: u64 = 50;
/// When a server last asked is kept to so many milliseconds.
const LAST_STEP_MS: i64 = 100;
/// Servers that are told apart; there are few, but the port is the mail server's to say.
const MOST: usize = 1024;

/// One listener of one mail server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct ServerKey {
    /// Where its questions come from: an address, or `unix`.
    pub peer: String,
    /// The port that its clients connect to.
    pub port: String,
}

/// What one mail server asks.
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

/// The same for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ServerReport {
    /// Where its questions come from.
    pub peer: String,
    /// The port that its clients connect to; empty where it doesn't say.
    pub port: String,
    /// Questions about recipients.
    pub rcpt: u64,
    /// Confirmations of recipients.
    pub confirm: u64,
    /// Questions at DATA.
    pub data: u64,
    /// Questions at END-OF-MESSAGE.
    pub end_of_message: u64,
    /// Questions at other stages.
    pub other: u64,
    /// Questions that were charged to an account.
    pub accounts: u64,
    /// Questions that were charged to a connector.
    pub connectors: u64,
    /// When it last asked.
    pub last: Timestamp,
}

impl MailServer {
    /// Which mail server it is.
    pub fn key(&self) -> &ServerKey {
        &self.key
    }

    /// Notes a question.
    pub fn note(&self, request: &Request<'_>, now: Timestamp) {
        let counter = match request.stage {
            Stage::Rcpt if request.text.policy_context == super::CONFIRM_CONTEXT => &self.confirm,
            Stage::Rcpt => &self.gate,
            Stage::Data => &self.data,
            Stage::EndOfMessage => &self.end_of_message,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
        // Every connection of the server shares this: what is known already is not written again.
        if !request.text.policy_context.is_empty() && !self.named_context.load(Ordering::Relaxed) {
            self.named_context.store(true, Ordering::Relaxed);
        }
        let now = now.as_millis();
        if now - self.last.load(Ordering::Relaxed) >= LAST_STEP_MS {
            self.last.store(now, Ordering::Relaxed);
        }
    }

    /// Notes whom a question was charged to.
    pub fn note_entity(&self, entity: &EntityId) {
        let counter = match entity.kind() {
            EntityKind::Account => &self.accounts,
            EntityKind::Connector => &self.connectors,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a message was left without its end being told.
    pub fn note_unended(&self) {
        self.unended.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether it says which recipients its other rules passed.
    pub fn confirms(&self) -> bool {
        self.confirm.load(Ordering::Relaxed) > 0
    }

    /// Whether it says how messages end. One that uses our `policy_context` is wired as we say,
    /// until it has proved otherwise.
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

/// Every mail server that has asked since the start.
#[derive(Debug, Default)]
pub struct MailServers(Mutex<HashMap<ServerKey, Arc<MailServer>>>);

impl MailServers {
    /// The mail server of that name.
    pub fn server(&self, peer: &str, port: &str) -> Arc<MailServer> {
        let key = ServerKey { peer: peer.to_owned(), port: port.to_owned() };
        let mut servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if servers.len() >= MOST && !servers.contains_key(&key) {
            return Arc::new(MailServer { key, ..MailServer::default() });
        }
        let new = || Arc::new(MailServer { key: key.clone(), ..MailServer::default() });
        Arc::clone(servers.entry(key.clone()).or_insert_with(new))
    }

    /// All that have asked anything.
    pub fn report(&self) -> Vec<ServerReport> {
        let servers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut reports: Vec<_> = servers.values().map(|server| server.report()).collect();
        // A question at another stage may be no mail server's, but a check whether somebody answers.
        reports.retain(|report| report.rcpt + report.confirm + report.data + report.end_of_message > 0);
        reports.sort_by(|a, b| (&a.peer, &a.port).cmp(&(&b.peer, &b.port)));
        reports
    }
}
