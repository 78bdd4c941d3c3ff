//! The cmdlets for alert policies, which Exchange calls protection alerts.

use postern_domain::alert::{Severity, Trigger};
use serde_json::{Map, Value, json};

use super::object::guid;
use super::{Call, CmdletError, Object, Result, Returned};
use postern_services::service::Edit;
use postern_services::service::views::AlertPolicyView;

/// Minutes in a day: the only window of a daily limit.
const DAY: u32 = 1440;

fn find(call: &Call<'_>, identity: &str) -> Result<AlertPolicyView> {
    let all = call.services.alert_policies.list(call.caller).map_err(|error| call.refused(&error, ""))?;
    let is_wanted = |view: &AlertPolicyView| call.is_called(identity, "alert", &view.policy.name);
    all.into_iter().find(is_wanted).ok_or_else(|| call.missing(identity))
}

pub(super) fn get(call: &Call<'_>) -> Result<Returned> {
    let found = match call.bound.text("Identity") {
        Some(identity) => vec![find(call, identity)?],
        None => call.services.alert_policies.list(call.caller).map_err(|error| call.refused(&error, ""))?,
    };
    Ok(found.iter().map(|view| object(call, view)).collect::<Vec<_>>().into())
}

fn object(call: &Call<'_>, view: &AlertPolicyView) -> Object {
    let policy = &view.policy;
    let limit = view.per_day.map_or(Value::Null, |limit| json!(limit));
    Object::default()
        .with("Name", policy.name.as_str())
        .with("Identity", policy.name.as_str())
        .with("Guid", guid("alert", &call.organization, &policy.name))
        .with("Category", "ThreatManagement")
        .with("Severity", policy.severity.to_string())
        .with("Disabled", !policy.enabled)
        .with("IsSystemRule", view.built_in)
        .with("ThreatType", "Activity")
        .with("Operation", vec![policy.trigger.to_string()])
        .with("AggregationType", "None")
        .with("NotifyUser", shown_recipients(call, view))
        .with("NotificationEnabled", policy.enabled && !view.mails_to.is_empty())
        .with("NotifyUserThrottleThreshold", limit)
        .with("NotifyUserThrottleWindow", if view.per_day.is_some() { json!(DAY) } else { Value::Null })
        .with("Comment", policy.description.as_str())
        .with("Description", policy.description.as_str())
}

/// The recipients in force: the policy's own, or the configuration's.
fn shown_recipients(call: &Call<'_>, view: &AlertPolicyView) -> Vec<String> {
    view.policy.recipients.clone().unwrap_or_else(|| call.services.settings.load().alerts.recipients.clone())
}

/// The parameters that New and Set share, as settings of an alert policy.
fn settings(call: &Call<'_>, now: &[String]) -> Result<Map<String, Value>> {
    let bound = &call.bound;
    let mut patch = Map::new();
    let only = |name: &str, possible: &[&str]| match bound.text(name) {
        Some(given) if !possible.contains(&given) => {
            let why = format!("{name} can't be {given}; Postern accepts only {}.", possible.join(" and "));
            Err(CmdletError::parameter(name, why))
        }
        _ => Ok(()),
    };
    only("Category", &["ThreatManagement", "MailFlow"])?;
    only("AggregationType", &["None"])?;
    if let Some(window) = bound.number("NotifyUserThrottleWindow").filter(|window| *window != 0 && *window != DAY) {
        let why = format!("NotifyUserThrottleWindow can't be {window}; Postern's limit is for a day: {DAY} minutes.");
        return Err(CmdletError::parameter("NotifyUserThrottleWindow", why));
    }
    if let Some(recipients) = bound.list("NotifyUser", now) {
        patch.insert("recipients".into(), json!(recipients));
    }
    if let Some(limit) = bound.number("NotifyUserThrottleThreshold") {
        patch.insert("daily_notification_limit".into(), json!(limit));
    }
    if let Some(disabled) = bound.flag("Disabled") {
        patch.insert("enabled".into(), json!(!disabled));
    }
    let severity = bound.text("Severity");
    if let Some(severity) = Severity::ALL.into_iter().find(|one| severity == Some(one.to_string().as_str())) {
        patch.insert("severity".into(), json!(severity));
    }
    if let Some(text) = bound.any_text("Comment").or(bound.any_text("Description")) {
        patch.insert("description".into(), json!(text));
    }
    Ok(patch)
}

/// Checks whether an edit of alert policies is possible, without making it.
fn check(call: &Call<'_>, edit: Edit<'_>, identity: &str) -> Result<Returned> {
    let checked = call.services.alert_policies.check(call.caller, edit);
    checked.map(|()| Returned::default()).map_err(|error| call.refused(&error, identity))
}

pub(super) async fn new(call: &Call<'_>) -> Result<Returned> {
    let name = call.required("Name");
    if find(call, name).is_ok() {
        return Err(CmdletError::exists(name));
    }
    let operations = call.bound.list("Operation", &[]).unwrap_or_default();
    let trigger = match operations.as_slice() {
        [] => Trigger::UserRestricted,
        [one] => Trigger::from_name(one).ok_or_else(|| {
            let names = Trigger::ALL.map(|trigger| format!("'{trigger}'")).join(", ");
            CmdletError::parameter("Operation", format!("Operation can't be '{one}'; Postern accepts only {names}."))
        })?,
        _ => return Err(CmdletError::parameter("Operation", "Operation takes one operation.".into())),
    };
    let mut patch = settings(call, &[])?;
    patch.insert("name".into(), json!(name));
    patch.insert("trigger".into(), json!(trigger.name()));
    let patch = Value::Object(patch);
    if call.bound.what_if {
        return check(call, Edit::Add(&patch), name);
    }
    let made = call.services.alert_policies.add(call.caller, &patch).await;
    let made = made.map_err(|error| call.refused(&error, name))?;
    Ok(vec![object(call, &made)].into())
}

pub(super) async fn set(call: &Call<'_>) -> Result<Returned> {
    let known = find(call, call.required("Identity"))?;
    let patch = settings(call, &shown_recipients(call, &known))?;
    let name = &known.policy.name;
    let patch = Value::Object(patch);
    if call.bound.what_if {
        return check(call, Edit::Change(name, &patch), name);
    }
    let changed = call.services.alert_policies.change(call.caller, name, &patch, Some(known.revision)).await;
    changed.map_err(|error| call.refused(&error, name))?;
    Ok(Returned::default())
}

pub(super) async fn remove(call: &Call<'_>) -> Result<Returned> {
    let known = find(call, call.required("Identity"))?;
    let name = &known.policy.name;
    if call.bound.what_if {
        return check(call, Edit::Remove(name), name);
    }
    call.services.alert_policies.remove(call.caller, name, None).await.map_err(|error| call.refused(&error, name))?;
    Ok(Returned::default())
}
