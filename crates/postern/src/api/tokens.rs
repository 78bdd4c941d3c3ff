//! API tokens over HTTP.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{delete, get};
use axum::{Extension, Json, Router};
use postern_store::KeptToken;

use super::Reply;
use super::problem::Body;
use crate::desk::{Caller, Desk, DeskError, TokenRequest};

pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new().route("/api/v1/tokens", get(tokens).post(add)).route("/api/v1/tokens/{name}", delete(revoke))
}

async fn tokens(State(desk): State<Arc<Desk>>, Extension(caller): Extension<Caller>) -> Reply<Vec<KeptToken>> {
    desk.tokens(&caller).await.map(Json)
}

async fn add(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<TokenRequest>,
) -> Result<impl IntoResponse, DeskError> {
    desk.add_token(&caller, &request).await.map(|made| (StatusCode::CREATED, Json(made)))
}

async fn revoke(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<StatusCode, DeskError> {
    desk.revoke_token(&caller, &name).await.map(|()| StatusCode::NO_CONTENT)
}
