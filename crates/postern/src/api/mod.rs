//! The HTTP API over the desk, and the health and metrics pages.
//!
//! On the admin socket the caller is whoever opened it, told by the kernel (SO_PEERCRED). Errors
//! are problem details (RFC 9457).

mod admin_socket;
mod bearer;
mod policies;
mod problem;
mod tokens;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use postern_domain::alert::AlertStatus;
use serde::Deserialize;

use crate::desk::views::{AlertView, AuditReportView, AuditView, IncidentView, RestrictionView, StatusView, UsageView};
use crate::desk::{Caller, Desk, DeskError, ReleaseRequest, RestrictRequest};
use crate::health::Health;
use crate::metrics::Metrics;

pub use admin_socket::{ON_BEHALF_HEADER, serve_admin_socket};
use problem::Body;
pub use problem::Problem;

type Reply<T> = Result<Json<T>, DeskError>;

/// The API itself; whoever mounts it says who the caller is.
pub fn routes(desk: Arc<Desk>) -> Router {
    Router::new()
        .route("/api/v1/restrictions", get(restricted).post(restrict))
        .route("/api/v1/restrictions/{entity}", get(restrictions_of))
        .route("/api/v1/restrictions/{entity}/release", post(release))
        .route("/api/v1/usage/{entity}", get(usage))
        .route("/api/v1/incidents/{reference}", get(explain))
        .merge(policies::routes())
        .merge(tokens::routes())
        .route("/api/v1/me", get(me))
        .route("/api/v1/alerts", get(alerts))
        .route("/api/v1/audit", get(audit))
        .route("/api/v1/audit/verify", get(verify_audit))
        .route("/api/v1/status", get(status))
        .fallback(async || DeskError::NotFound("there is no such address; the API is under /api/v1".into()))
        .with_state(desk)
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    #[serde(default)]
    all: bool,
    limit: Option<u32>,
}

async fn restricted(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Reply<Vec<RestrictionView>> {
    desk.restricted(&caller, query.all, query.limit).await.map(Json)
}

async fn restrict(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Body(request): Body<RestrictRequest>,
) -> Result<(StatusCode, Json<RestrictionView>), DeskError> {
    desk.restrict(&caller, &request).await.map(|made| (StatusCode::CREATED, Json(made)))
}

async fn restrictions_of(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(entity): Path<String>,
) -> Reply<Vec<RestrictionView>> {
    desk.restrictions_of(&caller, &entity).await.map(Json)
}

async fn release(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(entity): Path<String>,
    Body(request): Body<ReleaseRequest>,
) -> Reply<RestrictionView> {
    desk.release(&caller, &entity, &request).await.map(Json)
}

async fn usage(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(entity): Path<String>,
) -> Reply<UsageView> {
    desk.usage(&caller, &entity).await.map(Json)
}

async fn explain(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(reference): Path<String>,
) -> Reply<IncidentView> {
    desk.explain(&caller, &reference).await.map(Json)
}

#[derive(Debug, Deserialize)]
struct AlertQuery {
    status: Option<AlertStatus>,
    limit: Option<u32>,
}

async fn alerts(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<AlertQuery>,
) -> Reply<Vec<AlertView>> {
    desk.alerts(&caller, query.status, query.limit).await.map(Json)
}

async fn audit(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Reply<Vec<AuditView>> {
    desk.audit(&caller, query.limit.unwrap_or(100)).await.map(Json)
}

#[derive(Debug, Deserialize)]
struct VerifyQuery {
    head: Option<String>,
}

async fn verify_audit(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<VerifyQuery>,
) -> Reply<AuditReportView> {
    desk.verify_audit(&caller, query.head.as_deref()).await.map(Json)
}

/// Who the caller is, as the audit trail names them, and what they may do.
async fn me(Extension(caller): Extension<Caller>) -> Json<Caller> {
    Json(caller)
}

async fn status(State(desk): State<Arc<Desk>>, Extension(caller): Extension<Caller>) -> Reply<StatusView> {
    desk.status(&caller).await.map(Json)
}

/// What the portal's listener serves: the API for those who hold a token, and what needs none.
pub fn portal_routes(desk: &Arc<Desk>) -> Router {
    let named = axum::middleware::from_fn_with_state(Arc::clone(desk), bearer::name_caller);
    let open = public_routes(Arc::clone(&desk.health), Arc::clone(&desk.metrics));
    routes(Arc::clone(desk)).layer(named).merge(open)
}

/// `/healthz`, `/readyz` and `/metrics`, which need no login and tell nothing about anyone.
fn public_routes(health: Arc<Health>, metrics: Arc<Metrics>) -> Router {
    let ready = move || {
        let health = Arc::clone(&health);
        async move {
            let text = |problems: Vec<String>| if problems.is_empty() { "ok".into() } else { problems.join("\n") };
            let code = if health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            (code, text(health.problems()) + "\n")
        }
    };
    let encode = move || {
        let metrics = Arc::clone(&metrics);
        async move {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            ([(header::CONTENT_TYPE, kind)], metrics.encode()).into_response()
        }
    };
    Router::new().route("/healthz", get(async || "ok\n")).route("/readyz", get(ready)).route("/metrics", get(encode))
}
