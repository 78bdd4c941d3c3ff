//! The gate at work: a mail server's question in, a verdict out.
//!
//! The way of one question, top to bottom: name the entity ([`Directory`]) → look at its standing
//! ([`standings`]) → ask the ledger for room → and only where a limit is passed, write an incident
//! ([`incidents`]). Nothing else here waits for a disk.
//!
//! [`Directory`]: postern_domain::entity::Directory

mod attempts;
mod incidents;
mod own_mail;
mod recents;
mod standings;
mod wiring;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use postern_domain::attempt::{Class, Phase};
use postern_domain::entity::{Client, Recipient};
use postern_domain::evidence::{AttemptRecord, Cause, Outcome};
use postern_domain::gate::{Reply, Verdict, Way, limits_for, ways};
use postern_domain::policy::{Consequence, Limits};
use postern_domain::restriction::Standing;
use postern_domain::window::{Charge, Excess, Fit, Window};
use postern_domain::{EntityId, Reference, Timestamp};
use postern_ledger::{Claim, Ledger};
use postern_wire::policy::{Request, Stage};

use crate::clock::Clock;
use crate::config::Settings;
use crate::metrics::Metrics;
use attempts::{AttemptKey, Attempts, Guard};

pub use incidents::{Incidents, NewRestriction, SYSTEM, evidence};
pub use own_mail::OwnMail;
pub use recents::Recents;
pub use standings::Standings;
use wiring::ServerWiring;
pub use wiring::{ServerReport, Wiring};

/// `policy_context` of the call that confirms recipients; see `postern wiring postfix`.
pub const CONFIRM_CONTEXT: &str = "confirm";

/// How often a recipient that has to wait looks again.
const CONTENTION_STEP: Duration = Duration::from_millis(20);

/// How long an attempt is remembered after it fell silent.
const FORGET_AFTER: Duration = Duration::from_secs(3600);

/// Decides over every question of every door.
pub struct Gate<L> {
    settings: Arc<ArcSwap<Settings>>,
    ledger: Arc<L>,
    standings: Arc<Standings>,
    incidents: Arc<Incidents>,
    recents: Arc<Recents>,
    own_mail: Arc<OwnMail>,
    wiring: Arc<Wiring>,
    attempts: Attempts,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
}

/// What the gate is made of.
pub struct Parts<L> {
    /// Settings in force.
    pub settings: Arc<ArcSwap<Settings>>,
    /// Usage.
    pub ledger: Arc<L>,
    /// Who may send.
    pub standings: Arc<Standings>,
    /// Writes restrictions and alerts.
    pub incidents: Arc<Incidents>,
    /// Last attempts of busy entities.
    pub recents: Arc<Recents>,
    /// Postern's own mail.
    pub own_mail: Arc<OwnMail>,
    /// What mail servers ask.
    pub wiring: Arc<Wiring>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

/// What the gate remembers of one connection of a mail server: one process of it, which has
/// one message under way at a time.
#[derive(Debug)]
pub struct Session {
    server: Arc<ServerWiring>,
    attempt: Option<Arc<AttemptKey>>,
}

/// A question about one message, with what is known around it.
struct Question<'a, 'r> {
    request: &'a Request<'r>,
    settings: &'a Settings,
    entity: &'a EntityId,
    server: &'a Arc<ServerWiring>,
}

impl<L: Ledger> Gate<L> {
    /// Puts the gate together.
    pub fn new(parts: Parts<L>) -> Self {
        let Parts { settings, ledger, standings, incidents, recents, own_mail, wiring, clock, metrics } = parts;
        let attempts = Attempts::default();
        Self { settings, ledger, standings, incidents, recents, own_mail, wiring, attempts, clock, metrics }
    }

    /// Begins a connection of the mail server at `peer`.
    pub fn session(&self, peer: &str) -> Session {
        Session { server: self.wiring.server(peer, ""), attempt: None }
    }

    /// Answers one question.
    pub async fn answer(&self, request: &Request<'_>, session: &mut Session) -> Verdict {
        if session.server.key().port != request.text.server_port {
            session.server = self.wiring.server(&session.server.key().peer, request.text.server_port);
        }
        session.server.note(request, self.clock.now());
        if !matches!(request.stage, Stage::Rcpt | Stage::Data | Stage::EndOfMessage) {
            return Verdict::Pass;
        }
        if self.own_mail.is_expected(request.text.sender, request.text.recipient) {
            self.metrics.own_mail.inc();
            return Verdict::Pass;
        }
        let settings = self.settings.load();
        let client = Client {
            sasl_username: request.text.sasl_username,
            address: request.client_address,
            sender: request.text.sender,
        };
        let Some(entity) = settings.directory.entity(client) else {
            self.metrics.unauthenticated.inc();
            return Verdict::Pass;
        };
        let server = Arc::clone(&session.server);
        server.note_entity(&entity);
        let attempt = self.enter(&entity, request.text.instance, session).await;
        let question = Question { request, settings: &settings, entity: &entity, server: &server };
        match request.stage {
            Stage::Rcpt if request.text.policy_context == CONFIRM_CONTEXT => self.confirm(&question, attempt).await,
            Stage::Rcpt => self.recipient(&question, attempt).await,
            Stage::Data => self.data(&question, attempt).await,
            _ => self.end_of_message(&question, attempt).await,
        }
    }

    /// Finds the attempt, or begins it. The session's former one is over by then.
    async fn enter(&self, entity: &EntityId, instance: &str, session: &mut Session) -> Guard {
        let now = self.clock.now();
        let (key, handle) = self.attempts.open(entity, instance, &session.server, now);
        let former = session.attempt.replace(Arc::clone(&key)).filter(|former| *former != key);
        if let Some(former) = former {
            self.session_left(&former).await;
        }
        Guard::new(key, handle, now).await
    }

    /// A connection was closed.
    pub async fn close(&self, session: Session) {
        if let Some(key) = session.attempt {
            self.session_left(&key).await;
        }
    }

    /// A mail server's process went on to another message, so an attempt that is still open
    /// has come to nothing. Only where the mail server says how messages end, that is known.
    async fn session_left(&self, key: &Arc<AttemptKey>) {
        let Some(handle) = self.attempts.find(key) else { return };
        let mut tracked = handle.lock().await;
        if tracked.attempt.phase() != Phase::Open {
            return;
        }
        tracked.server.note_unended();
        if tracked.server.tells_ends() {
            self.ledger.give_back(&key.entity, tracked.attempt.held()).await;
            tracked.attempt.gave_back();
        }
    }

    async fn recipient(&self, q: &Question<'_, '_>, mut attempt: Guard) -> Verdict {
        let recipient = q.settings.directory.recipient(q.request.text.recipient);
        if matches!(attempt.phase(), Phase::Committed(_)) {
            return Verdict::Pass;
        }
        let known = attempt.ask_again(recipient.address.as_str());
        let mut waited = Duration::ZERO;
        loop {
            let standing = self.standings.get(q.entity, self.clock.now());
            let open_to_it = !standing.is_restricted() || recipient.escape_lane;
            if known && open_to_it && attempt.phase() == Phase::Open {
                return Verdict::Pass;
            }
            if let Some(verdict) = self.try_ways(q, &mut attempt, &recipient, known, &standing).await {
                return verdict;
            }
            if let Some(verdict) = self.wait(q, &mut attempt, &mut waited).await {
                return verdict;
            }
        }
    }

    /// Tries the ways a recipient may go; none while it depends on other messages. One that is
    /// `known` has been named before and needs no room of its own.
    async fn try_ways(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard,
        recipient: &Recipient,
        known: bool,
        standing: &Standing,
    ) -> Option<Verdict> {
        for way in ways(standing, recipient) {
            let class = match way {
                Way::Refuse(reference) => {
                    let direction = Class::of(recipient).charge(1);
                    return Some(self.refuse(q, attempt, direction, &reference));
                }
                Way::Reserve(class) => class,
            };
            let more = if known { Charge::NONE } else { class.charge(1) };
            let limits = self.limits(q, standing);
            match self.reserve(q, attempt, more, &limits).await {
                Fit::Fits => {}
                Fit::Exceeds(Excess { window: Window::EscapeLanePerHour, .. })
                | Fit::Contended(Window::EscapeLanePerHour) => continue,
                Fit::Contended(_) => return None,
                Fit::Exceeds(excess) => {
                    if let Err(verdict) = self.exceeded(q, attempt, more, standing, excess).await {
                        return Some(verdict);
                    }
                    self.reserve(q, attempt, more, &limits.unlimited()).await;
                }
            }
            if !known {
                attempt.name(recipient.address.as_str().into(), class);
            }
            return Some(Verdict::Pass);
        }
        None
    }

    async fn confirm(&self, q: &Question<'_, '_>, mut attempt: Guard) -> Verdict {
        let recipient = q.settings.directory.recipient(q.request.text.recipient);
        if !attempt.confirm(recipient.address.as_str()) && attempt.phase() == Phase::Open {
            // Only this call is wired, or an earlier rule let the recipient past the first.
            let verdict = self.recipient(q, attempt).await;
            if verdict == Verdict::Pass
                && let Some(handle) = self.attempts.get(q.entity, q.request.text.instance)
            {
                handle.lock().await.attempt.confirm(recipient.address.as_str());
            }
            return verdict;
        }
        Verdict::Pass
    }

    async fn data(&self, q: &Question<'_, '_>, mut attempt: Guard) -> Verdict {
        if matches!(attempt.phase(), Phase::Committed(_)) {
            return Verdict::Pass;
        }
        let mut waited = Duration::ZERO;
        loop {
            let standing = self.standings.get(q.entity, self.clock.now());
            if let Standing::Restricted { reference, .. } = &standing {
                if attempt.is_escape_lane_only() {
                    return Verdict::Pass;
                }
                return self.refuse(q, &mut attempt, Charge::NONE, reference);
            }
            // Where each recipient was asked about, this has nothing to add.
            if !attempt.named().is_none() || q.request.recipient_count == 0 {
                return Verdict::Pass;
            }
            let more = self.unseen(q);
            let limits = self.limits(q, &standing);
            match self.reserve(q, &mut attempt, more, &limits).await {
                Fit::Fits => {}
                Fit::Exceeds(excess) => {
                    if let Err(verdict) = self.exceeded(q, &mut attempt, more, &standing, excess).await {
                        return verdict;
                    }
                    self.reserve(q, &mut attempt, more, &limits.unlimited()).await;
                }
                Fit::Contended(_) => {
                    if let Some(verdict) = self.wait(q, &mut attempt, &mut waited).await {
                        return verdict;
                    }
                    continue;
                }
            }
            self.name_unseen(q, &mut attempt);
            return Verdict::Pass;
        }
    }

    async fn end_of_message(&self, q: &Question<'_, '_>, mut attempt: Guard) -> Verdict {
        let counted = matches!(attempt.phase(), Phase::Committed(_));
        if counted || self.ledger.was_committed(q.entity, q.request.text.instance).await {
            return Verdict::Pass;
        }
        let mut waited = Duration::ZERO;
        let mut lane_full = false;
        loop {
            let standing = self.standings.get(q.entity, self.clock.now());
            let accepted = self.accepted(q, &attempt);
            let accepted = if lane_full { accepted.without_lane() } else { accepted };
            if let Standing::Restricted { reference, .. } = &standing {
                let by_escape_lane = accepted.lane > 0 && accepted.total() == 0;
                if !by_escape_lane {
                    return self.refuse(q, &mut attempt, Charge::NONE, reference);
                }
            }
            let held = attempt.held();
            let more = accepted.minus(held);
            if !more.is_none() {
                // Recipients that nobody asked about, or a message that had been given up.
                let limits = self.limits(q, &standing);
                match self.ledger.reserve(self.claim(q, held, more, &limits), self.clock.now()).await {
                    Fit::Fits => {}
                    Fit::Exceeds(Excess { window: Window::EscapeLanePerHour, .. })
                    | Fit::Contended(Window::EscapeLanePerHour) => {
                        lane_full = true;
                        continue;
                    }
                    Fit::Exceeds(excess) => {
                        if let Err(verdict) = self.exceeded(q, &mut attempt, more, &standing, excess).await {
                            return verdict;
                        }
                        let limits = limits.unlimited();
                        self.ledger.reserve(self.claim(q, held, more, &limits), self.clock.now()).await;
                    }
                    Fit::Contended(_) => {
                        if let Some(verdict) = self.wait(q, &mut attempt, &mut waited).await {
                            return verdict;
                        }
                        continue;
                    }
                }
            }
            self.commit(q, &mut attempt, held.plus(more), accepted).await;
            return Verdict::Pass;
        }
    }

    /// Other messages under way decide whether this one fits: gives them a moment to end, or,
    /// if they have had long enough, the answer to come back later.
    ///
    /// Meanwhile it holds nothing itself: messages that each wait with half of their room
    /// would keep each other from ever getting the other half.
    async fn wait(&self, q: &Question<'_, '_>, attempt: &mut Guard, waited: &mut Duration) -> Option<Verdict> {
        self.ledger.give_back(q.entity, attempt.held()).await;
        attempt.gave_back();
        if *waited >= q.settings.policy_door.contention_wait {
            self.metrics.deferred.inc();
            return Some(Verdict::Defer(Reply::contended()));
        }
        tokio::time::sleep(CONTENTION_STEP).await;
        *waited += CONTENTION_STEP;
        None
    }

    async fn commit(&self, q: &Question<'_, '_>, attempt: &mut Guard, held: Charge, accepted: Charge) {
        let now = self.clock.now();
        let counts = self.ledger.commit(q.entity, q.request.text.instance, held, accepted, now).await;
        attempt.committed(accepted);
        self.attempts.finished(attempt.key(), now);
        self.metrics.messages.inc();
        self.metrics.recipients_external.inc_by(u64::from(accepted.external));
        self.metrics.recipients_internal.inc_by(u64::from(accepted.internal));
        self.metrics.recipients_lane.inc_by(u64::from(accepted.lane));
        let limits = &q.settings.outbound_policy.limits;
        if Recents::is_worth_keeping(&counts, limits) {
            self.recents.push(q.entity, record(q.request, accepted, now, Outcome::Accepted));
        }
    }

    /// A limit is passed: `Ok` if the mail goes on all the same. What the message had reserved
    /// has been given back otherwise.
    async fn exceeded(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard,
        more: Charge,
        standing: &Standing,
        excess: Excess,
    ) -> Result<(), Verdict> {
        let now = self.clock.now();
        let policy = &q.settings.outbound_policy;
        let probation = matches!(standing, Standing::Probation { .. });
        let cause = Cause::LimitExceeded { policy: policy.name.clone(), excess, probation };
        let whole = attempt.named().plus(more);
        match policy.action.consequence(now) {
            Consequence::Alert => {
                if self.incidents.wants_alert(q.entity, now) {
                    let last = record(q.request, whole, now, Outcome::Accepted);
                    let evidence = self.evidence(q, standing, last, now).await;
                    self.incidents.raise(q.entity, cause, evidence, now).await;
                }
                Ok(())
            }
            Consequence::Restrict { until } => {
                let last = record(q.request, whole, now, Outcome::Refused);
                let evidence = self.evidence(q, standing, last, now).await;
                let recipient = q.request.text.recipient;
                let new = NewRestriction { entity: q.entity.clone(), cause, evidence, until, actor: None };
                self.ledger.give_back(q.entity, attempt.held()).await;
                attempt.gave_back();
                match self.incidents.restrict(new, recipient, now).await {
                    Ok(reference) => Err(self.refuse(q, attempt, more, &reference)),
                    Err(_) => {
                        self.metrics.deferred.inc();
                        Err(Verdict::Defer(Reply::unrecorded()))
                    }
                }
            }
        }
    }

    async fn evidence(
        &self,
        q: &Question<'_, '_>,
        standing: &Standing,
        last: AttemptRecord,
        now: Timestamp,
    ) -> postern_domain::evidence::Evidence {
        let usage = self.ledger.usage(q.entity).await;
        let limits = self.limits(q, standing);
        let mut attempts = self.recents.of(q.entity);
        attempts.push(last);
        incidents::evidence(&usage, &limits, attempts, now)
    }

    /// Refuses. `more` is the recipient that is refused besides those already named.
    fn refuse(&self, q: &Question<'_, '_>, attempt: &mut Guard, more: Charge, reference: &Reference) -> Verdict {
        self.metrics.refused.inc();
        if attempt.note_refused() {
            let now = self.clock.now();
            let whole = attempt.named().plus(more);
            self.standings.note_refusal(reference, now);
            self.recents.push(q.entity, record(q.request, whole, now, Outcome::Refused));
        }
        tracing::debug!(entity = %q.entity, %reference, stage = q.request.stage.name(), "refused");
        Verdict::Refuse(Reply::restricted(q.entity.kind(), reference))
    }

    async fn reserve(&self, q: &Question<'_, '_>, attempt: &mut Guard, more: Charge, limits: &Limits) -> Fit {
        // What had been given back needs its room again, together with what is new.
        let again = attempt.phase() == Phase::GivenBack;
        let all = if again { attempt.named().plus(more) } else { more };
        let claim = self.claim(q, attempt.held(), all, limits);
        let fit = self.ledger.reserve(claim, self.clock.now()).await;
        if fit == Fit::Fits && again {
            attempt.reserved_again();
        }
        fit
    }

    fn claim<'a>(&self, q: &'a Question<'_, '_>, held: Charge, more: Charge, limits: &'a Limits) -> Claim<'a> {
        Claim { entity: q.entity, held, more, limits, reserved_is_certain: !q.server.tells_ends() }
    }

    fn limits(&self, q: &Question<'_, '_>, standing: &Standing) -> Limits {
        limits_for(standing, &q.settings.outbound_policy, q.settings.probation.percent)
    }

    /// What the whole message is charged for, by what the mail server says of it.
    fn accepted(&self, q: &Question<'_, '_>, attempt: &Guard) -> Charge {
        if attempt.named().is_none() {
            return self.unseen(q);
        }
        attempt.accepted(Some(q.request.recipient_count))
    }

    /// What a message is charged for whose recipients were not asked about one by one: a
    /// single one is named, of several only the number is known, and that is external.
    fn unseen(&self, q: &Question<'_, '_>) -> Charge {
        let count = q.request.recipient_count.max(1);
        match q.request.text.recipient {
            "" => Class::External.charge(count),
            recipient => Class::of(&q.settings.directory.recipient(recipient)).charge(1),
        }
    }

    fn name_unseen(&self, q: &Question<'_, '_>, attempt: &mut Guard) {
        match q.request.text.recipient {
            "" => attempt.add_unnamed(q.request.recipient_count),
            recipient => {
                let recipient = q.settings.directory.recipient(recipient);
                attempt.name(recipient.address.as_str().into(), Class::of(&recipient));
            }
        }
    }

    /// Ends attempts that have been silent for too long: gives their room back, or counts them
    /// where the mail server never says how a message ended.
    pub async fn sweep(&self) {
        let now = self.clock.now();
        let silence = self.settings.load().policy_door.reservation_timeout;
        for (key, handle) in self.attempts.silent(now, silence, FORGET_AFTER) {
            let mut tracked = handle.lock().await;
            if tracked.attempt.phase() != Phase::Open {
                continue;
            }
            let held = tracked.attempt.held();
            if tracked.server.tells_ends() || held.is_none() {
                self.ledger.give_back(&key.entity, held).await;
                tracked.attempt.gave_back();
            } else {
                let accepted = tracked.attempt.accepted(None);
                self.ledger.commit(&key.entity, &key.instance, held, accepted, now).await;
                tracked.attempt.committed(accepted);
                self.metrics.messages.inc();
            }
        }
        self.recents.sweep(now);
        self.incidents.sweep(now);
    }
}

/// An attempt as evidence.
fn record(request: &Request<'_>, charge: Charge, at: Timestamp, outcome: Outcome) -> AttemptRecord {
    let text = &request.text;
    AttemptRecord {
        at,
        client_address: request.client_address,
        helo_name: text.helo_name.into(),
        sasl_method: text.sasl_method.into(),
        sender: text.sender.into(),
        queue_id: text.queue_id.into(),
        recipients: charge.recipients(),
        external: charge.external,
        size: request.size,
        outcome,
    }
}
