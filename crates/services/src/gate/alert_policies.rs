//! The alert policies in force, cached in memory, and who is notified of an alert.

use postern_domain::Organization;
use postern_domain::alert::{Alert, AlertBook, AlertPolicy, Severity, Trigger};
use postern_domain::policy::Member;
use postern_domain::restriction::Restriction;
use postern_store::Outgoing;

use super::Books;
use crate::in_force::InForce;
use crate::outbox::{mails, webhooks as calls};
use crate::settings::Settings;

/// The alert policies in force. An organization without its own gets the built-in ones.
pub type AlertPolicies = Books<AlertBook>;

/// Who is notified of one alert, according to the alert policies that match it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notification {
    /// The highest severity that any of them gives it; `None` if no enabled policy matches.
    pub severity: Option<Severity>,
    /// Addresses, each with the policy that notifies it; no policy for addresses added by [`Notification::also`].
    pub recipients: Vec<(Option<String>, String)>,
    /// Names of webhooks, each with the policy that notifies it.
    pub webhooks: Vec<(Option<String>, String)>,
    /// The daily notification limit of each policy that has one.
    pub limits: Vec<(String, u32)>,
}

impl Notification {
    /// Also notifies `more`, each address once. No policy's daily limit applies to them.
    pub fn also(&mut self, more: &[String]) {
        for address in more {
            if !self.recipients.iter().any(|(_, known)| known == address) {
                self.recipients.push((None, address.clone()));
            }
        }
    }

    /// The messages to send for an alert: mails and webhook calls.
    pub fn messages(&self, settings: &InForce, alert: &Alert, restriction: Option<&Restriction>) -> Vec<Outgoing> {
        let organization = mails::whose(settings, alert);
        let (recipients, foreign): (Vec<_>, Vec<_>) =
            self.recipients.iter().cloned().partition(|(_, address)| organization.may_notify(address));
        for (_, address) in foreign {
            tracing::warn!(organization = %organization.id, address, "not notified: the address is none of the organization's");
        }
        let mut messages = mails::for_alert(settings, alert, restriction, &recipients);
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

/// The addresses that a policy mails, or the ones from the settings if it names none.
pub fn recipients(settings: &Settings, organization: &Organization, policy: &AlertPolicy) -> Vec<String> {
    let mut recipients = organization.expand(policy.recipients.as_ref().unwrap_or(&settings.alerts.recipients));
    recipients.retain(|address| organization.may_notify(address));
    recipients
}

/// The names of the webhooks that a policy notifies: those it names, and those that subscribe to it.
pub fn webhooks(settings: &Settings, policy: &AlertPolicy) -> Vec<String> {
    let asks = |webhook: &&crate::settings::Webhook| {
        let named = policy.webhooks.contains(&webhook.name);
        named || webhook.wants(policy)
    };
    settings.webhooks.iter().filter(asks).map(|webhook| webhook.name.clone()).collect()
}

/// The most alerts of a policy that send notifications on one day; `None` for no limit.
pub fn limit(settings: &Settings, policy: &AlertPolicy) -> Option<u32> {
    policy.daily_notification_limit.or(settings.alerts.daily_notification_limit).filter(|limit| *limit > 0)
}

impl Books<AlertBook> {
    /// Who is notified of an alert that `trigger` raises about `member`; without a member, about Postern itself.
    pub fn notification(&self, settings: &InForce, trigger: Trigger, member: Option<Member<'_>>) -> Notification {
        let organization = member.map_or(&settings.organization, |member| settings.organization_of(member.entity));
        let stored = self.load();
        let mut notification = Notification::default();
        for policy in stored.of(&organization.id).book.notifying(trigger, member) {
            notification.add(settings, organization, policy);
        }
        notification
    }

    /// Who is notified of the alerts of one policy; nobody if it is disabled.
    pub fn notification_by(settings: &Settings, organization: &Organization, policy: &AlertPolicy) -> Notification {
        let mut notification = Notification::default();
        if policy.enabled {
            notification.add(settings, organization, policy);
        }
        notification
    }
}
