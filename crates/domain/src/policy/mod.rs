//! Outbound policies: how much an entity may send, and what happens when it sends more.
//!
//! Settings, ranges and names are those of Exchange Online's outbound spam policies, plus Postern's
//! own.

mod allowance;
mod book;
mod scope;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::organization::OrganizationId;
use crate::time::{Timestamp, Zone};

pub use crate::InvalidSetting;
pub use crate::window::{Limits, MAX_ALLOWANCE, MAX_LIMIT, NO_LIMIT};
pub use allowance::Allowance;
pub use book::{Choice, PolicyBook, Skipped};
pub use scope::{Member, Mismatch, Scope};

/// The default policy's name, as Exchange admins know it.
pub const DEFAULT_POLICY: &str = "Default";

/// The action taken when a limit is exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// No action, alert only.
    AlertOnly,
    /// Defer mail over the limit until it fits again.
    Defer,
    /// Restrict the user from sending mail until the following day.
    RestrictUntilNextDay,
    /// Restrict the user from sending mail.
    #[default]
    Restrict,
}

impl Action {
    /// Every action.
    pub const ALL: [Action; 4] = [Action::AlertOnly, Action::Defer, Action::RestrictUntilNextDay, Action::Restrict];

    /// The action's name in settings and in the API.
    pub fn key(self) -> &'static str {
        match self {
            Action::AlertOnly => "alert-only",
            Action::Defer => "defer",
            Action::RestrictUntilNextDay => "restrict-until-next-day",
            Action::Restrict => "restrict",
        }
    }

    /// What is to be done about an entity that passes a limit at `now`; days end as in `zone`.
    pub fn consequence(self, now: Timestamp, zone: &Zone) -> Consequence {
        match self {
            Action::AlertOnly => Consequence::Alert,
            Action::Defer => Consequence::Defer,
            Action::RestrictUntilNextDay => Consequence::Restrict { until: Some(zone.next_day(now)) },
            Action::Restrict => Consequence::Restrict { until: None },
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::AlertOnly => "no action, alert only",
            Action::Defer => "defer mail over the limit until it fits again",
            Action::RestrictUntilNextDay => "restrict from sending mail until the following day",
            Action::Restrict => "restrict from sending mail",
        })
    }
}

/// Whether a policy acts or only reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The policy acts.
    #[default]
    Enforce,
    /// The policy only reports what it would have done: in the log, the metrics, and as an informational alert.
    ReportOnly,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Mode; 2] = [Mode::Enforce, Mode::ReportOnly];
}

/// What to do about an entity that exceeded a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consequence {
    /// Report what the policy would have done, and let the mail go on.
    Report(Action),
    /// Notify the admins, and let the mail go on.
    Alert,
    /// Notify the admins, and defer the mail.
    Defer,
    /// Restrict the entity, until a given time or until an admin releases it.
    Restrict {
        /// When the restriction ends automatically; `None` if it lasts until an admin releases it.
        until: Option<Timestamp>,
    },
}

/// An outbound policy: limits, action, notifications, and scope. In limits that Exchange's policies
/// have too, 0 means the built-in default; in Postern's own limits, it means "no limit".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OutboundPolicy {
    /// Its name as shown to people.
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
    pub external_per_hour: u32,
    /// Internal recipients per hour; 0: the built-in default.
    pub internal_per_hour: u32,
    /// Recipients per day; 0: the built-in default.
    pub per_day: u32,
    /// Messages per minute; 0: no limit. Mail over this limit is deferred, whatever the action.
    pub messages_per_minute: u32,
    /// Messages per day; 0: no limit.
    pub messages_per_day: u32,
    /// Recipients per day that the entity had never written to before; 0: no limit.
    pub first_time_recipients_per_day: u32,
    /// Recipients per hour that the mail server itself refuses, usually unknown ones; 0: no limit.
    pub unknown_recipients_per_hour: u32,
    /// Recipients of one message; 0: no limit. Further recipients are answered with 452 4.5.3.
    pub recipients_per_message: u32,
    /// Recipients on the escape lane per hour; 0: the built-in default.
    pub escape_lane_per_hour: u32,
    /// The action taken when a limit is exceeded.
    pub action: Action,
    /// Whether it acts or only reports.
    pub mode: Mode,
    /// Notify the admins when this percentage of a limit is reached; 0: never.
    pub warn_at_percent: u32,
    /// Who is notified when an entity is restricted, in addition to the alert policy's recipients.
    pub notify: Vec<String>,
    /// Who gets a copy of mail that exceeds a limit but is not held back, and of suspicious mail;
    /// empty: nobody. May be given as one address or a list of addresses.
    #[serde(deserialize_with = "one_or_several")]
    pub copy_to: Vec<String>,
}

impl Default for OutboundPolicy {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            enabled: true,
            scope: Scope::default(),
            rule_name: String::new(),
            rule_comments: String::new(),
            external_per_hour: 0,
            internal_per_hour: 0,
            per_day: 0,
            messages_per_minute: 0,
            messages_per_day: 0,
            first_time_recipients_per_day: 0,
            unknown_recipients_per_hour: 0,
            recipients_per_message: 0,
            escape_lane_per_hour: 0,
            action: Action::default(),
            mode: Mode::default(),
            warn_at_percent: 0,
            notify: Vec::new(),
            copy_to: Vec::new(),
        }
    }
}

impl OutboundPolicy {
    /// The default policy with nothing set.
    pub fn built_in() -> Self {
        Self { name: DEFAULT_POLICY.into(), ..Self::default() }
    }

    /// The name that Exchange's cmdlets use for its rule.
    pub fn rule(&self) -> &str {
        if self.rule_name.is_empty() { &self.name } else { &self.rule_name }
    }

    /// The limits in force, with built-in defaults filled in.
    pub fn limits(&self) -> Limits {
        let or = |set: u32, default: u32| if set == 0 { default } else { set };
        let default = Limits::DEFAULT;
        Limits {
            external_per_hour: or(self.external_per_hour, default.external_per_hour),
            internal_per_hour: or(self.internal_per_hour, default.internal_per_hour),
            per_day: or(self.per_day, default.per_day),
            escape_lane_per_hour: or(self.escape_lane_per_hour, default.escape_lane_per_hour),
            messages_per_minute: or(self.messages_per_minute, default.messages_per_minute),
            messages_per_day: or(self.messages_per_day, default.messages_per_day),
            first_time_recipients_per_day: or(
                self.first_time_recipients_per_day,
                default.first_time_recipients_per_day,
            ),
            unknown_recipients_per_hour: or(self.unknown_recipients_per_hour, default.unknown_recipients_per_hour),
        }
    }

    /// What is to be done about an entity that passes a limit at `now`; days end as in `zone`.
    pub fn consequence(&self, now: Timestamp, zone: &Zone) -> Consequence {
        match self.mode {
            Mode::Enforce => self.action.consequence(now, zone),
            Mode::ReportOnly => Consequence::Report(self.action),
        }
    }

    /// Who gets copies, in the form that a mail server needs; `domain` is one of the organization's domains.
    /// `None` if nobody gets copies.
    pub fn copies(&self, domain: &str) -> Option<Copies> {
        let to = self.copy_to.clone();
        let alias = || copy_alias(&self.name, domain);
        (!to.is_empty()).then(|| Copies { alias: if to.len() > 1 { Some(alias()) } else { None }, to })
    }

    /// Sets the limits to the values of a preset that Microsoft recommends.
    pub fn preset(&mut self, preset: Preset) {
        let (external, internal, day) = match preset {
            Preset::Standard => (500, 1000, 1000),
            Preset::Strict => (400, 800, 800),
        };
        (self.external_per_hour, self.internal_per_hour, self.per_day) = (external, internal, day);
        self.action = Action::Restrict;
    }
}

/// Who gets copies of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copies {
    /// The addresses, one or more.
    pub to: Vec<String>,
    /// One address that stands for all of them, for a protocol that can add only one; `None` if there
    /// is only one address. The mail server must be configured to expand it.
    pub alias: Option<String>,
}

/// An alias address that stands for the several addresses to which a policy's copies go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyAlias {
    /// The name of the policy.
    pub policy: String,
    /// The organization that the policy belongs to.
    pub organization: OrganizationId,
    /// The address that Postern has the mail server add.
    pub alias: String,
    /// The addresses that the mail server must expand it to.
    pub to: Vec<String>,
}

/// `postern-copies-POLICY@domain`: the letters and digits of the policy's name and, if they are not
/// the whole name, a checksum of it, so that no two policies share an address.
fn copy_alias(policy: &str, domain: &str) -> String {
    let name = policy.to_lowercase();
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let mut slug: String = words.collect::<Vec<_>>().join("-").chars().take(24).collect();
    if slug != name {
        // FNV-1a, 32 bits: the same in all versions and on all machines.
        let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
        slug = format!("{slug}-{hash:08x}").trim_start_matches('-').to_owned();
    }
    format!("postern-copies-{slug}@{domain}")
}

/// Settings and clients of earlier versions give one address, or an empty text for nobody.
fn one_or_several<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(String),
        Several(Vec<String>),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::One(text) if text.is_empty() => Vec::new(),
        Given::One(text) => vec![text],
        Given::Several(list) => list,
    })
}

/// Sets of limits that Microsoft recommends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// 500 external, 1000 internal per hour, 1000 per day.
    Standard,
    /// 400 external, 800 internal per hour, 800 per day.
    Strict,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Preset; 2] = [Preset::Standard, Preset::Strict];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_know_when_they_end() {
        let now = Timestamp::parse("2026-11-25T23:30:00Z").unwrap();
        let with = |action| OutboundPolicy { action, ..OutboundPolicy::built_in() };
        let consequence = |action| with(action).consequence(now, &Zone::utc());
        assert_eq!(consequence(Action::AlertOnly), Consequence::Alert);
        assert_eq!(consequence(Action::Defer), Consequence::Defer);
        assert_eq!(consequence(Action::Restrict), Consequence::Restrict { until: None });
        let next = |text| Consequence::Restrict { until: Some(Timestamp::parse(text).unwrap()) };
        assert_eq!(consequence(Action::RestrictUntilNextDay), next("2026-11-26T00:00:00Z"));
        // In Berlin, the following day has already begun.
        let berlin = Zone::parse("Europe/Berlin").unwrap();
        let there = with(Action::RestrictUntilNextDay).consequence(now, &berlin);
        assert_eq!(there, next("2026-11-26T23:00:00Z"));
        let report = OutboundPolicy { mode: Mode::ReportOnly, ..with(Action::Restrict) };
        assert_eq!(report.consequence(now, &Zone::utc()), Consequence::Report(Action::Restrict));
    }

    #[test]
    fn copies_go_to_one_or_by_an_alias_of_its_own_to_several() {
        let policy = |name: &str, copy_to: serde_json::Value| -> OutboundPolicy {
            serde_json::from_value(serde_json::json!({ "name": name, "copy_to": copy_to })).unwrap()
        };
        let copies = |name: &str, to: serde_json::Value| policy(name, to).copies("example.com");
        assert_eq!(copies("Default", serde_json::json!("")), None);
        assert_eq!(copies("Default", serde_json::json!("a@x.example")).unwrap().alias, None);
        let two = serde_json::json!(["a@x.example", "b@x.example"]);
        let alias = |name: &str| copies(name, two.clone()).unwrap().alias.unwrap();
        assert_eq!(alias("Default"), "postern-copies-default@example.com");
        assert!(alias("Vertrieb Süd").starts_with("postern-copies-vertrieb-s-d-"));
        let names = ["a b", "a-b", "a_b", "日本", "中国", "a b "];
        let different: std::collections::BTreeSet<_> = names.iter().map(|name| alias(name)).collect();
        assert_eq!(different.len(), names.len());
    }

    #[test]
    fn zero_is_the_built_in_default_or_no_limit() {
        assert_eq!(OutboundPolicy::built_in().limits(), Limits::DEFAULT);
        let mut strict = OutboundPolicy::built_in();
        strict.preset(Preset::Strict);
        assert_eq!(strict.limits().external_per_hour, 400);
    }
}
