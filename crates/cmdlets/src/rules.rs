//! The cmdlets for rules of outbound policies: scope and order. Exchange separates rules from policies; Postern has
//! one object, whose scope and place are the rule.

use serde_json::{Map, Value, json};

use super::object::guid;
use super::{Call, CmdletError, Object, Result, Returned, policies};
use postern_services::service::Edit;
use postern_services::service::views::PolicyView;

/// Characters that a rule's name must not contain.
const FORBIDDEN: &str = "\\%&*+/=?{}|<>();:[],\"";

/// The six conditions: Exchange's parameter and our setting for each.
const CONDITIONS: [(&str, &str); 6] = [
    ("From", "users"),
    ("FromMemberOf", "groups"),
    ("SenderDomainIs", "domains"),
    ("ExceptIfFrom", "except_users"),
    ("ExceptIfFromMemberOf", "except_groups"),
    ("ExceptIfSenderDomainIs", "except_domains"),
];

/// Policies that have a rule, in order: the position is the rule's priority.
fn linked(call: &Call<'_>) -> Result<Vec<PolicyView>> {
    Ok(policies::all(call)?.into_iter().filter(|view| !view.is_default && !view.policy.scope.is_empty()).collect())
}

/// The rule with this name or GUID, and its priority.
fn find(call: &Call<'_>, identity: &str) -> Result<(usize, PolicyView)> {
    let is_wanted = |(_, view): &(usize, PolicyView)| call.is_called(identity, "rule", view.policy.rule());
    linked(call)?.into_iter().enumerate().find(is_wanted).ok_or_else(|| call.missing(identity))
}

pub(super) async fn get(call: &Call<'_>) -> Result<Returned> {
    let found = match call.bound.text("Identity") {
        Some(identity) => vec![find(call, identity)?],
        None => linked(call)?.into_iter().enumerate().collect(),
    };
    let state = call.bound.text("State");
    let wanted =
        |(_, view): &&(usize, PolicyView)| state.is_none_or(|state| (state == "Enabled") == view.policy.enabled);
    let objects = found.iter().filter(wanted).map(|(priority, view)| object(call, *priority, view));
    Ok(objects.collect::<Vec<_>>().into())
}

fn object(call: &Call<'_>, priority: usize, view: &PolicyView) -> Object {
    let policy = &view.policy;
    let users = |users: &[postern_domain::EntityId]| users.iter().map(ToString::to_string).collect::<Vec<_>>();
    let scope = &policy.scope;
    Object::default()
        .with("Name", policy.rule())
        .with("Identity", policy.rule())
        .with("Guid", guid("rule", &call.organization, policy.rule()))
        .with("State", if policy.enabled { "Enabled" } else { "Disabled" })
        .with("Priority", priority)
        .with("Comments", policy.rule_comments.as_str())
        .with("HostedOutboundSpamFilterPolicy", policy.name.as_str())
        .with("From", users(&scope.users))
        .with("FromMemberOf", scope.groups.clone())
        .with("SenderDomainIs", scope.domains.clone())
        .with("ExceptIfFrom", users(&scope.except_users))
        .with("ExceptIfFromMemberOf", scope.except_groups.clone())
        .with("ExceptIfSenderDomainIs", scope.except_domains.clone())
        .with("OrganizationId", call.organization.to_string())
        .with("WhenChanged", Value::Null)
}

/// Applies the given conditions to the policy `now`, as settings in `patch`; returns whether any condition remains.
fn conditions(call: &Call<'_>, now: &Value, patch: &mut Map<String, Value>) -> bool {
    let mut any = false;
    for (parameter, key) in CONDITIONS {
        let known: Vec<String> =
            now.get(key).cloned().and_then(|list| serde_json::from_value(list).ok()).unwrap_or_default();
        let list = call.bound.list(parameter, &known);
        any |= !key.starts_with("except") && !list.as_ref().unwrap_or(&known).is_empty();
        if let Some(list) = list {
            patch.insert(key.into(), json!(list));
        }
    }
    any
}

fn check_name(call: &Call<'_>, name: &str, but: Option<&str>) -> Result<()> {
    if let Some(wrong) = name.chars().find(|c| FORBIDDEN.contains(*c) || c.is_control()) {
        let why = format!("The rule name '{name}' is not valid: it must not contain '{wrong}', nor any of {FORBIDDEN}");
        return Err(CmdletError::parameter("Name", why));
    }
    let taken = |view: &PolicyView| {
        let known = view.policy.rule();
        known.eq_ignore_ascii_case(name) && but.is_none_or(|but| !known.eq_ignore_ascii_case(but))
    };
    if linked(call)?.iter().any(taken) { Err(CmdletError::exists(name)) } else { Ok(()) }
}

/// The policy to link a rule to; it must be neither the default one nor linked already.
fn linkable(call: &Call<'_>, name: &str) -> Result<PolicyView> {
    let found = policies::find(call, name)?;
    let parameter = "HostedOutboundSpamFilterPolicy";
    if found.is_default {
        let why = "The default outbound spam filter policy can't be used in a rule: it applies to everyone.";
        return Err(CmdletError::parameter(parameter, why.into()));
    }
    if !found.policy.scope.is_empty() {
        let (rule, name) = (found.policy.rule(), &found.policy.name);
        let why = format!("The policy '{name}' is already associated with the rule '{rule}'.");
        return Err(CmdletError::parameter(parameter, why));
    }
    Ok(found)
}

/// Adds a priority to the patch, which translates a rule's place among rules into a place among policies.
fn place(priority: Option<u32>, others: &[PolicyView], patch: &mut Map<String, Value>) -> Result<()> {
    let last = others.len();
    let wanted = priority.map_or(last, |priority| priority as usize);
    if wanted > last {
        let why = format!("The priority {wanted} is out of range: it must be from 0 to {last}.");
        return Err(CmdletError::parameter("Priority", why));
    }
    // Before the rule that has this priority now, or after the last one.
    let at = match (others.get(wanted), others.last()) {
        (Some(there), _) => there.priority,
        (None, Some(last)) => last.priority.map(|priority| priority + 1),
        (None, None) => Some(0),
    };
    patch.insert("priority".into(), json!(at.unwrap_or(0)));
    Ok(())
}

/// A policy as JSON, to read its lists by key.
fn as_value(view: &PolicyView) -> Value {
    json!(view.policy)
}

pub(super) async fn new(call: &Call<'_>) -> Result<Returned> {
    let name = call.required("Name");
    check_name(call, name, None)?;
    let policy = linkable(call, call.required("HostedOutboundSpamFilterPolicy"))?;
    let mut patch = Map::new();
    if !conditions(call, &as_value(&policy), &mut patch) {
        let why = "The rule needs at least one condition: From, FromMemberOf or SenderDomainIs.";
        return Err(CmdletError::parameter("From", why.into()));
    }
    patch.insert("rule_name".into(), json!(name));
    patch.insert("rule_comments".into(), json!(call.bound.any_text("Comments").unwrap_or_default()));
    patch.insert("enabled".into(), json!(call.bound.flag("Enabled").unwrap_or(true)));
    // Once it has moved, its old place is free for the others.
    let others = without(linked(call)?, &policy);
    place(call.bound.number("Priority"), &others, &mut patch)?;
    change(call, &policy, patch).await?;
    if call.bound.what_if {
        return Ok(Returned::default());
    }
    let (priority, made) = find(call, name)?;
    Ok(vec![object(call, priority, &made)].into())
}

/// The other policies, with the places they have without `one`.
fn without(mut all: Vec<PolicyView>, one: &PolicyView) -> Vec<PolicyView> {
    all.retain(|view| view.policy.name != one.policy.name);
    for view in &mut all {
        view.priority = view.priority.map(|at| if one.priority.is_some_and(|own| own < at) { at - 1 } else { at });
    }
    all
}

async fn change(call: &Call<'_>, policy: &PolicyView, patch: impl Into<Value>) -> Result<()> {
    let name = &policy.policy.name;
    let patch = patch.into();
    if call.bound.what_if {
        return call.check(&[Edit::Change(name, &patch)], policy.policy.rule()).map(|_| ());
    }
    let changed = call.services.policies.change(call.caller, name, &patch, Some(policy.revision)).await;
    changed.map(|_| ()).map_err(|error| call.refused(&error, policy.policy.rule()))
}

pub(super) async fn set(call: &Call<'_>) -> Result<Returned> {
    let identity = call.required("Identity");
    let (index, rule) = find(call, identity)?;
    let own_name = rule.policy.rule().to_owned();
    let mut patch = Map::new();
    if !conditions(call, &as_value(&rule), &mut patch) {
        let why = "The rule needs at least one condition: From, FromMemberOf or SenderDomainIs.";
        return Err(CmdletError::parameter("From", why.into()));
    }
    if let Some(name) = call.bound.text("Name") {
        check_name(call, name, Some(&own_name))?;
        patch.insert("rule_name".into(), json!(name));
    }
    if let Some(comments) = call.bound.any_text("Comments") {
        patch.insert("rule_comments".into(), json!(comments));
    }
    let to = match call.bound.text("HostedOutboundSpamFilterPolicy") {
        Some(policy) => Some(policies::find(call, policy)?).filter(|to| to.policy.name != rule.policy.name),
        None => None,
    };
    if let Some(to) = to {
        relink(call, index, &rule, &to.policy.name, patch).await?;
        return Ok(Returned::default());
    }
    if call.bound.number("Priority").is_some() {
        let others = without(linked(call)?, &rule);
        place(call.bound.number("Priority"), &others, &mut patch)?;
    }
    change(call, &rule, patch).await?;
    Ok(Returned::default())
}

/// Moves the rule, which is at `index` among rules, to another policy; its previous policy then applies to nobody.
/// Either both changes are made or neither.
async fn relink(
    call: &Call<'_>,
    index: usize,
    rule: &PolicyView,
    policy: &str,
    patch: Map<String, Value>,
) -> Result<()> {
    let to = linkable(call, policy)?;
    let now = as_value(rule);
    let mut moved = Map::new();
    for key in CONDITIONS.map(|(_, key)| key).into_iter().chain(["enabled", "rule_comments"]) {
        moved.insert(key.into(), now.get(key).cloned().unwrap_or(Value::Null));
    }
    moved.insert("rule_name".into(), json!(rule.policy.rule()));
    moved.extend(patch);
    let mut others = linked(call)?;
    others.retain(|view| view.policy.name != rule.policy.name);
    let wanted = call.bound.number("Priority").or(u32::try_from(index).ok());
    place(wanted, &without(others, &to), &mut moved)?;
    let changes = [(rule.policy.name.as_str(), unlinked()), (to.policy.name.as_str(), Value::Object(moved))];
    if call.bound.what_if {
        let edits = changes.each_ref().map(|(name, patch)| Edit::Change(name, patch));
        return call.check(&edits, rule.policy.rule()).map(|_| ());
    }
    let changed = call.services.policies.change_together(call.caller, &changes, Some(rule.revision)).await;
    changed.map_err(|error| call.refused(&error, rule.policy.rule()))
}

/// The settings of a policy without a rule.
fn unlinked() -> Value {
    let mut patch: Map<String, Value> = CONDITIONS.iter().map(|(_, key)| ((*key).to_owned(), json!([]))).collect();
    patch.insert("enabled".into(), json!(false));
    patch.insert("rule_name".into(), json!(""));
    patch.insert("rule_comments".into(), json!(""));
    Value::Object(patch)
}

pub(super) async fn remove(call: &Call<'_>) -> Result<Returned> {
    let (_, rule) = find(call, call.required("Identity"))?;
    change(call, &rule, unlinked()).await?;
    Ok(Returned::default())
}

pub(super) async fn enable(call: &Call<'_>, enabled: bool) -> Result<Returned> {
    let (_, rule) = find(call, call.required("Identity"))?;
    change(call, &rule, Map::from_iter([("enabled".to_owned(), json!(enabled))])).await?;
    Ok(Returned::default())
}
