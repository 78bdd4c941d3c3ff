//! The gate: takes a door's question about a message and returns a verdict.
//!
//! The path of one question ([`Ask`]), top to bottom: identify the entity ([`Directory`]) → find the
//! message (`attempts`) → depending on the event (`stages`), check the entity's standing (`standings`) →
//! reserve capacity in the ledger (`reservation`), or count the message there (`counting`) → and only if
//! a limit is exceeded, write an incident (`incidents`). Nothing else here waits for a disk, and nothing
//! here knows which protocol the question came by.
//!
//! [`Directory`]: postern_domain::entity::Directory

mod alert_policies;
mod ask;
mod attempts;
mod books;
mod by_organization;
mod counting;
mod incidents;
mod known_recipients;
mod mail_servers;
mod open_alerts;
mod policies;
mod projector;
mod reservation;
mod stages;
mod standings;
mod traffic;
mod unreported;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use postern_domain::attempt::Phase;
use postern_domain::entity::Client;
use postern_domain::gate::Verdict;
use postern_domain::policy::OutboundPolicy;
use postern_domain::{EntityId, Timestamp};
use postern_ledger::{Ledger, LedgerError, NodeId};

use crate::clock::Clock;
use crate::directory::DirectoryCache;
use crate::health::{Health, Part};
use crate::in_force::{InForce, SettingsInForce};
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbox::OwnMail;
use attempts::{Attempts, Message};

pub use ask::{Abilities, Ask, Certificate, Event, Recipients, Reports, Trace, Who};

pub use alert_policies::{AlertPolicies, Notification, limit, recipients, webhooks};
pub use books::{Book, Books};
pub use by_organization::ByOrganization;
pub use incidents::{IncidentParts, Incidents, NewRestriction, SYSTEM, alert, evidence};
pub use known_recipients::KnownRecipients;
use mail_servers::MailServer;
pub use mail_servers::{MailServers, ServerReport};
pub use open_alerts::OpenAlerts;
pub use policies::Policies;
pub use projector::{Projector, Views};
pub use standings::Standings;
pub use traffic::{HOURS_DAYS, TrafficMeter};

/// Decides every question from every door.
pub struct Gate<L> {
    parts: Parts<L>,
    attempts: Attempts,
    /// Whether the last call of the ledger failed.
    ledger_failed: AtomicBool,
}

/// What the gate needs.
pub struct Parts<L> {
    /// Settings in force.
    pub settings: Arc<SettingsInForce>,
    /// Counts what each entity sends, by sliding windows.
    pub ledger: Arc<L>,
    /// The standing of each entity: free, on probation or restricted.
    pub standings: Arc<Standings>,
    /// Outbound policies and allowances in force.
    pub policies: Arc<Policies>,
    /// Writes restrictions and alerts.
    pub incidents: Arc<Incidents>,
    /// Postern's own mail in transit, which is not counted.
    pub own_mail: Arc<OwnMail>,
    /// What mail servers report.
    pub mail_servers: Arc<MailServers>,
    /// The clock; tests move it.
    pub clock: Arc<dyn Clock>,
    /// Counters for `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Which parts have failed.
    pub health: Arc<Health>,
    /// Makes the signed links in refusals.
    pub links: Links,
    /// Which groups accounts are in.
    pub directory_cache: Arc<DirectoryCache>,
    /// The recipients they have written to before.
    pub known_recipients: Arc<KnownRecipients>,
    /// This node, the owner of its reservations.
    pub node: NodeId,
    /// What they send, for the charts and policy trials of the last days.
    pub traffic: Arc<TrafficMeter>,
}

/// The gate's state for one connection of a mail server. Each connection belongs to one process of
/// the mail server, which handles one message at a time.
#[derive(Debug)]
pub struct Session {
    server: Arc<MailServer>,
    message: Option<Arc<Message>>,
}

/// A question about one message, with its context.
struct Question<'a> {
    ask: &'a Ask<'a>,
    settings: &'a InForce,
    message: &'a Message,
    /// The policy that applies to the entity.
    policy: &'a OutboundPolicy,
}

impl Question<'_> {
    fn entity(&self) -> &EntityId {
        &self.message.entity
    }
}

impl<L: Ledger> Gate<L> {
    /// Creates the gate from its parts.
    pub fn new(parts: Parts<L>) -> Self {
        Self { parts, attempts: Attempts::default(), ledger_failed: AtomicBool::new(false) }
    }

    /// Starts the session for a new connection from the mail server at `peer`, through a door with these abilities.
    pub fn session(&self, peer: &str, abilities: Abilities) -> Session {
        Session { server: self.parts.mail_servers.server(peer, "", abilities), message: None }
    }

    /// Notes which of the mail server's listeners the session's next message arrived at.
    pub fn note_listener(&self, session: &mut Session, listener: &str) {
        let key = session.server.key();
        if key.listener != listener {
            session.server = self.parts.mail_servers.server(&key.peer, listener, *session.server.abilities());
        }
    }

    /// Notes a question that is not about the recipients or the content of a message; it needs no decision.
    pub fn note_other(&self, session: &Session) {
        session.server.note(None, self.parts.clock.now());
    }

    /// Answers one question. Mail that is not charged to any entity passes.
    pub async fn answer(&self, ask: &Ask<'_>, session: &mut Session) -> Verdict {
        let now = self.parts.clock.now();
        session.server.note(Some(&ask.event), now);
        if self.parts.own_mail.is_expected(ask.who.envelope_sender, ask.event.recipient()) {
            self.parts.metrics.own_mail.inc();
            return Verdict::Pass;
        }
        let settings = self.parts.settings.load();
        let client =
            Client { sasl_username: ask.who.login, address: ask.who.client_address, sender: ask.who.envelope_sender };
        let Some(entity) = settings.directory.entity(client) else {
            self.parts.metrics.unauthenticated.inc();
            return Verdict::Pass;
        };
        session.server.note_entity(&entity);
        let message = self.enter(entity, ask.message, session, &settings, now).await;
        let mut attempt = message.ask(now).await;
        if matches!(attempt.phase(), Phase::Committed(_)) {
            return Verdict::Pass;
        }
        let policies = self.parts.policies.books.load();
        let directory_cache = self.parts.directory_cache.load();
        let organization = settings.directory.organization_of(&message.entity);
        let policy = policies.of(&organization).book.choose(directory_cache.member(&message.entity));
        let q = Question { ask, settings: &settings, message: &message, policy };
        if !message.server.reports_ends() {
            attempt.note_unreported(ask);
        }
        match ask.event {
            Event::Recipient(recipient) => self.recipient(&q, &mut attempt, recipient).await,
            Event::Confirmed(recipient) => self.confirm(&q, &mut attempt, recipient).await,
            Event::Data(recipients) => self.data(&q, &mut attempt, recipients).await,
            Event::End(recipients) => self.end(&q, &mut attempt, recipients).await,
            Event::Whole(recipients) => self.whole(&q, &mut attempt, recipients).await,
            Event::Aborted => {
                self.abandoned(&message, &mut attempt).await;
                Verdict::Pass
            }
        }
    }

    /// Finds or starts the message. The session's previous message has ended by then.
    async fn enter(
        &self,
        entity: EntityId,
        key: &str,
        session: &mut Session,
        settings: &InForce,
        now: Timestamp,
    ) -> Arc<Message> {
        if let Some(current) = session.message.as_ref().filter(|current| current.is(&entity, key)) {
            return Arc::clone(current);
        }
        if let Some(former) = session.message.take() {
            self.left(former).await;
        }
        let silence = settings.gate.reservation_timeout;
        let message = self.attempts.open(entity, key, &session.server, now, silence);
        session.message = Some(Arc::clone(&message));
        message
    }

    /// Ends the session of a closed connection.
    pub async fn close(&self, session: Session) {
        if let Some(message) = session.message {
            self.left(message).await;
        }
    }

    /// Ends messages that have been silent for too long, and drops what is no longer needed.
    pub async fn sweep(&self) {
        let now = self.parts.clock.now();
        let silence = self.parts.settings.load().gate.reservation_timeout;
        for message in self.attempts.silent(now, silence) {
            self.fell_silent(&message).await;
        }
        self.parts.incidents.sweep(now);
        self.parts.policies.sweep(now);
    }

    /// Passes on what the ledger returned. If it has failed, counting goes on as far as it can, and mail is not
    /// stopped for that: `None`.
    fn ledger_answer<T>(&self, result: Result<T, LedgerError>) -> Option<T> {
        match result {
            Ok(value) => {
                if self.ledger_failed.load(Ordering::Relaxed) {
                    self.ledger_failed.store(false, Ordering::Relaxed);
                    self.parts.health.note(Part::Ledger, Ok(()));
                    tracing::info!("the counter engine works again");
                }
                Some(value)
            }
            Err(error) => {
                self.parts.metrics.ledger_errors.inc();
                if !self.ledger_failed.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, "mail is not counted");
                }
                self.parts.health.note(Part::Ledger, Err(error.to_string()));
                None
            }
        }
    }
}
