//! The directory over HTTP.

use std::sync::Arc;

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::paging::limit;
use super::problem::{Failed, Query, Refusals};
use super::types::{AccountView, SourceState};
use super::{Reply, replies};
use postern_services::service::Services;

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new().routes(routes!(accounts)).routes(routes!(directory)).routes(routes!(refresh))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AccountQuery {
    /// Part of the login or of the person's name
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// At most this many
    #[param(minimum = 1, maximum = 1_000_000)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/api/v1/accounts",
    tag = "Entities",
    summary = "List accounts in the directory, by login",
    params(AccountQuery),
    responses((status = 200, body = Vec<AccountView>), Refusals)
)]
async fn accounts(Call { services, caller }: Call, Query(query): Query<AccountQuery>) -> Reply<Vec<AccountView>> {
    let limit = query.limit.map_or(100, |limit| limit as usize);
    replies(services.accounts.search(&caller, &query.q, limit))
}

#[utoipa::path(
    get,
    path = "/api/v1/directory",
    tag = "Entities",
    summary = "The state of every source of the directory",
    responses((status = 200, body = Vec<SourceState>), Refusals)
)]
async fn directory(Call { services, caller }: Call) -> Reply<Vec<SourceState>> {
    replies(services.accounts.sources(&caller))
}

#[utoipa::path(
    post,
    path = "/api/v1/directory/refresh",
    tag = "Entities",
    summary = "Reread every source of the directory, in the background",
    responses((status = 202, body = Vec<SourceState>), Refusals)
)]
async fn refresh(Call { services, caller }: Call) -> Result<(StatusCode, Json<Vec<SourceState>>), Failed> {
    replies(services.accounts.refresh(&caller)).map(|states| (StatusCode::ACCEPTED, states))
}
