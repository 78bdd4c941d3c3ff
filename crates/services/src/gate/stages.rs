//! Decides each event of a message: a recipient, its confirmation, the content, the end.
//!
//! Each stage reserves what the message needs now ([`reservation`](super::reservation)), waits while that
//! depends on other messages, and records the reservation in the attempt.

use postern_domain::Timestamp;
use postern_domain::attempt::{Class, Phase};
use postern_domain::entity::Recipient;
use postern_domain::gate::{Reply, Route, Verdict, routes};
use postern_domain::policy::Mode;
use postern_domain::restriction::Standing;
use postern_domain::window::Charge;
use postern_ledger::Ledger;

use super::ask::Recipients;
use super::attempts::Guard;
use super::reservation::{Reservation, Waiting};
use super::{Gate, Question};

impl<L: Ledger> Gate<L> {
    pub(super) async fn recipient(&self, q: &Question<'_>, attempt: &mut Guard<'_>, recipient: &str) -> Verdict {
        let recipient = q.settings.directory.recipient(q.entity(), recipient);
        let known = attempt.ask_again(recipient.address.as_str());
        let mut waiting = Waiting::default();
        loop {
            let standing = self.parts.standings.get(q.entity(), attempt.now());
            let open_to_it = !standing.is_restricted() || recipient.escape_lane;
            if known && open_to_it && attempt.is_reserved(q.settings.gate.reservation_timeout) {
                return Verdict::Pass;
            }
            if let Some(verdict) = self.try_routes(q, attempt, &recipient, known, &standing).await {
                return verdict;
            }
            if let Some(verdict) = self.wait(q, attempt, &mut waiting).await {
                return verdict;
            }
        }
    }

    /// Tries the routes that a recipient may take; `None` while the result depends on other messages. A
    /// `known` recipient has been named before and needs no additional reservation.
    async fn try_routes(
        &self,
        q: &Question<'_>,
        attempt: &mut Guard<'_>,
        recipient: &Recipient,
        known: bool,
        standing: &Standing,
    ) -> Option<Verdict> {
        for route in routes(standing, recipient) {
            let class = match route {
                Route::Refuse(reference) => {
                    let direction = Class::of(recipient).charge(1);
                    return Some(self.refuse(q, attempt, direction, &reference).await);
                }
                Route::Reserve(class) => class,
            };
            if let Some(verdict) = self.too_many(q, attempt, class, known) {
                return Some(verdict);
            }
            let first_time = !known && class != Class::EscapeLane && self.is_first_time(q, recipient, attempt.now());
            let whole = if known { attempt.named() } else { attempt.named_with(class, first_time) };
            match self.reserve(q, attempt, whole, standing).await {
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

    fn is_first_time(&self, q: &Question<'_>, recipient: &Recipient, now: Timestamp) -> bool {
        q.policy.first_time_recipients_per_day > 0
            && self.parts.known_recipients.is_first_time(q.entity(), recipient.address.as_str(), now)
    }

    pub(super) async fn confirm(&self, q: &Question<'_>, attempt: &mut Guard<'_>, recipient: &str) -> Verdict {
        let address = q.settings.directory.recipient(q.entity(), recipient).address;
        if !attempt.confirm(address.as_str()) && attempt.phase() == Phase::Open {
            // Only confirmations are configured, or an earlier rule accepted the recipient before it was asked about.
            let verdict = self.recipient(q, attempt, recipient).await;
            if verdict == Verdict::Pass {
                attempt.confirm(address.as_str());
            }
            return verdict;
        }
        Verdict::Pass
    }

    pub(super) async fn data(&self, q: &Question<'_>, attempt: &mut Guard<'_>, recipients: Recipients<'_>) -> Verdict {
        let mut waiting = Waiting::default();
        loop {
            let standing = self.parts.standings.get(q.entity(), attempt.now());
            if let Standing::Restricted { reference, .. } = &standing {
                if attempt.is_escape_lane_only() {
                    return Verdict::Pass;
                }
                return self.refuse(q, attempt, Charge::NONE, reference).await;
            }
            // If each recipient was checked individually, there is nothing to add here.
            if !attempt.named().is_none() || recipients.count() == 0 {
                return Verdict::Pass;
            }
            match self.reserve(q, attempt, self.unseen(q, recipients), &standing).await {
                Ok(Reservation::Contended) => {
                    if let Some(verdict) = self.wait(q, attempt, &mut waiting).await {
                        return verdict;
                    }
                }
                // Recipients that were not seen individually never use the escape lane.
                Ok(Reservation::Reserved | Reservation::EscapeLaneFull) => {
                    self.name_unseen(q, attempt, recipients);
                    return Verdict::Pass;
                }
                Err(verdict) => return verdict,
            }
        }
    }

    pub(super) async fn end(&self, q: &Question<'_>, attempt: &mut Guard<'_>, recipients: Recipients<'_>) -> Verdict {
        let mut waiting = Waiting::default();
        let mut lane_full = false;
        loop {
            let standing = self.parts.standings.get(q.entity(), attempt.now());
            let accepted = self.accepted(q, attempt, recipients);
            let accepted = if lane_full { accepted.without_lane() } else { accepted };
            if let Standing::Restricted { reference, .. } = &standing {
                let by_escape_lane = accepted.lane > 0 && accepted.total() == 0;
                if !by_escape_lane {
                    return self.refuse(q, attempt, Charge::NONE, reference).await;
                }
            }
            // Not so: recipients that were not asked about, and a message whose reservation has ended.
            let is_reserved =
                attempt.is_reserved(q.settings.gate.reservation_timeout) && accepted.minus(attempt.named()).is_none();
            let reserved = match is_reserved {
                true => Ok(Reservation::Reserved),
                false => self.reserve(q, attempt, accepted, &standing).await,
            };
            match reserved {
                Ok(Reservation::Reserved) => {
                    self.count(q, attempt, accepted).await;
                    return self.pass(q, attempt);
                }
                Ok(Reservation::EscapeLaneFull) => lane_full = true,
                Ok(Reservation::Contended) => {
                    if let Some(verdict) = self.wait(q, attempt, &mut waiting).await {
                        return verdict;
                    }
                }
                Err(verdict) => return verdict,
            }
        }
    }

    /// Decides a message of which everything is known at once: as if each recipient had been named, and then its end.
    pub(super) async fn whole(&self, q: &Question<'_>, attempt: &mut Guard<'_>, recipients: &[&str]) -> Verdict {
        for recipient in recipients {
            let verdict = self.recipient(q, attempt, recipient).await;
            if verdict != Verdict::Pass {
                self.cancel(q.message, attempt).await;
                return verdict;
            }
        }
        self.end(q, attempt, Recipients::List(recipients)).await
    }

    /// The charge for the whole message, based on the recipients that the mail server reports.
    fn accepted(&self, q: &Question<'_>, attempt: &Guard<'_>, recipients: Recipients<'_>) -> Charge {
        if attempt.named().is_none() {
            return self.unseen(q, recipients);
        }
        match recipients {
            Recipients::Count(count) => attempt.accepted(Some(count)),
            Recipients::List(list) => {
                let recipients: Vec<_> =
                    list.iter().map(|one| q.settings.directory.recipient(q.entity(), one)).collect();
                attempt.accepted_these(recipients.iter().map(|one| (one.address.as_str(), Class::of(one))))
            }
        }
    }

    /// The charge for a message whose recipients were not checked individually. Where only their number is known, they
    /// are charged as external.
    fn unseen(&self, q: &Question<'_>, recipients: Recipients<'_>) -> Charge {
        let charge = match recipients {
            Recipients::Count(count) => Class::External.charge(count.max(1)),
            Recipients::List(list) => {
                let charge = |one: &&str| Class::of(&q.settings.directory.recipient(q.entity(), one)).charge(1);
                list.iter().map(charge).fold(Charge::NONE, Charge::plus)
            }
        };
        charge.as_message()
    }

    /// The verdict if the message already has as many recipients as the policy allows.
    fn too_many(&self, q: &Question<'_>, attempt: &Guard<'_>, class: Class, known: bool) -> Option<Verdict> {
        let most = q.policy.recipients_per_message;
        let full = most > 0 && attempt.named().total() >= most && !known && class != Class::EscapeLane;
        if !full || q.policy.mode == Mode::ReportOnly {
            return None;
        }
        Some(self.defer(Reply::too_many_recipients(most)))
    }

    fn pass(&self, q: &Question<'_>, attempt: &Guard<'_>) -> Verdict {
        let adds_copies = q.message.server.abilities().adds_copies;
        if !attempt.is_for_copy() || q.policy.mode != Mode::Enforce || !adds_copies {
            return Verdict::Pass;
        }
        let organization = q.settings.directory.organization_of(q.entity());
        let own = q.settings.organization(&organization).unwrap_or(&q.settings.organization);
        let domain = own.domains.first().map_or("localhost", |domain| domain.as_str());
        q.policy.copies(domain).map_or(Verdict::Pass, Verdict::PassWithCopy)
    }

    fn name_unseen(&self, q: &Question<'_>, attempt: &mut Guard<'_>, recipients: Recipients<'_>) {
        match recipients {
            Recipients::Count(count) => attempt.add_unnamed(count),
            Recipients::List(list) => {
                for one in list {
                    let recipient = q.settings.directory.recipient(q.entity(), one);
                    attempt.name(recipient.address.as_str().into(), Class::of(&recipient), false);
                }
            }
        }
    }
}
