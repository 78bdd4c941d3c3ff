//! Test suite that every implementation of the store has to pass.

mod alerts;
mod organizations;
mod people;
mod policies;
mod restrictions;
mod trail;

use postern_domain::alert::{Alert, AlertStatus, Trigger};
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::fact::{Fact, FactColumns};
use postern_domain::restriction::{Release, Restriction};
use postern_domain::window::{Excess, Window};
use postern_domain::{EntityId, OrganizationId, Reference, Timestamp};
use serde_json::json;

use crate::audit::NewAuditEntry;
use crate::{Incident, MailKind, Outgoing, Store};
use postern_domain::filter::AuditFilter;

pub(crate) fn at(minute: u32) -> Timestamp {
    Timestamp::from_minute(29_000_000 + minute)
}

pub(crate) fn entity(name: &str) -> EntityId {
    EntityId::account_named(format!("{name}@example.com"))
}

/// An audit entry with this action and target; its details are made up.
pub(crate) fn audit(action: &str, target: &str, minute: u32) -> NewAuditEntry {
    let detail = json!({
        "minute": minute, "ü": [1, 2.5, null], "reference": Reference::from_random(1), "reason": "x", "role": "global-reader",
        "to": {}, "from": {}, "entity": "a", "granted_at": at(0), "until": at(9), "granted_by": "alice",
        "id": "contoso", "name": "Contoso", "domains": [], "admins": [], "helpdesk": [], "time_zone": "UTC",
    });
    let fact = Fact::read(FactColumns { action: action.into(), target: target.into(), detail }).unwrap();
    NewAuditEntry { at: at(minute), organization: None, actor: "alice".into(), fact }
}

pub(crate) fn restriction(name: &str, number: u64, minute: u32) -> Restriction {
    let excess = Excess { window: Window::ExternalPerHour, limit: 5, count: 6 };
    Restriction {
        reference: Reference::from_random(number),
        entity: entity(name),
        cause: Cause::LimitExceeded { policy: "Default".into(), excess, probation: false },
        since: at(minute),
        until: None,
        evidence: Evidence::default(),
    }
}

pub(crate) fn incident(restriction: &Restriction, minute: u32) -> Incident {
    let mail = |kind, recipient: &str| Outgoing {
        kind,
        policy: (kind == MailKind::Alert).then(|| "Own".into()),
        sender: "postern@example.com".into(),
        recipient: recipient.into(),
        message: b"Subject: x\r\n\r\ny\r\n".to_vec(),
    };
    Incident {
        organization: OrganizationId::first(),
        alert: Alert {
            reference: restriction.reference.clone(),
            trigger: Trigger::UserRestricted,
            severity: Trigger::UserRestricted.severity(),
            status: AlertStatus::Active,
            entity: Some(restriction.entity.clone()),
            cause: restriction.cause.clone(),
            evidence: Evidence::default(),
            raised_at: at(minute),
            closed_at: None,
        },
        audit: audit("restriction.add", &restriction.entity.to_string(), minute),
        unless_open_since: None,
        mails: vec![mail(MailKind::Alert, "admin@example.com"), mail(MailKind::Notice, "owner@example.com")],
        daily_notification_limits: Vec::new(),
    }
}

fn last(limit: u32) -> AuditFilter {
    AuditFilter { limit: Some(limit), ..AuditFilter::default() }
}

fn release(minute: u32) -> Release {
    Release {
        at: at(minute),
        by: "root".into(),
        reason: "password reset".into(),
        probation_until: Some(at(minute + 60)),
    }
}

/// Runs the whole suite; `fresh` gives an empty store each time.
pub(crate) async fn suite<S: Store, F: AsyncFn() -> S>(fresh: F) {
    restrictions::a_restriction_is_written_with_everything_that_belongs_to_it(&fresh().await).await;
    restrictions::an_entity_has_one_restriction_in_force(&fresh().await).await;
    restrictions::a_release_ends_it_once(&fresh().await).await;
    restrictions::an_undone_release_leaves_the_same_restriction(&fresh().await).await;
    restrictions::a_standing_is_that_of_the_restriction_in_force_or_of_the_last_release(&fresh().await).await;
    trail::changes_come_in_the_order_in_which_they_were_written(&fresh().await).await;
    alerts::the_daily_limit_leaves_out_mails_but_no_alerts(&fresh().await).await;
    alerts::the_outbox_keeps_a_mail_until_it_is_delivered(&fresh().await).await;
    trail::the_audit_trail_is_a_chain(&fresh().await).await;
    alerts::alerts_without_a_restriction_are_found(&fresh().await).await;
    policies::policies_are_kept_in_order_and_changed_by_one_at_a_time(&fresh().await).await;
    policies::an_entity_has_one_allowance_in_force(&fresh().await).await;
    organizations::a_token_is_found_by_its_hash_until_it_is_revoked(&fresh().await).await;
    alerts::an_alert_has_notes_and_the_status_of_the_last(&fresh().await).await;
    alerts::webhooks_wait_beside_mails(&fresh().await).await;
    policies::alert_policies_are_kept_and_changed_by_one_at_a_time(&fresh().await).await;
    restrictions::a_restriction_is_overdue_once(&fresh().await).await;
    restrictions::lists_are_filtered_searched_and_paged(&fresh().await).await;
    trail::a_keyed_request_counts_once(&fresh().await).await;
    organizations::organizations_are_kept_apart(&fresh().await).await;
    trail::known_recipients_are_remembered_until_they_are_old(&fresh().await).await;
    trail::a_mail_server_is_saved_in_place_of_what_was_saved(&fresh().await).await;
    trail::traffic_adds_up_until_it_is_forgotten(&fresh().await).await;
    people::an_invitation_is_used_once(&fresh().await).await;
    people::the_first_admin_s_link_ends_with_the_first_person(&fresh().await).await;
    people::simultaneous_attempts_do_not_all_pass(&fresh().await).await;
    people::factors_are_kept_and_used_up(&fresh().await).await;
    people::sessions_end_when_they_are_revoked(&fresh().await).await;
}
