//! Outbound policies as Exchange has them: limits, action and notifications.

use postern_domain::policy::{Action, DEFAULT_POLICY, OutboundPolicy};
use postern_store::AuditFilter;
use serde_json::{Map, Value, json};

use super::object::guid;
use super::{Call, CmdletError, Object, Result, Returned};
use crate::desk::views::PolicyView;

/// Every policy, the default one last.
pub(super) fn all(call: &Call<'_>) -> Result<Vec<PolicyView>> {
    call.desk.policies(call.caller).map_err(|error| call.refused(&error, ""))
}

/// The policy of that name or Guid.
pub(super) fn find(call: &Call<'_>, identity: &str) -> Result<PolicyView> {
    let is_wanted = |view: &PolicyView| call.is_called(identity, "policy", &view.policy.name);
    all(call)?.into_iter().find(is_wanted).ok_or_else(|| call.missing(identity))
}

pub(super) async fn get(call: &Call<'_>) -> Result<Returned> {
    let found = match call.bound.text("Identity") {
        Some(identity) => vec![find(call, identity)?],
        None => all(call)?,
    };
    let mut objects = Vec::new();
    for view in &found {
        objects.push(object(call, view).await?);
    }
    Ok(objects.into())
}

async fn object(call: &Call<'_>, view: &PolicyView) -> Result<Object> {
    let policy = &view.policy;
    let id = guid("policy", &call.organization, &policy.name);
    let when = |action: &str| AuditFilter {
        target: Some(policy.name.clone()),
        action: Some(action.into()),
        organization: Some(call.organization.clone()),
        limit: Some(1),
        ..AuditFilter::default()
    };
    let at = async |action| {
        let found =
            call.desk.audit(call.caller, &when(action)).await.map_err(|error| call.refused(&error, &policy.name));
        found.map(|mut found| found.pop().map(|entry| entry.at))
    };
    let (changed, created) = (at("policy").await?, at("policy.add").await?);
    let copies: Vec<&str> = Some(policy.copy_to.as_str()).filter(|to| !to.is_empty()).into_iter().collect();
    Ok(Object::default()
        .with("Name", policy.name.as_str())
        .with("Identity", policy.name.as_str())
        .with("Id", policy.name.as_str())
        .with("Guid", id)
        .with("IsDefault", view.is_default)
        .with("Enabled", view.is_default || policy.enabled)
        .with("ConfigurationType", if view.is_default { "Default" } else { "Custom" })
        .with("AdminDisplayName", policy.description.as_str())
        .with("ActionWhenThresholdReached", action_name(policy.action))
        .with("RecipientLimitExternalPerHour", policy.external_per_hour)
        .with("RecipientLimitInternalPerHour", policy.internal_per_hour)
        .with("RecipientLimitPerDay", policy.per_day)
        .with("AutoForwardingMode", "Automatic")
        .with("BccSuspiciousOutboundMail", !copies.is_empty())
        .with("BccSuspiciousOutboundAdditionalRecipients", copies)
        .with("NotifyOutboundSpam", !policy.notify.is_empty())
        .with("NotifyOutboundSpamRecipients", policy.notify.clone())
        .with("DirectoryBasedEdgeBlockMode", "Default")
        .with("ObjectState", "Unchanged")
        .with("OrganizationId", call.organization.to_string())
        .with_time("WhenChanged", changed)
        .with_time("WhenChangedUTC", changed)
        .with_time("WhenCreated", created)
        .with_time("WhenCreatedUTC", created))
}

fn action_name(action: Action) -> &'static str {
    match action {
        Action::AlertOnly => "Alert",
        Action::Defer => "Defer",
        Action::RestrictUntilNextDay => "BlockUserForToday",
        Action::Restrict => "BlockUser",
    }
}

fn action(name: &str) -> Action {
    match name {
        "Alert" => Action::AlertOnly,
        "Defer" => Action::Defer,
        "BlockUser" => Action::Restrict,
        _ => Action::RestrictUntilNextDay,
    }
}

/// The parameters that New and Set have in common, as settings of a policy that is `now` so.
fn settings(call: &Call<'_>, now: &OutboundPolicy) -> Result<Map<String, Value>> {
    let bound = &call.bound;
    let mut patch = Map::new();
    if let Some(preset) = bound.text("RecommendedPolicyType") {
        patch.insert("preset".into(), json!(preset.to_lowercase()));
    }
    for (parameter, key) in [
        ("RecipientLimitExternalPerHour", "external_per_hour"),
        ("RecipientLimitInternalPerHour", "internal_per_hour"),
        ("RecipientLimitPerDay", "per_day"),
    ] {
        if let Some(limit) = bound.number(parameter) {
            patch.insert(key.into(), json!(limit));
        }
    }
    if let Some(name) = bound.text("ActionWhenThresholdReached") {
        patch.insert("action".into(), json!(action(name)));
    }
    if let Some(text) = bound.any_text("AdminDisplayName") {
        patch.insert("description".into(), json!(text));
    }
    if let Some(mode) = bound.text("AutoForwardingMode").filter(|mode| *mode != "Automatic") {
        let why = format!(
            "AutoForwardingMode can't be {mode}: Postern sees which mail leaves, not which rule forwarded it. Turn automatic \
             forwarding off in the mail server."
        );
        return Err(CmdletError::parameter("AutoForwardingMode", why));
    }
    copies(call, now, &mut patch)?;
    notifications(call, now, &mut patch)?;
    Ok(patch)
}

/// Copies of suspicious mail: Exchange has a switch and a list, Postern an address.
fn copies(call: &Call<'_>, now: &OutboundPolicy, patch: &mut Map<String, Value>) -> Result<()> {
    let known: Vec<String> = Some(now.copy_to.clone()).filter(|to| !to.is_empty()).into_iter().collect();
    let list = call.bound.list("BccSuspiciousOutboundAdditionalRecipients", &known);
    let on = call.bound.flag("BccSuspiciousOutboundMail");
    if list.is_none() && on.is_none() {
        return Ok(());
    }
    let list = list.unwrap_or(known);
    let to = match (on, list.as_slice()) {
        (Some(false), _) | (None, []) => "",
        (_, [one]) => one,
        (Some(true), []) => {
            let why =
                "BccSuspiciousOutboundMail takes BccSuspiciousOutboundAdditionalRecipients: name who gets the copies.";
            return Err(CmdletError::parameter("BccSuspiciousOutboundMail", why.into()));
        }
        (_, several) => {
            let why = format!(
                "BccSuspiciousOutboundAdditionalRecipients has {} addresses; Postern sends copies to one: name a distribution \
                 list.",
                several.len()
            );
            return Err(CmdletError::parameter("BccSuspiciousOutboundAdditionalRecipients", why));
        }
    };
    patch.insert("copy_to".into(), json!(to));
    Ok(())
}

/// Who is told: Exchange has a switch and a list, Postern a list.
fn notifications(call: &Call<'_>, now: &OutboundPolicy, patch: &mut Map<String, Value>) -> Result<()> {
    let list = call.bound.list("NotifyOutboundSpamRecipients", &now.notify);
    let on = call.bound.flag("NotifyOutboundSpam");
    if list.is_none() && on.is_none() {
        return Ok(());
    }
    let list = list.unwrap_or_else(|| now.notify.clone());
    if on == Some(true) && list.is_empty() {
        let why = "NotifyOutboundSpam takes NotifyOutboundSpamRecipients: name who is told.";
        return Err(CmdletError::parameter("NotifyOutboundSpam", why.into()));
    }
    patch.insert("notify".into(), json!(if on == Some(false) { Vec::new() } else { list }));
    Ok(())
}

pub(super) async fn new(call: &Call<'_>) -> Result<Returned> {
    let name = call.required("Name");
    if find(call, name).is_ok() {
        return Err(CmdletError::exists(name));
    }
    let mut patch = settings(call, &OutboundPolicy::default())?;
    patch.insert("name".into(), json!(name));
    // For nobody until a rule says for whom.
    patch.insert("enabled".into(), json!(false));
    if call.bound.text("RecommendedPolicyType").is_none() {
        // Exchange's default, which is not ours.
        patch.entry("action").or_insert_with(|| json!(Action::RestrictUntilNextDay));
    }
    let made = call.desk.add_policy(call.caller, &Value::Object(patch)).await;
    let made = made.map_err(|error| call.refused(&error, name))?;
    Ok(vec![object(call, &made).await?].into())
}

pub(super) async fn set(call: &Call<'_>) -> Result<Returned> {
    let known = find(call, call.required("Identity"))?;
    let patch = settings(call, &known.policy)?;
    let name = &known.policy.name;
    let warnings = dropped(call, &known.policy);
    let changed = call.desk.change_policy(call.caller, name, &Value::Object(patch), Some(known.revision)).await;
    changed.map_err(|error| call.refused(&error, name))?;
    Ok(Returned { objects: Vec::new(), warnings })
}

/// Exchange keeps the addresses of what is switched off; Postern doesn't, and says which they were.
fn dropped(call: &Call<'_>, now: &OutboundPolicy) -> Vec<String> {
    let copies = Some(now.copy_to.clone()).filter(|to| !to.is_empty()).into_iter().collect();
    [("NotifyOutboundSpam", now.notify.clone()), ("BccSuspiciousOutboundMail", copies)]
        .into_iter()
        .filter(|(switch, known)| call.bound.flag(switch) == Some(false) && !known.is_empty())
        .map(|(switch, known)| format!("{switch} is off; its recipients are not kept: {}.", known.join(", ")))
        .collect()
}

pub(super) async fn remove(call: &Call<'_>) -> Result<Returned> {
    let known = find(call, call.required("Identity"))?;
    let name = &known.policy.name;
    if known.is_default {
        let why = format!("The policy '{DEFAULT_POLICY}' is the default policy; it can't be removed.");
        return Err(CmdletError::task(name, why));
    }
    call.desk.remove_policy(call.caller, name, None).await.map_err(|error| call.refused(&error, name))?;
    let rule = known.policy.rule();
    let warnings = match known.policy.scope.is_empty() {
        true => Vec::new(),
        false => {
            vec![format!("The rule '{rule}' was removed with the policy '{name}'; Exchange would leave it behind.")]
        }
    };
    Ok(Returned { objects: Vec::new(), warnings })
}
