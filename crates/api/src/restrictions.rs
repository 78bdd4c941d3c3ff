//! Restrictions and usage over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use postern_domain::EntityKind;
use postern_services::service::RestrictionFilter;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Reply;
use super::call::Call;
use super::paging::{self, limit};
use super::problem::{Body, Failed, Path, Query, Refusals};
use postern_services::service::views::{IncidentView, RestrictionView, UsageView};
use postern_services::service::{ReleaseRequest, RestrictRequest, Services, UndoReleaseRequest};

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new()
        .routes(routes!(restricted, restrict))
        .routes(routes!(restrictions_of))
        .routes(routes!(release))
        .routes(routes!(undo_release))
        .routes(routes!(usage))
        .routes(routes!(explain))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct RestrictionQuery {
    /// Include restrictions that have ended
    #[serde(default)]
    #[param(required = false)]
    all: bool,
    /// Only accounts, or only connectors
    kind: Option<EntityKind>,
    /// Only restrictions whose entity, reference or cause contains this text
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
    path = "/api/v1/restrictions",
    tag = "Restrictions",
    summary = "List restrictions",
    params(RestrictionQuery),
    responses((status = 200, body = Vec<RestrictionView>, headers(("Link" = String))), Refusals)
)]
async fn restricted(
    Call { services, caller }: Call,
    uri: Uri,
    Query(query): Query<RestrictionQuery>,
) -> Result<Response, Failed> {
    let filter = RestrictionFilter {
        kind: query.kind,
        search: query.q,
        released: query.all,
        after: paging::after(query.cursor.as_deref())?,
        limit: query.limit,
        ..RestrictionFilter::default()
    };
    let found = services.restrictions.list(&caller, &filter).await?;
    let last = found.last().map(|last| paging::cursor(last.since, &last.reference));
    Ok(paging::page(&uri, found, query.limit, last))
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
    Call { services, caller }: Call,
    Body(request): Body<RestrictRequest>,
) -> Result<(StatusCode, Json<RestrictionView>), Failed> {
    services
        .restrictions
        .restrict(&caller, &request)
        .await
        .map(|made| (StatusCode::CREATED, Json(made)))
        .map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/restrictions/{entity}",
    tag = "Restrictions",
    summary = "Restrictions of one entity, newest first",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    responses((status = 200, body = Vec<RestrictionView>), Refusals)
)]
async fn restrictions_of(Call { services, caller }: Call, Path(entity): Path<String>) -> Reply<Vec<RestrictionView>> {
    services.restrictions.of(&caller, &entity).await.map(Json).map_err(Failed)
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
    Call { services, caller }: Call,
    Path(entity): Path<String>,
    Body(request): Body<ReleaseRequest>,
) -> Reply<RestrictionView> {
    services.restrictions.release(&caller, &entity, &request).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    post,
    path = "/api/v1/restrictions/{entity}/undo-release",
    tag = "Restrictions",
    summary = "Undo the last release of an entity: the same restriction is in force again",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    request_body = UndoReleaseRequest,
    responses((status = 200, body = RestrictionView), Refusals)
)]
async fn undo_release(
    Call { services, caller }: Call,
    Path(entity): Path<String>,
    Body(request): Body<UndoReleaseRequest>,
) -> Reply<RestrictionView> {
    services.restrictions.undo_release(&caller, &entity, &request).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/usage/{entity}",
    tag = "Entities",
    summary = "What an entity has sent, and what it may",
    params(("entity" = String, Path, description = "Account in any spelling, or connector:NAME")),
    responses((status = 200, body = UsageView), Refusals)
)]
async fn usage(Call { services, caller }: Call, Path(entity): Path<String>) -> Reply<UsageView> {
    services.usage.of(&caller, &entity).await.map(Json).map_err(Failed)
}

#[utoipa::path(
    get,
    path = "/api/v1/incidents/{reference}",
    tag = "Restrictions",
    summary = "All that is known of an incident",
    params(("reference" = String, Path, description = "Reference id, such as PR-7K3F-9QXD")),
    responses((status = 200, body = IncidentView), Refusals)
)]
async fn explain(Call { services, caller }: Call, Path(reference): Path<String>) -> Reply<IncidentView> {
    services.restrictions.explain(&caller, &reference).await.map(Json).map_err(Failed)
}
