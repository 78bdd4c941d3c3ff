//! `[alerts]`, `[[alert_policy]]` and `[[webhook]]`: who is notified about what.

use std::time::Duration;

use postern_domain::alert::{AlertPolicy, Trigger};
use postern_domain::policy::Scope;
use postern_services::settings::{self, Alerts, TENANT_ADMINS, Webhook, WebhookFormat};

use crate::reader::Section;
use crate::values;

pub(super) fn alerts(mut s: Section<'_>) -> Alerts {
    let recipients = s.list("recipients", settings::checked_recipient).unwrap_or_else(|| vec![TENANT_ADMINS.into()]);
    let alerts = Alerts {
        recipients,
        // 0 stands for no limit, as the empty choice in Exchange does.
        daily_notification_limit: s.number("daily_notification_limit", 0..=100_000).filter(|&n| n > 0),
        notify_owner: s.boolean("notify_owner").unwrap_or(true),
        release_overdue: Duration::from_secs(
            u64::from(s.number("release_overdue_hours", 0..=8760).unwrap_or(24)) * 3600,
        ),
        policies: Vec::new(),
    };
    s.finish();
    alerts
}

pub(super) fn alert_policy(mut s: Section<'_>) -> Option<AlertPolicy> {
    let name = s.text("name", values::any);
    let trigger = s.text("trigger", values::trigger);
    let enabled = s.boolean("enabled");
    let severity = s.text("severity", values::severity);
    let recipients = s.list("recipients", settings::checked_recipient);
    // 0 stands for no limit, as in [alerts].
    let limit = s.number("daily_notification_limit", 0..=100_000);
    let webhooks = s.list("webhooks", values::any);
    let scope = Scope {
        users: s.list("users", values::entity).unwrap_or_default(),
        groups: s.list("groups", values::any).unwrap_or_default(),
        domains: s.list("domains", values::domain_text).unwrap_or_default(),
        except_users: s.list("except_users", values::entity).unwrap_or_default(),
        except_groups: s.list("except_groups", values::any).unwrap_or_default(),
        except_domains: s.list("except_domains", values::domain_text).unwrap_or_default(),
    };
    let description = s.text("description", values::any).unwrap_or_default();
    if name.is_none() {
        s.missing("name", "name the alert policy, for example \"User restricted from sending email\"");
    }
    let policy = name.and_then(|name| match trigger.or_else(|| Trigger::from_name(&name)) {
        Some(trigger) => {
            let built_in = AlertPolicy::built_in(trigger);
            Some(AlertPolicy {
                name: Trigger::from_name(&name).map_or(name, |known| known.name().into()),
                enabled: enabled.unwrap_or(true),
                severity: severity.unwrap_or(built_in.severity),
                recipients: recipients.or(built_in.recipients),
                daily_notification_limit: limit,
                webhooks: webhooks.unwrap_or_default(),
                scope,
                description,
                trigger,
            })
        }
        None => {
            let names = Trigger::ALL.map(|trigger| format!("\"{trigger}\"")).join(", ");
            s.missing("trigger", &format!("say what raises it, one of {names}"));
            None
        }
    });
    if let Some(Err(wrong)) = policy.as_ref().map(AlertPolicy::check) {
        s.invalid(wrong.field, &wrong.problem);
    }
    s.finish();
    policy
}

pub(super) fn webhook(mut s: Section<'_>, known: &[AlertPolicy]) -> Option<Webhook> {
    let name = s.text("name", values::any);
    let url = s.text("url", values::web_url);
    let format = s.text("format", values::webhook_format).unwrap_or(WebhookFormat::Standard);
    let secret = s.text("secret_file", values::webhook_secret);
    let alert_policies = s.list("alert_policies", |text| values::alert_policy(text, known));
    if name.is_none() {
        s.missing("name", "name the webhook, for example \"ticket system\"");
    }
    if url.is_none() {
        s.missing("url", "say where alerts go, for example \"https://hooks.example.com/postern\"");
    }
    if format == WebhookFormat::Standard && secret.is_none() {
        s.missing("secret_file", "requests are signed: name a file that holds whsec_ and a key in base64");
    }
    s.finish();
    Some(Webhook { name: name?, url: url?, format, secret, alert_policies })
}
