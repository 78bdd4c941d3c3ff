//! Room in the windows: reserving it, waiting for it, counting it, and what happens where there
//! is none.

use std::time::Duration;

use postern_domain::attempt::Phase;
use postern_domain::evidence::{AttemptRecord, Cause, Evidence, Outcome};
use postern_domain::gate::{Reply, Verdict, limits_for};
use postern_domain::policy::{Consequence, Limits};
use postern_domain::restriction::Standing;
use postern_domain::window::{Charge, Excess, Fit, Window};
use postern_domain::{Reference, Timestamp};
use postern_ledger::{Claim, Ledger};
use postern_wire::policy::Request;

use super::attempts::Guard;
use super::{Gate, NewRestriction, Question, Recents, incidents};

/// How often a message that has to wait looks again.
const CONTENTION_STEP: Duration = Duration::from_millis(20);

/// What became of asking for room.
pub(super) enum Room {
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
    pub(super) async fn room_for_more(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        more: Charge,
        standing: &Standing,
    ) -> Result<Room, Verdict> {
        let again = attempt.phase() == Phase::GivenBack;
        let needs = if again { attempt.named().plus(more) } else { more };
        let room = self.room(q, attempt, needs, more, standing).await?;
        if matches!(room, Room::Reserved) {
            attempt.reserved_again();
        }
        Ok(room)
    }

    /// Asks for room for `needs` besides what the attempt holds. `more` of it are recipients
    /// that the attempt has not named: evidence shows the whole message.
    ///
    /// # Errors
    /// What to answer, if a limit is passed and the policy says that this stops the message.
    pub(super) async fn room(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        needs: Charge,
        more: Charge,
        standing: &Standing,
    ) -> Result<Room, Verdict> {
        if needs.is_none() {
            return Ok(Room::Reserved);
        }
        let limits = self.limits(q, standing);
        let held = attempt.held();
        match self.ledger.reserve(claim(q, held, needs, &limits), attempt.now()).await {
            Fit::Fits => Ok(Room::Reserved),
            Fit::Exceeds(Excess { window: Window::EscapeLanePerHour, .. })
            | Fit::Contended(Window::EscapeLanePerHour) => Ok(Room::EscapeLaneFull),
            Fit::Contended(_) => Ok(Room::Contended),
            Fit::Exceeds(excess) => {
                self.exceeded(q, attempt, more, standing, excess).await?;
                self.ledger.reserve(claim(q, held, needs, &limits.unlimited()), attempt.now()).await;
                Ok(Room::Reserved)
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
        self.ledger.give_back(q.entity(), attempt.held()).await;
        attempt.gave_back();
        if *waited >= q.settings.policy_door.contention_wait {
            self.metrics.deferred.inc();
            return Some(Verdict::Defer(Reply::contended()));
        }
        tokio::time::sleep(CONTENTION_STEP).await;
        *waited += CONTENTION_STEP;
        attempt.seen(self.clock.now());
        None
    }

    /// Counts the message.
    pub(super) async fn commit(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>, held: Charge, accepted: Charge) {
        let now = attempt.now();
        let counts = self.ledger.commit(q.entity(), q.request.text.instance, held, accepted, now).await;
        attempt.committed(accepted);
        self.attempts.counted(q.message, now);
        self.metrics.count_message(accepted);
        let limits = &q.settings.outbound_policy.limits;
        if Recents::is_worth_keeping(&counts, limits) {
            self.recents.push(q.entity(), record(q.request, accepted, now, Outcome::Accepted));
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
        let policy = &q.settings.outbound_policy;
        let probation = matches!(standing, Standing::Probation { .. });
        let cause = Cause::LimitExceeded { policy: policy.name.clone(), excess, probation };
        let whole = attempt.named().plus(more);
        match policy.action.consequence(now) {
            Consequence::Alert => {
                if self.incidents.wants_alert(q.entity(), now) {
                    let last = record(q.request, whole, now, Outcome::Accepted);
                    let evidence = self.evidence(q, standing, last, now).await;
                    self.incidents.raise(q.entity(), cause, evidence, now).await;
                }
                Ok(())
            }
            Consequence::Restrict { until } => {
                let last = record(q.request, whole, now, Outcome::Refused);
                let evidence = self.evidence(q, standing, last, now).await;
                let recipient = q.request.text.recipient;
                let new = NewRestriction { entity: q.entity().clone(), cause, evidence, until, actor: None };
                self.ledger.give_back(q.entity(), attempt.held()).await;
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
    ) -> Evidence {
        let usage = self.ledger.usage(q.entity()).await;
        let mut attempts = self.recents.of(q.entity());
        attempts.push(last);
        incidents::evidence(&usage, &self.limits(q, standing), attempts, now)
    }

    /// Refuses. `more` is the recipient that is refused besides those already named.
    pub(super) fn refuse(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        more: Charge,
        reference: &Reference,
    ) -> Verdict {
        self.metrics.refused.inc();
        if attempt.note_refused() {
            let now = attempt.now();
            let whole = attempt.named().plus(more);
            self.standings.note_refusal(reference, now);
            self.recents.push(q.entity(), record(q.request, whole, now, Outcome::Refused));
        }
        tracing::debug!(entity = %q.entity(), %reference, stage = q.request.stage.name(), "refused");
        Verdict::Refuse(Reply::restricted(q.entity().kind(), reference))
    }

    fn limits(&self, q: &Question<'_, '_>, standing: &Standing) -> Limits {
        limits_for(standing, &q.settings.outbound_policy, q.settings.probation.percent)
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
