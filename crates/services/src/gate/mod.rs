//! The gate: takes a mail server's request and returns a verdict.
//!
//! The path of one request, top to bottom: identify the entity ([`Directory`]) → find the message
//! (`attempts`) → depending on the stage (`stages`), check the entity's standing (`standings`) →
//! reserve capacity in the ledger (`reservation`) → and only if a limit is exceeded, write an incident
//! (`incidents`). Nothing else here waits for a disk.
//!
//! [`Directory`]: postern_domain::entity::Directory

mod alert_policies;
mod attempts;
mod books;
mod by_organization;
mod incidents;
mod known_recipients;
mod mail_servers;
mod open_alerts;
mod policies;
mod projector;
mod recents;
mod reservation;
mod stages;
mod standings;
mod traffic;

use std::sync::Arc;
use std::time::Duration;

use postern_domain::attempt::Phase;
use postern_domain::entity::Client;
use postern_domain::gate::Verdict;
use postern_domain::policy::OutboundPolicy;
use postern_domain::traffic::Traffic;
use postern_domain::window::Charge;
use postern_domain::{EntityId, Timestamp};
use postern_ledger::Ledger;
use postern_wire::policy::{Request, Stage};

use crate::clock::Clock;
use crate::directory::DirectoryCache;
use crate::in_force::{InForce, SettingsInForce};
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbox::OwnMail;
use attempts::{Attempts, Message};

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
pub use recents::Recents;
pub use standings::Standings;
pub use traffic::{HOURS_DAYS, TrafficMeter};

/// The `policy_context` of the request that confirms recipients; see `postern wiring postfix`.
pub const CONFIRM_CONTEXT: &str = "confirm";

/// How long an attempt is remembered after its last request.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Decides every request from every door.
pub struct Gate<L> {
    parts: Parts<L>,
    attempts: Attempts,
}

/// What the gate needs.
pub struct Parts<L> {
    /// Settings in force.
    pub settings: Arc<SettingsInForce>,
    /// Counts what each entity sends, by sliding windows.
    pub ledger: Arc<L>,
    /// Who may send.
    pub standings: Arc<Standings>,
    /// What they may send.
    pub policies: Arc<Policies>,
    /// Writes restrictions and alerts.
    pub incidents: Arc<Incidents>,
    /// The last attempts of busy entities.
    pub recents: Arc<Recents>,
    /// Postern's own mail.
    pub own_mail: Arc<OwnMail>,
    /// Which requests mail servers send.
    pub mail_servers: Arc<MailServers>,
    /// Tells the time; tests move it.
    pub clock: Arc<dyn Clock>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Makes the signed links in refusals.
    pub links: Links,
    /// Which groups accounts are in.
    pub directory_cache: Arc<DirectoryCache>,
    /// The recipients they have written to before.
    pub known_recipients: Arc<KnownRecipients>,
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

/// A request about one message, with its context.
struct Question<'a, 'r> {
    request: &'a Request<'r>,
    settings: &'a InForce,
    message: &'a Message,
    /// The policy that applies to the entity.
    policy: &'a OutboundPolicy,
}

impl Question<'_, '_> {
    fn entity(&self) -> &EntityId {
        &self.message.entity
    }
}

impl<L: Ledger> Gate<L> {
    /// Creates the gate from its parts.
    pub fn new(parts: Parts<L>) -> Self {
        Self { parts, attempts: Attempts::default() }
    }

    /// Starts the session for a new connection from the mail server at `peer`.
    pub fn session(&self, peer: &str) -> Session {
        Session { server: self.parts.mail_servers.server(peer, ""), message: None }
    }

    /// Answers one request. Mail that is not charged to any entity passes.
    pub async fn answer(&self, request: &Request<'_>, session: &mut Session) -> Verdict {
        if session.server.key().port != request.text.server_port {
            session.server = self.parts.mail_servers.server(&session.server.key().peer, request.text.server_port);
        }
        let now = self.parts.clock.now();
        session.server.note(request, now);
        if !matches!(request.stage, Stage::Rcpt | Stage::Data | Stage::EndOfMessage) {
            return Verdict::Pass;
        }
        if self.parts.own_mail.is_expected(request.text.sender, request.text.recipient) {
            self.parts.metrics.own_mail.inc();
            return Verdict::Pass;
        }
        let settings = self.parts.settings.load();
        let client = Client {
            sasl_username: request.text.sasl_username,
            address: request.client_address,
            sender: request.text.sender,
        };
        let Some(entity) = settings.directory.entity(client) else {
            self.parts.metrics.unauthenticated.inc();
            return Verdict::Pass;
        };
        session.server.note_entity(&entity);
        let Some(message) = self.enter(entity, request.text.instance, session, now).await else {
            return Verdict::Pass;
        };
        let mut attempt = message.ask(now).await;
        if matches!(attempt.phase(), Phase::Committed(_)) {
            return Verdict::Pass;
        }
        let policies = self.parts.policies.books.load();
        let directory_cache = self.parts.directory_cache.load();
        let organization = settings.directory.organization_of(&message.entity);
        let policy = policies.of(&organization).book.choose(directory_cache.member(&message.entity));
        let question = Question { request, settings: &settings, message: &message, policy };
        match request.stage {
            Stage::Rcpt if request.text.policy_context == CONFIRM_CONTEXT => {
                self.confirm(&question, &mut attempt).await
            }
            Stage::Rcpt => self.recipient(&question, &mut attempt).await,
            Stage::Data => self.data(&question, &mut attempt).await,
            _ => self.end_of_message(&question, &mut attempt).await,
        }
    }

    /// Finds or starts the message; `None` if it has been counted already. The session's previous
    /// message has ended by then.
    async fn enter(
        &self,
        entity: EntityId,
        instance: &str,
        session: &mut Session,
        now: Timestamp,
    ) -> Option<Arc<Message>> {
        if let Some(current) = session.message.as_ref().filter(|current| current.is(&entity, instance)) {
            return Some(Arc::clone(current));
        }
        let message = self.attempts.open(entity, instance, &session.server, now);
        if let Some(former) = std::mem::replace(&mut session.message, message.clone()) {
            self.session_left(&former).await;
        }
        message
    }

    /// Ends the session of a closed connection.
    pub async fn close(&self, session: Session) {
        if let Some(message) = session.message {
            self.session_left(&message).await;
        }
    }

    /// The mail server's process has moved on, so a message that is still open was abandoned. This can
    /// only be concluded if the mail server reports how messages end.
    async fn session_left(&self, message: &Message) {
        let mut attempt = message.lock().await;
        if attempt.phase() != Phase::Open {
            return;
        }
        message.server.note_unended();
        if message.server.tells_ends() {
            let refused = if message.server.confirms() { attempt.refused() } else { 0 };
            self.cancel(message, &mut attempt).await;
            if refused > 0 {
                let charge = Charge { unknown: refused, ..Charge::NONE };
                self.parts.ledger.note(&message.entity, charge, attempt.now()).await;
                self.parts.traffic.note(&message.entity, Traffic::accepted(charge), attempt.now());
            }
        }
    }

    /// Ends messages that have been silent for longer than the reservation timeout: cancels their
    /// reservations, or counts them if the mail server never reports how a message ended.
    pub async fn sweep(&self) {
        let now = self.parts.clock.now();
        let silence = self.parts.settings.load().policy_door.reservation_timeout;
        for message in self.attempts.silent(now, silence, FORGET_AFTER) {
            let mut attempt = message.lock().await;
            if attempt.phase() != Phase::Open {
                continue;
            }
            let held = attempt.held();
            if message.server.tells_ends() || held.is_none() {
                self.cancel(&message, &mut attempt).await;
            } else {
                let accepted = attempt.accepted(None);
                self.parts.ledger.commit(&message.entity, &message.instance, held, accepted, now).await;
                attempt.committed(accepted);
                self.parts.traffic.note(&message.entity, Traffic::accepted(accepted), now);
                self.parts.metrics.count_message(accepted);
            }
        }
        self.parts.recents.sweep(now);
        self.parts.incidents.sweep(now);
        self.parts.policies.sweep(now);
    }
}
