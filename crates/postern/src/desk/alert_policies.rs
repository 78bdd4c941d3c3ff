//! Alert policies: who is told of what, and whether telling works.

use postern_domain::alert::{Alert, AlertPolicy, AlertStatus};
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::{EntityId, Reference};
use postern_store::{MailKind, QueuedMail};

use super::views::{AlertPolicyView, ChannelTestView};
use super::{Caller, Desk, DeskError};
use crate::outbox::{mails, webhooks};

impl Desk {
    /// Every alert policy: severity, recipients, webhooks.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn alert_policies(&self, caller: &Caller) -> Result<Vec<AlertPolicyView>, DeskError> {
        self.may_look(caller)?;
        let settings = self.settings.load();
        let view = |policy: AlertPolicy| {
            let rule = settings.alerts.of(policy);
            let webhooks = settings.webhooks.iter().filter(|webhook| webhook.alert_policies.contains(&policy));
            AlertPolicyView {
                name: policy,
                enabled: rule.enabled,
                severity: rule.severity,
                recipients: rule.recipients.clone(),
                daily_notification_limit: rule.daily_notification_limit,
                webhooks: webhooks.map(|webhook| webhook.name.clone()).collect(),
            }
        };
        Ok(AlertPolicy::ALL.map(view).into())
    }

    /// Sends a test through every channel of an alert policy, now, and tells what each answered.
    /// Nothing of it is kept.
    ///
    /// # Errors
    /// The caller may not, or there is no policy of that name.
    pub async fn test_alert_policy(&self, caller: &Caller, name: &str) -> Result<Vec<ChannelTestView>, DeskError> {
        self.may_manage(caller)?;
        let policy = AlertPolicy::ALL.into_iter().find(|policy| policy.name().eq_ignore_ascii_case(name));
        let policy = policy.ok_or_else(|| DeskError::NotFound(format!("there is no alert policy called {name:?}")))?;
        let settings = self.settings.load_full();
        let now = self.clock.now();
        let alert = Alert {
            reference: Reference::from_random(rand::random()),
            policy,
            severity: settings.alerts.of(policy).severity,
            status: AlertStatus::Active,
            entity: EntityId::account_named(format!("test@{}", settings.organization.domains[0])),
            cause: Cause::Manual {
                reason: format!("this is a test, asked for by {}; nobody is restricted", caller.name),
            },
            evidence: Evidence::default(),
            raised_at: now,
            closed_at: None,
        };
        let mut all = mails::for_alert(&settings, &alert, None, &[]);
        all.extend(webhooks::for_alert(&settings, &alert, None));
        let mut tests = Vec::new();
        for mail in all {
            let queued = QueuedMail { id: 0, reference: alert.reference.clone(), mail, attempts: 0, created_at: now };
            let answer = self.courier.deliver(&settings, &queued, now).await;
            tests.push(ChannelTestView {
                channel: if queued.mail.kind == MailKind::Webhook { "webhook" } else { "mail" }.into(),
                recipient: queued.mail.recipient,
                delivered: answer.is_ok(),
                answer: answer.unwrap_or_else(|failure| failure.error),
            });
        }
        tracing::info!(by = caller.name, policy = policy.name(), channels = tests.len(), "alert policy tested");
        Ok(tests)
    }
}
