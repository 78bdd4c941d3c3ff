//! What the API shows: the same names in JSON, in the CLI's `--json` and in the docs.

use std::collections::BTreeMap;

use postern_domain::alert::{AlertNote, AlertPolicy, AlertStatus, Severity, Trigger};
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::policy::{Allowance, OutboundPolicy};
use postern_domain::window::Window;
use postern_domain::{EntityId, EntityKind, Reference, Timestamp};
use postern_store::{OutboxState, StoredAlert, StoredRestriction};
use serde::{Deserialize, Serialize};

use crate::gate::ServerReport;

/// A restriction, with what happened to it since, as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RestrictionView {
    /// The account or connector.
    pub entity: EntityId,
    /// Account or connector.
    pub kind: EntityKind,
    /// Names the incident, for example `PR-7K3F-9QXD`.
    pub reference: Reference,
    /// Why, in one line.
    pub reason: String,
    /// Why, in parts.
    pub cause: Cause,
    /// When it began.
    pub since: Timestamp,
    /// When it ends by itself; none: an admin releases it.
    pub until: Option<Timestamp>,
    /// Attempts refused since.
    pub refused: u64,
    /// When the last one was.
    pub last_refused_at: Option<Timestamp>,
    /// When it was released; none: it is in force.
    pub released_at: Option<Timestamp>,
    /// The name of whoever released it; none while it is in force.
    pub released_by: Option<String>,
    /// The reason that was given for the release; none while it is in force.
    pub release_reason: Option<String>,
    /// Until when the entity is on probation.
    pub probation_until: Option<Timestamp>,
    /// What was seen when it was made.
    pub evidence: Evidence,
}

impl From<StoredRestriction> for RestrictionView {
    fn from(kept: StoredRestriction) -> Self {
        let release = kept.record.release().cloned();
        let restriction = kept.record.restriction().clone();
        Self {
            kind: restriction.entity.kind(),
            entity: restriction.entity,
            reference: restriction.reference,
            reason: restriction.cause.describe(),
            cause: restriction.cause,
            since: restriction.since,
            until: restriction.until,
            refused: kept.refused,
            last_refused_at: kept.last_refused_at,
            released_at: release.as_ref().map(|r| r.at),
            released_by: release.as_ref().map(|r| r.by.clone()),
            release_reason: release.as_ref().map(|r| r.reason.clone()),
            probation_until: release.and_then(|r| r.probation_until),
            evidence: restriction.evidence,
        }
    }
}

/// How full one window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct WindowView {
    /// Which of the sliding windows it is about.
    pub window: Window,
    /// Recipients or messages that were accepted in the window.
    pub count: u32,
    /// Reserved by messages under way.
    pub reserved: u32,
    /// What it may hold; none: no limit.
    pub limit: Option<u32>,
    /// When the next recipient fits again; none: now, or there is no limit.
    pub free_at: Option<Timestamp>,
}

/// What an entity has sent, and what it may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct UsageView {
    /// The account or connector.
    pub entity: EntityId,
    /// Account or connector.
    pub kind: EntityKind,
    /// `free`, `probation` or `restricted`.
    pub standing: String,
    /// The restriction in force.
    pub reference: Option<Reference>,
    /// When the restriction or the probation ends by itself.
    pub until: Option<Timestamp>,
    /// The policy that holds.
    pub policy: String,
    /// The allowance that raises its limits.
    #[serde(default)]
    pub allowance: Option<Allowance>,
    /// Every window: what was counted, and the limit.
    pub windows: Vec<WindowView>,
}

/// An alert, with what became of its notifications, as callers see it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertView {
    /// Names the incident, for example `PR-7K3F-9QXD`.
    pub reference: Reference,
    /// What raised it; the built-in alert policy of that name.
    #[serde(rename = "policy")]
    pub trigger: Trigger,
    /// How urgent it is.
    pub severity: Severity,
    /// How far people have come.
    pub status: AlertStatus,
    /// Whom it is about; none: Postern itself.
    pub entity: Option<EntityId>,
    /// What happened, in one line.
    pub reason: String,
    /// What happened, in parts.
    pub cause: Cause,
    /// When it was done.
    pub raised_at: Timestamp,
    /// When it was resolved or dismissed.
    pub closed_at: Option<Timestamp>,
    /// Its mails and webhooks: still to be delivered.
    pub notifications_waiting: u32,
    /// Its mails and webhooks: delivered.
    pub notifications_delivered: u32,
    /// Its mails and webhooks: given up.
    pub notifications_given_up: u32,
    /// Why one was last not delivered.
    pub last_error: Option<String>,
    /// What was seen, where no restriction holds it.
    pub evidence: Evidence,
}

impl From<StoredAlert> for AlertView {
    fn from(kept: StoredAlert) -> Self {
        let alert = kept.alert;
        Self {
            reference: alert.reference,
            trigger: alert.trigger,
            severity: alert.severity,
            status: alert.status,
            entity: alert.entity,
            reason: alert.cause.describe(),
            cause: alert.cause,
            raised_at: alert.raised_at,
            closed_at: alert.closed_at,
            notifications_waiting: kept.waiting,
            notifications_delivered: kept.delivered,
            notifications_given_up: kept.given_up,
            last_error: kept.last_error,
            evidence: alert.evidence,
        }
    }
}

/// An alert policy, with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertPolicyView {
    /// The settings of the alert policy.
    #[serde(flatten)]
    pub policy: AlertPolicy,
    /// Whether it is a built-in one, which can't be removed.
    pub built_in: bool,
    /// Who gets a mail.
    pub mails_to: Vec<String>,
    /// Alerts mailed on one day (UTC) at most; none: no limit.
    pub per_day: Option<u32>,
    /// Webhooks that are told.
    pub tells: Vec<String>,
    /// How often the alert policies have been changed; also the ETag.
    pub revision: u64,
}

/// What one channel answered to a test.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ChannelTestView {
    /// `mail` or `webhook`.
    pub channel: String,
    /// The address, or the webhook's name.
    pub recipient: String,
    /// Whether it was taken.
    pub delivered: bool,
    /// What the other side said, or why it could not be asked.
    pub answer: String,
}

/// An alert with what people did about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AlertDetailView {
    /// The alert itself.
    #[serde(flatten)]
    pub alert: AlertView,
    /// Statuses and comments, oldest first.
    pub notes: Vec<AlertNote>,
}

/// All that is known of one incident.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct IncidentView {
    /// Names the incident, for example `PR-7K3F-9QXD`.
    pub reference: Reference,
    /// Its restriction, if it made one.
    pub restriction: Option<RestrictionView>,
    /// The alert of the same reference.
    pub alert: Option<AlertView>,
    /// Usage of the entity now.
    pub usage: Option<UsageView>,
}

/// An outbound policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyView {
    /// What is set.
    #[serde(flatten)]
    pub policy: OutboundPolicy,
    /// 0 is looked at first; none: the default policy, which is looked at last.
    pub priority: Option<usize>,
    /// Whether it is the default policy.
    pub is_default: bool,
    /// The limits in force, by window: built-in defaults filled in.
    pub limits: BTreeMap<String, u32>,
    /// Hours of probation after a release.
    pub probation_hours: u64,
    /// Percent of each limit that holds during probation.
    pub probation_percent: u32,
    /// How often the outbound policies have been changed; the API's entity tag.
    pub revision: u64,
}

/// Which policy holds for an entity, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyChoiceView {
    /// The account or connector.
    pub entity: EntityId,
    /// Account or connector.
    pub kind: EntityKind,
    /// The name of the person behind it, if the directory says so.
    pub name: Option<String>,
    /// Whether the directory has it; none: no directory says who has an account.
    pub in_directory: Option<bool>,
    /// Names of the groups it is in, as the directory has them.
    pub groups: Vec<String>,
    /// The policy that holds.
    pub policy: PolicyView,
    /// Those that were looked at before it.
    pub skipped: Vec<SkippedView>,
    /// `free`, `probation` or `restricted`.
    pub standing: String,
    /// The allowance that raises its limits.
    pub allowance: Option<Allowance>,
    /// The limits that hold now, by window.
    pub limits: BTreeMap<String, u32>,
}

/// A policy that does not hold for an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SkippedView {
    /// The name of the outbound policy that holds.
    pub policy: String,
    /// Its priority; 0 is looked at first.
    pub priority: usize,
    /// Why it does not hold: "is off", "is in none of its groups", …
    pub why: String,
}

/// One thing that changes in the outbound policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PolicyChangeView {
    /// The policy's name.
    pub policy: String,
    /// The setting; empty where the whole policy is added or removed.
    pub setting: String,
    /// What it was; null: there was none.
    pub from: serde_json::Value,
    /// What it becomes; null: there is none any more.
    pub to: serde_json::Value,
}

/// How Postern runs: what it listens on, what it counts, and what does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StatusView {
    /// The version of Postern that runs.
    pub version: String,
    /// The process id of the daemon.
    pub pid: u32,
    /// Since when it runs.
    pub started: Timestamp,
    /// The configuration file.
    pub config: String,
    /// The data folder.
    pub data: String,
    /// Where the policy door listens.
    pub policy_door: Vec<String>,
    /// Where portal, health and metrics listen.
    pub portal: String,
    /// The server for Postern's own mail.
    pub smtp_server: String,
    /// Entities restricted now.
    pub restricted: usize,
    /// Entities on probation now.
    pub on_probation: usize,
    /// Entities with usage.
    pub entities: usize,
    /// Policy requests answered since the start.
    pub requests: u64,
    /// Messages counted since the start.
    pub messages: u64,
    /// Requests without a login or connector since the start.
    pub unauthenticated: u64,
    /// Requests that broke the protocol since the start.
    pub malformed: u64,
    /// How many mails and webhooks wait, and how many were given up.
    pub outbox: OutboxView,
    /// What does not work, in one line each.
    pub problems: Vec<String>,
    /// Mail servers that have asked, and what.
    pub servers: Vec<ServerReport>,
    /// Aliases that copies to several addresses take.
    #[serde(default)]
    pub copy_aliases: Vec<postern_domain::policy::CopyAlias>,
}

/// How the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OutboxView {
    /// Mails still to be delivered.
    pub waiting: u32,
    /// Of them, tried at least once.
    pub retrying: u32,
    /// Mails given up.
    pub given_up: u32,
}

impl From<OutboxState> for OutboxView {
    fn from(state: OutboxState) -> Self {
        Self { waiting: state.waiting, retrying: state.retrying, given_up: state.given_up }
    }
}

/// An entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditView {
    /// Its number: in the whole trail, or for whoever is kept to an organization among those about it.
    pub seq: i64,
    /// When it was done.
    pub at: Timestamp,
    /// The name of whoever did it: a person, a token, a user of the machine, or `system`.
    pub actor: String,
    /// What was done, for example `restriction.release`.
    pub action: String,
    /// To whom or what.
    pub target: String,
    /// Particulars: an object whose keys depend on the action.
    pub detail: serde_json::Value,
    /// The hash of the entry before, for whoever sees the whole trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The entry's own hash, for whoever sees the whole trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

/// What a check of the audit trail found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditReportView {
    /// How many entries were checked.
    pub entries: u64,
    /// The hash of the last one.
    pub head: String,
    /// The entry at fault; none: the chain is whole.
    pub broken_at: Option<i64>,
    /// What is wrong with it.
    pub why: Option<String>,
}
