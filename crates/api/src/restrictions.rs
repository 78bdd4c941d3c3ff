//! Restrictions and usage over HTTP.

use std::sync::Arc;

use axum::http::Uri;
use axum::response::Response;
use postern_domain::EntityKind;
use postern_services::service::RestrictionFilter;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::paging::{self, limit};
use super::problem::{Body, Failed, Path, Query, Refusals};
use super::types::{
    IncidentView, ReleaseRequest, RestrictRequest, RestrictionView, UndoReleaseRequest, UsageView, schema,
};
use super::{Created, Reply, created, replies, reply};
use postern_services::service::Services;

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
    #[param(value_type = Option<schema::EntityKind>)]
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
    Ok(paging::page::<_, RestrictionView>(&uri, found, query.limit, last))
}

#[utoipa::path(
    post,
    path = "/api/v1/restrictions",
    tag = "Restrictions",
    summary = "Restrict an entity",
    request_body = RestrictRequest,
    responses((status = 201, body = RestrictionView), Refusals)
)]
async fn restrict(Call { services, caller }: Call, Body(request): Body<RestrictRequest>) -> Created<RestrictionView> {
    created(services.restrictions.restrict(&caller, &request.into()).await)
}

#[utoipa::path(
    get,
    path = "/api/v1/restrictions/{entity}",
    tag = "Restrictions",
    summary = "List the restrictions of one entity, newest first",
    params(("entity" = String, Path, description = "An account in any spelling, or connector:NAME")),
    responses((status = 200, body = Vec<RestrictionView>), Refusals)
)]
async fn restrictions_of(Call { services, caller }: Call, Path(entity): Path<String>) -> Reply<Vec<RestrictionView>> {
    replies(services.restrictions.of(&caller, &entity).await)
}

#[utoipa::path(
    post,
    path = "/api/v1/restrictions/{entity}/release",
    tag = "Restrictions",
    summary = "Release an entity; it can send again immediately",
    params(("entity" = String, Path, description = "An account in any spelling, or connector:NAME")),
    request_body = ReleaseRequest,
    responses((status = 200, body = RestrictionView), Refusals)
)]
async fn release(
    Call { services, caller }: Call,
    Path(entity): Path<String>,
    Body(request): Body<ReleaseRequest>,
) -> Reply<RestrictionView> {
    reply(services.restrictions.release(&caller, &entity, &request.into()).await)
}

#[utoipa::path(
    post,
    path = "/api/v1/restrictions/{entity}/undo-release",
    tag = "Restrictions",
    summary = "Undo the last release of an entity; the same restriction is in force again",
    params(("entity" = String, Path, description = "An account in any spelling, or connector:NAME")),
    request_body = UndoReleaseRequest,
    responses((status = 200, body = RestrictionView), Refusals)
)]
async fn undo_release(
    Call { services, caller }: Call,
    Path(entity): Path<String>,
    Body(request): Body<UndoReleaseRequest>,
) -> Reply<RestrictionView> {
    reply(services.restrictions.undo_release(&caller, &entity, &request.into()).await)
}

#[utoipa::path(
    get,
    path = "/api/v1/usage/{entity}",
    tag = "Entities",
    summary = "An entity's usage and limits",
    params(("entity" = String, Path, description = "An account in any spelling, or connector:NAME")),
    responses((status = 200, body = UsageView), Refusals)
)]
async fn usage(Call { services, caller }: Call, Path(entity): Path<String>) -> Reply<UsageView> {
    reply(services.usage.of(&caller, &entity).await)
}

#[utoipa::path(
    get,
    path = "/api/v1/incidents/{reference}",
    tag = "Restrictions",
    summary = "Everything known about an incident",
    params(("reference" = String, Path, description = "The reference, such as PR-7K3F-9QXD")),
    responses((status = 200, body = IncidentView), Refusals)
)]
async fn explain(Call { services, caller }: Call, Path(reference): Path<String>) -> Reply<IncidentView> {
    reply(services.restrictions.explain(&caller, &reference).await)
}
