//! The alert policies in force, in memory, and who is told of an alert.

use postern_domain::Organization;
use postern_domain::alert::{Alert, AlertBook, AlertPolicy, Severity, Trigger};
use postern_domain::policy::Member;
use postern_domain::restriction::Restriction;
use postern_store::Outgoing;

use super::Books;
use crate::in_force::InForce;
use crate::outbox::{mails, webhooks as calls};
use crate::settings::Settings;

/// The alert policies in force. An organization that has none of its own has the built-in ones.
pub type AlertPolicies = Books<AlertBook>;

/// Who is told of one alert, by the alert policies that want it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notification {
    /// The highest severity that one of them gives it; none if none of them is on.
    pub severity: Option<Severity>,
    /// Addresses, each with the policy it is told for.
    pub recipients: Vec<(Option<String>, String)>,
    /// Names of webhooks, each with the policy it is told for.
    pub webhooks: Vec<(Option<String>, String)>,
    /// How many alerts each policy wants at most on one day.
    pub limits: Vec<(String, u32)>,
}

impl Notification {
    /// Tells `more`, too, each once; no policy's limit holds for them.
    pub fn also(&mut self, more: &[String]) {
        for address in more {
            if !self.recipients.iter().any(|(_, known)| known == address) {
                self.recipients.push((None, address.clone()));
            }
        }
    }

    /// What is sent of an alert: mails and calls of webhooks.
    pub fn messages(&self, settings: &InForce, alert: &Alert, restriction: Option<&Restriction>) -> Vec<Outgoing> {
        let mut messages = mails::for_alert(settings, alert, restriction, &self.recipients);
        messages.extend(calls::for_alert(settings, alert, restriction, &self.webhooks));
        messages
    }

    fn add(&mut self, settings: &Settings, organization: &Organization, policy: &AlertPolicy) {
        let name = || Some(policy.name.clone());
        self.severity = self.severity.max(Some(policy.severity));
        for address in recipients(settings, organization, policy) {
            if !self.recipients.iter().any(|(_, known)| *known == address) {
                self.recipients.push((name(), address));
            }
        }
        for webhook in webhooks(settings, policy) {
            if !self.webhooks.iter().any(|(_, known)| *known == webhook) {
                self.webhooks.push((name(), webhook));
            }
        }
        self.limits.extend(limit(settings, policy).map(|limit| (policy.name.clone(), limit)));
    }
}

/// Whom a policy mails.
pub fn recipients(settings: &Settings, organization: &Organization, policy: &AlertPolicy) -> Vec<String> {
    organization.expand(policy.recipients.as_ref().unwrap_or(&settings.alerts.recipients))
}

/// The webhooks a policy tells: those it names, and those that ask for it.
pub fn webhooks(settings: &Settings, policy: &AlertPolicy) -> Vec<String> {
    let asks = |webhook: &&crate::settings::Webhook| {
        let named = policy.webhooks.contains(&webhook.name);
        named || webhook.wants(policy)
    };
    settings.webhooks.iter().filter(asks).map(|webhook| webhook.name.clone()).collect()
}

/// How many alerts of a policy are told on one day at most; none: any number.
pub fn limit(settings: &Settings, policy: &AlertPolicy) -> Option<u32> {
    policy.daily_notification_limit.or(settings.alerts.daily_notification_limit).filter(|limit| *limit > 0)
}

impl Books<AlertBook> {
    /// Who is told of what `trigger` raises about `member`; without one, about Postern itself.
    pub fn notification(&self, settings: &InForce, trigger: Trigger, member: Option<Member<'_>>) -> Notification {
        let organization = member.map_or(&settings.organization, |member| settings.organization_of(member.entity));
        let kept = self.load();
        let mut notification = Notification::default();
        for policy in kept.of(&organization.id).book.notifying(trigger, member) {
            notification.add(settings, organization, policy);
        }
        notification
    }

    /// Who is told of one policy's alerts.
    pub fn notification_by(settings: &Settings, organization: &Organization, policy: &AlertPolicy) -> Notification {
        let mut notification = Notification::default();
        if policy.enabled {
            notification.add(settings, organization, policy);
        }
        notification
    }
}
