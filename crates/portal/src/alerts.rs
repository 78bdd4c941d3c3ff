//! Pages for alerts and alert policies.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::alert::{AlertStatus, Severity};
use postern_services::service::AlertFilter;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower_sessions::Session;

use super::form::{Form, Nothing, number};
use super::page::{Frame, Pages, lines, listed, render, render_as, searched, status_of};
use super::refusal::Refusal;
use super::session::{Signed, flash};
use super::{names, texts};
use postern_services::service::views::{AlertDetailView, AlertPolicyView, AlertView, ChannelTestView};
use postern_services::service::{AlertRequest, Permission, ServiceError, Services};

const PAGE: u32 = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
    page: Option<u32>,
}

fn status_named(key: &str) -> Option<AlertStatus> {
    AlertStatus::ALL.into_iter().find(|status| status.key() == key)
}

#[derive(Template)]
#[template(path = "alerts.html")]
struct ListPage {
    frame: Frame,
    query: ListQuery,
    rows: Vec<AlertView>,
    pages: Pages,
}

pub(super) async fn list(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let filter =
        AlertFilter { search: searched(&query.q), status: status_named(&query.status), ..AlertFilter::default() };
    let list = |skip| {
        let shown = AlertFilter { skip, limit: Some(PAGE), ..filter.clone() };
        let (services, caller) = (&services, &signed.caller);
        async move { services.alerts.list(caller, &shown).await }
    };
    let (rows, total) = listed(query.page, PAGE, list, services.alerts.count(&signed.caller, &filter)).await?;
    let pages = Pages::new(query.page, total, PAGE, &[("q", &query.q), ("status", &query.status)]);
    Ok(render(&ListPage { frame: Frame::signed(&services, "alerts-title", &signed).at("/alerts"), query, rows, pages }))
}

#[derive(Template)]
#[template(path = "alert.html")]
struct AlertPage {
    frame: Frame,
    detail: AlertDetailView,
}

pub(super) async fn details(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Path(reference): Path<String>,
) -> Result<Response, Refusal> {
    let detail = services.alerts.get(&signed.caller, &reference).await?;
    Ok(render(&AlertPage { frame: Frame::signed(&services, "alert-title", &signed).at("/alerts"), detail }))
}

#[derive(Deserialize)]
pub(super) struct NoteForm {
    #[serde(default)]
    status: String,
    #[serde(default)]
    comment: String,
}

pub(super) async fn note(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(reference): Path<String>,
    form: Form<NoteForm>,
) -> Result<Response, Refusal> {
    let request = AlertRequest { status: status_named(&form.values.status), comment: form.values.comment };
    services.alerts.change(&form.signed.caller, &reference, &request).await?;
    flash(&current, texts::t("alert-changed")).await?;
    Ok(Redirect::to(&format!("/alerts/{reference}")).into_response())
}

#[derive(Template)]
#[template(path = "alert_policies.html")]
struct PoliciesPage {
    frame: Frame,
    rows: Vec<AlertPolicyView>,
}

pub(super) async fn policies(State(services): State<Arc<Services>>, signed: Signed) -> Result<Response, Refusal> {
    let rows = services.alert_policies.list(&signed.caller)?;
    Ok(render(&PoliciesPage {
        frame: Frame::signed(&services, "alert-policies-title", &signed).at("/alert-policies"),
        rows,
    }))
}

#[derive(Template)]
#[template(path = "alert_policy.html")]
struct PolicyPage {
    frame: Frame,
    view: AlertPolicyView,
    /// The content of the recipients field, one per line, and of the limit field.
    recipients: String,
    limit: String,
    /// The policy's name in the store.
    known_as: String,
    /// Webhooks to choose from, each with whether the policy notifies it by default, whatever is chosen.
    webhooks: Vec<(String, bool)>,
    tests: Vec<ChannelTestView>,
    error: Option<String>,
}

impl PolicyPage {
    fn is_named(&self, webhook: &str) -> bool {
        self.view.policy.webhooks.iter().any(|named| named == webhook)
    }

    /// Whether the policy overrides a default of the configuration.
    fn is_own(&self) -> bool {
        self.view.policy.recipients.is_some() || self.view.policy.daily_notification_limit.is_some()
    }
}

/// The recipients in force: the policy's own, or the configuration's.
fn recipients(services: &Services, view: &AlertPolicyView) -> Vec<String> {
    view.policy.recipients.clone().unwrap_or_else(|| services.settings.load().alerts.recipients.clone())
}

fn policy_page(services: &Services, signed: &Signed, view: AlertPolicyView, known_as: &str) -> PolicyPage {
    let mut frame = Frame::signed(services, "alert-policy-title", signed).at("/alert-policies");
    frame.title.clone_from(&view.policy.name);
    // Webhooks are for the hosting provider to choose.
    let may_choose = signed.caller.organization.is_none();
    let settings = services.settings.load();
    let webhooks = settings.webhooks.iter().filter(|_| may_choose);
    let webhooks = webhooks.map(|webhook| (webhook.name.clone(), webhook.wants(&view.policy))).collect();
    let recipients = recipients(services, &view).join("\n");
    let limit = view.per_day.map(|limit| limit.to_string()).unwrap_or_default();
    PolicyPage {
        frame,
        view,
        recipients,
        limit,
        known_as: known_as.to_owned(),
        webhooks,
        tests: Vec::new(),
        error: None,
    }
}

pub(super) async fn policy(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Path(name): Path<String>,
) -> Result<Response, Refusal> {
    let view = services.alert_policies.get(&signed.caller, &name)?;
    Ok(render(&policy_page(&services, &signed, view, &name)))
}

#[derive(Debug, Deserialize)]
pub(super) struct PolicyForm {
    #[serde(default)]
    enabled: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    recipients: String,
    #[serde(default)]
    daily_notification_limit: String,
    #[serde(default)]
    webhook: Vec<String>,
    /// Whether the form offered webhooks: browsers send nothing for one that is not ticked.
    #[serde(default)]
    webhooks_offered: String,
    #[serde(default)]
    revision: String,
    #[serde(default)]
    what: String,
}

impl PolicyForm {
    /// The page with the form's values, so that nothing is lost if something is wrong.
    fn typed(self, mut page: PolicyPage) -> PolicyPage {
        page.view.policy.enabled = self.enabled == "on";
        if let Some(severity) = Severity::ALL.into_iter().find(|severity| severity.key() == self.severity) {
            page.view.policy.severity = severity;
        }
        if !self.webhooks_offered.is_empty() {
            page.view.policy.webhooks = self.webhook;
        }
        PolicyPage { recipients: self.recipients, limit: self.daily_notification_limit, ..page }
    }

    /// The settings that differ from what the page showed; the others keep their default.
    fn changes(&self, services: &Services, known: &AlertPolicyView) -> Result<Map<String, Value>, ServiceError> {
        let mut patch = Map::new();
        let inherit = self.what == "inherit";
        patch.insert("enabled".into(), json!(self.enabled == "on"));
        if let Some(severity) = Severity::ALL.into_iter().find(|severity| severity.key() == self.severity) {
            patch.insert("severity".into(), json!(severity));
        }
        let typed = lines(&self.recipients);
        if inherit {
            patch.insert("recipients".into(), Value::Null);
            patch.insert("daily_notification_limit".into(), Value::Null);
        } else if typed != recipients(services, known) {
            patch.insert("recipients".into(), json!(typed));
        }
        let limit = number("daily_notification_limit", &self.daily_notification_limit)?.filter(|limit| *limit > 0);
        if limit != known.per_day && !inherit {
            patch.insert("daily_notification_limit".into(), json!(limit.unwrap_or(0)));
        }
        if !self.webhooks_offered.is_empty() {
            patch.insert("webhooks".into(), json!(self.webhook));
        }
        Ok(patch)
    }
}

pub(super) async fn save_policy(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(name): Path<String>,
    form: Form<PolicyForm>,
) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    signed.caller.may(Permission::Manage)?;
    let known = services.alert_policies.get(&signed.caller, &name)?;
    let seen = values.revision.parse().ok();
    let changed = match values.changes(&services, &known) {
        Err(error) => Err(error),
        Ok(patch) => services.alert_policies.change(&signed.caller, &name, &Value::Object(patch), seen).await,
    };
    match changed {
        Ok(view) => {
            flash(&current, texts::t1("alert-policy-saved", "name", view.policy.name)).await?;
            Ok(Redirect::to("/alert-policies").into_response())
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Changed(_))) => {
            let view = services.alert_policies.get(&signed.caller, &name)?;
            let page = values.typed(policy_page(&services, &signed, view, &name));
            let page = PolicyPage { error: Some(error.to_string()), ..page };
            Ok(render_as(status_of(&error), &page))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn test_policy(
    State(services): State<Arc<Services>>,
    Path(name): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    let tests = services.alert_policies.test(&form.signed.caller, &name).await?;
    let view = services.alert_policies.get(&form.signed.caller, &name)?;
    let none = tests.is_empty().then(|| texts::t("alert-policy-test-none"));
    Ok(render(&PolicyPage { tests, error: none, ..policy_page(&services, &form.signed, view, &name) }))
}

#[derive(Debug, Deserialize)]
pub(super) struct NewPolicyForm {
    name: String,
    trigger: String,
}

/// Adds a custom alert policy, to be edited next.
pub(super) async fn add_policy(
    State(services): State<Arc<Services>>,
    form: Form<NewPolicyForm>,
) -> Result<Response, Refusal> {
    let body = json!({ "name": form.values.name.trim(), "trigger": form.values.trigger });
    let made = services.alert_policies.add(&form.signed.caller, &body).await?;
    Ok(Redirect::to(&format!("/alert-policies/{}", names::segment(&made.policy.name))).into_response())
}

pub(super) async fn remove_policy(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(name): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.alert_policies.remove(&form.signed.caller, &name, None).await?;
    flash(&current, texts::t1("alert-policy-removed", "name", name)).await?;
    Ok(Redirect::to("/alert-policies").into_response())
}
