//! Allowances: temporarily higher limits for one entity.

use serde::{Deserialize, Serialize};

use super::{InvalidSetting, Limits, MAX_ALLOWANCE};
use crate::entity::EntityId;
use crate::reference::Reference;
use crate::time::Timestamp;

/// A temporary allowance, such as "2000 a day for this account until Friday 18:00, granted by X because Y".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// The reference of the allowance.
    pub reference: Reference,
    /// The account or connector whose limits it raises.
    pub entity: EntityId,
    /// External recipients per hour; if absent, the policy's limit applies.
    pub external_per_hour: Option<u32>,
    /// Internal recipients per hour; if absent, the policy's limit applies.
    pub internal_per_hour: Option<u32>,
    /// Recipients per day; if absent, the policy's limit applies.
    pub per_day: Option<u32>,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// Who granted it, as named in the audit trail.
    pub granted_by: String,
    /// The reason given for it, 1 to 1024 characters.
    pub reason: String,
}

impl Allowance {
    /// Checks the allowance.
    ///
    /// # Errors
    /// The first invalid field, and why it is invalid.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let wrong = |field, problem| Err(InvalidSetting { field, problem });
        let raised = [
            ("external_per_hour", self.external_per_hour),
            ("internal_per_hour", self.internal_per_hour),
            ("per_day", self.per_day),
        ];
        for (field, value) in raised {
            if let Some(value) = value.filter(|value| !(1..=MAX_ALLOWANCE).contains(value)) {
                return wrong(field, format!("is {value}, expected 1 to {MAX_ALLOWANCE}"));
            }
        }
        if raised.iter().all(|(_, value)| value.is_none()) {
            let problem = "raise at least one of external_per_hour, internal_per_hour and per_day";
            return wrong("per_day", problem.into());
        }
        if self.until <= self.granted_at {
            return wrong("until", format!("{} is in the past; expected a later time", self.until));
        }
        Ok(())
    }

    /// `limits` raised to those of the allowance while it lasts; none is ever lowered.
    #[must_use]
    pub fn raise(&self, limits: Limits, now: Timestamp) -> Limits {
        if now >= self.until {
            return limits;
        }
        let or = |limit: u32, allowed: Option<u32>| limit.max(allowed.unwrap_or(0));
        Limits {
            external_per_hour: or(limits.external_per_hour, self.external_per_hour),
            internal_per_hour: or(limits.internal_per_hour, self.internal_per_hour),
            per_day: or(limits.per_day, self.per_day),
            ..limits
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_raises_for_its_time_and_never_lowers() {
        let allowance = Allowance {
            reference: Reference::from_random(1),
            entity: EntityId::account_named("a@example.com"),
            external_per_hour: Some(1),
            internal_per_hour: None,
            per_day: Some(2000),
            granted_at: Timestamp::from_minute(0),
            until: Timestamp::from_minute(10),
            granted_by: "root".into(),
            reason: "newsletter".into(),
        };
        allowance.check().unwrap();
        let raised = allowance.raise(Limits::DEFAULT, Timestamp::from_minute(9));
        assert_eq!(raised, Limits { per_day: 2000, ..Limits::DEFAULT });
        assert_eq!(allowance.raise(Limits::DEFAULT, Timestamp::from_minute(10)), Limits::DEFAULT);
        let nothing = Allowance { external_per_hour: None, per_day: None, ..allowance.clone() };
        let said = |allowance: &Allowance| allowance.check().unwrap_err().to_string();
        let expected = "per_day: raise at least one of external_per_hour, internal_per_hour and per_day";
        assert_eq!(said(&nothing), expected);
        let zero = Allowance { per_day: Some(0), ..allowance };
        assert_eq!(said(&zero), "per_day: is 0, expected 1 to 1000000");
    }
}
