//! Outbound policies as people write them: JSON or TOML, read key by key, so that an error names the key it is in.

use postern_domain::OrganizationId;
use postern_domain::policy::{OutboundPolicy, PolicyBook, Preset};
use serde_json::{Map, Value, json};

use crate::in_force::InForce;
use crate::service::ServiceError;
use crate::settings::checked_recipient;
use postern_domain::organization::TENANT_ADMINS;

/// Keys that are accepted besides the policy's own.
pub(in crate::service) const PRIORITY: &str = "priority";
const PRESET: &str = "preset";

/// What a null value means for a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::service) enum Null {
    /// The setting goes back to its default (RFC 7396).
    TakesBack,
    /// It is an error.
    IsNothing,
}

/// Reads a whole file of policies, each checked key by key.
///
/// # Errors
/// Something in it is invalid; the error names the setting.
pub fn read(settings: &InForce, organization: &OrganizationId, file: &Value) -> Result<PolicyBook, ServiceError> {
    let invalid =
        |field: &str, problem: &str| ServiceError::Invalid { field: field.to_owned().into(), problem: problem.into() };
    let file = file.as_object().ok_or_else(|| invalid("body", "expected an object with default and custom"))?;
    if let Some(key) = file.keys().find(|key| !["default", "custom"].contains(&key.as_str())) {
        return Err(invalid(key, "unknown key; expected default and custom"));
    }
    let mut book = PolicyBook::default();
    if let Some(default) = file.get("default").filter(|default| !default.is_null()) {
        patch(settings, organization, &mut book.default, default, Null::IsNothing)?;
    }
    let custom = file
        .get("custom")
        .filter(|custom| !custom.is_null())
        .map(|custom| custom.as_array().ok_or_else(|| invalid("custom", "expected a list")));
    for body in custom.transpose()?.into_iter().flatten() {
        let mut policy = OutboundPolicy::default();
        patch(settings, organization, &mut policy, body, Null::IsNothing)?;
        book.custom.push(policy);
    }
    book.check()?;
    Ok(book)
}

/// Adds a new policy to a book, at the position given by its `priority`; returns its name.
///
/// # Errors
/// Something in it is invalid; the error names the setting.
pub(in crate::service) fn add(
    settings: &InForce,
    organization: &OrganizationId,
    book: &mut PolicyBook,
    body: &Value,
) -> Result<String, ServiceError> {
    let mut policy = OutboundPolicy::default();
    let priority = patch(settings, organization, &mut policy, body, Null::IsNothing)?;
    let name = policy.name.clone();
    let last = book.custom.len();
    book.custom.insert(priority.unwrap_or(last).min(last), policy);
    Ok(name)
}

/// Changes the settings named in `changes` of the policy called `name`; returns its new name.
///
/// # Errors
/// There is no policy of this name, or something is invalid.
pub(in crate::service) fn change(
    settings: &InForce,
    organization: &OrganizationId,
    book: &mut PolicyBook,
    name: &str,
    changes: &Value,
) -> Result<String, ServiceError> {
    let (found, at) = book.find(name).ok_or_else(|| no_policy(name))?;
    let mut policy = found.clone();
    let priority = patch(settings, organization, &mut policy, changes, Null::TakesBack)?;
    let name = policy.name.clone();
    match (at, priority) {
        (None, None) => book.default = policy,
        (None, Some(_)) => {
            let problem = "the default policy is always looked at last".into();
            return Err(ServiceError::Invalid { field: PRIORITY.into(), problem });
        }
        (Some(at), priority) => {
            book.custom.remove(at);
            let last = book.custom.len();
            book.custom.insert(priority.unwrap_or(at).min(last), policy);
        }
    }
    Ok(name)
}

pub(in crate::service) fn no_policy(name: &str) -> ServiceError {
    ServiceError::NotFound(format!("there is no outbound policy called {name:?}"))
}

/// Sets what `patch` names, one key after the other, so that an error names the key; returns
/// the priority, if it names one.
fn patch(
    settings: &InForce,
    organization: &OrganizationId,
    policy: &mut OutboundPolicy,
    patch: &Value,
    null: Null,
) -> Result<Option<usize>, ServiceError> {
    let invalid = |field: &str, problem: String| ServiceError::Invalid { field: field.to_owned().into(), problem };
    let patch = patch.as_object().ok_or_else(|| invalid("body", "expected an object".into()))?;
    if let Some(preset) = patch.get(PRESET) {
        let preset: Preset = serde_json::from_value(preset.clone())
            .map_err(|_| invalid(PRESET, format!("is {preset}, expected \"standard\" or \"strict\"")))?;
        policy.preset(preset);
    }
    let mut priority = None;
    for (key, value) in patch.iter().filter(|(key, _)| *key != PRESET) {
        if key == PRIORITY {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            priority = Some(number.ok_or_else(|| invalid(key, format!("is {value}, expected 0 or more")))?);
            continue;
        }
        let mut object = to_object(policy);
        let built_in = || to_object(&OutboundPolicy::default()).get(key).cloned();
        let value =
            if value.is_null() && null == Null::TakesBack { built_in().unwrap_or(Value::Null) } else { value.clone() };
        let value = normal(settings, organization, key, value)?;
        if object.insert(key.clone(), value).is_none() {
            let known: Vec<_> = object.keys().filter(|known| *known != key).cloned().collect();
            return Err(invalid(key, format!("there is no such setting; expected one of {}", known.join(", "))));
        }
        *policy = serde_json::from_value(Value::Object(object)).map_err(|error| invalid(key, error.to_string()))?;
    }
    Ok(priority)
}

/// One spelling for values that can be spelled in several ways. Names without a domain are accounts of the
/// organization.
/// At most this many addresses in a list of an organization besides the first.
const MOST_RECIPIENTS: usize = 20;

pub(in crate::service) fn normal(
    settings: &InForce,
    organization: &OrganizationId,
    key: &str,
    value: Value,
) -> Result<Value, ServiceError> {
    let invalid = |problem: String| ServiceError::Invalid { field: key.to_owned().into(), problem };
    let each = |value: Value, normal: &dyn Fn(&str) -> Result<String, String>| match value {
        Value::Array(items) => {
            let normal = |item: &Value| {
                let text = item.as_str().ok_or_else(|| invalid(format!("holds {item}, expected texts")))?;
                normal(text).map(Value::String).map_err(|why| invalid(format!("{text:?}: {why}")))
            };
            items.iter().map(normal).collect::<Result<Vec<_>, _>>().map(Value::Array)
        }
        other => Ok(other),
    };
    let recipients = |list: Value| {
        let own = settings.organization(organization).filter(|own| !own.id.is_first());
        let (Some(own), Value::Array(items)) = (own, &list) else { return Ok(list) };
        if items.len() > MOST_RECIPIENTS {
            return Err(invalid(format!("has {} addresses, expected at most {MOST_RECIPIENTS}", items.len())));
        }
        let is_foreign = |text: &&str| *text != TENANT_ADMINS && !own.may_notify(text);
        match items.iter().filter_map(Value::as_str).find(is_foreign) {
            Some(text) => Err(invalid(format!("{text:?}: expected an address in one of the organization's domains"))),
            None => Ok(list),
        }
    };
    match key {
        "users" | "except_users" => each(value, &|text| {
            crate::service::check_entity(text)?;
            Ok(account(settings, organization, text))
        }),
        "domains" | "except_domains" => each(value, &|text| {
            postern_domain::Domain::parse(text).map(|domain| domain.to_string()).map_err(|why| why.to_string())
        }),
        "groups" | "except_groups" => each(value, &|text| match text.trim() {
            "" => Err("is empty; expected a group's name".into()),
            name => Ok(name.to_owned()),
        }),
        "notify" => recipients(each(value, &checked_recipient)?),
        "copy_to" => {
            // A single address is a list of one; an empty text is an empty list.
            let list = match value {
                Value::String(text) if text.trim().is_empty() => json!([]),
                Value::String(text) => json!([text]),
                other => other,
            };
            recipients(each(list, &|text| {
                postern_domain::Address::parse(text, "")
                    .map(|address| address.to_string())
                    .map_err(|why| format!("{why}; expected an address such as soc@example.com"))
            })?)
        }
        _ => Ok(value),
    }
}

fn account(settings: &InForce, organization: &OrganizationId, text: &str) -> String {
    let text = text.trim();
    let own = settings.organization(organization).filter(|_| !text.contains(['@', ':']));
    let whole = own.map_or_else(|| text.to_owned(), |own| format!("{text}@{}", own.domains[0]));
    settings.directory.entity_from_admin(&whole).to_string()
}

pub(in crate::service) fn to_object(policy: &OutboundPolicy) -> Map<String, Value> {
    match json!(policy) {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}
