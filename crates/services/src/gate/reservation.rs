//! Reserving what a message needs, waiting while it depends on other messages, and what happens when a limit is
//! exceeded.

use std::pin::Pin;
use std::time::{Duration, Instant};

use postern_domain::alert::Trigger;
use postern_domain::evidence::{AttemptRecord, Cause, Evidence, Outcome};
use postern_domain::gate::{Reply, Verdict, limits_for};
use postern_domain::policy::{Consequence, Limits};
use postern_domain::restriction::Standing;
use postern_domain::traffic::Traffic;
use postern_domain::window::{Charge, Excess, Window};
use postern_domain::{Reference, Timestamp};
use postern_ledger::{AttemptRef, Claim, Ledger, Reserved};

use super::ask::Ask;
use super::attempts::{Guard, Message};
use super::{Gate, NewRestriction, Question, incidents};

/// A lease is longer than the gate's own timeout by this much: it is for the case that this node dies.
const LEASE_SLACK: Duration = Duration::from_secs(15);

/// The result of trying to reserve.
pub(super) enum Reservation {
    /// Everything is reserved.
    Reserved,
    /// The escape lane is full; the recipient may still be reached as ordinary mail.
    EscapeLaneFull,
    /// It depends on how other messages in progress end.
    Contended,
}

/// A message that waits for others to end.
#[derive(Default)]
pub(super) struct Waiting<'a> {
    since: Option<Instant>,
    freed: Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>,
}

impl<L: Ledger> Gate<L> {
    /// Reserves what the message needs for the recipients in `whole`, all of them.
    ///
    /// # Errors
    /// The verdict, if there is nothing to wait for: a limit is exceeded and the policy stops the message for that, the
    /// message was counted before, or the ledger has failed.
    pub(super) async fn reserve(
        &self,
        q: &Question<'_>,
        attempt: &mut Guard<'_>,
        whole: Charge,
        standing: &Standing,
    ) -> Result<Reservation, Verdict> {
        let needs = attempt.needs(whole);
        if needs.is_none() {
            return Ok(Reservation::Reserved);
        }
        let limits = self.limits(q, standing, attempt.now());
        match self.claim(q, attempt, needs, &limits).await? {
            Reserved::Fits(_) => {}
            Reserved::Exceeds(Excess { window: Window::EscapeLanePerHour, .. })
            | Reserved::Contended(Window::EscapeLanePerHour) => return Ok(Reservation::EscapeLaneFull),
            Reserved::Contended(_) => return Ok(Reservation::Contended),
            Reserved::Exceeds(excess) => {
                self.exceeded(q, attempt, whole, standing, excess).await?;
                self.claim(q, attempt, needs, &limits.unlimited()).await?;
            }
            Reserved::CountedAlready => {
                attempt.committed(Charge::NONE);
                return Err(Verdict::Pass);
            }
        }
        attempt.reserved();
        Ok(Reservation::Reserved)
    }

    async fn claim(
        &self,
        q: &Question<'_>,
        attempt: &Guard<'_>,
        needs: Charge,
        limits: &Limits,
    ) -> Result<Reserved, Verdict> {
        let claim = Claim {
            entity: q.entity(),
            message: attempt.id(),
            owner: self.parts.node,
            needs,
            limits,
            reserved_is_certain: !q.message.server.reports_ends(),
            lease: q.settings.gate.reservation_timeout + LEASE_SLACK,
        };
        self.ledger_answer(self.parts.ledger.reserve(claim).await).ok_or(Verdict::Pass)
    }

    /// Whether this message fits depends on other messages in progress: waits until one of them ends, or
    /// defers this one if it has waited long enough.
    ///
    /// It cancels its own reservation first: messages that each wait with half of what they need
    /// would block each other forever.
    pub(super) async fn wait<'a>(
        &'a self,
        q: &Question<'a>,
        attempt: &mut Guard<'_>,
        waiting: &mut Waiting<'a>,
    ) -> Option<Verdict> {
        let longest = q.settings.gate.contention_wait;
        let since = *waiting.since.get_or_insert_with(Instant::now);
        match waiting.freed.take() {
            None => self.cancel(q.message, attempt).await,
            Some(freed) => {
                let left = longest.saturating_sub(since.elapsed());
                if tokio::time::timeout(left, freed).await.is_err() {
                    return Some(self.defer(Reply::contended()));
                }
            }
        }
        // From here on, nothing that ends is missed while the message tries again.
        waiting.freed = Some(Box::pin(self.parts.ledger.freed(&q.message.entity)));
        attempt.seen(self.parts.clock.now());
        None
    }

    /// Applies the policy's consequence of an exceeded limit. `Ok` if the message is let through anyway;
    /// otherwise, its reservation has been cancelled.
    async fn exceeded(
        &self,
        q: &Question<'_>,
        attempt: &mut Guard<'_>,
        whole: Charge,
        standing: &Standing,
        excess: Excess,
    ) -> Result<(), Verdict> {
        let now = attempt.now();
        let policy = q.policy;
        let consequence = policy.consequence(now, &q.settings.organization_of(q.entity()).time_zone);
        let throttled = excess.window == Window::MessagesPerMinute;
        // As in Exchange, too many messages in a minute are not an incident; they are only delayed.
        if throttled && !matches!(consequence, Consequence::Report(_) | Consequence::Alert) {
            return Err(self.defer_over_limit(q, attempt, excess.window).await);
        }
        let exceeded = || {
            let probation = matches!(standing, Standing::Probation { .. });
            Cause::LimitExceeded { policy: policy.name.clone(), excess, probation }
        };
        match consequence {
            Consequence::Report(action) => {
                self.parts.metrics.report_only.inc();
                tracing::info!(
                    entity = %q.entity(), policy = policy.name, window = excess.window.key(), count = excess.count,
                    limit = excess.limit, action = action.key(), "report only: the policy would have acted"
                );
                let cause = Cause::ReportOnly { policy: policy.name.clone(), excess, action };
                self.alert(q, Trigger::ReportOnly, cause, whole, standing, now).await;
                Ok(())
            }
            Consequence::Alert => {
                attempt.note_for_copy();
                self.alert(q, Trigger::LimitExceeded, exceeded(), whole, standing, now).await;
                Ok(())
            }
            Consequence::Defer => {
                self.alert(q, Trigger::LimitExceeded, exceeded(), whole, standing, now).await;
                Err(self.defer_over_limit(q, attempt, excess.window).await)
            }
            Consequence::Restrict { until } => {
                let last = record(q.ask, whole, now, Outcome::Refused);
                let new = NewRestriction {
                    entity: q.entity().clone(),
                    cause: exceeded(),
                    evidence: self.evidence(q, standing, Some(last.into()), now).await,
                    until,
                    actor: None,
                    notify: policy.notify.clone(),
                };
                Err(self.restrict(q, attempt, new, whole.minus(attempt.named())).await)
            }
        }
    }

    /// Restricts the entity and returns the verdict; the message's reservation is cancelled. `more` is the recipient
    /// that exceeded the limit.
    async fn restrict(&self, q: &Question<'_>, attempt: &mut Guard<'_>, new: NewRestriction, more: Charge) -> Verdict {
        self.cancel(q.message, attempt).await;
        match self.parts.incidents.restrict(new, q.ask.event.recipient(), attempt.now()).await {
            Ok(reference) => self.refuse(q, attempt, more, &reference).await,
            Err(_) => self.defer(Reply::unrecorded()),
        }
    }

    /// Raises an alert about an exceeded limit, once per incident.
    async fn alert(
        &self,
        q: &Question<'_>,
        alert: Trigger,
        cause: Cause,
        whole: Charge,
        standing: &Standing,
        now: Timestamp,
    ) {
        if self.parts.incidents.wants_alert(alert, q.entity(), now) {
            let last = record(q.ask, whole, now, Outcome::Accepted);
            let evidence = self.evidence(q, standing, Some(last.into()), now).await;
            self.parts.incidents.raise(alert, q.entity(), cause, evidence, now).await;
        }
    }

    async fn defer_over_limit(&self, q: &Question<'_>, attempt: &mut Guard<'_>, window: Window) -> Verdict {
        self.cancel(q.message, attempt).await;
        self.defer(Reply::over_limit(window))
    }

    pub(super) fn defer(&self, reply: Reply) -> Verdict {
        self.parts.metrics.deferred.inc();
        Verdict::Defer(reply)
    }

    /// Cancels the message's reservation.
    pub(super) async fn cancel(&self, message: &Message, attempt: &mut Guard<'_>) {
        self.ledger_answer(self.parts.ledger.cancel(&message.entity, attempt.id()).await);
        attempt.cancelled();
    }

    pub(super) async fn evidence(
        &self,
        q: &Question<'_>,
        standing: &Standing,
        last: Option<AttemptRecord>,
        now: Timestamp,
    ) -> Evidence {
        let usage = self.ledger_answer(self.parts.ledger.usage(q.entity()).await).unwrap_or_default();
        let recent = self.ledger_answer(self.parts.ledger.recent(q.entity()).await);
        let mut attempts = recent.unwrap_or_default().records();
        attempts.extend(last);
        incidents::evidence(&usage, &self.limits(q, standing, now), attempts, now)
    }

    /// Refuses the message or recipient. `more` is the refused recipient, in addition to those already named.
    pub(super) async fn refuse(
        &self,
        q: &Question<'_>,
        attempt: &mut Guard<'_>,
        more: Charge,
        reference: &Reference,
    ) -> Verdict {
        self.parts.metrics.refused.inc();
        let recipients = if more.is_none() { attempt.named() } else { more }.recipients();
        self.parts.traffic.note(q.entity(), Traffic::refused(recipients.max(1)), attempt.now());
        if attempt.note_refused() {
            let now = attempt.now();
            let whole = attempt.named().plus(more);
            self.parts.standings.note_refusal(reference, now);
            let record = record(q.ask, whole, now, Outcome::Refused);
            self.ledger_answer(self.parts.ledger.refused(q.entity(), record).await);
        }
        tracing::debug!(entity = %q.entity(), %reference, "refused");
        let why = self.parts.links.why(q.settings, reference);
        Verdict::Refuse(Reply::restricted(q.entity().kind(), reference, why.as_deref()))
    }

    pub(super) fn limits(&self, q: &Question<'_>, standing: &Standing, now: Timestamp) -> Limits {
        let allowance = self.parts.policies.allowance(q.entity(), now);
        limits_for(standing, q.policy, q.settings.probation.percent, allowance.as_ref(), now)
    }
}

/// A message as evidence.
pub(super) fn record<'a>(ask: &Ask<'a>, charge: Charge, at: Timestamp, outcome: Outcome) -> AttemptRef<'a> {
    AttemptRef {
        at,
        client_address: ask.who.client_address,
        helo_name: ask.trace.helo_name,
        sasl_method: ask.trace.sasl_method,
        sender: ask.who.envelope_sender,
        queue_id: ask.trace.queue_id,
        recipients: charge.recipients(),
        external: charge.external,
        size: ask.trace.size,
        outcome,
    }
}
