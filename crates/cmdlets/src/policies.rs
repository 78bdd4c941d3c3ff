//! The cmdlets for outbound policies: limits, action and notifications.

use postern_domain::policy::{Action, DEFAULT_POLICY, OutboundPolicy};
use postern_services::service::AuditFilter;
use serde_json::{Map, Value, json};

use super::object::guid;
use super::{Call, CmdletError, Object, Result, Returned};
use postern_services::service::Edit;
use postern_services::service::views::PolicyView;

/// Every policy, the default one last.
pub(super) fn all(call: &Call<'_>) -> Result<Vec<PolicyView>> {
    call.services.policies.list(call.caller).map_err(|error| call.refused(&error, ""))
}

/// The policy with this name or GUID.
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
        let found = call
            .services
            .audit
            .list(call.caller, &when(action))
            .await
            .map_err(|error| call.refused(&error, &policy.name));
        found.map(|mut found| found.pop().map(|entry| entry.at))
    };
    let (changed, created) = (at("policy").await?, at("policy.add").await?);
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
        .with("BccSuspiciousOutboundMail", !policy.copy_to.is_empty())
        .with("BccSuspiciousOutboundAdditionalRecipients", policy.copy_to.clone())
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

/// The parameters that New and Set share, as changes to the settings of the policy `now`.
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
    COPIES.read(call, &now.copy_to, &mut patch)?;
    NOTIFICATIONS.read(call, &now.notify, &mut patch)?;
    Ok(patch)
}

/// What Exchange has as a switch and a list of addresses, and Postern as a list alone.
struct Recipients {
    switch: &'static str,
    list: &'static str,
    /// What the list is for, in error messages.
    who: &'static str,
    setting: &'static str,
}

const COPIES: Recipients = Recipients {
    switch: "BccSuspiciousOutboundMail",
    list: "BccSuspiciousOutboundAdditionalRecipients",
    who: "who gets the copies",
    setting: "copy_to",
};

const NOTIFICATIONS: Recipients = Recipients {
    switch: "NotifyOutboundSpam",
    list: "NotifyOutboundSpamRecipients",
    who: "who is notified",
    setting: "notify",
};

impl Recipients {
    /// Applies the switch and the list to the recipients `now`, as a setting of a policy.
    fn read(&self, call: &Call<'_>, now: &[String], patch: &mut Map<String, Value>) -> Result<()> {
        let (list, on) = (call.bound.list(self.list, now), call.bound.flag(self.switch));
        if list.is_none() && on.is_none() {
            return Ok(());
        }
        let list = list.unwrap_or_else(|| now.to_vec());
        if on == Some(true) && list.is_empty() {
            let why = format!("{} requires {}: specify {}.", self.switch, self.list, self.who);
            return Err(CmdletError::parameter(self.switch, why));
        }
        patch.insert(self.setting.into(), json!(if on == Some(false) { Vec::new() } else { list }));
        Ok(())
    }

    /// Exchange remembers the addresses while the switch is off; Postern doesn't, and lists them in a warning.
    fn dropped(&self, call: &Call<'_>, now: &[String]) -> Option<String> {
        let is_dropped = call.bound.flag(self.switch) == Some(false) && !now.is_empty();
        is_dropped.then(|| format!("{} is off; its recipients are not kept: {}.", self.switch, now.join(", ")))
    }
}

/// A warning that copies to several addresses need an alias on the mail server.
fn takes_alias(patch: &Map<String, Value>) -> Option<String> {
    let several = patch.get(COPIES.setting).and_then(Value::as_array).is_some_and(|list| list.len() > 1);
    several.then(|| {
        "Postfix adds one recipient to a message at most: copies to several addresses need the alias that \
         'postern wiring postfix' prints. 'postern doctor' says whether Postfix has it."
            .to_owned()
    })
}

pub(super) async fn new(call: &Call<'_>) -> Result<Returned> {
    let name = call.required("Name");
    if find(call, name).is_ok() {
        return Err(CmdletError::exists(name));
    }
    let mut patch = settings(call, &OutboundPolicy::default())?;
    patch.insert("name".into(), json!(name));
    // It applies to nobody until a rule specifies its scope.
    patch.insert("enabled".into(), json!(false));
    if call.bound.text("RecommendedPolicyType").is_none() {
        // Exchange's default, which differs from Postern's.
        patch.entry("action").or_insert_with(|| json!(Action::RestrictUntilNextDay));
    }
    let warnings = takes_alias(&patch).into_iter().collect();
    let patch = Value::Object(patch);
    if call.bound.what_if {
        return call.check(&[Edit::Add(&patch)], name);
    }
    let made = call.services.policies.add(call.caller, &patch).await;
    let made = made.map_err(|error| call.refused(&error, name))?;
    Ok(Returned { objects: vec![object(call, &made).await?], warnings })
}

pub(super) async fn set(call: &Call<'_>) -> Result<Returned> {
    let known = find(call, call.required("Identity"))?;
    let patch = settings(call, &known.policy)?;
    let name = &known.policy.name;
    let dropped = [COPIES.dropped(call, &known.policy.copy_to), NOTIFICATIONS.dropped(call, &known.policy.notify)];
    let warnings = dropped.into_iter().chain([takes_alias(&patch)]).flatten().collect();
    let patch = Value::Object(patch);
    if call.bound.what_if {
        return call.check(&[Edit::Change(name, &patch)], name);
    }
    let changed = call.services.policies.change(call.caller, name, &patch, Some(known.revision)).await;
    changed.map_err(|error| call.refused(&error, name))?;
    Ok(Returned { objects: Vec::new(), warnings })
}

pub(super) async fn remove(call: &Call<'_>) -> Result<Returned> {
    let known = find(call, call.required("Identity"))?;
    let name = &known.policy.name;
    if known.is_default {
        let why = format!("The policy '{DEFAULT_POLICY}' is the default policy; it can't be removed.");
        return Err(CmdletError::task(name, why));
    }
    if call.bound.what_if {
        return call.check(&[Edit::Remove(name)], name);
    }
    call.services.policies.remove(call.caller, name, None).await.map_err(|error| call.refused(&error, name))?;
    let rule = known.policy.rule();
    let warnings = match known.policy.scope.is_empty() {
        true => Vec::new(),
        false => {
            vec![format!("The rule '{rule}' was removed with the policy '{name}'; Exchange would leave it behind.")]
        }
    };
    Ok(Returned { objects: Vec::new(), warnings })
}
