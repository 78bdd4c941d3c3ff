//! The directory over HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::problem::{Query, Refusals};
use super::{Reply, limit};
use crate::desk::{AccountView, Caller, Desk, DeskError};
use crate::directory::SourceState;

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(accounts)).routes(routes!(directory)).routes(routes!(refresh))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AccountQuery {
    /// A part of the login or of the person's name
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// At most so many
    #[param(minimum = 1, maximum = 1_000_000)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "Entities",
    summary = "Accounts of the directory, by login",
    params(AccountQuery),
    responses((status = 200, body = Vec<AccountView>), Refusals)
)]
async fn accounts(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<AccountQuery>,
) -> Reply<Vec<AccountView>> {
    let limit = query.limit.map_or(100, |limit| limit as usize);
    desk.accounts(&caller, &query.q, limit).map(Json)
}

#[utoipa::path(
    get,
    path = "/api/v1/directory",
    tag = "Entities",
    summary = "How every source of the directory is",
    responses((status = 200, body = Vec<SourceState>), Refusals)
)]
async fn directory(State(desk): State<Arc<Desk>>, Extension(caller): Extension<Caller>) -> Reply<Vec<SourceState>> {
    desk.directory(&caller).map(Json)
}

#[utoipa::path(
    post,
    path = "/api/v1/directory/refresh",
    tag = "Entities",
    summary = "Have every source of the directory read again, in the background",
    responses((status = 202, body = Vec<SourceState>), Refusals)
)]
async fn refresh(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
) -> Result<(StatusCode, Json<Vec<SourceState>>), DeskError> {
    desk.refresh_directory(&caller).map(|state| (StatusCode::ACCEPTED, Json(state)))
}
