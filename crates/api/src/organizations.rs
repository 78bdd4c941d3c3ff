//! Organizations over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use postern_services::service::OrganizationRecord;
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Reply;
use super::call::Call;
use super::problem::{Body, Failed, Path, Refusals};
use postern_services::service::{OrganizationRequest, ServiceError, Services};

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new().routes(routes!(organizations, add)).routes(routes!(change, remove))
}

/// A new organization.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
struct NewOrganization {
    /// The ID to use in addresses and commands: up to 40 lowercase letters, digits and -.
    id: String,
    #[serde(flatten)]
    #[schema(inline)]
    settings: serde_json::Map<String, serde_json::Value>,
}

#[utoipa::path(
    get,
    path = "/api/v1/organizations",
    tag = "Organizations",
    summary = "Organizations that the caller looks after, the first one in front",
    responses((status = 200, body = Vec<OrganizationRecord>), Refusals)
)]
async fn organizations(Call { services, caller }: Call) -> Reply<Vec<OrganizationRecord>> {
    services.organizations.list(&caller).map(Json).map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/organizations",
    tag = "Organizations",
    summary = "Add an organization; it takes at least an id and a domain",
    request_body = OrganizationRecord,
    responses((status = 201, body = OrganizationRecord), Refusals)
)]
async fn add(Call { services, caller }: Call, Body(body): Body<NewOrganization>) -> Result<impl IntoResponse, Failed> {
    let settings: Result<OrganizationRequest, _> = serde_json::from_value(body.settings.into());
    let settings =
        settings.map_err(|error| ServiceError::Invalid { field: "body".into(), problem: error.to_string() })?;
    services
        .organizations
        .add(&caller, &body.id, &settings)
        .await
        .map(|made| (StatusCode::CREATED, Json(made)))
        .map_err(Failed)
}

#[utoipa::path(
    patch,
    path = "/api/v1/organizations/{id}",
    tag = "Organizations",
    summary = "Change an organization, in force at once",
    params(("id" = String, Path, description = "The organization's id")),
    request_body = OrganizationRequest,
    responses((status = 200, body = OrganizationRecord), Refusals)
)]
async fn change(
    Call { services, caller }: Call,
    Path(id): Path<String>,
    Body(request): Body<OrganizationRequest>,
) -> Reply<OrganizationRecord> {
    services.organizations.change(&caller, &id, &request).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    delete,
    path = "/api/v1/organizations/{id}",
    tag = "Organizations",
    summary = "Remove an organization with its policies, people and tokens",
    params(("id" = String, Path, description = "The organization's id")),
    responses((status = 204), Refusals)
)]
async fn remove(Call { services, caller }: Call, Path(id): Path<String>) -> Result<StatusCode, Failed> {
    services.organizations.remove(&caller, &id).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}
