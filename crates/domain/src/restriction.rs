//! Restrictions, their release, and the probation that follows.

use serde::{Deserialize, Serialize};

use crate::entity::EntityId;
use crate::evidence::{Cause, Evidence};
use crate::policy::Limits;
use crate::reference::Reference;
use crate::time::Timestamp;
use crate::window::{Usage, Window};

/// A restriction in force: the entity may not send. Once released, it is a [`Released`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Restriction {
    /// The incident's reference.
    pub reference: Reference,
    /// The entity that may not send.
    pub entity: EntityId,
    /// What led to it.
    pub cause: Cause,
    /// When it began.
    pub since: Timestamp,
    /// When it ends automatically; `None` if it lasts until an admin releases it.
    pub until: Option<Timestamp>,
    /// What was seen when it was imposed.
    pub evidence: Evidence,
}

/// How a restriction ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// When it ended.
    pub at: Timestamp,
    /// Who ended it; `system` if it ended automatically.
    pub by: String,
    /// The reason given, 1 to 1024 characters.
    pub reason: String,
    /// When the entity's probation ends; `None` if there is no probation.
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

/// A restriction, in force or released.
#[derive(Debug, Clone, PartialEq)]
pub enum RestrictionRecord {
    /// It is in force.
    InForce(Restriction),
    /// It has ended.
    Released(Released),
}

impl Restriction {
    /// Ends the restriction. A released restriction has no such method, so it cannot be released twice.
    pub fn release(self, release: Release) -> Released {
        Released { restriction: self, release }
    }

    /// The entity's standing while the restriction is in force.
    pub fn standing(&self) -> Standing {
        Standing::Restricted { reference: self.reference.clone(), until: self.until }
    }

    /// The window whose limit caused it; `None` if there was none, as for an admin's restriction.
    pub fn window(&self) -> Option<Window> {
        match &self.cause {
            Cause::LimitExceeded { excess, .. } => Some(excess.window),
            _ => None,
        }
    }
}

impl RestrictionRecord {
    /// The restriction as it was imposed.
    pub fn restriction(&self) -> &Restriction {
        match self {
            RestrictionRecord::InForce(restriction) => restriction,
            RestrictionRecord::Released(released) => &released.restriction,
        }
    }

    /// How it ended, if it has ended.
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
        /// The incident's reference, for example `PR-7K3F-9QXD`.
        reference: Reference,
        /// When it ends automatically, if it does.
        until: Option<Timestamp>,
    },
}

impl Standing {
    /// The standing at `now`: [`Standing::Free`] once its time is over.
    pub fn at(&self, now: Timestamp) -> Standing {
        match self {
            Standing::Probation { until } if *until <= now => Standing::Free,
            Standing::Restricted { until: Some(until), .. } if *until <= now => Standing::Free,
            standing => standing.clone(),
        }
    }

    /// Its name in the API.
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

/// What to ensure before releasing an account, as Microsoft recommends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recommendation {
    /// The password has been changed.
    PasswordChanged,
    /// Multi-factor authentication is on.
    MultiFactorOn,
    /// No forwarding or inbox rule is left that the account's owner did not create.
    NoRulesLeft,
    /// All sessions of the account have been ended.
    SessionsEnded,
}

impl Recommendation {
    /// Every recommendation, in the order in which admins are asked to confirm them.
    pub const ALL: [Recommendation; 4] = [
        Recommendation::PasswordChanged,
        Recommendation::MultiFactorOn,
        Recommendation::NoRulesLeft,
        Recommendation::SessionsEnded,
    ];

    /// The recommendation with this name.
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

/// The windows that a release has to empty, so that the next mail is not refused again: the one
/// whose limit caused the restriction, and every other that is at its limit.
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
