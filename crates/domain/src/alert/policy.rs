//! Alert policies: who is notified of which alerts, and how often at most.

use serde::{Deserialize, Serialize};

use super::{Severity, Trigger};
use crate::policy::{InvalidSetting, Member, Scope};

const MAX_NAME: usize = 64;

/// A rule that determines who is notified of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AlertPolicy {
    /// Its name. A built-in policy is named after its trigger and cannot be renamed.
    pub name: String,
    /// What raises its alerts.
    pub trigger: Trigger,
    /// Whether it notifies anybody.
    pub enabled: bool,
    /// How urgent its alerts are.
    pub severity: Severity,
    /// Who is notified by mail: addresses, or the keyword for the organization's admins. If absent,
    /// the setting in `[alerts]` applies.
    pub recipients: Option<Vec<String>>,
    /// The most alerts mailed in one day (UTC); 0: no limit. If absent, the setting in `[alerts]` applies.
    pub daily_notification_limit: Option<u32>,
    /// Webhooks to notify in addition to those that subscribe to the event themselves.
    pub webhooks: Vec<String>,
    /// The entities it applies to.
    #[serde(flatten)]
    pub scope: Scope,
    /// What it is for.
    pub description: String,
}

impl Default for AlertPolicy {
    fn default() -> Self {
        Self::built_in(Trigger::UserRestricted)
    }
}

impl AlertPolicy {
    /// The built-in policy of a trigger.
    pub fn built_in(trigger: Trigger) -> Self {
        Self {
            name: trigger.name().into(),
            trigger,
            enabled: true,
            severity: trigger.severity(),
            recipients: (!trigger.notifies_by_default()).then(Vec::new),
            daily_notification_limit: None,
            webhooks: Vec::new(),
            scope: Scope::default(),
            description: String::new(),
        }
    }

    /// Whether it is a built-in policy, which can't be removed.
    pub fn is_built_in(&self) -> bool {
        self.name == self.trigger.name()
    }

    /// Checks the policy's settings.
    ///
    /// # Errors
    /// The first invalid setting, and why it is invalid.
    pub fn check(&self) -> Result<(), InvalidSetting> {
        let invalid = |field: &'static str, problem: &str| Err(InvalidSetting { field, problem: problem.into() });
        let length = self.name.chars().count();
        if self.name.trim() != self.name || length == 0 || length > MAX_NAME || self.name.chars().any(char::is_control)
        {
            return invalid("name", "expected 1 to 64 characters without spaces around");
        }
        if Trigger::from_name(&self.name).is_some_and(|trigger| trigger != self.trigger) {
            return invalid("name", "is the name of a built-in alert policy");
        }
        if self.is_built_in() && !self.scope.is_for_everyone() {
            return invalid("users", "a built-in alert policy is about everyone; add one of your own");
        }
        if self.daily_notification_limit.is_some_and(|limit| limit > 100_000) {
            return invalid("daily_notification_limit", "expected 0 to 100000");
        }
        Ok(())
    }
}

/// Every alert policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertBook(Vec<AlertPolicy>);

impl Default for AlertBook {
    fn default() -> Self {
        Self(Trigger::ALL.map(AlertPolicy::built_in).into())
    }
}

impl AlertBook {
    /// A book with these policies; built-in policies that are not among them have their default settings.
    pub fn new(policies: impl IntoIterator<Item = AlertPolicy>) -> Self {
        let mut book = Self::default();
        for policy in policies {
            book.put(policy);
        }
        book
    }

    /// The built-in policies, then custom ones in the order in which they were added.
    pub fn all(&self) -> &[AlertPolicy] {
        &self.0
    }

    /// The policy with this name, ignoring case.
    pub fn find(&self, name: &str) -> Option<&AlertPolicy> {
        self.0.iter().find(|policy| policy.name.eq_ignore_ascii_case(name))
    }

    /// Adds a policy, or replaces the one with the same name.
    pub fn put(&mut self, policy: AlertPolicy) {
        match self.0.iter_mut().find(|known| known.name.eq_ignore_ascii_case(&policy.name)) {
            Some(known) => *known = policy,
            None => self.0.push(policy),
        }
    }

    /// Replaces the policy called `name`; the new policy may have a different name.
    ///
    /// # Errors
    /// Another policy already has the new name.
    pub fn rename(&mut self, name: &str, policy: AlertPolicy) -> Result<(), InvalidSetting> {
        let same = |known: &AlertPolicy, name: &str| known.name.eq_ignore_ascii_case(name);
        if self.0.iter().any(|known| same(known, &policy.name) && !same(known, name)) {
            return Err(InvalidSetting { field: "name", problem: "is the name of another alert policy".into() });
        }
        match self.0.iter_mut().find(|known| same(known, name)) {
            Some(known) => *known = policy,
            None => self.0.push(policy),
        }
        Ok(())
    }

    /// Removes a custom policy; returns whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|policy| policy.is_built_in() || !policy.name.eq_ignore_ascii_case(name));
        self.0.len() < before
    }

    /// The enabled policies that notify of alerts raised by `trigger` about `member`.
    pub fn notifying<'a>(
        &'a self,
        trigger: Trigger,
        member: Option<Member<'a>>,
    ) -> impl Iterator<Item = &'a AlertPolicy> {
        let also = trigger.includes(member.map(|member| member.entity));
        self.0.iter().filter(move |policy| {
            let about = member.is_none_or(|member| policy.scope.holds(member).is_ok());
            policy.enabled && about && (policy.trigger == trigger || Some(policy.trigger) == also)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entity::EntityId;

    #[test]
    fn ones_own_policies_are_told_besides_the_built_in_ones() {
        let sales = Scope { groups: vec!["sales".into()], ..Scope::default() };
        let own = AlertPolicy { name: "Sales".into(), scope: sales, ..AlertPolicy::default() };
        let book = AlertBook::new([own]);
        let alice = EntityId::account_named("alice@example.com");
        let groups = ["Sales".to_owned()];
        let told = |trigger, groups| -> Vec<&str> {
            let member = Member { entity: &alice, groups };
            book.notifying(trigger, Some(member)).map(|policy| policy.name.as_str()).collect()
        };
        let restricted = Trigger::UserRestricted.name();
        assert_eq!(told(Trigger::UserRestricted, &groups), [restricted, "Sales"]);
        assert_eq!(told(Trigger::UserRestricted, &[]), [restricted]);
        assert_eq!(told(Trigger::ProbationBroken, &groups), [restricted, "Probation broken", "Sales"]);
        assert_eq!(told(Trigger::ConnectorRestricted, &groups), ["Connector restricted"]);
        assert_eq!(book.notifying(Trigger::StoreAway, None).count(), 1);
    }

    #[test]
    fn built_in_policies_stay() {
        let mut book = AlertBook::default();
        let name = Trigger::UserRestricted.name();
        assert!(!book.remove(name));
        book.put(AlertPolicy { enabled: false, ..AlertPolicy::built_in(Trigger::UserRestricted) });
        assert_eq!(book.all().len(), Trigger::ALL.len());
        assert_eq!(book.notifying(Trigger::UserRestricted, None).count(), 0);
        book.put(AlertPolicy { name: "Mine".into(), ..AlertPolicy::default() });
        assert!(book.find("MINE").is_some() && book.remove("mine") && book.find("mine").is_none());
    }

    #[test]
    fn what_can_t_be_is_named() {
        let wrong = |policy: AlertPolicy| policy.check().unwrap_err().field;
        let own = || AlertPolicy { name: "Mine".into(), ..AlertPolicy::default() };
        assert_eq!(own().check(), Ok(()));
        assert_eq!(wrong(AlertPolicy { name: " ".into(), ..own() }), "name");
        assert_eq!(wrong(AlertPolicy { trigger: Trigger::StoreAway, ..AlertPolicy::default() }), "name");
        let scope = Scope { groups: vec!["x".into()], ..Scope::default() };
        assert_eq!(wrong(AlertPolicy { scope, ..AlertPolicy::default() }), "users");
        assert_eq!(wrong(AlertPolicy { daily_notification_limit: Some(100_001), ..own() }), "daily_notification_limit");
    }
}
