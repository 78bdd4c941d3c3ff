//! Alerts and alert policies over HTTP.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use postern_domain::alert::{AlertStatus, Severity, Trigger};
use postern_services::service::AlertFilter;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::etag::{if_match, tagged};
use super::paging::{self, limit};
use super::problem::{Body, Failed, Path, Query, Refusals};
use super::types::{AlertDetailView, AlertPolicy, AlertPolicyView, AlertRequest, AlertView, ChannelTestView, schema};
use super::{Reply, replies, reply};
use postern_services::service::Services;

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(alerts))
        .routes(routes!(alert, change_alert))
        .routes(routes!(alert_policies, add))
        .routes(routes!(alert_policy, change, remove))
        .routes(routes!(test_alert_policy))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// Only alerts with this status
    #[param(value_type = Option<schema::AlertStatus>)]
    status: Option<AlertStatus>,
    /// Only alerts with this severity
    #[param(value_type = Option<schema::Severity>)]
    severity: Option<Severity>,
    /// Only alerts raised by this built-in alert policy
    #[param(value_type = Option<schema::Trigger>)]
    policy: Option<Trigger>,
    /// Only alerts whose entity, reference or cause contains this text
    q: Option<String>,
    /// At most this many, newest first; without it, all
    #[param(minimum = 1, maximum = 1_000_000)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
    /// The cursor from the previous page's Link header
    cursor: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    tag = "Alerts",
    summary = "List alerts, newest first",
    params(AlertQuery),
    responses((status = 200, body = Vec<AlertView>, headers(("Link" = String))), Refusals)
)]
async fn alerts(
    Call { services, caller }: Call,
    uri: Uri,
    Query(query): Query<AlertQuery>,
) -> Result<Response, Failed> {
    let filter = AlertFilter {
        status: query.status,
        severity: query.severity,
        trigger: query.policy,
        search: query.q,
        after: paging::after(query.cursor.as_deref())?,
        limit: query.limit,
        ..AlertFilter::default()
    };
    let found = services.alerts.list(&caller, &filter).await?;
    let last = found.last().map(|last| paging::cursor(last.raised_at, &last.reference));
    Ok(paging::page::<_, AlertView>(&uri, found, query.limit, last))
}

#[utoipa::path(
    get,
    path = "/api/v1/alerts/{reference}",
    tag = "Alerts",
    summary = "One alert, with its status changes and comments",
    params(("reference" = String, Path, description = "The reference, such as PR-7K3F-9QXD")),
    responses((status = 200, body = AlertDetailView), Refusals)
)]
async fn alert(Call { services, caller }: Call, Path(reference): Path<String>) -> Reply<AlertDetailView> {
    reply(services.alerts.get(&caller, &reference).await)
}

#[utoipa::path(
    patch,
    path = "/api/v1/alerts/{reference}",
    tag = "Alerts",
    summary = "Set an alert's status, add a comment, or both",
    params(("reference" = String, Path, description = "The reference, such as PR-7K3F-9QXD")),
    request_body = AlertRequest,
    responses((status = 200, body = AlertDetailView), Refusals)
)]
async fn change_alert(
    Call { services, caller }: Call,
    Path(reference): Path<String>,
    Body(request): Body<AlertRequest>,
) -> Reply<AlertDetailView> {
    reply(services.alerts.change(&caller, &reference, &request.into()).await)
}

#[utoipa::path(
    get,
    path = "/api/v1/alert-policies",
    tag = "Alerts",
    summary = "List alert policies, which define who is notified of what",
    responses((status = 200, body = Vec<AlertPolicyView>), Refusals)
)]
async fn alert_policies(Call { services, caller }: Call) -> Reply<Vec<AlertPolicyView>> {
    replies(services.alert_policies.list(&caller))
}

#[utoipa::path(
    get,
    path = "/api/v1/alert-policies/{name}",
    tag = "Alerts",
    summary = "One alert policy",
    params(("name" = String, Path, description = "The alert policy's name, in any case")),
    responses((status = 200, body = AlertPolicyView, headers(("ETag" = String))), Refusals)
)]
async fn alert_policy(Call { services, caller }: Call, Path(name): Path<String>) -> Result<impl IntoResponse, Failed> {
    services
        .alert_policies
        .get(&caller, &name)
        .map(|view| tagged(view.revision, AlertPolicyView::from(view)))
        .map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/alert-policies",
    tag = "Alerts",
    summary = "Add an alert policy; name and trigger are required",
    request_body = AlertPolicy,
    responses((status = 201, body = AlertPolicyView), Refusals)
)]
async fn add(Call { services, caller }: Call, Body(body): Body<Value>) -> Result<impl IntoResponse, Failed> {
    let made = services.alert_policies.add(&caller, &body).await?;
    Ok((StatusCode::CREATED, tagged(made.revision, AlertPolicyView::from(made))))
}

#[utoipa::path(
    patch,
    path = "/api/v1/alert-policies/{name}",
    tag = "Alerts",
    summary = "Change settings of an alert policy (RFC 7396)",
    params(
        ("name" = String, Path, description = "The alert policy's name, in any case"),
        ("If-Match" = Option<String>, Header, description = "Change only if the policies have not changed since: the ETag from a GET"),
    ),
    request_body(
        content = AlertPolicy,
        description = "The settings that change; null sets one back to its default (RFC 7396)"
    ),
    responses((status = 200, body = AlertPolicyView), Refusals)
)]
async fn change(
    Call { services, caller }: Call,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(patch): Body<Value>,
) -> Result<impl IntoResponse, Failed> {
    let changed = services.alert_policies.change(&caller, &name, &patch, if_match(&headers)?).await?;
    Ok(tagged(changed.revision, AlertPolicyView::from(changed)))
}

#[utoipa::path(
    delete,
    path = "/api/v1/alert-policies/{name}",
    tag = "Alerts",
    summary = "Remove a custom alert policy",
    params(
        ("name" = String, Path, description = "The alert policy's name, in any case"),
        ("If-Match" = Option<String>, Header, description = "Change only if the policies have not changed since: the ETag from a GET"),
    ),
    responses((status = 204), Refusals)
)]
async fn remove(
    Call { services, caller }: Call,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failed> {
    services
        .alert_policies
        .remove(&caller, &name, if_match(&headers)?)
        .await
        .map(|()| StatusCode::NO_CONTENT)
        .map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/alert-policies/{name}/test",
    tag = "Alerts",
    summary = "Send a test through every channel of an alert policy, and report the responses",
    params(("name" = String, Path, description = "The alert policy's name, in any case")),
    responses((status = 200, body = Vec<ChannelTestView>), Refusals)
)]
async fn test_alert_policy(Call { services, caller }: Call, Path(name): Path<String>) -> Reply<Vec<ChannelTestView>> {
    replies(services.alert_policies.test(&caller, &name).await)
}
