//! Outbound policies: the list in order of evaluation, the editor, and allowances.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::Timestamp;
use postern_domain::policy::{Allowance, Limits, OutboundPolicy, Preset};
use postern_domain::window::Excess;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower_sessions::Session;

use super::form::{Form, Nothing, number};
use super::page::{Frame, lines, render, render_as, status_of};
use super::refusal::Refusal;
use super::session::{Signed, flash};
use super::{names, texts};
use postern_services::service::views::PolicyView;
use postern_services::service::{AllowanceRequest, PREVIEW_DAYS, Permission, PreviewView, ServiceError, Services};

#[derive(Template)]
#[template(path = "policies.html")]
struct ListPage {
    frame: Frame,
    rows: Vec<PolicyView>,
    allowances: Vec<Allowance>,
}

impl ListPage {
    fn scope(policy: &PolicyView) -> String {
        match policy.is_default {
            true => texts::t("policies-everyone-else"),
            false if policy.policy.scope.is_empty() => texts::t("policies-nobody-yet"),
            false => names::scope(&policy.policy.scope),
        }
    }

    fn limit(policy: &PolicyView, window: &str) -> String {
        policy.limits.get(window).map_or_else(|| "—".into(), ToString::to_string)
    }
}

pub(super) async fn list(State(services): State<Arc<Services>>, signed: Signed) -> Result<Response, Refusal> {
    Ok(render(&ListPage {
        rows: services.policies.list(&signed.caller)?,
        allowances: services.allowances.list(&signed.caller).await?,
        frame: Frame::signed(&services, "policies-title", &signed).at("/policies"),
    }))
}

/// A number field: its key, its label and its hint.
struct Number {
    key: &'static str,
    label: String,
    hint: String,
    value: u32,
    most: u32,
}

#[derive(Template)]
#[template(path = "policy.html")]
struct EditPage {
    frame: Frame,
    policy: OutboundPolicy,
    is_default: bool,
    /// The policy's name in the store; empty for a new policy.
    known_as: String,
    revision: u64,
    numbers: Vec<Number>,
    /// What the policy would have done with the mail of the last days, if a preview was requested.
    preview: Option<PreviewView>,
    error: Option<String>,
}

impl EditPage {
    fn joined(list: &[String]) -> String {
        list.join("\n")
    }

    /// The limits that a preset sets: external, internal, per day.
    fn preset(preset: Preset) -> String {
        let mut policy = OutboundPolicy::default();
        policy.preset(preset);
        format!("{},{},{}", policy.external_per_hour, policy.internal_per_hour, policy.per_day)
    }

    /// `12 external recipients per hour, the limit is 5`
    fn passed(excess: &Excess) -> String {
        let window = excess.window.to_string();
        let numbers = [("count", excess.count.into()), ("limit", excess.limit.into()), ("window", window.into())];
        texts::tn("preview-passed", &numbers)
    }

    fn preview_summary(preview: &PreviewView) -> String {
        texts::tn2("preview-summary", "count", preview.count, "days", PREVIEW_DAYS)
    }

    fn standard() -> String {
        Self::preset(Preset::Standard)
    }

    fn strict() -> String {
        Self::preset(Preset::Strict)
    }

    fn users(list: &[postern_domain::EntityId]) -> String {
        list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
    }
}

/// The number fields of the form: their keys and labels.
const NUMBERS: [(&str, &str); 9] = [
    ("external_per_hour", "policy-external"),
    ("internal_per_hour", "policy-internal"),
    ("per_day", "policy-per-day"),
    ("messages_per_minute", "policy-messages-per-minute"),
    ("messages_per_day", "policy-messages-per-day"),
    ("recipients_per_message", "policy-recipients"),
    ("first_time_recipients_per_day", "policy-first-time"),
    ("unknown_recipients_per_hour", "policy-unknown"),
    ("warn_at_percent", "policy-warn"),
];

fn numbers(policy: &OutboundPolicy) -> Vec<Number> {
    let known = policy.numbers();
    let built_in = |limit: u32| texts::t1("policy-built-in", "limit", limit);
    let number = |(key, label): (&'static str, &str)| {
        let (_, value, most) = known.into_iter().find(|(known, ..)| *known == key)?;
        let hint = match key {
            "external_per_hour" => built_in(Limits::DEFAULT.external_per_hour),
            "internal_per_hour" => built_in(Limits::DEFAULT.internal_per_hour),
            "per_day" => built_in(Limits::DEFAULT.per_day),
            "warn_at_percent" => texts::t("policy-warn-off"),
            _ => texts::t("policy-any-number"),
        };
        Some(Number { key, label: texts::t(label), hint, value, most })
    };
    NUMBERS.into_iter().filter_map(number).collect()
}

fn edit_page(services: &Services, signed: &Signed, policy: OutboundPolicy, known_as: &str) -> EditPage {
    let title = if known_as.is_empty() { "policy-new-title" } else { "policy-title" };
    let mut frame = Frame::signed(services, title, signed).at("/policies");
    if !known_as.is_empty() {
        frame.title.clone_from(&policy.name);
    }
    EditPage {
        frame,
        numbers: numbers(&policy),
        policy,
        is_default: false,
        known_as: known_as.to_owned(),
        revision: 0,
        preview: None,
        error: None,
    }
}

pub(super) async fn new(State(services): State<Arc<Services>>, signed: Signed) -> Result<Response, Refusal> {
    signed.caller.may(Permission::Manage)?;
    Ok(render(&edit_page(&services, &signed, OutboundPolicy::default(), "")))
}

pub(super) async fn edit(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let view = services.policies.get(&signed.caller, &name)?;
    let page = edit_page(&services, &signed, view.policy, &name);
    Ok(render(&EditPage { is_default: view.is_default, revision: view.revision, ..page }))
}

type Fields = BTreeMap<String, String>;

/// The form's fields as a policy's settings.
fn settings(fields: &Fields, is_default: bool) -> Result<Map<String, Value>, ServiceError> {
    let mut patch = Map::new();
    let text = |key: &str| fields.get(key).map(|text| text.trim().to_owned()).unwrap_or_default();
    for (key, label) in NUMBERS {
        patch.insert(key.into(), json!(number(&texts::t(label), &text(key))?.unwrap_or(0)));
    }
    for key in ["action", "mode", "description"] {
        patch.insert(key.into(), json!(text(key)));
    }
    for key in ["notify", "copy_to"] {
        patch.insert(key.into(), json!(lines(&text(key))));
    }
    if !is_default {
        patch.insert("name".into(), json!(text("name")));
        patch.insert("enabled".into(), json!(text("enabled") == "on"));
        for key in ["users", "groups", "domains", "except_users", "except_groups", "except_domains"] {
            patch.insert(key.into(), json!(lines(&text(key))));
        }
    }
    Ok(patch)
}

/// The form's values as far as they make a policy, so that nothing is lost if something is wrong.
fn typed(fields: &Fields, known: OutboundPolicy, is_default: bool) -> OutboundPolicy {
    let Ok(patch) = settings(fields, is_default) else { return known };
    let mut object = json!(known);
    for (key, value) in patch {
        object[key] = value;
    }
    serde_json::from_value(object).unwrap_or(known)
}

pub(super) async fn save(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Fields>,
) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    signed.caller.may(Permission::Manage)?;
    let known_as = values.get("known_as").cloned().unwrap_or_default();
    let known = if known_as.is_empty() { None } else { Some(services.policies.get(&signed.caller, &known_as)?) };
    let is_default = known.as_ref().is_some_and(|view| view.is_default);
    let seen = values.get("revision").and_then(|text| text.parse().ok());
    let saved = match settings(&values, is_default) {
        Err(error) => Err(error),
        Ok(patch) if known.is_some() => {
            services.policies.change(&signed.caller, &known_as, &Value::Object(patch), seen).await
        }
        Ok(patch) => services.policies.add(&signed.caller, &Value::Object(patch)).await,
    };
    match saved {
        Ok(view) => {
            flash(&current, texts::t1("policy-saved", "name", view.policy.name)).await?;
            Ok(Redirect::to("/policies").into_response())
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict(_) | ServiceError::Changed(_))) => {
            let revision = known.as_ref().map_or(0, |view| view.revision);
            let policy = typed(&values, known.map(|view| view.policy).unwrap_or_default(), is_default);
            let page = edit_page(&services, &signed, policy, &known_as);
            Ok(render_as(status_of(&error), &EditPage { is_default, revision, error: Some(error.to_string()), ..page }))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct MoveForm {
    to: usize,
}

/// What the policy in the form would have done with the mail of the last days.
pub(super) async fn preview(State(services): State<Arc<Services>>, form: Form<Fields>) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    signed.caller.may(Permission::Manage)?;
    let known_as = values.get("known_as").cloned().unwrap_or_default();
    let known = if known_as.is_empty() { None } else { Some(services.policies.get(&signed.caller, &known_as)?) };
    let is_default = known.as_ref().is_some_and(|view| view.is_default);
    let name = Some(known_as.as_str()).filter(|name| !name.is_empty());
    let tried = match settings(&values, is_default) {
        Err(error) => Err(error),
        Ok(mut patch) => {
            // A disabled policy acts on nobody; the preview is about what it would do.
            patch.insert("enabled".into(), json!(true));
            services.policies.preview(&signed.caller, name, &Value::Object(patch)).await
        }
    };
    let (preview, error) = match tried {
        Ok(preview) => (Some(preview), None),
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict(_))) => (None, Some(error)),
        Err(error) => return Err(error.into()),
    };
    let status = error.as_ref().map_or(StatusCode::OK, status_of);
    let seen = values.get("revision").and_then(|text| text.parse().ok()).unwrap_or(0);
    let policy = typed(&values, known.map(|view| view.policy).unwrap_or_default(), is_default);
    let page = edit_page(&services, &signed, policy, &known_as);
    let error = error.map(|error| error.to_string());
    Ok(render_as(status, &EditPage { is_default, revision: seen, preview, error, ..page }))
}

/// Moves a policy to another place in the order.
pub(super) async fn reorder(
    State(services): State<Arc<Services>>,
    Path(name): Path<String>,
    form: Form<MoveForm>,
) -> Result<Response, Refusal> {
    let patch = json!({ "priority": form.values.to });
    services.policies.change(&form.signed.caller, &name, &patch, None).await?;
    Ok(Redirect::to("/policies").into_response())
}

pub(super) async fn remove(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(name): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.policies.remove(&form.signed.caller, &name, None).await?;
    flash(&current, texts::t1("policy-removed", "name", name)).await?;
    Ok(Redirect::to("/policies").into_response())
}

#[derive(Deserialize)]
pub(super) struct AllowanceForm {
    entity: String,
    per_day: String,
    hours: String,
    reason: String,
}

/// Grants one account higher limits for some hours; the hourly limits equal the daily one.
pub(super) async fn grant(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<AllowanceForm>,
) -> Result<Response, Refusal> {
    let given = form.values;
    let per_day = number("per_day", &given.per_day)?.unwrap_or(0);
    let hours = number("hours", &given.hours)?.unwrap_or(0);
    let until: Timestamp = services.clock.now().plus(std::time::Duration::from_secs(u64::from(hours) * 3600));
    let request = AllowanceRequest {
        entity: given.entity,
        external_per_hour: Some(per_day),
        internal_per_hour: Some(per_day),
        per_day: Some(per_day),
        until,
        reason: given.reason,
    };
    let granted = services.allowances.grant(&form.signed.caller, &request).await?;
    flash(&current, texts::t1("allowance-granted", "entity", granted.entity.to_string())).await?;
    Ok(Redirect::to("/policies").into_response())
}

pub(super) async fn end_allowance(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(entity): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.allowances.end(&form.signed.caller, &entity).await?;
    flash(&current, texts::t1("allowance-ended", "entity", entity)).await?;
    Ok(Redirect::to("/policies").into_response())
}
