//! The outbound policies of an organization, in order of priority.

use serde::{Deserialize, Serialize};

use super::InvalidSetting;
use super::{DEFAULT_POLICY, MAX_LIMIT, Member, Mismatch, OutboundPolicy};

/// The longest policy name that Exchange allows, in characters.
const MAX_NAME: usize = 64;
/// The highest limit for the recipients of one message, as in Exchange.
const MAX_RECIPIENTS: u32 = 1000;

/// Custom policies in the order in which they are checked, and the default policy, which applies
/// if none of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyBook {
    /// The default policy.
    pub default: OutboundPolicy,
    /// Custom policies by priority: the first has priority 0.
    #[serde(default)]
    pub custom: Vec<OutboundPolicy>,
}

impl Default for PolicyBook {
    fn default() -> Self {
        Self { default: OutboundPolicy::built_in(), custom: Vec::new() }
    }
}

/// A policy that does not apply, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Skipped<'a> {
    /// The policy that was checked.
    pub policy: &'a OutboundPolicy,
    /// Its priority; 0 is checked first.
    pub priority: usize,
    /// Why it does not apply; `None` if it is disabled.
    pub why: Option<Mismatch>,
}

/// The policy that applies, and those checked before it that do not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice<'a> {
    /// The policy that applies.
    pub policy: &'a OutboundPolicy,
    /// Its priority; `None` for the default policy, which is checked last.
    pub priority: Option<usize>,
    /// The policies checked before it.
    pub skipped: Vec<Skipped<'a>>,
}

impl PolicyBook {
    /// The policy that applies to `member`: the first that is enabled and whose scope matches.
    pub fn choose(&self, member: Member<'_>) -> &OutboundPolicy {
        let holds = |policy: &&OutboundPolicy| policy.enabled && policy.scope.holds(member).is_ok();
        self.custom.iter().find(holds).unwrap_or(&self.default)
    }

    /// Like [`choose`](Self::choose), with the reasons.
    pub fn explain(&self, member: Member<'_>) -> Choice<'_> {
        let mut skipped = Vec::new();
        for (priority, policy) in self.custom.iter().enumerate() {
            let why = match policy.scope.holds(member) {
                _ if !policy.enabled => None,
                Ok(()) => return Choice { policy, priority: Some(priority), skipped },
                Err(why) => Some(why),
            };
            skipped.push(Skipped { policy, priority, why });
        }
        Choice { policy: &self.default, priority: None, skipped }
    }

    /// The policy with this name, ignoring case, and its priority (`None` for the default policy).
    pub fn find(&self, name: &str) -> Option<(&OutboundPolicy, Option<usize>)> {
        if self.default.name.eq_ignore_ascii_case(name) {
            return Some((&self.default, None));
        }
        let priority = self.custom.iter().position(|policy| policy.name.eq_ignore_ascii_case(name))?;
        Some((&self.custom[priority], Some(priority)))
    }

    /// Every policy with its priority, the default one last.
    pub fn all(&self) -> impl Iterator<Item = (&OutboundPolicy, Option<usize>)> {
        self.custom.iter().enumerate().map(|(n, policy)| (policy, Some(n))).chain([(&self.default, None)])
    }

    /// Checks whether the policies can be put in force together.
    ///
    /// # Errors
    /// What is invalid, and in which policy.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let wrong = |field, problem: &str| Err(InvalidSetting { field, problem: problem.into() });
        if self.default.name != DEFAULT_POLICY {
            return wrong("name", "the default policy can't be renamed");
        }
        if !self.default.enabled {
            return wrong("enabled", "the default policy is always on");
        }
        if !self.default.scope.is_for_everyone() {
            return wrong("users", "the default policy is for everyone; make a policy of its own instead");
        }
        self.default.check()?;
        for (number, policy) in self.custom.iter().enumerate() {
            policy.check()?;
            if policy.scope.is_empty() && policy.enabled {
                let problem = format!("policy {:?}: name at least one of users, groups and domains", policy.name);
                return Err(InvalidSetting { field: "users", problem });
            }
            let taken = |other: &OutboundPolicy| other.name.eq_ignore_ascii_case(&policy.name);
            if taken(&self.default) || self.custom[..number].iter().any(taken) {
                let problem = format!("there is a policy called {:?} already", policy.name);
                return Err(InvalidSetting { field: "name", problem });
            }
            let same_rule =
                |other: &OutboundPolicy| !other.scope.is_empty() && other.rule().eq_ignore_ascii_case(policy.rule());
            if !policy.scope.is_empty() && self.custom[..number].iter().any(same_rule) {
                let problem = format!("there is a rule called {:?} already", policy.rule());
                return Err(InvalidSetting { field: "rule_name", problem });
            }
        }
        Ok(())
    }
}

impl OutboundPolicy {
    /// The policy's numeric settings: the key, value and highest valid value of each.
    pub fn numbers(&self) -> [(&'static str, u32, u32); 10] {
        [
            ("external_per_hour", self.external_per_hour, MAX_LIMIT),
            ("internal_per_hour", self.internal_per_hour, MAX_LIMIT),
            ("per_day", self.per_day, MAX_LIMIT),
            ("messages_per_minute", self.messages_per_minute, MAX_LIMIT),
            ("messages_per_day", self.messages_per_day, MAX_LIMIT),
            ("first_time_recipients_per_day", self.first_time_recipients_per_day, MAX_LIMIT),
            ("unknown_recipients_per_hour", self.unknown_recipients_per_hour, MAX_LIMIT),
            ("escape_lane_per_hour", self.escape_lane_per_hour, MAX_LIMIT),
            ("recipients_per_message", self.recipients_per_message, MAX_RECIPIENTS),
            ("warn_at_percent", self.warn_at_percent, 99),
        ]
    }

    fn check(&self) -> Result<(), InvalidSetting> {
        for (field, value, most) in self.numbers() {
            if value > most {
                return Err(InvalidSetting { field, problem: format!("is {value}, expected 0 to {most}") });
            }
        }
        let name = self.name.trim();
        let bad_name = if name.is_empty() {
            Some("is empty; name the policy".into())
        } else if name.chars().count() > MAX_NAME {
            Some(format!("is longer than {MAX_NAME} characters"))
        } else if name != self.name || name.chars().any(|c| c.is_control() || c == '/') {
            Some(format!("{:?} starts or ends with a space or holds a slash or a control character", self.name))
        } else {
            None
        };
        match bad_name {
            Some(problem) => Err(InvalidSetting { field: "name", problem }),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Scope;
    use super::*;
    use crate::entity::EntityId;

    const USERS: [&str; 4] = ["a@one.example", "b@two.example", "c@sub.one.example", "d@three.example"];
    const GROUPS: [&str; 3] = ["sales", "staff", "students"];
    const DOMAINS: [&str; 3] = ["one.example", "two.example", "sub.one.example"];

    fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
        proptest::sample::subsequence(of, 0..=of.len()).prop_map(|v| v.into_iter().map(str::to_owned).collect())
    }

    fn users(of: &[String]) -> Vec<EntityId> {
        of.iter().map(|user| EntityId::account_named(user.as_str())).collect()
    }

    fn policy() -> impl Strategy<Value = OutboundPolicy> {
        let condition = || (some(&USERS), some(&GROUPS), some(&DOMAINS));
        (any::<bool>(), condition(), condition(), any::<[bool; 3]>()).prop_map(|(enabled, with, without, excepts)| {
            let stored = |keep: bool, list: &Vec<String>| if keep { list.clone() } else { Vec::new() };
            let scope = Scope {
                users: users(&with.0),
                groups: with.1,
                domains: with.2,
                except_users: users(&stored(excepts[0], &without.0)),
                except_groups: stored(excepts[1], &without.1),
                except_domains: stored(excepts[2], &without.2),
            };
            OutboundPolicy { enabled, scope, ..OutboundPolicy::default() }
        })
    }

    /// The rules exactly as Exchange's documentation states them.
    fn oracle(policy: &OutboundPolicy, user: &str, groups: &[String]) -> bool {
        let domain = user.split('@').nth(1).unwrap();
        let in_domain = |d: &String| domain == d || domain.ends_with(&format!(".{d}"));
        let scope = &policy.scope;
        let mut conditions = Vec::new();
        if !scope.users.is_empty() {
            conditions.push(scope.users.iter().any(|u| u.name() == user));
        }
        if !scope.groups.is_empty() {
            conditions.push(scope.groups.iter().any(|g| groups.contains(g)));
        }
        if !scope.domains.is_empty() {
            conditions.push(scope.domains.iter().any(in_domain));
        }
        let exceptions = [
            scope.except_users.iter().any(|u| u.name() == user),
            scope.except_groups.iter().any(|g| groups.contains(g)),
            scope.except_domains.iter().any(in_domain),
        ];
        policy.enabled && conditions.iter().all(|c| *c) && !exceptions.contains(&true)
    }

    proptest! {
        #[test]
        fn the_first_that_is_on_and_matches_holds(
            mut custom in proptest::collection::vec(policy(), 0..6),
            user in proptest::sample::select(&USERS[..]),
            groups in some(&GROUPS),
        ) {
            for (n, policy) in custom.iter_mut().enumerate() {
                policy.name = format!("policy {n}");
            }
            let expected = custom.iter().find(|p| oracle(p, user, &groups)).map_or("Default", |p| &p.name).to_owned();
            let book = PolicyBook { custom, ..PolicyBook::default() };
            let entity = EntityId::account_named(user);
            let member = Member { entity: &entity, groups: &groups };
            prop_assert_eq!(&book.choose(member).name, &expected);
            let choice = book.explain(member);
            prop_assert_eq!(&choice.policy.name, &expected);
            prop_assert_eq!(choice.skipped.len(), choice.priority.unwrap_or(book.custom.len()));
        }
    }

    #[test]
    fn what_cant_be_in_force_is_named() {
        let sales = || OutboundPolicy {
            name: "Sales".into(),
            scope: Scope { groups: vec!["sales".into()], ..Scope::default() },
            ..OutboundPolicy::default()
        };
        let with = |custom| PolicyBook { custom, ..PolicyBook::default() }.check().map_err(|e| e.to_string());
        assert_eq!(with(vec![sales()]), Ok(()));
        let twice = OutboundPolicy { name: "SALES".into(), ..sales() };
        assert_eq!(with(vec![sales(), twice]), Err("name: there is a policy called \"SALES\" already".into()));
        let high = OutboundPolicy { per_day: 10_001, ..sales() };
        assert_eq!(with(vec![high]), Err("per_day: is 10001, expected 0 to 10000".into()));
        let nobody = OutboundPolicy { scope: Scope::default(), ..sales() };
        assert!(with(vec![nobody]).unwrap_err().starts_with("users: policy \"Sales\": name at least one"));
        let not_yet = OutboundPolicy { scope: Scope::default(), enabled: false, ..sales() };
        assert_eq!(with(vec![not_yet]), Ok(()), "one that is off may be for nobody yet");
        let ruled = OutboundPolicy { name: "Other".into(), rule_name: "sales".into(), ..sales() };
        assert_eq!(with(vec![sales(), ruled]), Err("rule_name: there is a rule called \"sales\" already".into()));
        let mut book = PolicyBook::default();
        book.default.enabled = false;
        assert_eq!(book.check().unwrap_err().to_string(), "enabled: the default policy is always on");
    }
}
