//! The gate's decisions: whether a message may go on, by standing, policy and usage, and what to reply.
//!
//! The decisions are pure; the `gate` module of `crates/services` queries the ledger and the store in between.

use crate::attempt::Class;
use crate::entity::{EntityKind, Recipient};
use crate::policy::{Allowance, Copies, Limits, OutboundPolicy};
use crate::reference::Reference;
use crate::restriction::Standing;
use crate::time::Timestamp;
use crate::window::Window;

/// The answer that a door must give the mail server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Go on with the message.
    Pass,
    /// Go on, and send a copy to these addresses.
    PassWithCopy(Copies),
    /// Have the client try again later (4xx).
    Defer(Reply),
    /// Refuse permanently (5xx).
    Refuse(Reply),
}

/// An SMTP reply (RFC 5321 section 4.2, RFC 3463).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The reply code.
    pub code: u16,
    /// The enhanced status code.
    pub status: &'static str,
    /// The text after the codes.
    pub text: String,
}

impl Reply {
    /// The reply to a restricted entity. The texts are those Exchange users know, so that existing
    /// advice about them helps here too. Postern adds the reference and, if `why` is given, the link
    /// to the page that explains the reason.
    pub fn restricted(kind: EntityKind, reference: &Reference, why: Option<&str>) -> Self {
        let (status, text) = match kind {
            EntityKind::Account => ("5.1.8", "Access denied, bad outbound sender"),
            EntityKind::Connector => ("5.7.711", "Access denied, bad inbound connector"),
        };
        let why = why.map(|link| format!(" See {link}")).unwrap_or_default();
        let text = format!("{text} ({reference}). Contact your email admin for assistance.{why}");
        Self { code: 550, status, text }
    }

    /// The reply while it depends on other messages of the entity whether this one fits.
    pub fn contended() -> Self {
        let text = "Too many messages are being sent at once, please try again later".into();
        Self { code: 451, status: "4.7.1", text }
    }

    /// The reply to mail over a limit that is deferred.
    pub fn over_limit(window: Window) -> Self {
        Self { code: 451, status: "4.7.1", text: format!("Sending limit reached ({window}), please try again later") }
    }

    /// The reply to a recipient beyond the `most` that one message may have (RFC 5321 section
    /// 4.5.3.1.10); the client sends the message to the remaining recipients separately.
    pub fn too_many_recipients(most: u32) -> Self {
        Self { code: 452, status: "4.5.3", text: format!("Too many recipients, one message may have {most}") }
    }

    /// The reply when a restriction is due but cannot be stored yet.
    pub fn unrecorded() -> Self {
        let text = "Sending limit reached, please try again later".into();
        Self { code: 451, status: "4.7.1", text }
    }
}

/// The limits that apply to an entity with this standing: those of the policy, lowered on probation
/// to `probation_percent`, and raised to those of an allowance.
pub fn limits_for(
    standing: &Standing,
    policy: &OutboundPolicy,
    probation_percent: u32,
    allowance: Option<&Allowance>,
    now: Timestamp,
) -> Limits {
    let limits = match standing {
        Standing::Probation { .. } => policy.limits().on_probation(probation_percent),
        Standing::Free | Standing::Restricted { .. } => policy.limits(),
    };
    allowance.map_or(limits, |allowance| allowance.raise(limits, now))
}

/// One thing to try for a recipient; routes are tried in order until one applies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Route {
    /// Ask the ledger for a reservation of this class.
    Reserve(Class),
    /// Refuse, because the entity is restricted.
    Refuse(Reference),
}

/// The routes for a recipient, in order: the escape lane if the recipient is on it, then its own class,
/// or a refusal if the entity is restricted.
pub fn routes(standing: &Standing, recipient: &Recipient) -> impl Iterator<Item = Route> {
    let lane = recipient.escape_lane.then_some(Route::Reserve(Class::EscapeLane));
    let main = match standing {
        Standing::Restricted { reference, .. } => Route::Refuse(reference.clone()),
        Standing::Free | Standing::Probation { .. } => Route::Reserve(Class::of(recipient)),
    };
    lane.into_iter().chain([main])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Address;
    use crate::entity::Direction;

    fn recipient(escape_lane: bool) -> Recipient {
        let address = Address::parse("postmaster@example.com", "+").unwrap();
        Recipient { address, direction: Direction::Internal, escape_lane }
    }

    #[test]
    fn the_escape_lane_is_open_to_the_restricted() {
        let reference = Reference::from_random(7);
        let restricted = Standing::Restricted { reference: reference.clone(), until: None };
        let all = |recipient| routes(&restricted, &recipient).collect::<Vec<_>>();
        assert_eq!(all(recipient(false)), [Route::Refuse(reference.clone())]);
        assert_eq!(all(recipient(true)), [Route::Reserve(Class::EscapeLane), Route::Refuse(reference)]);
    }

    #[test]
    fn a_full_escape_lane_leaves_the_ordinary_way() {
        let routes: Vec<_> = routes(&Standing::Free, &recipient(true)).collect();
        assert_eq!(routes, [Route::Reserve(Class::EscapeLane), Route::Reserve(Class::Internal)]);
    }

    #[test]
    fn the_reply_is_the_one_exchange_gives_with_a_reference() {
        let text = |why| Reply::restricted(EntityKind::Account, &Reference::from_random(0), why).text;
        let plain = "Access denied, bad outbound sender (PR-0000-0000). Contact your email admin for assistance.";
        assert_eq!(text(None), plain);
        assert_eq!(text(Some("https://x.example/why")), format!("{plain} See https://x.example/why"));
    }
}
