//! Counting messages: those that were accepted, and those whose end nobody reports.

use std::sync::Arc;

use postern_domain::Timestamp;
use postern_domain::alert::Trigger;
use postern_domain::attempt::Phase;
use postern_domain::detection::suspicious;
use postern_domain::evidence::{Cause, Outcome};
use postern_domain::policy::Limits;
use postern_domain::traffic::Traffic;
use postern_domain::window::{Charge, Excess};
use postern_ledger::{Accepted, AttemptRef, Committed, Counts, Ledger};

use super::attempts::{Guard, Message};
use super::reservation::record;
use super::{Gate, Question};

/// The sending pattern is examined once an entity has used this fraction of a limit: one in …
const WORTH_EXAMINING: u32 = 8;

impl<L: Ledger> Gate<L> {
    /// Counts the message, in place of its reservation, as `accepted`.
    pub(super) async fn count(&self, q: &Question<'_>, attempt: &mut Guard<'_>, accepted: Charge) {
        let now = attempt.now();
        if q.policy.first_time_recipients_per_day > 0 {
            self.parts.known_recipients.learn(q.entity(), attempt.counted(), now);
        }
        let record = record(q.ask, accepted, now, Outcome::Accepted);
        // Recipients that were named but are not in the message were refused by the mail server's other rules.
        let unknown = attempt.named().minus(accepted).recipients();
        let charge = Charge { unknown, ..attempt.needs(accepted) };
        let counts = self.commit(q.message, attempt, charge, record).await;
        attempt.committed(accepted);
        let Some(counts) = counts else { return };
        if is_worth_examining(&counts, &q.policy.limits()) && self.suspect(q, now).await {
            attempt.note_for_copy();
        }
        if q.policy.warn_at_percent > 0 {
            self.warn(q, &counts, now).await;
        }
    }

    /// Counts `charge`, what was not counted before. Returns the new counts, if this is the first part of the message
    /// that is counted.
    async fn commit(
        &self,
        message: &Message,
        attempt: &Guard<'_>,
        charge: Charge,
        record: AttemptRef<'_>,
    ) -> Option<Counts> {
        let entity = &message.entity;
        if attempt.has_counted_part() {
            // The message itself was counted with its first part.
            self.ledger_answer(self.parts.ledger.cancel(entity, attempt.id()).await);
            self.note(message, attempt, Charge { messages: 0, ..charge }).await;
            return None;
        }
        let accepted = Accepted { entity, message: attempt.id(), charge, record, profile: None };
        let Committed::Counted(counts) = self.ledger_answer(self.parts.ledger.commit(accepted).await)? else {
            return None;
        };
        self.parts.traffic.note(entity, Traffic::accepted(charge), attempt.now());
        self.parts.metrics.count_message(charge);
        Some(counts)
    }

    /// Counts recipients without a message.
    async fn note(&self, message: &Message, attempt: &Guard<'_>, charge: Charge) {
        if !charge.is_none() {
            self.ledger_answer(self.parts.ledger.note(&message.entity, charge).await);
            self.parts.traffic.note(&message.entity, Traffic::accepted(charge), attempt.now());
        }
    }

    /// A connection is no longer about this message: its mail server's process has moved on or is gone, so a message
    /// that is still open has ended.
    pub(super) async fn left(&self, message: Arc<Message>) {
        {
            let mut attempt = message.lock().await;
            if attempt.phase() == Phase::Open {
                if message.server.reports_ends() {
                    // Where recipients are confirmed, one without any was refused as a whole.
                    if !message.server.confirms() || attempt.is_confirmed() {
                        message.server.note_unreported();
                    }
                    self.abandoned(&message, &mut attempt).await;
                } else {
                    self.end_unreported(&message, &mut attempt).await;
                }
            }
        }
        self.attempts.leave(message);
    }

    /// The message was abandoned: cancels its reservation, and counts the recipients that the mail server refused.
    pub(super) async fn abandoned(&self, message: &Message, attempt: &mut Guard<'_>) {
        if attempt.phase() != Phase::Open {
            return;
        }
        let unknown = if message.server.confirms() { attempt.refused() } else { 0 };
        self.cancel(message, attempt).await;
        self.note(message, attempt, Charge { unknown, ..Charge::NONE }).await;
    }

    /// The message has been silent for so long that it no longer holds a reservation. It may still go on.
    pub(super) async fn fell_silent(&self, message: &Message) {
        let mut attempt = message.lock().await;
        if attempt.phase() != Phase::Open {
            return;
        }
        let charge = attempt.needs(unreported(message, &attempt));
        if message.server.reports_ends() || charge.is_none() {
            self.cancel(message, &mut attempt).await;
            return;
        }
        self.commit(message, &attempt, charge, attempt.unreported(charge)).await;
        attempt.counted_early(charge);
    }

    /// Counts a message of which nobody has reported how it ended: it may have been accepted.
    async fn end_unreported(&self, message: &Message, attempt: &mut Guard<'_>) {
        let charge = attempt.needs(unreported(message, attempt));
        if charge.is_none() {
            self.abandoned(message, attempt).await;
            return;
        }
        self.commit(message, attempt, charge, attempt.unreported(charge)).await;
        attempt.committed(charge);
    }

    /// Returns whether the entity sends like a compromised account, and alerts its admins if so.
    async fn suspect(&self, q: &Question<'_>, now: Timestamp) -> bool {
        let attempts = self.ledger_answer(self.parts.ledger.recent(q.entity()).await).unwrap_or_default();
        let Some(pattern) = suspicious(attempts.iter().map(|one| (one.at, one.client_address)), now) else {
            return false;
        };
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
    async fn warn(&self, q: &Question<'_>, counts: &Counts, now: Timestamp) {
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
}

fn is_worth_examining(counts: &Counts, limits: &Limits) -> bool {
    counts.iter().any(|(window, count)| limits.of(*window).is_some_and(|limit| *count >= limit / WORTH_EXAMINING))
}

/// The recipients that a message may have been accepted for, if nobody reports how it ended. Where the mail server
/// confirms recipients, those that it has not confirmed were refused.
fn unreported(message: &Message, attempt: &Guard<'_>) -> Charge {
    if message.server.confirms() && !attempt.is_confirmed() { Charge::NONE } else { attempt.accepted(None) }
}
