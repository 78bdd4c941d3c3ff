//! Outbound policies and allowances over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use postern_domain::policy::{Allowance, OutboundPolicy, PolicyBook, Preset};
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Reply;
use super::call::Call;
use super::etag::{if_match, tagged};
use super::problem::{Body, Failed, Path, Query, Refusals};
use postern_services::service::views::{PolicyChangeView, PolicyChoiceView, PolicyView};
use postern_services::service::{AllowanceRequest, PreviewView, ServiceError, Services};

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(policies, add))
        .routes(routes!(policy, change, remove))
        .routes(routes!(preview))
        .routes(routes!(export, apply))
        .routes(routes!(explain))
        .routes(routes!(allowances, grant))
        .routes(routes!(end))
}

#[utoipa::path(
    post,
    path = "/api/v1/policies/{name}/preview",
    tag = "Policies",
    summary = "Whom a policy with these settings would have acted on in the last 7 days; nothing is changed",
    params(("name" = String, Path, description = "The policy's name, in any case, or that of a new one")),
    request_body = PolicyBody,
    responses((status = 200, body = PreviewView), Refusals)
)]
async fn preview(
    Call { services, caller }: Call,
    Path(name): Path<String>,
    Body(mut body): Body<Value>,
) -> Reply<PreviewView> {
    let known = match services.policies.get(&caller, &name) {
        Ok(_) => Some(name.as_str()),
        Err(ServiceError::NotFound(_)) => None,
        Err(error) => return Err(Failed(error)),
    };
    if let Some(object) = body.as_object_mut() {
        // A disabled policy acts on nobody; the preview is about what it would do.
        object.entry("enabled").or_insert(true.into());
        if known.is_none() {
            object.entry("name").or_insert_with(|| name.clone().into());
        }
    }
    services.policies.preview(&caller, known, &body).await.map(Json).map_err(Failed)
}

/// A whole file of policies; a setting that is left out is treated as if it had never been set.
#[derive(utoipa::ToSchema)]
#[allow(dead_code)]
struct PolicyFile {
    default: Option<OutboundPolicy>,
    custom: Option<Vec<OutboundPolicy>>,
}

/// The body of a policy's `POST` and `PATCH`: any of its settings, and two keys that affect several.
#[derive(utoipa::ToSchema)]
#[allow(dead_code)]
struct PolicyBody {
    #[schema(inline)]
    #[serde(flatten)]
    settings: OutboundPolicy,
    /// 0 is evaluated first; not for the default policy.
    priority: Option<usize>,
    /// Microsoft's recommended values.
    preset: Option<Preset>,
}

#[utoipa::path(
    get,
    path = "/api/v1/policies",
    tag = "Policies",
    summary = "Outbound policies, in the order in which they are looked at",
    responses((status = 200, body = Vec<PolicyView>), Refusals)
)]
async fn policies(Call { services, caller }: Call) -> Reply<Vec<PolicyView>> {
    services.policies.list(&caller).map(Json).map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/policies/{name}",
    tag = "Policies",
    summary = "One outbound policy",
    params(("name" = String, Path, description = "The policy's name, in any case")),
    responses((status = 200, body = PolicyView, headers(("ETag" = String))), Refusals)
)]
async fn policy(Call { services, caller }: Call, Path(name): Path<String>) -> Result<impl IntoResponse, Failed> {
    services.policies.get(&caller, &name).map(|view| tagged(view.revision, view)).map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/policies",
    tag = "Policies",
    summary = "Add an outbound policy",
    request_body = PolicyBody,
    responses((status = 201, body = PolicyView), Refusals)
)]
async fn add(Call { services, caller }: Call, Body(body): Body<Value>) -> Result<impl IntoResponse, Failed> {
    services
        .policies
        .add(&caller, &body)
        .await
        .map(|made| (StatusCode::CREATED, tagged(made.revision, made)))
        .map_err(Failed)
}

#[utoipa::path(
    patch,
    path = "/api/v1/policies/{name}",
    tag = "Policies",
    summary = "Change settings of an outbound policy (RFC 7396)",
    params(
        ("name" = String, Path, description = "The policy's name, in any case"),
        ("If-Match" = Option<String>, Header, description = "Only if the policies are still as seen: the ETag of a GET"),
    ),
    request_body(
        content = PolicyBody,
        description = "The settings that change; null sets one back to its default (RFC 7396)"
    ),
    responses((status = 200, body = PolicyView), Refusals)
)]
async fn change(
    Call { services, caller }: Call,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(patch): Body<Value>,
) -> Result<impl IntoResponse, Failed> {
    services
        .policies
        .change(&caller, &name, &patch, if_match(&headers)?)
        .await
        .map(|view| tagged(view.revision, view))
        .map_err(Failed)
}

#[utoipa::path(
    delete,
    path = "/api/v1/policies/{name}",
    tag = "Policies",
    summary = "Remove an outbound policy",
    params(
        ("name" = String, Path, description = "The policy's name, in any case"),
        ("If-Match" = Option<String>, Header, description = "Only if the policies are still as seen: the ETag of a GET"),
    ),
    responses((status = 204), Refusals)
)]
async fn remove(
    Call { services, caller }: Call,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Failed> {
    services.policies.remove(&caller, &name, if_match(&headers)?).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/accounts/{entity}/policy",
    tag = "Policies",
    summary = "Which policy holds for an entity, and why",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    responses((status = 200, body = PolicyChoiceView), Refusals)
)]
async fn explain(Call { services, caller }: Call, Path(entity): Path<String>) -> Reply<PolicyChoiceView> {
    services.policies.explain(&caller, &entity).map(Json).map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/policy-file",
    tag = "Policies",
    summary = "All policies as a file has them",
    responses((status = 200, body = PolicyBook), Refusals)
)]
async fn export(Call { services, caller }: Call) -> Reply<PolicyBook> {
    services.policies.export(&caller).map(Json).map_err(Failed)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ApplyQuery {
    /// Only report what would change
    #[serde(default)]
    #[param(required = false)]
    dry_run: bool,
}

#[utoipa::path(
    put,
    path = "/api/v1/policy-file",
    tag = "Policies",
    summary = "Put the policies of a file in the place of all there are",
    params(ApplyQuery),
    request_body = PolicyFile,
    responses((status = 200, body = Vec<PolicyChangeView>), Refusals)
)]
async fn apply(
    Call { services, caller }: Call,
    Query(query): Query<ApplyQuery>,
    Body(file): Body<Value>,
) -> Reply<Vec<PolicyChangeView>> {
    services.policies.apply(&caller, &file, query.dry_run).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/allowances",
    tag = "Allowances",
    summary = "Allowances in force",
    responses((status = 200, body = Vec<Allowance>), Refusals)
)]
async fn allowances(Call { services, caller }: Call) -> Reply<Vec<Allowance>> {
    services.allowances.list(&caller).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/allowances",
    tag = "Allowances",
    summary = "Let an entity send more until a time",
    request_body = AllowanceRequest,
    responses((status = 201, body = Allowance), Refusals)
)]
async fn grant(
    Call { services, caller }: Call,
    Body(request): Body<AllowanceRequest>,
) -> Result<impl IntoResponse, Failed> {
    services
        .allowances
        .grant(&caller, &request)
        .await
        .map(|granted| (StatusCode::CREATED, Json(granted)))
        .map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/allowances/{entity}/end",
    tag = "Allowances",
    summary = "End an entity's allowance before its time",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    responses((status = 204), Refusals)
)]
async fn end(Call { services, caller }: Call, Path(entity): Path<String>) -> Result<StatusCode, Failed> {
    services.allowances.end(&caller, &entity).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}
