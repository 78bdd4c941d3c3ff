//! What services return about restrictions, usage, alerts, policies, the audit trail and Postern itself.

use std::collections::BTreeMap;

use postern_domain::alert::{AlertNote, AlertPolicy, AlertStatus, Severity, Trigger};
use postern_domain::evidence::{Cause, Evidence};
use postern_domain::policy::{Allowance, OutboundPolicy};
use postern_domain::window::Window;
use postern_domain::{EntityId, EntityKind, Reference, Timestamp};
use postern_store::{OutboxState, StoredAlert, StoredRestriction};

use crate::gate::ServerReport;

/// A restriction, with what happened to it since, as callers see it.
#[derive(Debug, Clone, PartialEq)]
pub struct RestrictionView {
    /// The account or connector.
    pub entity: EntityId,
    /// Account or connector.
    pub kind: EntityKind,
    /// The reference of the incident, for example `PR-7K3F-9QXD`.
    pub reference: Reference,
    /// Why, in one line.
    pub reason: String,
    /// Why, in a structured form.
    pub cause: Cause,
    /// When it began.
    pub since: Timestamp,
    /// When it ends automatically; none: an admin releases it.
    pub until: Option<Timestamp>,
    /// The number of attempts refused since.
    pub refused: u64,
    /// When the last of them was refused.
    pub last_refused_at: Option<Timestamp>,
    /// When it was released; none: it is in force.
    pub released_at: Option<Timestamp>,
    /// Who released it; none while it is in force.
    pub released_by: Option<String>,
    /// The reason that was given for the release; none while it is in force.
    pub release_reason: Option<String>,
    /// Until when the entity is on probation.
    pub probation_until: Option<Timestamp>,
    /// What was seen when it was made.
    pub evidence: Evidence,
}

impl From<StoredRestriction> for RestrictionView {
    fn from(stored: StoredRestriction) -> Self {
        let release = stored.record.release().cloned();
        let restriction = stored.record.restriction().clone();
        Self {
            kind: restriction.entity.kind(),
            entity: restriction.entity,
            reference: restriction.reference,
            reason: restriction.cause.describe(),
            cause: restriction.cause,
            since: restriction.since,
            until: restriction.until,
            refused: stored.refused,
            last_refused_at: stored.last_refused_at,
            released_at: release.as_ref().map(|r| r.at),
            released_by: release.as_ref().map(|r| r.by.clone()),
            release_reason: release.as_ref().map(|r| r.reason.clone()),
            probation_until: release.and_then(|r| r.probation_until),
            evidence: restriction.evidence,
        }
    }
}

/// How full one window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowView {
    /// Which of the sliding windows it is about.
    pub window: Window,
    /// Recipients or messages that were accepted in the window.
    pub count: u32,
    /// Recipients or messages reserved by mail under way.
    pub reserved: u32,
    /// The limit of the window; none: no limit.
    pub limit: Option<u32>,
    /// When the next recipient fits again; none: now, or there is no limit.
    pub free_at: Option<Timestamp>,
}

/// What an entity has sent, and its limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageView {
    /// The account or connector.
    pub entity: EntityId,
    /// Account or connector.
    pub kind: EntityKind,
    /// `free`, `probation` or `restricted`.
    pub standing: String,
    /// The restriction in force.
    pub reference: Option<Reference>,
    /// When the restriction or the probation ends automatically.
    pub until: Option<Timestamp>,
    /// The policy that applies.
    pub policy: String,
    /// The allowance that raises its limits.
    pub allowance: Option<Allowance>,
    /// Every window: what was counted, and the limit.
    pub windows: Vec<WindowView>,
}

/// An alert, with what became of its notifications, as callers see it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertView {
    /// The reference of the incident, for example `PR-7K3F-9QXD`.
    pub reference: Reference,
    /// What raised it; a built-in alert policy has its name.
    pub trigger: Trigger,
    /// How urgent it is.
    pub severity: Severity,
    /// How far people have dealt with it.
    pub status: AlertStatus,
    /// The entity it is about; none: Postern itself.
    pub entity: Option<EntityId>,
    /// What happened, in one line.
    pub reason: String,
    /// What happened, in a structured form.
    pub cause: Cause,
    /// When it was raised.
    pub raised_at: Timestamp,
    /// When it was resolved or dismissed.
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

impl From<StoredAlert> for AlertView {
    fn from(stored: StoredAlert) -> Self {
        let alert = stored.alert;
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
            notifications_waiting: stored.waiting,
            notifications_delivered: stored.delivered,
            notifications_given_up: stored.given_up,
            last_error: stored.last_error,
            evidence: alert.evidence,
        }
    }
}

/// An alert policy, with what follows from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertPolicyView {
    /// The settings of the alert policy.
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

/// The answer of one channel to a test.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// An alert with what people did about it.
#[derive(Debug, Clone, PartialEq)]
pub struct AlertDetailView {
    /// The alert itself.
    pub alert: AlertView,
    /// Statuses and comments, oldest first.
    pub notes: Vec<AlertNote>,
}

/// Everything known about one incident.
#[derive(Debug, Clone, PartialEq)]
pub struct IncidentView {
    /// The reference of the incident, for example `PR-7K3F-9QXD`.
    pub reference: Reference,
    /// Its restriction, if it made one.
    pub restriction: Option<RestrictionView>,
    /// The alert of the same reference.
    pub alert: Option<AlertView>,
    /// The current usage of the entity.
    pub usage: Option<UsageView>,
}

/// An outbound policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyView {
    /// The settings of the outbound policy.
    pub policy: OutboundPolicy,
    /// Its position; 0 is checked first. None for the default policy, which is checked last.
    pub priority: Option<usize>,
    /// Whether it is the default policy.
    pub is_default: bool,
    /// The limits in force, by window, including built-in defaults.
    pub limits: BTreeMap<String, u32>,
    /// Hours of probation after a release.
    pub probation_hours: u64,
    /// The percentage of each limit that applies during probation.
    pub probation_percent: u32,
    /// How many times the outbound policies have been changed; also the ETag.
    pub revision: u64,
}

/// Which policy applies to an entity, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyChoiceView {
    /// The account or connector.
    pub entity: EntityId,
    /// Account or connector.
    pub kind: EntityKind,
    /// The name of the person it belongs to, if the directory has it.
    pub name: Option<String>,
    /// Whether the directory contains it; none: no directory states who has an account.
    pub in_directory: Option<bool>,
    /// Names of its groups, as in the directory.
    pub groups: Vec<String>,
    /// The policy that applies.
    pub policy: PolicyView,
    /// The policies that were checked before it.
    pub skipped: Vec<SkippedView>,
    /// `free`, `probation` or `restricted`.
    pub standing: String,
    /// The allowance that raises its limits.
    pub allowance: Option<Allowance>,
    /// The limits that apply now, by window.
    pub limits: BTreeMap<String, u32>,
}

/// A policy that does not apply to an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedView {
    /// The name of the policy that does not apply.
    pub policy: String,
    /// Its priority; 0 is checked first.
    pub priority: usize,
    /// Why it does not apply: "is off", "is in none of its groups", …
    pub why: String,
}

/// One thing that changes in the outbound policies.
#[derive(Debug, Clone, PartialEq)]
pub struct PolicyChangeView {
    /// The policy's name.
    pub policy: String,
    /// The setting; empty where the whole policy is added or removed.
    pub setting: String,
    /// The old value; null: there was none.
    pub from: serde_json::Value,
    /// The new value; null: there is none any more.
    pub to: serde_json::Value,
}

/// The state of Postern: what it listens on, what it counts, and what does not work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusView {
    /// The version of Postern that runs.
    pub version: String,
    /// The process id of the daemon.
    pub pid: u32,
    /// When it started.
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
    /// The number of entities with usage.
    pub entities: usize,
    /// Policy requests answered since the start.
    pub requests: u64,
    /// Messages counted since the start.
    pub messages: u64,
    /// Requests without a login or connector since the start.
    pub unauthenticated: u64,
    /// Requests that broke the protocol since the start.
    pub malformed: u64,
    /// The number of mails and webhooks waiting, and of those given up.
    pub outbox: OutboxView,
    /// What does not work, in one line each.
    pub problems: Vec<String>,
    /// Mail servers that have asked Postern, and what they asked.
    pub servers: Vec<ServerReport>,
    /// The aliases needed for copies to several addresses.
    pub copy_aliases: Vec<postern_domain::policy::CopyAlias>,
}

/// Counts of the mails and webhooks in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutboxView {
    /// Mails still to be delivered.
    pub waiting: u32,
    /// How many of these have been tried at least once.
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
#[derive(Debug, Clone, PartialEq)]
pub struct AuditView {
    /// Its number in the whole trail; for a caller limited to an organization, its number within that.
    pub seq: i64,
    /// When it was done.
    pub at: Timestamp,
    /// Who did it: a person, a token, a user of the machine, or `system`.
    pub actor: String,
    /// What was done, for example `restriction.release`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Details: an object whose keys depend on the action.
    pub detail: serde_json::Value,
    /// The hash of the entry before it, for callers that see the whole trail.
    pub previous: Option<String>,
    /// The entry's own hash, for callers that see the whole trail.
    pub hash: Option<String>,
}

/// The result of checking the audit trail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditReportView {
    /// How many entries were checked.
    pub entries: u64,
    /// The hash of the last entry.
    pub head: String,
    /// The entry at fault; none: the chain is intact.
    pub broken_at: Option<i64>,
    /// What is wrong with it.
    pub why: Option<String>,
}
