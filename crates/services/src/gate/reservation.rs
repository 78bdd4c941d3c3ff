//! Room in the windows: reserving it, waiting for it, counting it, and what happens where there
//! is none.

use std::time::Duration;

use postern_domain::alert::Trigger;
use postern_domain::attempt::Phase;
use postern_domain::detection::suspicious;
use postern_domain::evidence::{AttemptRecord, Cause, Evidence, Outcome};
use postern_domain::gate::{Reply, Verdict, limits_for};
use postern_domain::policy::{Consequence, Limits};
use postern_domain::restriction::Standing;
use postern_domain::traffic::Traffic;
use postern_domain::window::{Charge, Excess, Fit, Window};
use postern_domain::{Reference, Timestamp};
use postern_ledger::{Claim, Counts, Ledger};
use postern_wire::policy::Request;

use super::attempts::{Guard, Message};
use super::{Gate, NewRestriction, Question, Recents, incidents};

/// How often a message that has to wait looks again.
const CONTENTION_STEP: Duration = Duration::from_millis(20);

/// What became of asking for room.
pub(super) enum Reservation {
    /// It is reserved.
    Reserved,
    /// There is none on the escape lane; what it was for may still go as ordinary mail.
    EscapeLaneFull,
    /// Other messages under way decide whether there is any.
    Contended,
}

impl<L: Ledger> Gate<L> {
    /// Asks for room for recipients besides those that the attempt has named. What had been
    /// given back needs its room again, together with what is new.
    pub(super) async fn reserve_more(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        more: Charge,
        standing: &Standing,
    ) -> Result<Reservation, Verdict> {
        let again = attempt.phase() == Phase::Cancelled;
        let needs = if again { attempt.named().plus(more) } else { more };
        let reservation = self.reserve(q, attempt, needs, more, standing).await?;
        if matches!(reservation, Reservation::Reserved) {
            attempt.reserved_again();
        }
        Ok(reservation)
    }

    /// Whether the mail server itself has refused too many recipients of the entity lately.
    ///
    /// # Errors
    /// What to answer then, if the policy says that this stops the message.
    pub(super) async fn too_many_unknown(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        standing: &Standing,
        more: Charge,
    ) -> Result<(), Verdict> {
        if q.policy.unknown_recipients_per_hour == 0 {
            return Ok(());
        }
        let window = Window::UnknownRecipientsPerHour;
        let Some(limit) = self.limits(q, standing, attempt.now()).of(window) else { return Ok(()) };
        let count = self.parts.ledger.usage(q.entity()).await.count(window, attempt.now());
        if count <= limit {
            return Ok(());
        }
        self.exceeded(q, attempt, more, standing, Excess { window, limit, count }).await
    }

    /// Asks for room for `needs` besides what the attempt holds. `more` of it are recipients
    /// that the attempt has not named: evidence shows the whole message.
    ///
    /// # Errors
    /// What to answer, if a limit is passed and the policy says that this stops the message.
    pub(super) async fn reserve(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        needs: Charge,
        more: Charge,
        standing: &Standing,
    ) -> Result<Reservation, Verdict> {
        if needs.is_none() {
            return Ok(Reservation::Reserved);
        }
        let limits = self.limits(q, standing, attempt.now());
        let held = attempt.held();
        match self.parts.ledger.reserve(claim(q, held, needs, &limits), attempt.now()).await {
            Fit::Fits => Ok(Reservation::Reserved),
            Fit::Exceeds(Excess { window: Window::EscapeLanePerHour, .. })
            | Fit::Contended(Window::EscapeLanePerHour) => Ok(Reservation::EscapeLaneFull),
            Fit::Contended(_) => Ok(Reservation::Contended),
            Fit::Exceeds(excess) => {
                self.exceeded(q, attempt, more, standing, excess).await?;
                self.parts.ledger.reserve(claim(q, held, needs, &limits.unlimited()), attempt.now()).await;
                Ok(Reservation::Reserved)
            }
        }
    }

    /// Other messages under way decide whether this one fits: gives them a moment to end, or,
    /// if they have had long enough, the answer to come back later.
    ///
    /// Meanwhile it holds nothing itself: messages that each wait with half of their room
    /// would keep each other from ever getting the other half.
    pub(super) async fn wait(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        waited: &mut Duration,
    ) -> Option<Verdict> {
        self.cancel(q.message, attempt).await;
        if *waited >= q.settings.policy_door.contention_wait {
            return Some(self.defer(Reply::contended()));
        }
        tokio::time::sleep(CONTENTION_STEP).await;
        *waited += CONTENTION_STEP;
        attempt.seen(self.parts.clock.now());
        None
    }

    /// Counts the message.
    pub(super) async fn commit(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>, held: Charge, accepted: Charge) {
        let now = attempt.now();
        if q.policy.first_time_recipients_per_day > 0 {
            self.parts.known_recipients.learn(q.entity(), attempt.counted(), now);
        }
        // What was named and is not in the message, the mail server's other rules have refused.
        let charge = Charge { unknown: attempt.named().minus(accepted).recipients(), ..accepted };
        let counts = self.parts.ledger.commit(q.entity(), q.request.text.instance, held, charge, now).await;
        attempt.committed(accepted);
        self.parts.traffic.note(q.entity(), Traffic::accepted(charge), now);
        self.attempts.counted(q.message, now);
        self.parts.metrics.count_message(accepted);
        let limits = q.policy.limits();
        if Recents::is_worth_keeping(&counts, &limits) {
            self.parts.recents.push(q.entity(), record(q.request, accepted, now, Outcome::Accepted));
            if self.suspect(q, now).await {
                attempt.note_for_copy();
            }
        }
        if q.policy.warn_at_percent > 0 {
            self.warn(q, &counts, now).await;
        }
    }

    /// Tells the admins of an entity that sends as a taken-over account does; whether it does.
    async fn suspect(&self, q: &Question<'_, '_>, now: Timestamp) -> bool {
        let Some(pattern) = suspicious(&self.parts.recents.of(q.entity()), now) else { return false };
        if !self.parts.incidents.wants_alert(Trigger::SuspiciousPattern, q.entity(), now) {
            return true;
        }
        let standing = self.parts.standings.get(q.entity(), now);
        let evidence = self.evidence(q, &standing, None, now).await;
        let cause = Cause::SuspiciousPattern { pattern };
        self.parts.incidents.raise(Trigger::SuspiciousPattern, q.entity(), cause, evidence, now).await;
        true
    }

    /// Tells the admins of an entity that has used up so much of a limit that they want to know.
    async fn warn(&self, q: &Question<'_, '_>, counts: &Counts, now: Timestamp) {
        if !self.parts.incidents.wants_alert(Trigger::LimitNearlyReached, q.entity(), now) {
            return;
        }
        let standing = self.parts.standings.get(q.entity(), now);
        let limits = self.limits(q, &standing, now);
        let near = counts.iter().find_map(|&(window, count)| {
            let limit = limits.of(window)?;
            let share = u64::from(limit) * u64::from(q.policy.warn_at_percent);
            (u64::from(count) * 100 >= share && count <= limit).then_some(Excess { window, limit, count })
        });
        if let Some(excess) = near {
            let cause = Cause::LimitNearlyReached { policy: q.policy.name.clone(), excess };
            let evidence = self.evidence(q, &standing, None, now).await;
            self.parts.incidents.raise(Trigger::LimitNearlyReached, q.entity(), cause, evidence, now).await;
        }
    }

    /// A limit is passed: `Ok` if the mail goes on all the same. What the message had reserved
    /// has been given back otherwise.
    async fn exceeded(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        more: Charge,
        standing: &Standing,
        excess: Excess,
    ) -> Result<(), Verdict> {
        let now = attempt.now();
        let policy = q.policy;
        let consequence = policy.consequence(now, &q.settings.organization_of(q.entity()).time_zone);
        let throttled = excess.window == Window::MessagesPerMinute;
        // As in Exchange, too many messages in a minute are no incident: they come a little later.
        if throttled && !matches!(consequence, Consequence::Report(_) | Consequence::Alert) {
            return Err(self.defer_over_limit(q, attempt, excess.window).await);
        }
        let whole = attempt.named().plus(more);
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
                let last = record(q.request, whole, now, Outcome::Refused);
                let new = NewRestriction {
                    entity: q.entity().clone(),
                    cause: exceeded(),
                    evidence: self.evidence(q, standing, Some(last), now).await,
                    until,
                    actor: None,
                    notify: policy.notify.clone(),
                };
                Err(self.restrict(q, attempt, new, more).await)
            }
        }
    }

    /// Restricts the entity, and says what to answer; the message holds nothing afterwards. `more` is the recipient that
    /// passed the limit.
    async fn restrict(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        new: NewRestriction,
        more: Charge,
    ) -> Verdict {
        self.cancel(q.message, attempt).await;
        match self.parts.incidents.restrict(new, q.request.text.recipient, attempt.now()).await {
            Ok(reference) => self.refuse(q, attempt, more, &reference),
            Err(_) => self.defer(Reply::unrecorded()),
        }
    }

    /// Raises an alert about a limit that was passed, once per incident.
    async fn alert(
        &self,
        q: &Question<'_, '_>,
        alert: Trigger,
        cause: Cause,
        whole: Charge,
        standing: &Standing,
        now: Timestamp,
    ) {
        if self.parts.incidents.wants_alert(alert, q.entity(), now) {
            let last = record(q.request, whole, now, Outcome::Accepted);
            let evidence = self.evidence(q, standing, Some(last), now).await;
            self.parts.incidents.raise(alert, q.entity(), cause, evidence, now).await;
        }
    }

    async fn defer_over_limit(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>, window: Window) -> Verdict {
        self.cancel(q.message, attempt).await;
        self.defer(Reply::over_limit(window))
    }

    pub(super) fn defer(&self, reply: Reply) -> Verdict {
        self.parts.metrics.deferred.inc();
        Verdict::Defer(reply)
    }

    /// Gives the room back that a message holds.
    pub(super) async fn cancel(&self, message: &Message, attempt: &mut Guard<'_>) {
        self.parts.ledger.cancel(&message.entity, attempt.held()).await;
        attempt.cancelled();
    }

    async fn evidence(
        &self,
        q: &Question<'_, '_>,
        standing: &Standing,
        last: Option<AttemptRecord>,
        now: Timestamp,
    ) -> Evidence {
        let usage = self.parts.ledger.usage(q.entity()).await;
        let mut attempts = self.parts.recents.of(q.entity());
        attempts.extend(last);
        incidents::evidence(&usage, &self.limits(q, standing, now), attempts, now)
    }

    /// Refuses. `more` is the recipient that is refused besides those already named.
    pub(super) fn refuse(
        &self,
        q: &Question<'_, '_>,
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
            self.parts.recents.push(q.entity(), record(q.request, whole, now, Outcome::Refused));
        }
        tracing::debug!(entity = %q.entity(), %reference, stage = q.request.stage.name(), "refused");
        let why = self.parts.links.why(q.settings, reference);
        Verdict::Refuse(Reply::restricted(q.entity().kind(), reference, why.as_deref()))
    }

    fn limits(&self, q: &Question<'_, '_>, standing: &Standing, now: Timestamp) -> Limits {
        let allowance = self.parts.policies.allowance(q.entity(), now);
        limits_for(standing, q.policy, q.settings.probation.percent, allowance.as_ref(), now)
    }
}

fn claim<'a>(q: &'a Question<'_, '_>, held: Charge, more: Charge, limits: &'a Limits) -> Claim<'a> {
    Claim { entity: q.entity(), held, more, limits, reserved_is_certain: !q.message.server.tells_ends() }
}

/// A message as evidence.
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
