//! Outbound policies and allowances over HTTP.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use postern_domain::policy::{Allowance, PolicyBook};
use serde::Deserialize;
use serde_json::Value;

use super::Reply;
use super::problem::Body;
use crate::desk::views::{PolicyChangeView, PolicyChoiceView, PolicyView};
use crate::desk::{AllowanceRequest, Caller, Desk, DeskError};

pub(super) fn routes() -> Router<Arc<Desk>> {
    Router::new()
        .route("/api/v1/policies", get(policies).post(add))
        .route("/api/v1/policies/{name}", get(policy).patch(change).delete(remove))
        .route("/api/v1/policy-file", get(export).put(apply))
        .route("/api/v1/accounts/{entity}/policy", get(explain))
        .route("/api/v1/allowances", get(allowances).post(grant))
        .route("/api/v1/allowances/{entity}/end", post(end))
}

type Shared = State<Arc<Desk>>;

async fn policies(State(desk): Shared, Extension(caller): Extension<Caller>) -> Reply<Vec<PolicyView>> {
    desk.policies(&caller).map(Json)
}

async fn policy(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Result<impl IntoResponse, DeskError> {
    desk.policy(&caller, &name).map(tagged)
}

async fn add(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Body(body): Body<Value>,
) -> Result<impl IntoResponse, DeskError> {
    desk.add_policy(&caller, &body).await.map(|made| (StatusCode::CREATED, tagged(made)))
}

async fn change(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Body(patch): Body<Value>,
) -> Result<impl IntoResponse, DeskError> {
    desk.change_policy(&caller, &name, &patch, if_match(&headers)?).await.map(tagged)
}

async fn remove(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, DeskError> {
    desk.remove_policy(&caller, &name, if_match(&headers)?).await.map(|()| StatusCode::NO_CONTENT)
}

async fn explain(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Path(entity): Path<String>,
) -> Reply<PolicyChoiceView> {
    desk.explain_policy(&caller, &entity).map(Json)
}

async fn export(State(desk): Shared, Extension(caller): Extension<Caller>) -> Reply<PolicyBook> {
    desk.export_policies(&caller).map(Json)
}

#[derive(Debug, Deserialize)]
struct ApplyQuery {
    #[serde(default)]
    dry_run: bool,
}

async fn apply(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ApplyQuery>,
    Body(file): Body<Value>,
) -> Reply<Vec<PolicyChangeView>> {
    desk.apply_policies(&caller, &file, query.dry_run).await.map(Json)
}

async fn allowances(State(desk): Shared, Extension(caller): Extension<Caller>) -> Reply<Vec<Allowance>> {
    desk.allowances(&caller).await.map(Json)
}

async fn grant(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Body(request): Body<AllowanceRequest>,
) -> Result<impl IntoResponse, DeskError> {
    desk.grant_allowance(&caller, &request).await.map(|granted| (StatusCode::CREATED, Json(granted)))
}

async fn end(
    State(desk): Shared,
    Extension(caller): Extension<Caller>,
    Path(entity): Path<String>,
) -> Result<StatusCode, DeskError> {
    desk.end_allowance(&caller, &entity).await.map(|()| StatusCode::NO_CONTENT)
}

/// With the entity tag that an edit may name in `If-Match` (RFC 9110 section 13.1.1).
fn tagged(view: PolicyView) -> impl IntoResponse {
    ([(header::ETAG, format!("\"{}\"", view.revision))], Json(view))
}

fn if_match(headers: &HeaderMap) -> Result<Option<u64>, DeskError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text == "*" {
        return Ok(None);
    }
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    let problem = || format!("is {text}, expected an entity tag as a GET of the policy gives it");
    revision.map(Some).ok_or_else(|| DeskError::Invalid { field: "If-Match".into(), problem: problem() })
}
