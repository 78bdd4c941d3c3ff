//! Outbound policies and allowances over HTTP.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode};
use axum::response::IntoResponse;
use serde::Deserialize;
use serde_json::Value;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::etag::{if_match, tagged};
use super::problem::{Body, Failed, Path, Query, Refusals};
use super::types::{
    Allowance, AllowanceRequest, PolicyBody, PolicyBook, PolicyChangeView, PolicyChoiceView, PolicyFile, PolicyView,
    PreviewView,
};
use super::{Created, Reply, created, replies, reply};
use postern_services::service::{ServiceError, Services};

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
    summary = "Preview whom a policy with these settings would have acted on in the last 7 days; changes nothing",
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
    reply(services.policies.preview(&caller, known, &body).await)
}

#[utoipa::path(
    get,
    path = "/api/v1/policies",
    tag = "Policies",
    summary = "List outbound policies, in order of priority",
    responses((status = 200, body = Vec<PolicyView>), Refusals)
)]
async fn policies(Call { services, caller }: Call) -> Reply<Vec<PolicyView>> {
    replies(services.policies.list(&caller))
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
    services.policies.get(&caller, &name).map(|view| tagged(view.revision, PolicyView::from(view))).map_err(Failed)
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
        .map(|made| (StatusCode::CREATED, tagged(made.revision, PolicyView::from(made))))
        .map_err(Failed)
}

#[utoipa::path(
    patch,
    path = "/api/v1/policies/{name}",
    tag = "Policies",
    summary = "Change settings of an outbound policy (RFC 7396)",
    params(
        ("name" = String, Path, description = "The policy's name, in any case"),
        ("If-Match" = Option<String>, Header, description = "Change only if the policies have not changed since: the ETag from a GET"),
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
        .map(|view| tagged(view.revision, PolicyView::from(view)))
        .map_err(Failed)
}

#[utoipa::path(
    delete,
    path = "/api/v1/policies/{name}",
    tag = "Policies",
    summary = "Remove an outbound policy",
    params(
        ("name" = String, Path, description = "The policy's name, in any case"),
        ("If-Match" = Option<String>, Header, description = "Change only if the policies have not changed since: the ETag from a GET"),
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
    summary = "The policy that applies to an entity, and why",
    params(("entity" = String, Path, description = "An account in any spelling, or connector:NAME")),
    responses((status = 200, body = PolicyChoiceView), Refusals)
)]
async fn explain(Call { services, caller }: Call, Path(entity): Path<String>) -> Reply<PolicyChoiceView> {
    reply(services.policies.explain(&caller, &entity))
}

#[utoipa::path(
    get,
    path = "/api/v1/policy-file",
    tag = "Policies",
    summary = "Export all policies, in the format of a policy file",
    responses((status = 200, body = PolicyBook), Refusals)
)]
async fn export(Call { services, caller }: Call) -> Reply<PolicyBook> {
    reply(services.policies.export(&caller))
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
    summary = "Replace all policies with those of a policy file",
    params(ApplyQuery),
    request_body = PolicyFile,
    responses((status = 200, body = Vec<PolicyChangeView>), Refusals)
)]
async fn apply(
    Call { services, caller }: Call,
    Query(query): Query<ApplyQuery>,
    Body(file): Body<Value>,
) -> Reply<Vec<PolicyChangeView>> {
    replies(services.policies.apply(&caller, &file, query.dry_run).await)
}

#[utoipa::path(
    get,
    path = "/api/v1/allowances",
    tag = "Allowances",
    summary = "List allowances in force",
    responses((status = 200, body = Vec<Allowance>), Refusals)
)]
async fn allowances(Call { services, caller }: Call) -> Reply<Vec<Allowance>> {
    replies(services.allowances.list(&caller).await)
}

#[utoipa::path(
    post,
    path = "/api/v1/allowances",
    tag = "Allowances",
    summary = "Grant an entity a temporary allowance",
    request_body = AllowanceRequest,
    responses((status = 201, body = Allowance), Refusals)
)]
async fn grant(Call { services, caller }: Call, Body(request): Body<AllowanceRequest>) -> Created<Allowance> {
    created(services.allowances.grant(&caller, &request.into()).await)
}

#[utoipa::path(
    post,
    path = "/api/v1/allowances/{entity}/end",
    tag = "Allowances",
    summary = "End an entity's allowance early",
    params(("entity" = String, Path, description = "An account in any spelling, or connector:NAME")),
    responses((status = 204), Refusals)
)]
async fn end(Call { services, caller }: Call, Path(entity): Path<String>) -> Result<StatusCode, Failed> {
    services.allowances.end(&caller, &entity).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}
