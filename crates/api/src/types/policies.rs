//! Outbound policies and allowances.

use std::collections::BTreeMap;

use postern_domain::policy::{self, Action, Mode, Preset};
use postern_domain::{EntityId, EntityKind, Reference, Timestamp};
use postern_services::service::{self, views};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::convert::convert;
use super::{Excess, schema};

/// An outbound policy: limits, action, notifications, and scope. In limits that Exchange's policies
/// have too, 0 means the built-in default; in Postern's own limits, it means "no limit".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct OutboundPolicy {
    /// Its name as shown to people.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether it is checked; the default policy always is.
    pub enabled: bool,
    /// The entities it applies to; the default policy applies to all. A disabled policy may have no condition yet.
    #[serde(flatten)]
    pub scope: Scope,
    /// The name that Exchange's cmdlets use for the policy's rule, which defines its scope; empty: the policy's name.
    pub rule_name: String,
    /// The comments of that rule.
    pub rule_comments: String,
    /// External recipients per hour; 0: the built-in default.
    #[schema(maximum = 10000)]
    pub external_per_hour: u32,
    /// Internal recipients per hour; 0: the built-in default.
    #[schema(maximum = 10000)]
    pub internal_per_hour: u32,
    /// Recipients per day; 0: the built-in default.
    #[schema(maximum = 10000)]
    pub per_day: u32,
    /// Messages per minute; 0: no limit. Mail over this limit is deferred, whatever the action.
    #[schema(maximum = 10000)]
    pub messages_per_minute: u32,
    /// Messages per day; 0: no limit.
    #[schema(maximum = 10000)]
    pub messages_per_day: u32,
    /// Recipients per day that the entity had never written to before; 0: no limit.
    #[schema(maximum = 10000)]
    pub first_time_recipients_per_day: u32,
    /// Recipients per hour that the mail server itself refuses, usually unknown ones; 0: no limit.
    #[schema(maximum = 10000)]
    pub unknown_recipients_per_hour: u32,
    /// Recipients of one message; 0: no limit. Further recipients are answered with 452 4.5.3.
    #[schema(maximum = 1000)]
    pub recipients_per_message: u32,
    /// Recipients on the escape lane per hour; 0: the built-in default.
    #[schema(maximum = 10000)]
    pub escape_lane_per_hour: u32,
    /// The action taken when a limit is exceeded.
    #[schema(value_type = schema::Action)]
    pub action: Action,
    /// Whether it acts or only reports.
    #[schema(value_type = schema::Mode)]
    pub mode: Mode,
    /// Notify the admins when this percentage of a limit is reached; 0: never.
    #[schema(maximum = 99)]
    pub warn_at_percent: u32,
    /// Who is notified when an entity is restricted, in addition to the alert policy's recipients.
    pub notify: Vec<String>,
    /// Who gets a copy of mail that exceeds a limit but is not held back, and of suspicious mail;
    /// empty: nobody. May be given as one address or a list of addresses.
    pub copy_to: Vec<String>,
}

convert!(policy::OutboundPolicy => OutboundPolicy {
    same: name, description, enabled, rule_name, rule_comments, external_per_hour, internal_per_hour, per_day, messages_per_minute, messages_per_day, first_time_recipients_per_day, unknown_recipients_per_hour, recipients_per_message, escape_lane_per_hour, action, mode, warn_at_percent, notify, copy_to;
    into: scope;
});

impl Default for OutboundPolicy {
    fn default() -> Self {
        policy::OutboundPolicy::default().into()
    }
}

/// Users, groups and domains that a policy applies to, and exceptions.
///
/// As in Exchange, an entity has to match one value of each condition that is set; if it matches
/// any exception, the policy does not apply.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct Scope {
    /// These accounts, or connectors given as `connector:NAME`.
    #[schema(value_type = Vec<schema::EntityId>)]
    pub users: Vec<EntityId>,
    /// Members of these groups.
    pub groups: Vec<String>,
    /// Accounts in these domains and their subdomains.
    pub domains: Vec<String>,
    /// Not these accounts or connectors.
    #[schema(value_type = Vec<schema::EntityId>)]
    pub except_users: Vec<EntityId>,
    /// Not members of these groups.
    pub except_groups: Vec<String>,
    /// Not accounts in these domains or their subdomains.
    pub except_domains: Vec<String>,
}

convert!(policy::Scope => Scope {
    same: users, groups, domains, except_users, except_groups, except_domains;
});

/// Custom policies in the order in which they are checked, and the default policy, which applies
/// if none of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyBook {
    /// The default policy.
    pub default: OutboundPolicy,
    /// Custom policies by priority: the first has priority 0.
    #[serde(default)]
    pub custom: Vec<OutboundPolicy>,
}

convert!(policy::PolicyBook => PolicyBook {
    same: ;
    into: default;
    each: custom;
});

/// A whole file of policies; a setting that is left out is treated as if it had never been set.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct PolicyFile {
    default: Option<OutboundPolicy>,
    custom: Option<Vec<OutboundPolicy>>,
}

/// The body of a policy's `POST` and `PATCH`: any of its settings, and two keys that affect several.
#[derive(ToSchema)]
#[allow(dead_code)]
pub struct PolicyBody {
    #[schema(inline)]
    #[serde(flatten)]
    settings: OutboundPolicy,
    /// 0 is evaluated first; not for the default policy.
    priority: Option<usize>,
    /// Microsoft's recommended values.
    #[schema(value_type = Option<schema::Preset>)]
    preset: Option<Preset>,
}

/// An outbound policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyView {
    /// The settings of the outbound policy.
    #[serde(flatten)]
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

convert!(views::PolicyView => PolicyView {
    same: priority, is_default, limits, probation_hours, probation_percent, revision;
    into: policy;
});

/// Which policy applies to an entity, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicyChoiceView {
    /// The account or connector.
    #[schema(value_type = schema::EntityId)]
    pub entity: EntityId,
    /// Account or connector.
    #[schema(value_type = schema::EntityKind)]
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

convert!(views::PolicyChoiceView => PolicyChoiceView {
    same: entity, kind, name, in_directory, groups, standing, limits;
    into: policy;
    optional: allowance;
    each: skipped;
});

/// A policy that does not apply to an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SkippedView {
    /// The name of the policy that does not apply.
    pub policy: String,
    /// Its priority; 0 is checked first.
    pub priority: usize,
    /// Why it does not apply: "is off", "is in none of its groups", …
    pub why: String,
}

convert!(views::SkippedView => SkippedView {
    same: policy, priority, why;
});

/// One thing that changes in the outbound policies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PolicyChangeView {
    /// The policy's name.
    pub policy: String,
    /// The setting; empty where the whole policy is added or removed.
    pub setting: String,
    /// The old value; null: there was none.
    pub from: Value,
    /// The new value; null: there is none any more.
    pub to: Value,
}

convert!(views::PolicyChangeView => PolicyChangeView {
    same: policy, setting, from, to;
});

/// What a policy would have done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct PreviewView {
    /// The entities it would have acted on, by when they would have exceeded a limit, earliest first.
    pub entities: Vec<EffectView>,
    /// The number of such entities, including those not listed.
    pub count: usize,
}

convert!(service::PreviewView => PreviewView {
    same: count;
    each: entities;
});

/// What a policy would have done to one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EffectView {
    /// The account or connector.
    #[schema(value_type = schema::EntityId)]
    pub entity: EntityId,
    /// Approximately when it would have exceeded the limit: the beginning of those ten minutes.
    #[schema(value_type = schema::Timestamp)]
    pub at: Timestamp,
    /// The limit, and what would have been counted.
    #[serde(flatten)]
    pub excess: Excess,
    /// Whether the limits that apply to it now would have been exceeded as well.
    pub also_now: bool,
}

convert!(service::EffectView => EffectView {
    same: entity, at, also_now;
    into: excess;
});

/// A temporary allowance, such as "2000 a day for this account until Friday 18:00, granted by X because Y".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Allowance {
    /// The reference of the allowance.
    #[schema(value_type = schema::Reference)]
    pub reference: Reference,
    /// The account or connector whose limits it raises.
    #[schema(value_type = schema::EntityId)]
    pub entity: EntityId,
    /// External recipients per hour; if absent, the policy's limit applies.
    pub external_per_hour: Option<u32>,
    /// Internal recipients per hour; if absent, the policy's limit applies.
    pub internal_per_hour: Option<u32>,
    /// Recipients per day; if absent, the policy's limit applies.
    pub per_day: Option<u32>,
    /// When it was granted.
    #[schema(value_type = schema::Timestamp)]
    pub granted_at: Timestamp,
    /// When it ends.
    #[schema(value_type = schema::Timestamp)]
    pub until: Timestamp,
    /// Who granted it, as named in the audit trail.
    pub granted_by: String,
    /// The reason given for it, 1 to 1024 characters.
    pub reason: String,
}

convert!(policy::Allowance => Allowance {
    same: reference, entity, external_per_hour, internal_per_hour, per_day, granted_at, until, granted_by, reason;
});

/// A request for an allowance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AllowanceRequest {
    /// The entity: any spelling of an account, or `connector:NAME`.
    pub entity: String,
    /// External recipients per hour, 1 to 1,000,000; if absent, the policy's limit applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000)]
    pub external_per_hour: Option<u32>,
    /// Internal recipients per hour, 1 to 1,000,000; if absent, the policy's limit applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000)]
    pub internal_per_hour: Option<u32>,
    /// Recipients per day, 1 to 1,000,000; if absent, the policy's limit applies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(minimum = 1, maximum = 1000000)]
    pub per_day: Option<u32>,
    /// When it ends.
    #[schema(value_type = schema::Timestamp)]
    pub until: Timestamp,
    /// The reason, 1 to 1024 characters.
    #[schema(min_length = 1, max_length = 1024)]
    pub reason: String,
}

convert!(AllowanceRequest => service::AllowanceRequest {
    same: entity, external_per_hour, internal_per_hour, per_day, until, reason;
});
