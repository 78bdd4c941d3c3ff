//! Organizations over HTTP.

use std::sync::Arc;

use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::problem::{Body, Failed, Path, Refusals};
use super::types::{NewOrganization, OrganizationRecord, OrganizationRequest};
use super::{Created, Reply, created, replies, reply};
use postern_services::service::{ServiceError, Services};

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new().routes(routes!(organizations, add)).routes(routes!(change, remove))
}

#[utoipa::path(
    get,
    path = "/api/v1/organizations",
    tag = "Organizations",
    summary = "List the organizations that the caller manages",
    responses((status = 200, body = Vec<OrganizationRecord>), Refusals)
)]
async fn organizations(Call { services, caller }: Call) -> Reply<Vec<OrganizationRecord>> {
    replies(services.organizations.list(&caller))
}

#[utoipa::path(
    post,
    path = "/api/v1/organizations",
    tag = "Organizations",
    summary = "Add an organization; an ID and a domain are required",
    request_body = OrganizationRecord,
    responses((status = 201, body = OrganizationRecord), Refusals)
)]
async fn add(Call { services, caller }: Call, Body(body): Body<NewOrganization>) -> Created<OrganizationRecord> {
    let settings: Result<OrganizationRequest, _> = serde_json::from_value(body.settings.into());
    let settings =
        settings.map_err(|error| ServiceError::Invalid { field: "body".into(), problem: error.to_string() })?;
    created(services.organizations.add(&caller, &body.id, &settings.into()).await)
}

#[utoipa::path(
    patch,
    path = "/api/v1/organizations/{id}",
    tag = "Organizations",
    summary = "Change an organization; takes effect immediately",
    params(("id" = String, Path, description = "The organization's ID")),
    request_body = OrganizationRequest,
    responses((status = 200, body = OrganizationRecord), Refusals)
)]
async fn change(
    Call { services, caller }: Call,
    Path(id): Path<String>,
    Body(request): Body<OrganizationRequest>,
) -> Reply<OrganizationRecord> {
    reply(services.organizations.change(&caller, &id, &request.into()).await)
}

#[utoipa::path(
    delete,
    path = "/api/v1/organizations/{id}",
    tag = "Organizations",
    summary = "Remove an organization, with its policies, people and tokens",
    params(("id" = String, Path, description = "The organization's ID")),
    responses((status = 204), Refusals)
)]
async fn remove(Call { services, caller }: Call, Path(id): Path<String>) -> Result<StatusCode, Failed> {
    services.organizations.remove(&caller, &id).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}
