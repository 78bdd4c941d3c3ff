//! Display names and colours of the values that pages show. Functions for templates take references.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_domain::access::{PersonState, Role};
use postern_domain::alert::{AlertStatus, Severity, Trigger};
use postern_domain::evidence::Outcome;
use postern_domain::policy::{Action, Mode, Scope};
use postern_domain::{EntityKind, Timestamp};

use super::texts;
use postern_domain::finding::Level;
use postern_services::present;
use postern_services::service::Recommendation;

/// A setting's possible values: key and display name.
type Choices = Vec<(&'static str, String)>;

pub(super) fn time(at: &Timestamp) -> String {
    present::time(*at)
}

pub(super) fn colour(severity: &Severity) -> &'static str {
    match severity {
        Severity::High => "bad",
        Severity::Medium => "warn",
        Severity::Low | Severity::Informational => "",
    }
}

pub(super) fn level(level: &Level) -> String {
    match level {
        Level::Ok => texts::t("level-ok"),
        Level::Info => texts::t("level-info"),
        Level::Warning => texts::t("level-warning"),
        Level::Error => texts::t("level-error"),
    }
}

pub(super) fn level_colour(level: &Level) -> &'static str {
    match level {
        Level::Ok => "good",
        Level::Info => "",
        Level::Warning => "warn",
        Level::Error => "bad",
    }
}

pub(super) fn kind(kind: &EntityKind) -> String {
    match kind {
        EntityKind::Account => texts::t("kind-account"),
        EntityKind::Connector => texts::t("kind-connector"),
    }
}

pub(super) fn standing(key: &str) -> String {
    match key {
        "restricted" => texts::t("standing-restricted"),
        "probation" => texts::t("standing-probation"),
        _ => texts::t("standing-free"),
    }
}

pub(super) fn outcome(outcome: &Outcome) -> &'static str {
    present::outcome(*outcome)
}

pub(super) fn alert_status(status: &AlertStatus) -> String {
    match status {
        AlertStatus::Active => texts::t("alert-active"),
        AlertStatus::Investigating => texts::t("alert-investigating"),
        AlertStatus::Resolved => texts::t("alert-resolved"),
        AlertStatus::Dismissed => texts::t("alert-dismissed"),
    }
}

pub(super) fn alert_statuses() -> Choices {
    AlertStatus::ALL.iter().map(|status| (status.key(), alert_status(status))).collect()
}

pub(super) fn severities() -> Choices {
    Severity::ALL.iter().map(|severity| (severity.key(), severity.to_string())).collect()
}

pub(super) fn triggers() -> [Trigger; 9] {
    Trigger::ALL
}

pub(super) fn action(action: &Action) -> String {
    match action {
        Action::AlertOnly => texts::t("action-alert-only"),
        Action::Defer => texts::t("action-defer"),
        Action::RestrictUntilNextDay => texts::t("action-until-next-day"),
        Action::Restrict => texts::t("action-restrict"),
    }
}

pub(super) fn actions() -> Choices {
    Action::ALL.iter().map(|one| (one.key(), action(one))).collect()
}

pub(super) fn recommendation(one: &Recommendation) -> String {
    match one {
        Recommendation::PasswordChanged => texts::t("recommend-password"),
        Recommendation::MultiFactorOn => texts::t("recommend-mfa"),
        Recommendation::NoRulesLeft => texts::t("recommend-rules"),
        Recommendation::SessionsEnded => texts::t("recommend-sessions"),
    }
}

pub(super) fn is_report_only(mode: &Mode) -> bool {
    *mode == Mode::ReportOnly
}

pub(super) fn roles() -> Choices {
    Role::ALL.iter().map(|role| (role.key(), role.to_string())).collect()
}

pub(super) fn person_state(state: &PersonState) -> String {
    match state {
        PersonState::Invited => texts::t("person-invited"),
        PersonState::Active => texts::t("person-active"),
        PersonState::Disabled => texts::t("person-disabled"),
    }
}

pub(super) fn is_disabled(state: &PersonState) -> bool {
    *state == PersonState::Disabled
}

/// A text as one segment of an address's path.
pub(super) fn segment(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The address of an entity's page.
pub(super) fn entity_address(entity: impl std::fmt::Display) -> String {
    format!("/restricted/{}", segment(&entity.to_string()))
}

/// The scope of a policy, in one line.
pub(super) fn scope(scope: &Scope) -> String {
    let users = |users: &[postern_domain::EntityId]| users.iter().map(ToString::to_string).collect::<Vec<_>>();
    let part = |name: &str, list: &[String]| (!list.is_empty()).then(|| texts::t1(name, "list", list.join(", ")));
    let parts = [
        part("scope-users", &users(&scope.users)),
        part("scope-groups", &scope.groups),
        part("scope-domains", &scope.domains),
        part("scope-except-users", &users(&scope.except_users)),
        part("scope-except-groups", &scope.except_groups),
        part("scope-except-domains", &scope.except_domains),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
