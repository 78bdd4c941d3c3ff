use postern_domain::alert::{AlertStatus, Trigger};
use postern_domain::evidence::{Cause, Outcome, WindowCount};
use postern_domain::time::Zone;
use postern_domain::window::{Excess, Window};
use postern_domain::{Address, Domain, EntityId, Organization, OrganizationId, Reference, Timestamp};

use super::*;
use crate::settings::Settings;

fn settings() -> InForce {
    let organization = Organization {
        id: OrganizationId::first(),
        name: "Ex & Co".into(),
        domains: vec![Domain::parse("example.com").unwrap()],
        admins: vec!["a@example.com".into(), "b@example.com".into()],
        helpdesk: vec![Address::parse("helpdesk@example.com", "").unwrap()],
        time_zone: Zone::utc(),
    };
    InForce::new(Settings::of(organization, "https://postern.example.com"), [])
}

fn restriction(sender: &str) -> Restriction {
    let at = Timestamp::parse("2026-11-25T18:00:00Z").unwrap();
    let excess = Excess { window: Window::ExternalPerHour, limit: 5, count: 6 };
    let attempt = AttemptRecord {
        at,
        client_address: Some("203.0.113.9".parse().unwrap()),
        helo_name: "x".into(),
        sasl_method: "PLAIN".into(),
        sender: sender.into(),
        queue_id: "".into(),
        recipients: 6,
        external: 6,
        size: 0,
        outcome: Outcome::Refused,
    };
    Restriction {
        reference: Reference::from_random(0),
        entity: EntityId::account_named("alice@example.com"),
        cause: Cause::LimitExceeded { policy: "Default".into(), excess, probation: false },
        since: at,
        until: None,
        evidence: Evidence {
            windows: vec![WindowCount { window: Window::ExternalPerHour, count: 5, limit: Some(5) }],
            attempts: vec![attempt],
        },
    }
}

fn alert(restriction: &Restriction) -> Alert {
    Alert {
        reference: restriction.reference.clone(),
        trigger: Trigger::UserRestricted,
        severity: Severity::High,
        status: AlertStatus::Active,
        entity: Some(restriction.entity.clone()),
        cause: restriction.cause.clone(),
        evidence: Evidence::default(),
        raised_at: restriction.since,
        closed_at: None,
    }
}

#[test]
fn an_alert_says_who_why_and_how_to_let_them_out() {
    let restriction = restriction("alice@example.com");
    let (text, html) = alert_bodies(&settings(), &alert(&restriction), Some(&restriction));
    for part in [
        "High-severity alert: User restricted from sending email",
        "alice@example.com",
        "6 external recipients per hour, the limit is 5 (policy Default)",
        "PR-0000-0000",
        "203.0.113.9",
        "postern explain PR-0000-0000",
        "https://postern.example.com/restricted",
    ] {
        assert!(text.contains(part), "no {part:?} in\n{text}");
        let plain = part.trim_start_matches("High-severity alert: ");
        assert!(html.contains(plain), "no {plain:?} in\n{html}");
    }
    assert!(text.contains("postern restricted release alice@example.com --reason \"password changed\""), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

#[test]
fn every_recipient_gets_a_mail_of_its_own() {
    let restriction = restriction("alice@example.com");
    let told = |address: &str| (Some("User restricted from sending email".to_owned()), address.to_owned());
    let told = [told("a@example.com"), told("b@example.com")];
    let mails = for_alert(&settings(), &alert(&restriction), Some(&restriction), &told);
    let to: Vec<_> = mails.iter().map(|mail| mail.recipient.as_str()).collect();
    assert_eq!(to, ["a@example.com", "b@example.com"]);
    let message = String::from_utf8(mails[0].message.clone()).unwrap();
    assert!(message.contains("multipart/alternative"), "{message}");
    assert!(message.contains("Message-ID: <PR-0000-0000.alert.0@example.com>"), "{message}");
}

#[test]
fn what_a_sender_writes_cannot_become_markup() {
    let restriction = restriction("<script>alert(1)</script>@example.com");
    let (_, html) = alert_bodies(&settings(), &alert(&restriction), Some(&restriction));
    assert!(!html.contains("<script>"), "{html}");
}

#[test]
fn the_owner_hears_the_words_that_exchange_uses() {
    let mail = for_owner(&settings(), &restriction("alice@example.com"), "bob@example.net", None);
    let message = String::from_utf8(mail.message).unwrap();
    assert_eq!((mail.sender.as_str(), mail.recipient.as_str()), ("", "alice@example.com"));
    for part in [
        "report-type=\"delivery-status\"",
        "weren't recognized as a valid sender",
        "Final-Recipient: rfc822; bob@example.net",
        "Diagnostic-Code: smtp; 550 5.1.8 Access denied, bad outbound sender (PR-0000-0000)",
        "helpdesk@example.com",
    ] {
        assert!(message.contains(part), "no {part:?} in\n{message}");
    }
}
