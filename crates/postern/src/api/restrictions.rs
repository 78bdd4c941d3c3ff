//! Restrictions and usage over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::problem::{Body, Path, Query, Refusals};
use super::{ListQuery, Reply};
use crate::desk::views::{IncidentView, RestrictionView, UsageView};
use crate::desk::{Desk, DeskError, ReleaseRequest, RestrictRequest};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new()
        .routes(routes!(restricted, restrict))
        .routes(routes!(restrictions_of))
        .routes(routes!(release))
        .routes(routes!(usage))
        .routes(routes!(explain))
}

#[utoipa::path(
    get,
    path = "/api/v1/restrictions",
    tag = "Restrictions",
    summary = "List restrictions",
    params(ListQuery),
    responses((status = 200, body = Vec<RestrictionView>), Refusals)
)]
async fn restricted(Call { desk, caller }: Call, Query(query): Query<ListQuery>) -> Reply<Vec<RestrictionView>> {
    desk.restricted(&caller, query.all, query.limit).await.map(Json)
}

#[utoipa::path(
    post,
    path = "/api/v1/restrictions",
    tag = "Restrictions",
    summary = "Restrict an entity by hand",
    request_body = RestrictRequest,
    responses((status = 201, body = RestrictionView), Refusals)
)]
async fn restrict(
    Call { desk, caller }: Call,
    Body(request): Body<RestrictRequest>,
) -> Result<(StatusCode, Json<RestrictionView>), DeskError> {
    desk.restrict(&caller, &request).await.map(|made| (StatusCode::CREATED, Json(made)))
}

#[utoipa::path(
    get,
    path = "/api/v1/restrictions/{entity}",
    tag = "Restrictions",
    summary = "Restrictions of one entity, newest first",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    responses((status = 200, body = Vec<RestrictionView>), Refusals)
)]
async fn restrictions_of(Call { desk, caller }: Call, Path(entity): Path<String>) -> Reply<Vec<RestrictionView>> {
    desk.restrictions_of(&caller, &entity).await.map(Json)
}

#[utoipa::path(
    post,
    path = "/api/v1/restrictions/{entity}/release",
    tag = "Restrictions",
    summary = "Release an entity: it may send again at once",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    request_body = ReleaseRequest,
    responses((status = 200, body = RestrictionView), Refusals)
)]
async fn release(
    Call { desk, caller }: Call,
    Path(entity): Path<String>,
    Body(request): Body<ReleaseRequest>,
) -> Reply<RestrictionView> {
    desk.release(&caller, &entity, &request).await.map(Json)
}

#[utoipa::path(
    get,
    path = "/api/v1/usage/{entity}",
    tag = "Entities",
    summary = "What an entity has sent, and what it may",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    responses((status = 200, body = UsageView), Refusals)
)]
async fn usage(Call { desk, caller }: Call, Path(entity): Path<String>) -> Reply<UsageView> {
    desk.usage(&caller, &entity).await.map(Json)
}

#[utoipa::path(
    get,
    path = "/api/v1/incidents/{reference}",
    tag = "Restrictions",
    summary = "All that is known of an incident",
    params(("reference" = String, Path, description = "Reference id, such as PR-7K3F-9QXD")),
    responses((status = 200, body = IncidentView), Refusals)
)]
async fn explain(Call { desk, caller }: Call, Path(reference): Path<String>) -> Reply<IncidentView> {
    desk.explain(&caller, &reference).await.map(Json)
}
