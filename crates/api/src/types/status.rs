//! The state of Postern, its audit trail and its events.

use postern_domain::{OrganizationId, Timestamp, policy};
use postern_services::events;
use postern_services::service::{self, views};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::convert::convert;
use super::schema;

/// The state of Postern: what it listens on, what it counts, and what does not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatusView {
    /// The version of Postern that runs.
    pub version: String,
    /// The process id of the daemon.
    pub pid: u32,
    /// When it started.
    #[schema(value_type = schema::Timestamp)]
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
    #[serde(default)]
    pub copy_aliases: Vec<CopyAlias>,
}

convert!(views::StatusView => StatusView {
    same: version, pid, started, config, data, policy_door, portal, smtp_server, restricted, on_probation, entities, requests, messages, unauthenticated, malformed, problems;
    into: outbox;
    each: servers, copy_aliases;
});

/// Counts of the mails and webhooks in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct OutboxView {
    /// Mails still to be delivered.
    pub waiting: u32,
    /// How many of these have been tried at least once.
    pub retrying: u32,
    /// Mails given up.
    pub given_up: u32,
}

convert!(views::OutboxView => OutboxView {
    same: waiting, retrying, given_up;
});

/// A report on one mail server's requests, for people and programs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ServerReport {
    /// Where its requests come from.
    pub peer: String,
    /// The port that its clients connect to; empty if it doesn't report one.
    #[serde(rename = "port")]
    pub listener: String,
    /// Requests about recipients.
    pub rcpt: u64,
    /// Confirmations of recipients.
    pub confirm: u64,
    /// Requests at DATA.
    pub data: u64,
    /// Requests at END-OF-MESSAGE.
    pub end_of_message: u64,
    /// Requests at other stages.
    pub other: u64,
    /// Requests that were charged to an account.
    pub accounts: u64,
    /// Requests that were charged to a connector.
    pub connectors: u64,
    /// When it last sent a request, to 100 ms.
    #[schema(value_type = schema::Timestamp)]
    pub last: Timestamp,
}

convert!(service::ServerReport => ServerReport {
    same: peer, listener, rcpt, confirm, data, end_of_message, other, accounts, connectors, last;
});

convert!(ServerReport => service::ServerReport {
    same: peer, listener, rcpt, confirm, data, end_of_message, other, accounts, connectors, last;
});

/// An alias address that stands for the several addresses to which a policy's copies go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CopyAlias {
    /// The name of the policy.
    pub policy: String,
    /// The organization that the policy belongs to.
    #[schema(value_type = schema::OrganizationId)]
    pub organization: OrganizationId,
    /// The address that Postern has the mail server add.
    pub alias: String,
    /// The addresses that the mail server must expand it to.
    pub to: Vec<String>,
}

convert!(policy::CopyAlias => CopyAlias {
    same: policy, organization, alias, to;
});

convert!(CopyAlias => policy::CopyAlias {
    same: policy, organization, alias, to;
});

/// An entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditView {
    /// Its number in the whole trail; for a caller limited to an organization, its number within that.
    pub seq: i64,
    /// When it was done.
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    /// Who did it: a person, a token, a user of the machine, or `system`.
    pub actor: String,
    /// What was done, for example `restriction.release`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Details: an object whose keys depend on the action.
    pub detail: Value,
    /// The hash of the entry before it, for callers that see the whole trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<String>,
    /// The entry's own hash, for callers that see the whole trail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<String>,
}

convert!(views::AuditView => AuditView {
    same: seq, at, actor, action, target, detail, previous, hash;
});

/// The result of checking the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

convert!(views::AuditReportView => AuditReportView {
    same: entries, head, broken_at, why;
});

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Event {
    /// Its number in the audit trail as the watcher sees it. A watcher that gives it as the last event seen gets the
    /// events after it.
    pub id: i64,
    /// `restriction.made`, `restriction.released`, `restriction.restored`, `alert.raised`, `alert.changed`,
    /// `policies.changed`, `alert-policies.changed`, `allowance.granted`, `allowance.ended` or `organizations.changed`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it happened.
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    /// The organization it belongs to.
    #[schema(value_type = schema::OrganizationId)]
    pub organization: OrganizationId,
    /// Details, such as `entity` and `reference` if there are any.
    pub data: Value,
}

convert!(events::Event => Event {
    same: id, kind, at, organization, data;
});
