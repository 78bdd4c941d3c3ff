//! Room in the limits' windows: reserving it, waiting for it, counting it, and what happens when
//! there is none.

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

/// How often a waiting message tries again.
const CONTENTION_STEP: Duration = Duration::from_millis(20);

/// The result of trying to reserve room.
pub(super) enum Reservation {
    /// The room is reserved.
    Reserved,
    /// The escape lane is full; the recipient may still be reached as ordinary mail.
    EscapeLaneFull,
    /// It depends on how other messages in progress end.
    Contended,
}

impl<L: Ledger> Gate<L> {
    /// Reserves room for recipients in addition to those that the attempt has named. If the attempt's
    /// reservation was cancelled, it is made again together with the new one.
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

    /// Checks whether the mail server itself has recently refused too many of the entity's recipients.
    ///
    /// # Errors
    /// The verdict, if it has and the policy stops the message for that.
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

    /// Reserves room for `needs` in addition to the attempt's reservation. `more` counts the recipients
    /// that the attempt has not named yet, so that evidence shows the whole message.
    ///
    /// # Errors
    /// The verdict, if a limit is exceeded and the policy stops the message for that.
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

    /// Whether this message fits depends on other messages in progress: gives them a moment to end, or
    /// defers this one if it has waited long enough.
    ///
    /// It cancels its own reservation first: messages that each wait with half of the room they need
    /// would block each other forever.
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

    /// Counts the message: replaces the reservation `held` by what was `accepted`.
    pub(super) async fn commit(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>, held: Charge, accepted: Charge) {
        let now = attempt.now();
        if q.policy.first_time_recipients_per_day > 0 {
            self.parts.known_recipients.learn(q.entity(), attempt.counted(), now);
        }
        // Recipients that were named but are not in the message were refused by the mail server's other rules.
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

    /// Returns whether the entity sends like a compromised account, and alerts its admins if so.
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

    /// Alerts the admins if the entity has used the policy's warning percentage of a limit.
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

    /// Applies the policy's consequence of an exceeded limit. `Ok` if the message is let through anyway;
    /// otherwise, its reservation has been cancelled.
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
        // As in Exchange, too many messages in a minute are not an incident; they are only delayed.
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

    /// Restricts the entity and returns the verdict; the message's reservation is cancelled. `more` is the recipient
    /// that exceeded the limit.
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

    /// Raises an alert about an exceeded limit, once per incident.
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

    /// Cancels the message's reservation.
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

    /// Refuses the message or recipient. `more` is the refused recipient, in addition to those already named.
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

/// A message as an evidence record.
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
