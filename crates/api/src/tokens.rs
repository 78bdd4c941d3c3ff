//! API tokens over HTTP.

use std::sync::Arc;

use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::problem::{Body, Failed, Path, Refusals};
use super::types::{NewToken, TokenRecord, TokenRequest};
use super::{Created, Reply, created, replies};
use postern_services::service::Services;

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new().routes(routes!(tokens, add)).routes(routes!(revoke))
}

#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "Access",
    summary = "List API tokens",
    responses((status = 200, body = Vec<TokenRecord>), Refusals)
)]
async fn tokens(Call { services, caller }: Call) -> Reply<Vec<TokenRecord>> {
    replies(services.tokens.list(&caller).await)
}

#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "Access",
    summary = "Create an API token; it is shown only once",
    request_body = TokenRequest,
    responses((status = 201, body = NewToken), Refusals)
)]
async fn add(Call { services, caller }: Call, Body(request): Body<TokenRequest>) -> Created<NewToken> {
    created(services.tokens.add(&caller, &request.into()).await)
}

#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{name}",
    tag = "Access",
    summary = "Revoke an API token",
    params(("name" = String, Path, description = "The token's name")),
    responses((status = 204), Refusals)
)]
async fn revoke(Call { services, caller }: Call, Path(name): Path<String>) -> Result<StatusCode, Failed> {
    services.tokens.revoke(&caller, &name).await.map(|()| StatusCode::NO_CONTENT).map_err(Failed)
}
