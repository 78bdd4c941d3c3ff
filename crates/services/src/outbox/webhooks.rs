//! Webhooks: alerts as HTTP requests, signed according to the Standard Webhooks specification, or in the
//! formats of Slack's and Microsoft Teams's incoming webhooks.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use postern_domain::alert::Alert;
use postern_domain::fact::ALERT_RAISED;
use postern_domain::restriction::Restriction;
use postern_domain::{EntityId, Timestamp};
use postern_store::{MailKind, Outgoing, QueuedMail};
use serde_json::{Value, json};
use sha2::Sha256;

use super::{Failure, mails};
use crate::in_force::InForce;
use crate::present::with_sources;
use crate::settings::{Settings, WebhookFormat};
use crate::{https, present};

/// How long a receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How many characters of an answer are stored for people to read.
const ANSWER: usize = 200;

/// One request for each of these webhooks, each with the alert policy that notifies it.
pub fn for_alert(
    settings: &InForce,
    alert: &Alert,
    restriction: Option<&Restriction>,
    names: &[(Option<String>, String)],
) -> Vec<Outgoing> {
    let message = |(policy, name): &(Option<String>, String)| {
        let webhook = settings.webhooks.iter().find(|webhook| webhook.name == *name)?;
        let body = match webhook.format {
            WebhookFormat::Standard => standard(settings, alert, restriction),
            WebhookFormat::Slack => slack(settings, alert),
            WebhookFormat::Teams => teams(settings, alert),
        };
        Some(Outgoing {
            kind: MailKind::Webhook,
            policy: policy.clone(),
            sender: String::new(),
            recipient: webhook.name.clone(),
            message: body.to_string().into_bytes(),
        })
    };
    names.iter().filter_map(message).collect()
}

fn standard(settings: &InForce, alert: &Alert, restriction: Option<&Restriction>) -> Value {
    json!({
        "type": ALERT_RAISED,
        "timestamp": alert.raised_at,
        "data": {
            "reference": alert.reference,
            "policy": alert.trigger,
            "severity": alert.severity,
            "entity": alert.entity,
            "kind": alert.entity.as_ref().map(EntityId::kind),
            "reason": alert.cause.describe(),
            "cause": alert.cause,
            "restricted": restriction.is_some(),
            "until": restriction.and_then(|restriction| restriction.until),
            "raised_at": alert.raised_at,
            "organization": mails::whose(settings, alert).name,
            "url": link(settings),
        },
    })
}

/// An alert for Slack; `text` is shown in notifications (Slack: "Sending messages using incoming webhooks").
fn slack(settings: &InForce, alert: &Alert) -> Value {
    // Slack interprets these three characters as markup.
    let escape = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let title = format!("{}-severity alert: {}", alert.severity, alert.trigger);
    let lines: Vec<_> =
        facts(settings, alert).iter().map(|(name, value)| format!("*{name}*: {}", escape(value))).collect();
    json!({
        "text": format!("{title} ({})", escape(&about(alert))),
        "blocks": [
            { "type": "header", "text": { "type": "plain_text", "text": title } },
            { "type": "section", "text": { "type": "mrkdwn", "text": lines.join("\n") } },
        ],
    })
}

/// An alert for Teams: an Adaptive Card in the format that Teams's workflows accept.
fn teams(settings: &InForce, alert: &Alert) -> Value {
    let title = format!("{}-severity alert: {}", alert.severity, alert.trigger);
    let facts: Vec<_> =
        facts(settings, alert).into_iter().map(|(title, value)| json!({ "title": title, "value": value })).collect();
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": [
                    { "type": "TextBlock", "text": title, "weight": "Bolder", "size": "Medium", "wrap": true },
                    { "type": "FactSet", "facts": facts },
                ],
            },
        }],
    })
}

fn facts(settings: &InForce, alert: &Alert) -> Vec<(&'static str, String)> {
    let mut facts = vec![
        ("Who", about(alert)),
        ("Why", alert.cause.describe()),
        ("When", present::time(alert.raised_at)),
        ("Reference", alert.reference.to_string()),
        ("Organization", mails::whose(settings, alert).name.clone()),
    ];
    facts.extend(link(settings).map(|link| ("Portal", link)));
    facts
}

fn about(alert: &Alert) -> String {
    alert.entity.as_ref().map_or_else(|| format!("Postern on {}", present::host_name()), ToString::to_string)
}

fn link(settings: &Settings) -> Option<String> {
    settings.portal.url.as_ref().map(|url| format!("{}/restricted", url.trim_end_matches('/')))
}

/// Sends webhook requests, reusing connections.
pub struct Sender(https::Client);

impl Sender {
    /// Creates a sender that trusts this machine's certificate store.
    ///
    /// # Errors
    /// The machine's certificates can't be read.
    pub fn new() -> std::io::Result<Self> {
        https::client().map(Self)
    }

    /// Delivers a request, and returns the receiver's answer.
    pub(super) async fn deliver(
        &self,
        settings: &Settings,
        queued: &QueuedMail,
        now: Timestamp,
    ) -> Result<String, Failure> {
        let failure = |error: String, refused| Failure { error, refused, unreachable: false };
        let name = &queued.mail.recipient;
        let webhook = settings.webhooks.iter().find(|webhook| webhook.name == *name);
        let webhook = webhook.ok_or_else(|| failure(format!("no [[webhook]] is called {name:?} any more"), true))?;
        // The same on every attempt, so that duplicates can be recognised.
        let id = format!("{}.{name}", queued.reference);
        let mut request = Request::post(webhook.url.as_str())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("postern/", env!("CARGO_PKG_VERSION")));
        if let Some(secret) = &webhook.secret {
            let seconds = now.as_millis() / 1000;
            request = request
                .header("webhook-id", &id)
                .header("webhook-timestamp", seconds.to_string())
                .header("webhook-signature", sign(secret, &id, seconds, &queued.mail.message));
        }
        let body = Full::new(Bytes::from(queued.mail.message.clone()));
        let request = request.body(body).map_err(|error| failure(error.to_string(), true))?;
        let talk = async {
            let response = self.0.request(request).await.map_err(|error| failure(with_sources(&error), false))?;
            let status = response.status();
            let body = Limited::new(response.into_body(), 64 * 1024).collect().await;
            let body = body.map(|body| body.to_bytes()).unwrap_or_default();
            let text: String = String::from_utf8_lossy(&body).chars().take(ANSWER).collect();
            let answer = format!("{status} {}", text.trim()).trim().to_owned();
            if status.is_success() {
                return Ok(answer);
            }
            // These may succeed later; other client errors won't.
            let later = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_EARLY, StatusCode::TOO_MANY_REQUESTS];
            Err(failure(answer, status.is_client_error() && !later.contains(&status)))
        };
        match tokio::time::timeout(TIMEOUT, talk).await {
            Ok(done) => done,
            Err(_) => Err(failure(format!("no answer within {} s", TIMEOUT.as_secs()), false)),
        }
    }
}

/// The signature: `v1,` and HMAC-SHA256 over ID, timestamp and body (Standard Webhooks, "Signature scheme").
fn sign(secret: &[u8], id: &str, seconds: i64, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret) else { return String::new() };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    format!("v1,{}", BASE64_STANDARD.encode(mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_own_example_has_this_signature() {
        let secret = BASE64_STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
