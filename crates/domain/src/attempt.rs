//! One message that an entity tries to send, from its first recipient to its end.
//!
//! A mail server queries Postern about each recipient as it is named (and perhaps again, once its
//! other rules have passed it), then about the whole message. An attempt remembers the recipients,
//! so that each counts once however often the server queries it, and determines at the end which
//! recipients the message really went to.
//!
//! ```text
//!        recipient named          message accepted
//! Open ────────────────▶ Open ─────────────────────▶ Committed
//!   │  ▲                                                 (repeats are answered, not counted)
//!   ▼  │ queried again
//! Cancelled (no query for too long, or the session went on to another message)
//! ```

use std::collections::BTreeMap;

use crate::entity::Direction;
use crate::entity::Recipient;
use crate::window::Charge;

/// What a recipient counts as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// An external recipient.
    External,
    /// An internal recipient.
    Internal,
    /// A recipient on the escape lane.
    EscapeLane,
}

impl Class {
    /// What a recipient counts as when it does not use the escape lane.
    pub fn of(recipient: &Recipient) -> Self {
        match recipient.direction {
            Direction::External => Class::External,
            Direction::Internal => Class::Internal,
        }
    }

    /// `n` recipients of this class.
    pub fn charge(self, n: u32) -> Charge {
        match self {
            Class::External => Charge { external: n, ..Charge::NONE },
            Class::Internal => Charge { internal: n, ..Charge::NONE },
            Class::EscapeLane => Charge { lane: n, ..Charge::NONE },
        }
    }
}

/// How far an attempt has progressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Recipients are being named, and a reservation is held for them.
    Open,
    /// The reservation was cancelled, but the message may still arrive.
    Cancelled,
    /// The message was accepted and counted.
    Committed(Charge),
}

#[derive(Debug, Clone, Copy)]
struct Named {
    class: Class,
    /// Whether the entity had never written to this recipient before.
    first_time: bool,
    /// How often the mail server queried whether to accept the recipient.
    asked: u32,
    /// How often it reported that its other rules passed the recipient.
    confirmed: u32,
}

/// One message under way.
#[derive(Debug)]
pub struct Attempt {
    phase: Phase,
    recipients: BTreeMap<Box<str>, Named>,
    /// Recipients of which only the number is known, where the mail server queries at DATA only.
    unnamed: u32,
    named: Charge,
    /// What was counted before the message ended.
    early: Charge,
}

impl Default for Attempt {
    fn default() -> Self {
        let (named, early) = (Charge::NONE, Charge::NONE);
        Self { phase: Phase::Open, recipients: BTreeMap::new(), unnamed: 0, named, early }
    }
}

impl Attempt {
    /// How far the attempt has progressed.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// All recipients named so far, each counted once.
    pub fn named(&self) -> Charge {
        self.named
    }

    /// What the message needs from the ledger for `whole`, all of its recipients.
    pub fn needs(&self, whole: Charge) -> Charge {
        whole.minus(self.early)
    }

    /// Whether the recipient was named before; if so, notes the repeated query.
    pub fn ask_again(&mut self, address: &str) -> bool {
        match self.recipients.get_mut(address) {
            Some(named) => {
                named.asked += 1;
                true
            }
            None => false,
        }
    }

    /// All recipients named so far, and one more of this class.
    pub fn named_with(&self, class: Class, first_time: bool) -> Charge {
        self.named.plus(one(class, first_time)).as_message()
    }

    /// Adds a recipient for which a reservation was made.
    pub fn name(&mut self, address: Box<str>, class: Class, first_time: bool) {
        self.named = self.named_with(class, first_time);
        self.recipients.insert(address, Named { class, first_time, asked: 1, confirmed: 0 });
    }

    /// How many recipients the mail server's other rules refused, for a message that was not accepted.
    /// Known only where the mail server reports which recipients they passed.
    pub fn refused(&self) -> u32 {
        let refused = self.recipients.values().filter(|named| named.confirmed == 0).count();
        u32::try_from(refused).unwrap_or(u32::MAX)
    }

    /// The recipients that count: the confirmed ones, or all if none was confirmed.
    pub fn counted(&self) -> impl Iterator<Item = &str> {
        let confirming = self.is_confirmed();
        let counts = move |named: &Named| !confirming || named.confirmed > 0;
        self.recipients.iter().filter(move |(_, named)| counts(named)).map(|(address, _)| &**address)
    }

    /// Adds `n` recipients of which only the number is known; they count as external. A reservation
    /// was made for them.
    pub fn add_unnamed(&mut self, n: u32) {
        self.unnamed = self.unnamed.saturating_add(n);
        self.named = self.named.plus(Class::External.charge(n)).as_message();
    }

    /// Notes that the mail server's other rules passed the recipient. Returns false if the recipient
    /// was never named in this attempt.
    pub fn confirm(&mut self, address: &str) -> bool {
        match self.recipients.get_mut(address) {
            Some(named) => {
                named.confirmed += 1;
                true
            }
            None => false,
        }
    }

    /// Notes that the reservation was cancelled.
    pub fn cancelled(&mut self) {
        if self.phase == Phase::Open {
            self.phase = Phase::Cancelled;
        }
    }

    /// Notes that the reservation was made again.
    pub fn reserved_again(&mut self) {
        if self.phase == Phase::Cancelled {
            self.phase = Phase::Open;
        }
    }

    /// Notes that `charge` was counted before the message ended. Only what exceeds it is counted when it ends.
    pub fn counted_early(&mut self, charge: Charge) {
        self.early = self.early.plus(charge);
        self.phase = Phase::Cancelled;
    }

    /// Notes that the message was accepted and counted as `charge`.
    pub fn committed(&mut self, charge: Charge) {
        *self = Self { phase: Phase::Committed(charge), ..Self::default() };
    }

    /// Whether there are recipients and all of them use the escape lane.
    pub fn is_escape_lane_only(&self) -> bool {
        !self.named.is_none() && self.named.total() == 0
    }

    /// Whether the mail server's other rules have passed a recipient.
    pub fn is_confirmed(&self) -> bool {
        self.recipients.values().any(|named| named.confirmed > 0)
    }

    /// The charge for the recipients in `list`, given with the class of those that were not named before. An address
    /// counts once.
    pub fn accepted_these<'a>(&self, list: impl Iterator<Item = (&'a str, Class)>) -> Charge {
        let mut seen: Vec<&str> = Vec::new();
        let mut charge = Charge::NONE;
        for (address, class) in list {
            if seen.contains(&address) {
                continue;
            }
            seen.push(address);
            let named = self.recipients.get(address).map_or((class, false), |named| (named.class, named.first_time));
            charge = charge.plus(one(named.0, named.1));
        }
        charge.as_message()
    }

    /// The recipients the message really goes to, if the mail server reports that it accepted
    /// `accepted_count` `RCPT TO` commands (0 or `None` if it does not report a number).
    ///
    /// If recipients were confirmed, only those count. If the number is lower than the recipients
    /// named, a later rule refused some: the mail server does not report which, but its own last rule
    /// refuses unknown recipients of its own domains, so internal ones are subtracted first. If the
    /// number is higher than the number of queries, some recipients bypassed Postern; these count as
    /// external.
    pub fn accepted(&self, accepted_count: Option<u32>) -> Charge {
        let confirming = self.is_confirmed();
        let mut charge = Class::External.charge(self.unnamed);
        let mut commands = self.unnamed;
        for named in self.recipients.values() {
            let times = if confirming { named.confirmed } else { named.asked };
            if times > 0 {
                charge = charge.plus(one(named.class, named.first_time));
                commands = commands.saturating_add(times);
            }
        }
        let accepted = match accepted_count {
            None | Some(0) => charge,
            Some(count) if count > commands => charge.plus(Class::External.charge(count - commands)),
            Some(count) => without(charge, charge.recipients().saturating_sub(count)),
        };
        accepted.as_message()
    }
}

/// The charge for one recipient.
fn one(class: Class, first_time: bool) -> Charge {
    let first_time = u32::from(first_time && class != Class::EscapeLane);
    Charge { first_time, ..class.charge(1) }
}

fn without(charge: Charge, refused: u32) -> Charge {
    let internal = refused.min(charge.internal);
    let external = (refused - internal).min(charge.external);
    let lane = refused - internal - external;
    let left = charge.minus(Charge { external, internal, lane, ..Charge::NONE });
    Charge { first_time: left.first_time.min(left.total()), ..left }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(external: u32, internal: u32) -> Charge {
        Charge { external, internal, ..Charge::NONE }.as_message()
    }

    fn attempt(recipients: &[(&str, Class)]) -> Attempt {
        let mut attempt = Attempt::default();
        for (address, class) in recipients {
            attempt.name((*address).into(), *class, false);
        }
        attempt
    }

    #[test]
    fn a_recipient_counts_once_however_often_it_is_asked_about() {
        let mut a = attempt(&[("a", Class::External)]);
        assert!(a.ask_again("a"));
        assert!(!a.ask_again("b"));
        assert_eq!(a.named(), charge(1, 0));
        assert_eq!(a.accepted(Some(2)), charge(1, 0));
    }

    #[test]
    fn confirmed_recipients_are_the_ones_that_count() {
        let mut a = attempt(&[("a", Class::External), ("b", Class::Internal), ("c", Class::External)]);
        assert!(a.confirm("a") && a.confirm("b"));
        assert!(!a.confirm("z"));
        assert_eq!(a.accepted(None), charge(1, 1));
        assert_eq!(a.accepted(Some(2)), charge(1, 1));
    }

    #[test]
    fn a_list_names_those_that_count() {
        let a = attempt(&[("a", Class::External), ("b", Class::Internal)]);
        let these = |list: &[&'static str]| a.accepted_these(list.iter().map(|address| (*address, Class::External)));
        assert_eq!(these(&["b"]), charge(0, 1));
        assert_eq!(these(&["b", "b", "z"]), charge(1, 1));
        assert_eq!(these(&[]), Charge::NONE);
    }

    #[test]
    fn a_lower_count_takes_off_internal_recipients_first() {
        let a = attempt(&[("a", Class::External), ("b", Class::Internal), ("c", Class::External)]);
        assert_eq!(a.accepted(Some(3)), charge(2, 1));
        assert_eq!(a.accepted(Some(2)), charge(2, 0));
        assert_eq!(a.accepted(Some(1)), charge(1, 0));
    }

    #[test]
    fn recipients_nobody_asked_about_are_external() {
        assert_eq!(Attempt::default().accepted(Some(4)), charge(4, 0));
        assert_eq!(attempt(&[("b", Class::Internal)]).accepted(Some(3)), charge(2, 1));
    }

    #[test]
    fn recipients_known_by_number_are_external() {
        let mut a = Attempt::default();
        a.add_unnamed(3);
        assert_eq!((a.named(), a.accepted(None)), (charge(3, 0), charge(3, 0)));
        assert_eq!(a.accepted(Some(4)), charge(4, 0));
        assert_eq!(a.accepted(Some(2)), charge(2, 0));
    }

    #[test]
    fn a_cancelled_attempt_remembers_its_recipients() {
        let mut a = attempt(&[("a", Class::External)]);
        a.cancelled();
        assert_eq!((a.phase(), a.named()), (Phase::Cancelled, charge(1, 0)));
        a.reserved_again();
        assert_eq!(a.phase(), Phase::Open);
        a.committed(charge(1, 0));
        a.cancelled();
        assert_eq!(a.phase(), Phase::Committed(charge(1, 0)));
    }

    #[test]
    fn what_was_counted_early_is_not_counted_again() {
        let mut a = attempt(&[("a", Class::External), ("b", Class::External)]);
        a.counted_early(charge(2, 0));
        assert_eq!(a.needs(a.named()), Charge::NONE);
        assert_eq!(a.needs(a.named_with(Class::External, false)), Charge { external: 1, ..Charge::NONE });
        a.name("c".into(), Class::External, false);
        assert_eq!(a.needs(a.accepted(Some(3))), Charge { external: 1, ..Charge::NONE });
    }

    #[test]
    fn the_escape_lane_is_distinguished() {
        assert!(attempt(&[("p", Class::EscapeLane)]).is_escape_lane_only());
        assert!(!attempt(&[("p", Class::EscapeLane), ("a", Class::Internal)]).is_escape_lane_only());
        assert!(!Attempt::default().is_escape_lane_only());
    }
}
