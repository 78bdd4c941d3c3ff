//! What the memory ledger stores about one entity.

use postern_domain::window::{Charge, Fit, Usage};
use postern_domain::{EntityId, Timestamp};
use smallvec::SmallVec;

use crate::recent::RecentAttempts;
use crate::{Claim, MessageId, NodeId, Profile};

/// One entity's usage, and what most entities have only while they send.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) entity: EntityId,
    pub(super) usage: Usage,
    /// In a box of its own: a million entities may have nothing but usage.
    extra: Option<Box<Extra>>,
}

#[derive(Debug, Default)]
struct Extra {
    /// Few messages of one entity are under way at once.
    reservations: SmallVec<[Reservation; 1]>,
    recent: RecentAttempts,
    /// Whether an attempt was added since [`Entry::was_active`] was last called.
    active: bool,
    profile: Option<Profile>,
}

/// By how much the memory for an entity's attempts has grown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grown {
    pub(super) bytes: usize,
    /// Whether it had none before.
    pub(super) is_first: bool,
}

/// What a message under way has reserved.
#[derive(Debug)]
struct Reservation {
    message: MessageId,
    owner: NodeId,
    charge: Charge,
    until: Timestamp,
}

impl Entry {
    pub(super) fn new(entity: EntityId) -> Self {
        Self { entity, usage: Usage::default(), extra: None }
    }

    /// Whether a claim fits; if so, makes or renews the reservation.
    pub(super) fn reserve(&mut self, claim: &Claim<'_>, now: Timestamp) -> Fit {
        self.expire(now);
        let found = self.reservations().iter().position(|reservation| reservation.message == claim.message);
        let held = found.map_or(Charge::NONE, |index| self.reservations()[index].charge);
        let more = claim.needs.minus(held);
        let fit = self.usage.fit(held, more, claim.limits, claim.reserved_is_certain, now);
        if fit != Fit::Fits {
            return fit;
        }
        self.usage.reserve(more);
        let until = now.plus(claim.lease);
        let extra = self.extra.get_or_insert_default();
        match found.and_then(|index| extra.reservations.get_mut(index)) {
            Some(reservation) => {
                reservation.charge = held.plus(more);
                reservation.until = until;
            }
            None => {
                let (message, owner) = (claim.message, claim.owner);
                extra.reservations.push(Reservation { message, owner, charge: more, until });
            }
        }
        fit
    }

    /// Ends a message's reservation. Returns whether it had one.
    pub(super) fn cancel(&mut self, message: MessageId) -> bool {
        let Some(extra) = &mut self.extra else { return false };
        let found = extra.reservations.iter().position(|reservation| reservation.message == message);
        let Some(index) = found else { return false };
        let reservation = extra.reservations.swap_remove(index);
        self.usage.cancel(reservation.charge);
        true
    }

    /// Ends the reservations whose lease is over. Returns whether there were any.
    pub(super) fn expire(&mut self, now: Timestamp) -> bool {
        self.end(|reservation| reservation.until <= now)
    }

    /// Ends the reservations of a node. Returns whether there were any.
    pub(super) fn cancel_all_of(&mut self, owner: NodeId) -> bool {
        self.end(|reservation| reservation.owner == owner)
    }

    fn end(&mut self, ends: impl Fn(&Reservation) -> bool) -> bool {
        let Some(extra) = &mut self.extra else { return false };
        if !extra.reservations.iter().any(&ends) {
            return false;
        }
        let usage = &mut self.usage;
        extra.reservations.retain(|reservation| {
            let ends = ends(reservation);
            if ends {
                usage.cancel(reservation.charge);
            }
            !ends
        });
        true
    }

    /// The usage without reservations whose lease is over.
    pub(super) fn usage_at(&mut self, now: Timestamp) -> Usage {
        self.expire(now);
        self.usage.clone()
    }

    /// Adds an encoded attempt.
    pub(super) fn push_attempt(&mut self, attempt: &[u8]) -> Grown {
        let before = self.attempts_size();
        let extra = self.extra.get_or_insert_default();
        extra.active = before > 0;
        extra.recent.push(attempt);
        Grown { bytes: self.attempts_size().saturating_sub(before), is_first: before == 0 }
    }

    /// The memory in bytes that the attempts take, with what the allocator adds.
    pub(super) fn attempts_size(&self) -> usize {
        const ALLOCATIONS: usize = size_of::<Extra>() + 2 * size_of::<usize>();
        self.recent().map_or(0, |recent| recent.size() + ALLOCATIONS)
    }

    /// Whether an attempt was added since the last call, other than the first one.
    pub(super) fn was_active(&mut self) -> bool {
        self.extra.as_mut().is_some_and(|extra| std::mem::take(&mut extra.active))
    }

    pub(super) fn recent(&self) -> Option<&RecentAttempts> {
        self.extra.as_ref().map(|extra| &extra.recent).filter(|recent| !recent.is_empty())
    }

    /// Replaces the attempts, and returns the memory in bytes that the former ones took.
    pub(super) fn set_recent(&mut self, recent: RecentAttempts) -> usize {
        let former = self.attempts_size();
        self.extra.get_or_insert_default().recent = recent;
        self.shrink();
        former
    }

    pub(super) fn profile(&self) -> Option<&Profile> {
        self.extra.as_ref()?.profile.as_ref()
    }

    pub(super) fn set_profile(&mut self, profile: Profile) {
        self.extra.get_or_insert_default().profile = Some(profile);
    }

    /// Whether nothing would be lost with it.
    pub(super) fn is_empty(&self) -> bool {
        self.usage.is_empty() && self.extra.is_none()
    }

    fn reservations(&self) -> &[Reservation] {
        self.extra.as_ref().map_or(&[], |extra| &extra.reservations)
    }

    /// Frees memory that is not needed while nothing is under way. Not done after each message: the next one of a busy
    /// sender would take it again.
    pub(super) fn shrink(&mut self) {
        if let Some(extra) = &mut self.extra
            && extra.reservations.is_empty()
        {
            extra.reservations = SmallVec::new();
            if extra.recent.is_empty() && extra.profile.is_none() {
                self.extra = None;
            }
        }
    }
}
