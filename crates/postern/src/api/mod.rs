//! The HTTP API over the desk, and the health and metrics pages.
//!
//! On the admin socket the caller is whoever opened it, told by the kernel (SO_PEERCRED). Errors
//! are problem details (RFC 9457).

mod admin_socket;
mod bearer;
mod directory;
mod document;
mod events;
mod people;
mod policies;
mod problem;
mod tokens;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use axum::{Extension, Json, Router};
use postern_domain::alert::AlertStatus;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::desk::views::{
    AlertDetailView, AlertPolicyView, AlertView, AuditReportView, AuditView, ChannelTestView, IncidentView,
    RestrictionView, StatusView, UsageView,
};
use crate::desk::{AlertRequest, Caller, Desk, DeskError, ReleaseRequest, RestrictRequest};
use crate::health::Health;
use crate::metrics::Metrics;

pub use admin_socket::{ON_BEHALF_HEADER, serve_admin_socket};
pub use problem::Problem;
use problem::{Body, Path, Query, Refusals};

/// How many a caller wants to see.
fn limit<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.map(Some).ok_or_else(|| serde::de::Error::custom("limit: expected 1 to 1000000"))
}

type Reply<T> = Result<Json<T>, DeskError>;

/// The API itself; whoever mounts it says who the caller is.
pub fn routes(desk: Arc<Desk>) -> Router {
    let method = async || {
        problem::problem(StatusCode::METHOD_NOT_ALLOWED, "this address takes other methods; see /api".into(), None)
    };
    Router::from(described()).method_not_allowed_fallback(method).with_state(desk)
}

/// What an address that is none is answered with.
pub async fn nothing() -> DeskError {
    DeskError::NotFound("there is no such address; the API is under /api/v1".into())
}

/// Every route with its description.
fn described() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::with_openapi(document::about())
        .routes(routes!(restricted, restrict))
        .routes(routes!(restrictions_of))
        .routes(routes!(release))
        .routes(routes!(usage))
        .routes(routes!(explain))
        .merge(policies::routes())
        .routes(routes!(alerts))
        .routes(routes!(alert, change_alert))
        .routes(routes!(alert_policies))
        .routes(routes!(test_alert_policy))
        .routes(routes!(audit))
        .routes(routes!(verify_audit))
        .merge(directory::routes())
        .merge(tokens::routes())
        .merge(people::routes())
        .merge(events::routes())
        .routes(routes!(me))
        .routes(routes!(status))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Those that have ended, too
    #[serde(default)]
    #[param(required = false)]
    all: bool,
    /// At most so many, newest first
    #[param(minimum = 1, maximum = 1_000_000)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/api/v1/restrictions",
    tag = "Restrictions",
    summary = "List restrictions",
    params(ListQuery),
    responses((status = 200, body = Vec<RestrictionView>), Refusals)
)]
async fn restricted(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Reply<Vec<RestrictionView>> {
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
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
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
async fn restrictions_of(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(entity): Path<String>,
) -> Reply<Vec<RestrictionView>> {
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
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
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
async fn usage(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(entity): Path<String>,
) -> Reply<UsageView> {
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
async fn explain(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(reference): Path<String>,
) -> Reply<IncidentView> {
    desk.explain(&caller, &reference).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AlertQuery {
    /// Only of this status
    status: Option<AlertStatus>,
    /// At most so many, newest first
    #[param(minimum = 1, maximum = 1_000_000)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
}

#[utoipa::path(
    get,
    path = "/api/v1/alerts",
    tag = "Alerts",
    summary = "List alerts, newest first",
    params(AlertQuery),
    responses((status = 200, body = Vec<AlertView>), Refusals)
)]
async fn alerts(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<AlertQuery>,
) -> Reply<Vec<AlertView>> {
    desk.alerts(&caller, query.status, query.limit).await.map(Json)
}

#[utoipa::path(
    get,
    path = "/api/v1/alerts/{reference}",
    tag = "Alerts",
    summary = "One alert with what people did about it",
    params(("reference" = String, Path, description = "Reference id, such as PR-7K3F-9QXD")),
    responses((status = 200, body = AlertDetailView), Refusals)
)]
async fn alert(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(reference): Path<String>,
) -> Reply<AlertDetailView> {
    desk.alert(&caller, &reference).await.map(Json)
}

#[utoipa::path(
    patch,
    path = "/api/v1/alerts/{reference}",
    tag = "Alerts",
    summary = "Give an alert a status, a comment, or both",
    params(("reference" = String, Path, description = "Reference id, such as PR-7K3F-9QXD")),
    request_body = AlertRequest,
    responses((status = 200, body = AlertDetailView), Refusals)
)]
async fn change_alert(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(reference): Path<String>,
    Body(request): Body<AlertRequest>,
) -> Reply<AlertDetailView> {
    desk.change_alert(&caller, &reference, &request).await.map(Json)
}

#[utoipa::path(
    get,
    path = "/api/v1/alert-policies",
    tag = "Alerts",
    summary = "Alert policies: who is told of what",
    responses((status = 200, body = Vec<AlertPolicyView>), Refusals)
)]
async fn alert_policies(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
) -> Reply<Vec<AlertPolicyView>> {
    desk.alert_policies(&caller).map(Json)
}

#[utoipa::path(
    post,
    path = "/api/v1/alert-policies/{name}/test",
    tag = "Alerts",
    summary = "Send a test through every channel of an alert policy, and tell what each answered",
    params(("name" = String, Path, description = "The alert policy's name, in any case")),
    responses((status = 200, body = Vec<ChannelTestView>), Refusals)
)]
async fn test_alert_policy(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Path(name): Path<String>,
) -> Reply<Vec<ChannelTestView>> {
    desk.test_alert_policy(&caller, &name).await.map(Json)
}

#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "Audit",
    summary = "The audit trail, newest first",
    params(ListQuery),
    responses((status = 200, body = Vec<AuditView>), Refusals)
)]
async fn audit(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<ListQuery>,
) -> Reply<Vec<AuditView>> {
    desk.audit(&caller, query.limit.unwrap_or(100)).await.map(Json)
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VerifyQuery {
    /// Also check that the entry of this hash is still there
    head: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/audit/verify",
    tag = "Audit",
    summary = "Check that no entry was changed or taken out",
    params(VerifyQuery),
    responses((status = 200, body = AuditReportView), Refusals)
)]
async fn verify_audit(
    State(desk): State<Arc<Desk>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<VerifyQuery>,
) -> Reply<AuditReportView> {
    desk.verify_audit(&caller, query.head.as_deref()).await.map(Json)
}

/// Who the caller is, as the audit trail names them, and what they may do.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "Access",
    summary = "Who the caller is, and what they may do",
    responses((status = 200, body = Caller), Refusals)
)]
async fn me(Extension(caller): Extension<Caller>) -> Json<Caller> {
    Json(caller)
}

#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "Status",
    summary = "How Postern is",
    responses((status = 200, body = StatusView), Refusals)
)]
async fn status(State(desk): State<Arc<Desk>>, Extension(caller): Extension<Caller>) -> Reply<StatusView> {
    desk.status(&caller).await.map(Json)
}

/// What the portal's listener serves: the API for those who hold a token, and what needs none.
pub fn portal_routes(desk: &Arc<Desk>) -> Router {
    let named = axum::middleware::from_fn_with_state(Arc::clone(desk), bearer::name_caller);
    let open = public_routes(Arc::clone(&desk.health), Arc::clone(&desk.metrics));
    let document = document::routes(described().into_openapi());
    routes(Arc::clone(desk)).layer(named).merge(document).merge(open)
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
