//! The HTTP API over the services, and the health and metrics pages.
//!
//! On the admin socket, the kernel identifies the caller: the user who opened the socket (SO_PEERCRED). Errors are
//! problem details (RFC 9457).

mod admin_socket;
mod alerts;
mod bearer;
mod call;
mod cmdlets;
mod directory;
mod document;
mod etag;
mod events;
pub mod finish;
mod idempotency;
mod monitoring;
mod organizations;
mod paging;
mod people;
mod policies;
mod problem;
mod restrictions;
mod tokens;
pub mod types;

use std::sync::Arc;

use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::any;
use axum::{Json, Router};
use postern_domain::Timestamp;
use postern_services::service::AuditFilter;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use postern_services::service::{ServiceError, Services};

pub use admin_socket::{ON_BEHALF_HEADER, admin_socket_path, serve_admin_socket};
use call::Call;
pub use call::ORGANIZATION as ORGANIZATION_HEADER;
use paging::limit;
pub use problem::Problem;
use problem::{Failed, Query, Refusals};
use types::{AuditReportView, AuditView, Caller, StatusView, schema};

type Reply<T> = Result<Json<T>, Failed>;

/// What a service returns, as the API's own type.
fn reply<S, T: From<S>>(found: Result<S, ServiceError>) -> Reply<T> {
    found.map(|found| Json(found.into())).map_err(Failed)
}

/// A list that a service returns, as a list of the API's own type.
fn replies<S, T: From<S>>(found: Result<Vec<S>, ServiceError>) -> Reply<Vec<T>> {
    found.map(|found| Json(found.into_iter().map(T::from).collect())).map_err(Failed)
}

type Created<T> = Result<(StatusCode, Json<T>), Failed>;

/// What a service has made, as the API's own type: 201.
fn created<S, T: From<S>>(made: Result<S, ServiceError>) -> Created<T> {
    reply(made).map(|made| (StatusCode::CREATED, made))
}

/// The API itself; the layer around it must identify the caller.
pub fn routes(services: Arc<Services>) -> Router {
    let method = async || {
        problem::problem(
            StatusCode::METHOD_NOT_ALLOWED,
            "this address does not support that method; see /api".into(),
            None,
        )
    };
    Router::from(described()).method_not_allowed_fallback(method).with_state(services)
}

/// The answer to an address that does not exist.
pub async fn nothing() -> Failed {
    Failed(ServiceError::NotFound("there is no such address; the API is under /api/v1".into()))
}

/// Every route with its description.
fn described() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::with_openapi(document::about())
        .merge(restrictions::routes())
        .merge(policies::routes())
        .merge(alerts::routes())
        .routes(routes!(audit))
        .routes(routes!(verify_audit))
        .merge(directory::routes())
        .merge(organizations::routes())
        .merge(tokens::routes())
        .merge(people::routes())
        .merge(events::routes())
        .merge(cmdlets::routes())
        .routes(routes!(me))
        .routes(routes!(status))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct AuditQuery {
    /// Only actions that begin with this, such as policy or policy.change
    action: Option<String>,
    /// Only entries by this actor
    actor: Option<String>,
    /// Only entries whose actor, action, target or detail contains this text
    q: Option<String>,
    /// Only entries from this time on
    #[param(value_type = Option<schema::Timestamp>)]
    since: Option<Timestamp>,
    /// Only entries before this time
    #[param(value_type = Option<schema::Timestamp>)]
    until: Option<Timestamp>,
    /// At most this many, newest first
    #[param(minimum = 1, maximum = 1_000_000)]
    #[serde(default, deserialize_with = "limit")]
    limit: Option<u32>,
    /// The cursor from the previous page's Link header
    cursor: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/audit",
    tag = "Audit",
    summary = "List the audit trail, newest first, a hundred entries at a time",
    params(AuditQuery),
    responses((status = 200, body = Vec<AuditView>, headers(("Link" = String))), Refusals)
)]
async fn audit(Call { services, caller }: Call, uri: Uri, Query(query): Query<AuditQuery>) -> Result<Response, Failed> {
    let limit = Some(query.limit.unwrap_or(100));
    let filter = AuditFilter {
        organization: None,
        action: query.action,
        actor: query.actor,
        target: None,
        search: query.q,
        since: query.since,
        until: query.until,
        before: paging::before(query.cursor.as_deref())?,
        skip: 0,
        limit,
    };
    let entries = services.audit.list(&caller, &filter).await?;
    let last = entries.last().map(|entry| entry.seq.to_string());
    Ok(paging::page::<_, AuditView>(&uri, entries, limit, last))
}

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct VerifyQuery {
    /// Also check that the entry with this hash is still present
    head: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/v1/audit/verify",
    tag = "Audit",
    summary = "Verify that no entry was changed or removed",
    params(VerifyQuery),
    responses((status = 200, body = AuditReportView), Refusals)
)]
async fn verify_audit(Call { services, caller }: Call, Query(query): Query<VerifyQuery>) -> Reply<AuditReportView> {
    reply(services.audit.verify(&caller, query.head.as_deref()).await)
}

/// The caller as the audit trail names them, and their role.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "Access",
    summary = "The caller's name, kind, organization and role",
    responses((status = 200, body = Caller), Refusals)
)]
async fn me(Call { caller, .. }: Call) -> Json<Caller> {
    Json(caller.into())
}

#[utoipa::path(
    get,
    path = "/api/v1/status",
    tag = "Status",
    summary = "Postern's state, and what does not work",
    responses((status = 200, body = StatusView), Refusals)
)]
async fn status(Call { services, caller }: Call) -> Reply<StatusView> {
    reply(services.status.get(&caller).await)
}

/// The routes on the portal's listener: the API for callers with a token, and everything that needs none.
pub fn portal_routes(services: &Arc<Services>) -> Router {
    let named = axum::middleware::from_fn_with_state(Arc::clone(services), bearer::name_caller);
    let document = document::routes(document::with_headers(described().into_openapi()));
    let once = axum::middleware::from_fn_with_state(Arc::clone(services), idempotency::once);
    let admin_api = postern_cmdlets::admin_api::routes(services);
    // Unknown addresses below /api are answered with a problem, not with a page.
    let others = Router::new().route("/api/", any(nothing)).route("/api/{*rest}", any(nothing));
    routes(Arc::clone(services))
        .layer(once)
        .layer(named)
        .merge(document)
        .merge(monitoring::routes(services))
        .merge(admin_api)
        .merge(others)
        .layer(axum::middleware::from_fn(headers))
}

/// Answers are for the caller alone, and are no page: nothing may store, guess or embed them.
async fn headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
    ] {
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}
