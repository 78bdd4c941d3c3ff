//! The alert policies in force, in memory, and who is told of an alert.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use postern_domain::alert::{Alert, AlertPolicy, Severity, Trigger};
use postern_domain::policy::Member;
use postern_domain::restriction::Restriction;
use postern_domain::{Organization, OrganizationId, Timestamp};
use postern_store::audit::NewAuditEntry;
use postern_store::{KeptAlertPolicies, Outgoing, Store, StoreError};
use serde_json::json;

use super::ByOrganization;
use super::policies::CONFIGURATION;
use crate::outbox::{mails, webhooks as calls};
use crate::settings::Settings;

/// The alert policies in force.
#[derive(Debug, Default)]
pub struct AlertPolicies {
    kept: ArcSwap<ByOrganization<KeptAlertPolicies>>,
    editing: tokio::sync::Mutex<()>,
}

/// Who is told of one alert, by the alert policies that want it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// The highest severity that one of them gives it; none if none of them is on.
    pub severity: Option<Severity>,
    /// Addresses, each with the policy it is told for.
    pub recipients: Vec<(Option<String>, String)>,
    /// Names of webhooks, each with the policy it is told for.
    pub webhooks: Vec<(Option<String>, String)>,
    /// How many alerts each policy wants at most on one day.
    pub limits: Vec<(String, u32)>,
}

impl Told {
    /// Tells `more`, too, each once; no policy's limit holds for them.
    pub fn also(&mut self, more: &[String]) {
        for address in more {
            if !self.recipients.iter().any(|(_, known)| known == address) {
                self.recipients.push((None, address.clone()));
            }
        }
    }

    /// What is sent of an alert: mails and calls of webhooks.
    pub fn messages(&self, settings: &Settings, alert: &Alert, restriction: Option<&Restriction>) -> Vec<Outgoing> {
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

impl AlertPolicies {
    /// The policies by organization, and how often they have been changed. One that has none of its
    /// own has the built-in ones.
    pub fn load(&self) -> Guard<Arc<ByOrganization<KeptAlertPolicies>>> {
        self.kept.load()
    }

    /// One edit at a time: whoever holds this reads, changes, writes and puts in force.
    pub async fn editing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.editing.lock().await
    }

    /// Puts an organization's policies in force that have been written down.
    pub fn set(&self, organization: &OrganizationId, kept: KeptAlertPolicies) {
        let all = ByOrganization::clone(&self.load());
        self.kept.store(Arc::new(all.with(organization, kept, |_| KeptAlertPolicies::default())));
    }

    /// Forgets the policies of an organization that is no more.
    pub fn forget(&self, organization: &OrganizationId) {
        let all = ByOrganization::clone(&self.load());
        self.kept.store(Arc::new(all.without(organization)));
    }

    /// Who is told of what `trigger` raises about `member`; without one, about Postern itself.
    pub fn told(&self, settings: &Settings, trigger: Trigger, member: Option<Member<'_>>) -> Told {
        let organization = member.map_or(&settings.organization, |member| settings.organization_of(member.entity));
        let kept = self.load();
        let mut told = Told::default();
        for policy in kept.of(&organization.id).book.told(trigger, member) {
            told.add(settings, organization, policy);
        }
        told
    }

    /// Who is told of one policy's alerts.
    pub fn told_by(settings: &Settings, organization: &Organization, policy: &AlertPolicy) -> Told {
        let mut told = Told::default();
        if policy.enabled {
            told.add(settings, organization, policy);
        }
        told
    }

    /// Takes over what the store holds, and what the configuration file says that it did not say
    /// last time: whoever spoke last is right.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn restore(&self, store: &dyn Store, settings: &Settings, now: Timestamp) -> Result<(), StoreError> {
        for (organization, kept) in store.alert_policies().await? {
            self.set(&organization, kept);
        }
        self.take_over(store, settings, now).await
    }

    /// Takes over the configuration file's alert policies that are new or say something new.
    ///
    /// # Errors
    /// The store can't be written; what was in force stays so.
    pub async fn take_over(&self, store: &dyn Store, settings: &Settings, now: Timestamp) -> Result<(), StoreError> {
        let _one_at_a_time = self.editing().await;
        let first = OrganizationId::first();
        let mut new = KeptAlertPolicies::clone(self.load().of(&first));
        let file = &settings.alerts.policies;
        let said = json!(file).to_string();
        if new.file.as_ref() == Some(&said) {
            return Ok(());
        }
        let before: Vec<AlertPolicy> =
            new.file.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut audit = Vec::new();
        let mut entry = |action, policy: &AlertPolicy| {
            audit.push(NewAuditEntry {
                at: now,
                organization: Some(first.clone()),
                actor: CONFIGURATION.into(),
                action,
                target: policy.name.clone(),
                detail: json!({ "to": policy }),
            });
        };
        for policy in file.iter().filter(|policy| !before.contains(policy)) {
            new.book.put(policy.clone());
            entry("alert-policy.change", policy);
        }
        for gone in before.iter().filter(|gone| !file.iter().any(|policy| policy.name == gone.name)) {
            if gone.is_built_in() {
                new.book.put(AlertPolicy::built_in(gone.trigger));
            } else {
                new.book.remove(&gone.name);
            }
            entry("alert-policy.remove", gone);
        }
        new.file = Some(said);
        store.save_alert_policies(&first, &new, &audit).await?;
        self.set(&first, KeptAlertPolicies { revision: new.revision + 1, ..new });
        Ok(())
    }
}
