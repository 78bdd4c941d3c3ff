//! Restrictions, their release, and the probation after it.

use serde::{Deserialize, Serialize};

use crate::entity::EntityId;
use crate::evidence::{Cause, Evidence};
use crate::policy::Limits;
use crate::reference::Reference;
use crate::time::Timestamp;
use crate::window::{Usage, Window};

/// An entity that may not send. It is in force: a released one is a [`Released`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restriction {
    /// Names the incident.
    pub reference: Reference,
    /// Who may not send.
    pub entity: EntityId,
    /// What led to it.
    pub cause: Cause,
    /// When it began.
    pub since: Timestamp,
    /// When it ends by itself; none: when an admin releases it.
    pub until: Option<Timestamp>,
    /// What was seen when it was made.
    pub evidence: Evidence,
}

/// How a restriction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When it ended.
    pub at: Timestamp,
    /// By whom; `system` when its time had come.
    pub by: String,
    /// The reason that was given, 1 to 1024 characters.
    pub reason: String,
    /// Until when the entity is on probation; none: it is not.
    pub probation_until: Option<Timestamp>,
}

/// A restriction that has ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Released {
    /// The restriction as it was.
    pub restriction: Restriction,
    /// How it ended.
    pub release: Release,
}

/// A restriction, whatever has become of it.
#[derive(Debug, Clone, PartialEq)]
pub enum RestrictionRecord {
    /// It is in force.
    InForce(Restriction),
    /// It has ended.
    Released(Released),
}

impl Restriction {
    /// Ends it. A released restriction has no such method.
    pub fn release(self, release: Release) -> Released {
        Released { restriction: self, release }
    }

    /// What the entity may do while it is in force.
    pub fn standing(&self) -> Standing {
        Standing::Restricted { reference: self.reference.clone(), until: self.until }
    }

    /// The window it was made for; none if an admin made it.
    pub fn window(&self) -> Option<Window> {
        match &self.cause {
            Cause::LimitExceeded { excess, .. } => Some(excess.window),
            _ => None,
        }
    }
}

impl RestrictionRecord {
    /// The restriction as it was made.
    pub fn restriction(&self) -> &Restriction {
        match self {
            RestrictionRecord::InForce(restriction) => restriction,
            RestrictionRecord::Released(released) => &released.restriction,
        }
    }

    /// How it ended, if it has.
    pub fn release(&self) -> Option<&Release> {
        match self {
            RestrictionRecord::InForce(_) => None,
            RestrictionRecord::Released(released) => Some(&released.release),
        }
    }
}

/// What an entity may do right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It may send up to its limits.
    Free,
    /// It may send up to a share of its limits.
    Probation {
        /// When it ends.
        until: Timestamp,
    },
    /// It may not send.
    Restricted {
        /// Names the incident, for example `PR-7K3F-9QXD`.
        reference: Reference,
        /// When it ends by itself.
        until: Option<Timestamp>,
    },
}

impl Standing {
    /// What is left of it at `now`.
    pub fn at(&self, now: Timestamp) -> Standing {
        match self {
            Standing::Probation { until } if *until <= now => Standing::Free,
            Standing::Restricted { until: Some(until), .. } if *until <= now => Standing::Free,
            standing => standing.clone(),
        }
    }

    /// The name it has in the API.
    pub fn key(&self) -> &'static str {
        match self {
            Standing::Free => "free",
            Standing::Probation { .. } => "probation",
            Standing::Restricted { .. } => "restricted",
        }
    }

    /// Whether the entity may not send.
    pub fn is_restricted(&self) -> bool {
        matches!(self, Standing::Restricted { .. })
    }
}

/// What should be made sure of before an account is released, as Microsoft recommends it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Recommendation {
    /// The password is changed.
    PasswordChanged,
    /// Multi-factor authentication is on.
    MultiFactorOn,
    /// No forwarding and no inbox rule is left that its owner did not make.
    NoRulesLeft,
    /// Whoever is signed in is signed out.
    SessionsEnded,
}

impl Recommendation {
    /// All of them, in the order in which people are asked.
    pub const ALL: [Recommendation; 4] = [
        Recommendation::PasswordChanged,
        Recommendation::MultiFactorOn,
        Recommendation::NoRulesLeft,
        Recommendation::SessionsEnded,
    ];

    /// The recommendation of that name.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.key() == key)
    }

    /// The name used in the API and the audit trail.
    pub fn key(self) -> &'static str {
        match self {
            Recommendation::PasswordChanged => "password-changed",
            Recommendation::MultiFactorOn => "multi-factor-on",
            Recommendation::NoRulesLeft => "no-rules-left",
            Recommendation::SessionsEnded => "sessions-ended",
        }
    }
}

/// The windows a release has to empty, so that the next mail is not refused again: the one
/// the restriction was made for, and every other that `limits` would not let grow.
pub fn windows_to_reset(made_for: Option<Window>, usage: &Usage, limits: &Limits, now: Timestamp) -> Vec<Window> {
    limits
        .each()
        .filter(|&(window, limit)| Some(window) == made_for || usage.count(window, now) >= limit)
        .map(|(window, _)| window)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::Charge;

    #[test]
    fn standings_end_by_themselves() {
        let until = Timestamp::from_minute(10);
        let restricted = Standing::Restricted { reference: Reference::from_random(1), until: Some(until) };
        assert!(restricted.at(Timestamp::from_minute(9)).is_restricted());
        assert_eq!(restricted.at(until), Standing::Free);
        assert_eq!(Standing::Probation { until }.at(until), Standing::Free);
        let open_ended = Standing::Restricted { reference: Reference::from_random(1), until: None };
        assert!(open_ended.at(Timestamp::from_minute(1_000_000)).is_restricted());
    }

    #[test]
    fn a_release_leaves_no_window_that_would_refuse_the_next_mail() {
        let limits = Limits {
            external_per_hour: 4,
            internal_per_hour: 4,
            per_day: 5,
            escape_lane_per_hour: 9,
            ..Limits::DEFAULT
        };
        let now = Timestamp::from_minute(500);
        let mut usage = Usage::default();
        usage.accept(Charge { external: 3, internal: 2, ..Charge::NONE }, now);
        let reset = windows_to_reset(Some(Window::ExternalPerHour), &usage, &limits, now);
        assert_eq!(reset, [Window::ExternalPerHour, Window::PerDay]);
        usage.reset(&reset);
        assert!(limits.each().all(|(w, limit)| usage.count(w, now) < limit));
    }
}
