//! Alerts and alert policies.

use postern_domain::alert::{self, AlertStatus, Severity, Trigger};
use postern_domain::{EntityId, Reference, Timestamp};
use postern_services::service::{self, views};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::convert;
use super::{Cause, Evidence, Scope, schema};

/// An alert, with what became of its notifications, as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// The reference of the incident, for example `PR-7K3F-9QXD`.
    #[schema(value_type = schema::Reference)]
    pub reference: Reference,
    /// What raised it; the built-in alert policy of that name.
    #[serde(rename = "policy")]
    #[schema(value_type = schema::Trigger)]
    pub trigger: Trigger,
    /// How urgent it is.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// How far people have dealt with it.
    #[schema(value_type = schema::AlertStatus)]
    pub status: AlertStatus,
    /// The entity it is about; none: Postern itself.
    #[schema(value_type = Option<schema::EntityId>)]
    pub entity: Option<EntityId>,
    /// What happened, in one line.
    pub reason: String,
    /// What happened, in a structured form.
    pub cause: Cause,
    /// When it was raised.
    #[schema(value_type = schema::Timestamp)]
    pub raised_at: Timestamp,
    /// When it was resolved or dismissed.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub closed_at: Option<Timestamp>,
    /// The number of its mails and webhooks that are still to be delivered.
    pub notifications_waiting: u32,
    /// The number of its mails and webhooks that were delivered.
    pub notifications_delivered: u32,
    /// The number of its mails and webhooks that were given up.
    pub notifications_given_up: u32,
    /// Why the last failed delivery failed.
    pub last_error: Option<String>,
    /// What was seen, unless a restriction contains it.
    pub evidence: Evidence,
}

convert!(views::AlertView => AlertView {
    same: reference, trigger, severity, status, entity, reason, raised_at, closed_at, notifications_waiting, notifications_delivered, notifications_given_up, last_error;
    into: cause, evidence;
});

/// An alert with what people did about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertDetailView {
    /// The alert itself.
    #[serde(flatten)]
    pub alert: AlertView,
    /// Statuses and comments, oldest first.
    pub notes: Vec<AlertNote>,
}

convert!(views::AlertDetailView => AlertDetailView {
    same: ;
    into: alert;
    each: notes;
});

/// A status change or comment that somebody added to an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertNote {
    /// When it was raised.
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    /// Who wrote it, as named in the audit trail.
    pub by: String,
    /// The new status of the alert; if absent, its status did not change.
    #[schema(value_type = Option<schema::AlertStatus>)]
    pub status: Option<AlertStatus>,
    /// The comment; may be empty if there is a status.
    pub comment: String,
}

convert!(alert::AlertNote => AlertNote {
    same: at, by, status, comment;
});

/// A request to change an alert: a status, a comment, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertRequest {
    /// The new status; none leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::AlertStatus>)]
    pub status: Option<AlertStatus>,
    /// The comment.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schema(max_length = 4096)]
    pub comment: String,
}

convert!(AlertRequest => service::AlertRequest {
    same: status, comment;
});

/// A rule that determines who is notified of alerts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct AlertPolicy {
    /// Its name. A built-in policy is named after its trigger and cannot be renamed.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// What raises its alerts.
    #[schema(value_type = schema::Trigger)]
    pub trigger: Trigger,
    /// Whether it notifies anybody.
    pub enabled: bool,
    /// How urgent its alerts are.
    #[schema(value_type = schema::Severity)]
    pub severity: Severity,
    /// Who is notified by mail: addresses, or the keyword for the organization's admins. If absent,
    /// the setting in `[alerts]` applies.
    pub recipients: Option<Vec<String>>,
    /// The most alerts mailed in one day (UTC); 0: no limit. If absent, the setting in `[alerts]` applies.
    #[schema(maximum = 100000)]
    pub daily_notification_limit: Option<u32>,
    /// Webhooks to notify in addition to those that subscribe to the event themselves.
    pub webhooks: Vec<String>,
    /// The entities it applies to.
    #[serde(flatten)]
    pub scope: Scope,
    /// What it is for.
    pub description: String,
}

convert!(alert::AlertPolicy => AlertPolicy {
    same: name, trigger, enabled, severity, recipients, daily_notification_limit, webhooks, description;
    into: scope;
});

impl Default for AlertPolicy {
    fn default() -> Self {
        alert::AlertPolicy::default().into()
    }
}

/// An alert policy, with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertPolicyView {
    /// The settings of the alert policy.
    #[serde(flatten)]
    pub policy: AlertPolicy,
    /// Whether it is a built-in one, which can't be removed.
    pub built_in: bool,
    /// The recipients of its mails.
    pub mails_to: Vec<String>,
    /// The largest number of alerts mailed per day (UTC); none: no limit.
    pub per_day: Option<u32>,
    /// The webhooks that are notified.
    pub tells: Vec<String>,
    /// How many times the alert policies have been changed; also the ETag.
    pub revision: u64,
}

convert!(views::AlertPolicyView => AlertPolicyView {
    same: built_in, mails_to, per_day, tells, revision;
    into: policy;
});

/// The answer of one channel to a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChannelTestView {
    /// `mail` or `webhook`.
    pub channel: String,
    /// The address, or the webhook's name.
    pub recipient: String,
    /// Whether the message was accepted.
    pub delivered: bool,
    /// The answer of the other side, or why it could not be reached.
    pub answer: String,
}

convert!(views::ChannelTestView => ChannelTestView {
    same: channel, recipient, delivered, answer;
});
