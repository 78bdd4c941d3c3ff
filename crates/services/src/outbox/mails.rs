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
use postern_domain::entity::EntityKind;
use postern_domain::evidence::{AttemptRecord, Evidence};
use postern_domain::gate::Reply;
use postern_domain::restriction::Restriction;
use postern_store::{MailKind, Outgoing};
use postern_wire::dsn::NonDeliveryReport;

use crate::in_force::InForce;
use crate::present;

/// The most attempts that a mail shows.
const SHOWN_ATTEMPTS: usize = 10;

#[derive(Template)]
#[template(path = "alert.txt", escape = "none")]
struct AlertText<'a> {
    severity: Severity,
    title: &'a str,
    who: &'a str,
    what: &'a str,
    entity: &'a str,
    reason: &'a str,
    when: &'a str,
    until: Option<&'a str>,
    restricted: bool,
    reference: &'a str,
    counts: &'a [String],
    attempts: &'a [String],
    probation: &'a str,
    url: Option<&'a str>,
    host: &'a str,
    organization: &'a str,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertHtml<'a> {
    severity: Severity,
    colour: &'a str,
    title: &'a str,
    who: &'a str,
    what: &'a str,
    entity: &'a str,
    facts: &'a [(&'a str, String)],
    restricted: bool,
    reference: &'a str,
    attempts: &'a [String],
    attempt_heads: [&'a str; 5],
    attempt_rows: &'a [[String; 5]],
    probation: &'a str,
    url: Option<&'a str>,
    host: &'a str,
    organization: &'a str,
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
    let about = alert.entity.as_ref().map_or_else(present::host_name, |entity| entity.name().to_owned());
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
    let evidence = restriction.map_or(&alert.evidence, |restriction| &restriction.evidence);
    let host = present::host_name();
    let organization = whose(settings, alert);
    let entity = alert.entity.as_ref().map_or_else(|| format!("Postern on {host}"), ToString::to_string);
    let who = alert.entity.as_ref().map_or_else(
        || entity.clone(),
        |entity| match entity.kind() {
            EntityKind::Account => format!("The account {}", entity.name()),
            EntityKind::Connector => format!("The connector {}", entity.name()),
        },
    );
    let what = what_happened(alert, restriction);
    let reason = alert.cause.describe();
    let when = present::time(alert.raised_at);
    let until = restriction.and_then(|r| r.until).map(present::time);
    let counts = counts(evidence);
    let probation = present::duration(settings.probation.duration);
    let reference = alert.reference.to_string();
    let attempts = last_attempts(evidence);
    let rows: Vec<_> = attempts.iter().map(|attempt| cells(attempt)).collect();
    let lines: Vec<_> = rows.iter().map(|row| row.join("  ")).collect();
    let mut facts = vec![("Who", entity.clone()), ("Why", reason.clone()), ("When", when.clone())];
    if restriction.is_some() {
        facts.push(("Until", end_of_restriction(until.as_deref())));
    }
    facts.extend([("Reference", reference.clone()), ("Seen", counts.join("; "))]);
    let text = AlertText {
        severity: alert.severity,
        title: alert.trigger.name(),
        who: &who,
        what,
        entity: &entity,
        reason: &reason,
        when: &when,
        until: until.as_deref(),
        restricted: restriction.is_some(),
        reference: &reference,
        counts: &counts,
        attempts: &lines,
        probation: &probation,
        url: settings.portal.url.as_deref(),
        host: &host,
        organization: &organization.name,
    };
    let html = AlertHtml {
        severity: alert.severity,
        colour: if alert.severity == Severity::High { "#b3261e" } else { "#8a5a00" },
        title: alert.trigger.name(),
        who: &who,
        what,
        entity: &entity,
        facts: &facts,
        restricted: restriction.is_some(),
        reference: &reference,
        attempts: &lines,
        attempt_heads: ["When (UTC)", "From", "Recipients", "Envelope sender", "Outcome"],
        attempt_rows: &rows,
        probation: &probation,
        url: settings.portal.url.as_deref(),
        host: &host,
        organization: &organization.name,
    };
    // Rendering to memory fails only if the template is broken; the fallback still states what
    // happened.
    let fallback = |_| format!("{who} {what} {reason}. Reference {reference}.");
    (text.render().unwrap_or_else(fallback), html.render().unwrap_or_else(fallback))
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
        format!("<{}>", attempt.sender),
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
    let notice = Notice {
        diagnostic: &diagnostic,
        entity: owner,
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
        final_recipient: if recipient.is_empty() { owner } else { recipient },
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
