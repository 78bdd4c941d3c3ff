//! Composes Postern's mails: alerts to admins, and the notice to an account's owner.

use std::time::Duration;

use askama::Template;
use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::date::Date;
use mail_builder::headers::message_id::MessageId;
use mail_builder::headers::raw::Raw;
use postern_domain::Organization;
use postern_domain::alert::{Alert, Severity, Trigger};
use postern_domain::entity::{EntityId, EntityKind};
use postern_domain::evidence::{AttemptRecord, Evidence};
use postern_domain::gate::Reply;
use postern_domain::restriction::Restriction;
use postern_store::{MailKind, Outgoing};
use postern_wire::dsn::NonDeliveryReport;

use crate::in_force::InForce;
use crate::present;
use crate::quoting::{shell, visible};

/// The most attempts that a mail shows.
const SHOWN_ATTEMPTS: usize = 10;

/// The content of an alert mail, for its text and HTML templates.
struct AlertMail<'a> {
    severity: Severity,
    title: &'a str,
    who: String,
    what: &'a str,
    entity: String,
    /// The entity as an argument of the commands to paste.
    argument: String,
    reason: String,
    when: String,
    until: Option<String>,
    restricted: bool,
    advice: Advice,
    reference: String,
    counts: Vec<String>,
    attempts: Vec<[String; 5]>,
    /// How long lower limits apply after a release; `None` if they don't.
    probation: Option<String>,
    url: Option<&'a str>,
    host: String,
    organization: &'a str,
}

/// What a mail advises.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Advice {
    /// Find the cause, then release the entity.
    Release,
    /// Decide about an entity that has been restricted for a long time.
    Review,
    /// Restrict the entity if its mail is unwanted.
    Restrict,
    /// Repair a part of Postern.
    Repair,
}

impl Advice {
    fn on(alert: &Alert, restriction: Option<&Restriction>) -> Self {
        match (alert.trigger, &alert.entity) {
            (_, None) => Self::Repair,
            (Trigger::ReleaseOverdue, _) => Self::Review,
            _ if restriction.is_some() => Self::Release,
            _ => Self::Restrict,
        }
    }
}

#[derive(Template)]
#[template(path = "alert.txt", escape = "none")]
struct AlertText<'a> {
    mail: &'a AlertMail<'a>,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertHtml<'a> {
    mail: &'a AlertMail<'a>,
    colour: &'a str,
    facts: &'a [(&'a str, String)],
    attempt_heads: [&'a str; 5],
}

/// The content of the notice to an account's owner, for its text and HTML templates.
struct Notice<'a> {
    diagnostic: &'a str,
    entity: &'a str,
    when: &'a str,
    until: Option<&'a str>,
    reference: &'a str,
    contact: &'a str,
    why: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "notice.txt", escape = "none")]
struct NoticeText<'a> {
    notice: &'a Notice<'a>,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticeHtml<'a> {
    notice: &'a Notice<'a>,
}

/// The organization that an alert belongs to.
pub fn whose<'a>(settings: &'a InForce, alert: &Alert) -> &'a Organization {
    alert.entity.as_ref().map_or(&settings.organization, |entity| settings.organization_of(entity))
}

/// One mail for each recipient of an alert, each with the alert policy that notifies the recipient.
/// `restriction` is the one that the alert is about, if any.
pub fn for_alert(
    settings: &InForce,
    alert: &Alert,
    restriction: Option<&Restriction>,
    recipients: &[(Option<String>, String)],
) -> Vec<Outgoing> {
    let (text, html) = alert_bodies(settings, alert, restriction);
    let about = alert.entity.as_ref().map_or_else(present::host_name, |entity| visible(entity.name()).into_owned());
    let subject = format!("{}-severity alert: {} ({about})", alert.severity, alert.trigger);
    let from = &settings.smtp.from;
    let domain = domain_of(&from.address);
    let recipients = recipients.iter().enumerate();
    recipients
        .map(|(number, (policy, recipient))| {
            // The same on every attempt, so that duplicates can be recognised.
            let message_id = format!("{}.alert.{number}@{domain}", alert.reference);
            let message = MessageBuilder::new()
                .from(Address::new_address(Some(from.name.as_str()), from.address.as_str()))
                .to(Address::new_address(None::<&str>, recipient.as_str()))
                .subject(subject.as_str())
                .message_id(MessageId::new(message_id))
                .date(Date::new(alert.raised_at.as_millis() / 1000))
                // RFC 3834 section 5.
                .header("Auto-Submitted", Raw::new("auto-generated"))
                .header("X-Postern-Reference", Raw::new(alert.reference.to_string()))
                .text_body(text.as_str())
                .html_body(html.as_str())
                .write_to_vec()
                .unwrap_or_default();
            Outgoing {
                kind: MailKind::Alert,
                policy: policy.clone(),
                sender: from.address.clone(),
                recipient: recipient.clone(),
                message,
            }
        })
        .collect()
}

/// An alert as plain text and as HTML.
pub fn alert_bodies(settings: &InForce, alert: &Alert, restriction: Option<&Restriction>) -> (String, String) {
    let mail = AlertMail::new(settings, alert, restriction);
    let html = AlertHtml {
        mail: &mail,
        colour: if alert.severity == Severity::High { "#b3261e" } else { "#8a5a00" },
        facts: &mail.facts(),
        attempt_heads: ["When (UTC)", "From", "Recipients", "Envelope sender", "Outcome"],
    };
    // Rendering to memory fails only if the template is broken; the fallback still states what
    // happened.
    let fallback = |_| format!("{} {} {}. Reference {}.", mail.who, mail.what, mail.reason, mail.reference);
    let text = AlertText { mail: &mail };
    (text.render().unwrap_or_else(fallback), html.render().unwrap_or_else(fallback))
}

impl<'a> AlertMail<'a> {
    fn new(settings: &'a InForce, alert: &'a Alert, restriction: Option<&Restriction>) -> Self {
        let evidence = restriction.map_or(&alert.evidence, |restriction| &restriction.evidence);
        let host = present::host_name();
        let entity = alert.entity.as_ref().map_or_else(|| format!("Postern on {host}"), ToString::to_string);
        let argument = shell(&entity);
        let entity = visible(&entity).into_owned();
        Self {
            severity: alert.severity,
            title: alert.trigger.name(),
            who: alert.entity.as_ref().map_or_else(|| entity.clone(), with_kind),
            what: what_happened(alert, restriction),
            entity,
            argument,
            reason: visible(&alert.cause.describe()).into_owned(),
            when: present::time(alert.raised_at),
            until: restriction.and_then(|restriction| restriction.until).map(present::time),
            restricted: restriction.is_some(),
            advice: Advice::on(alert, restriction),
            reference: alert.reference.to_string(),
            counts: counts(evidence),
            attempts: last_attempts(evidence).into_iter().map(cells).collect(),
            probation: Some(settings.probation.duration).filter(|length| !length.is_zero()).map(present::duration),
            url: settings.portal.url.as_deref(),
            host,
            organization: &whose(settings, alert).name,
        }
    }

    /// The table at the head of the mail.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let end = self.restricted.then(|| end_of_restriction(self.until.as_deref()));
        let facts = [
            ("Who", Some(self.entity.clone())),
            ("Why", Some(self.reason.clone())),
            ("When", Some(self.when.clone())),
            ("Until", end),
            ("Reference", Some(self.reference.clone())),
            ("Seen", Some(self.counts.join("; "))),
        ];
        facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// An entity as the subject of a sentence.
fn with_kind(entity: &EntityId) -> String {
    match entity.kind() {
        EntityKind::Account => format!("The account {}", visible(entity.name())),
        EntityKind::Connector => format!("The connector {}", visible(entity.name())),
    }
}

fn end_of_restriction(until: Option<&str>) -> String {
    let release = "an admin releases it";
    until.map_or_else(|| release.into(), |until| format!("{until}, or until {release}"))
}

/// What happened to the entity, as the rest of a sentence.
fn what_happened(alert: &Alert, restriction: Option<&Restriction>) -> &'static str {
    if restriction.is_some() {
        return "has been restricted from sending mail. It still receives.";
    }
    match alert.trigger {
        Trigger::LimitNearlyReached => "has used up most of a sending limit.",
        Trigger::SuspiciousPattern => "is sending the way a compromised account does.",
        Trigger::ReleaseOverdue => "is still restricted from sending mail.",
        Trigger::StoreAway => "can't store what happens. Restrictions in force stay in force; new ones wait.",
        _ => "has passed a sending limit.",
    }
}

fn counts(evidence: &Evidence) -> Vec<String> {
    let limited = evidence.windows.iter().filter(|w| w.count > 0);
    let shown = limited.map(|w| match w.limit {
        Some(limit) => format!("{} of {limit} {}", w.count, w.window),
        None => format!("{} {}", w.count, w.window),
    });
    shown.collect()
}

fn last_attempts(evidence: &Evidence) -> Vec<&AttemptRecord> {
    let skip = evidence.attempts.len().saturating_sub(SHOWN_ATTEMPTS);
    evidence.attempts.iter().skip(skip).collect()
}

fn cells(attempt: &AttemptRecord) -> [String; 5] {
    [
        present::time_of_day(attempt.at),
        attempt.client_address.map_or_else(|| "unknown".into(), |ip| ip.to_string()),
        format!("{} ({} external)", attempt.recipients, attempt.external),
        format!("<{}>", visible(&attempt.sender)),
        present::outcome(attempt.outcome).to_owned(),
    ]
}

/// The notice to the owner of a restricted account: a non-delivery report in the account's mailbox.
/// `recipient` is the refused recipient, `why` the link to the page that explains the restriction.
pub fn for_owner(settings: &InForce, restriction: &Restriction, recipient: &str, why: Option<&str>) -> Outgoing {
    let reply = Reply::restricted(restriction.entity.kind(), &restriction.reference, None);
    let diagnostic = format!("{} {} {}", reply.code, reply.status, reply.text);
    let owner = restriction.entity.name();
    let organization = settings.organization_of(&restriction.entity);
    let domain = organization.domains[0].as_str();
    let when = present::time(restriction.since);
    let until = restriction.until.map(present::time);
    let reference = restriction.reference.as_str();
    let contact = organization.contact(owner);
    let (shown, refused) = (visible(owner), visible(recipient));
    let notice = Notice {
        diagnostic: &diagnostic,
        entity: &shown,
        when: &when,
        until: until.as_deref(),
        reference,
        contact: &contact,
        why,
    };
    let (text, html) = (NoticeText { notice: &notice }, NoticeHtml { notice: &notice });
    let host = present::host_name();
    let report = NonDeliveryReport {
        from: ("Mail Delivery System", &format!("MAILER-DAEMON@{domain}")),
        to: owner,
        subject: "Undeliverable: you are restricted from sending mail",
        message_id: &format!("{reference}.notice@{domain}"),
        date: Duration::from_millis(u64::try_from(restriction.since.as_millis()).unwrap_or(0)),
        text: &text.render().unwrap_or_else(|_| diagnostic.clone()),
        html: &html.render().unwrap_or_else(|_| diagnostic.clone()),
        reporting_mta: &host,
        // A manual restriction has no refused recipient yet; the report is then about the account.
        final_recipient: if recipient.is_empty() { &shown } else { &refused },
        status: reply.status,
        diagnostic: &diagnostic,
    };
    let message = report.to_message().unwrap_or_default();
    Outgoing { kind: MailKind::Notice, policy: None, sender: String::new(), recipient: owner.to_owned(), message }
}

fn domain_of(address: &str) -> &str {
    address.rsplit_once('@').map_or("localhost", |(_, domain)| domain)
}

#[cfg(test)]
mod tests;
