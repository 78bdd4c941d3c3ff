//! Decides requests at each stage of a message: a recipient, its confirmation, DATA and END-OF-MESSAGE.
//!
//! Each stage reserves the room that the message needs now ([`reservation`](super::reservation)), waits while that
//! depends on other messages, and records the reservation in the attempt.

use std::time::Duration;

use postern_domain::Timestamp;
use postern_domain::attempt::{Class, Phase};
use postern_domain::entity::Recipient;
use postern_domain::gate::{Reply, Route, Verdict, routes};
use postern_domain::policy::Mode;
use postern_domain::restriction::Standing;
use postern_domain::window::Charge;
use postern_ledger::Ledger;

use super::attempts::Guard;
use super::reservation::Reservation;
use super::{Gate, Question};

impl<L: Ledger> Gate<L> {
    pub(super) async fn recipient(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>) -> Verdict {
        let recipient = q.settings.directory.recipient(q.entity(), q.request.text.recipient);
        let known = attempt.ask_again(recipient.address.as_str());
        let mut waited = Duration::ZERO;
        loop {
            let standing = self.parts.standings.get(q.entity(), attempt.now());
            let open_to_it = !standing.is_restricted() || recipient.escape_lane;
            if known && open_to_it && attempt.phase() == Phase::Open {
                return Verdict::Pass;
            }
            if let Some(verdict) = self.try_routes(q, attempt, &recipient, known, &standing).await {
                return verdict;
            }
            if let Some(verdict) = self.wait(q, attempt, &mut waited).await {
                return verdict;
            }
        }
    }

    /// Tries the routes that a recipient may take; `None` while the result depends on other messages. A
    /// `known` recipient has been named before and needs no additional room.
    async fn try_routes(
        &self,
        q: &Question<'_, '_>,
        attempt: &mut Guard<'_>,
        recipient: &Recipient,
        known: bool,
        standing: &Standing,
    ) -> Option<Verdict> {
        for route in routes(standing, recipient) {
            let class = match route {
                Route::Refuse(reference) => {
                    let direction = Class::of(recipient).charge(1);
                    return Some(self.refuse(q, attempt, direction, &reference));
                }
                Route::Reserve(class) => class,
            };
            if let Some(verdict) = self.too_many(q, attempt, class, known) {
                return Some(verdict);
            }
            if class != Class::EscapeLane
                && let Err(verdict) = self.too_many_unknown(q, attempt, standing, class.charge(1)).await
            {
                return Some(verdict);
            }
            let first_time = !known && class != Class::EscapeLane && self.is_first_time(q, recipient, attempt.now());
            let more = if known { Charge::NONE } else { attempt.needs(class, first_time) };
            match self.reserve_more(q, attempt, more, standing).await {
                Ok(Reservation::Reserved) => {}
                Ok(Reservation::EscapeLaneFull) => continue,
                Ok(Reservation::Contended) => return None,
                Err(verdict) => return Some(verdict),
            }
            if !known {
                attempt.name(recipient.address.as_str().into(), class, first_time);
            }
            return Some(Verdict::Pass);
        }
        None
    }

    fn is_first_time(&self, q: &Question<'_, '_>, recipient: &Recipient, now: Timestamp) -> bool {
        q.policy.first_time_recipients_per_day > 0
            && self.parts.known_recipients.is_first_time(q.entity(), recipient.address.as_str(), now)
    }

    pub(super) async fn confirm(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>) -> Verdict {
        let recipient = q.settings.directory.recipient(q.entity(), q.request.text.recipient);
        if !attempt.confirm(recipient.address.as_str()) && attempt.phase() == Phase::Open {
            // Only this request is wired, or an earlier rule accepted the recipient before the first request.
            let verdict = self.recipient(q, attempt).await;
            if verdict == Verdict::Pass {
                attempt.confirm(recipient.address.as_str());
            }
            return verdict;
        }
        Verdict::Pass
    }

    pub(super) async fn data(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>) -> Verdict {
        let mut waited = Duration::ZERO;
        loop {
            let standing = self.parts.standings.get(q.entity(), attempt.now());
            if let Standing::Restricted { reference, .. } = &standing {
                if attempt.is_escape_lane_only() {
                    return Verdict::Pass;
                }
                return self.refuse(q, attempt, Charge::NONE, reference);
            }
            // If each recipient was checked individually, there is nothing to add here.
            if !attempt.named().is_none() || q.request.recipient_count == 0 {
                return Verdict::Pass;
            }
            match self.reserve_more(q, attempt, self.unseen(q), &standing).await {
                Ok(Reservation::Contended) => {
                    if let Some(verdict) = self.wait(q, attempt, &mut waited).await {
                        return verdict;
                    }
                }
                // Recipients that were not seen individually never use the escape lane.
                Ok(Reservation::Reserved | Reservation::EscapeLaneFull) => {
                    self.name_unseen(q, attempt);
                    return Verdict::Pass;
                }
                Err(verdict) => return verdict,
            }
        }
    }

    pub(super) async fn end_of_message(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>) -> Verdict {
        if self.parts.ledger.was_committed(q.entity(), q.request.text.instance).await {
            return Verdict::Pass;
        }
        let mut waited = Duration::ZERO;
        let mut lane_full = false;
        loop {
            let standing = self.parts.standings.get(q.entity(), attempt.now());
            let accepted = self.accepted(q, attempt);
            let accepted = if lane_full { accepted.without_lane() } else { accepted };
            if let Standing::Restricted { reference, .. } = &standing {
                let by_escape_lane = accepted.lane > 0 && accepted.total() == 0;
                if !by_escape_lane {
                    return self.refuse(q, attempt, Charge::NONE, reference);
                }
            }
            let held = attempt.held();
            // Recipients without a request of their own, or a message whose reservation was cancelled.
            let more = accepted.minus(held);
            match self.reserve(q, attempt, more, more, &standing).await {
                Ok(Reservation::Reserved) => {
                    self.commit(q, attempt, held.plus(more), accepted).await;
                    return self.pass(q, attempt);
                }
                Ok(Reservation::EscapeLaneFull) => lane_full = true,
                Ok(Reservation::Contended) => {
                    if let Some(verdict) = self.wait(q, attempt, &mut waited).await {
                        return verdict;
                    }
                }
                Err(verdict) => return verdict,
            }
        }
    }

    /// The charge for the whole message, based on the recipient count from the mail server.
    fn accepted(&self, q: &Question<'_, '_>, attempt: &Guard<'_>) -> Charge {
        if attempt.named().is_none() {
            return self.unseen(q);
        }
        attempt.accepted(Some(q.request.recipient_count))
    }

    /// The charge for a message whose recipients were not checked individually. The mail server names a
    /// single recipient; of several, it reports only the number, and they are charged as external.
    fn unseen(&self, q: &Question<'_, '_>) -> Charge {
        let count = q.request.recipient_count.max(1);
        match q.request.text.recipient {
            "" => Class::External.charge(count),
            recipient => Class::of(&q.settings.directory.recipient(q.entity(), recipient)).charge(1),
        }
        .as_message()
    }

    /// The verdict if the message already has as many recipients as the policy allows.
    fn too_many(&self, q: &Question<'_, '_>, attempt: &Guard<'_>, class: Class, known: bool) -> Option<Verdict> {
        let most = q.policy.recipients_per_message;
        let full = most > 0 && attempt.named().total() >= most && !known && class != Class::EscapeLane;
        if !full || q.policy.mode == Mode::ReportOnly {
            return None;
        }
        Some(self.defer(Reply::too_many_recipients(most)))
    }

    fn pass(&self, q: &Question<'_, '_>, attempt: &Guard<'_>) -> Verdict {
        if !attempt.is_for_copy() || q.policy.mode != Mode::Enforce {
            return Verdict::Pass;
        }
        let organization = q.settings.directory.organization_of(q.entity());
        let own = q.settings.organization(&organization).unwrap_or(&q.settings.organization);
        let domain = own.domains.first().map_or("localhost", |domain| domain.as_str());
        q.policy.copies(domain).map_or(Verdict::Pass, Verdict::PassWithCopy)
    }

    fn name_unseen(&self, q: &Question<'_, '_>, attempt: &mut Guard<'_>) {
        match q.request.text.recipient {
            "" => attempt.add_unnamed(q.request.recipient_count),
            recipient => {
                let recipient = q.settings.directory.recipient(q.entity(), recipient);
                attempt.name(recipient.address.as_str().into(), Class::of(&recipient), false);
            }
        }
    }
}
