//! What monitoring asks: `/healthz` and `/readyz`, which reveal nothing to anybody, and `/metrics`.

use std::sync::Arc;

use axum::Extension;
use axum::Router;
use axum::extract::State;
use axum::extract::connect_info::ConnectInfo;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use postern_cmdlets::bearer::bearer;
use postern_services::client::Peer;
use postern_services::service::{Caller, Permission, Services};

use super::bearer::{UNKNOWN, unauthorized};
use super::problem::Failed;

/// The routes on the portal's listener.
pub(super) fn routes(services: &Arc<Services>) -> Router {
    Router::new()
        .route("/healthz", get(async || "ok\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics_for_monitoring))
        .with_state(Arc::clone(services))
}

/// The route on the admin socket.
pub(super) fn local_routes(services: &Arc<Services>) -> Router {
    Router::new().route("/metrics", get(metrics_for_local_user)).with_state(Arc::clone(services))
}

/// The names of the parts that have failed, but not why: a reason may quote a setting.
async fn ready(State(services): State<Arc<Services>>) -> (StatusCode, String) {
    let code = if services.health.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let failed = services.health.failed();
    let text = if failed.is_empty() { "ok\n".into() } else { format!("{}: failed\n", failed.join(": failed\n")) };
    (code, text)
}

async fn metrics_for_monitoring(
    State(services): State<Arc<Services>>,
    peer: Option<Extension<ConnectInfo<Peer>>>,
    headers: HeaderMap,
) -> Response {
    if let Some(token) = bearer(&headers) {
        return match services.tokens.holder(token).await {
            Ok(Some(caller)) => metrics(&services, &caller),
            Ok(None) => unauthorized(UNKNOWN, "Bearer"),
            Err(error) => Failed(error).into_response(),
        };
    }
    let peer = peer.map_or(Peer(None), |Extension(ConnectInfo(peer))| peer);
    let settings = services.settings.load();
    let (trusted, named) = (&settings.portal.trusted_proxies, &settings.portal.metrics_networks);
    let client = peer.client(&headers, trusted);
    let is_named = client.is_some_and(|ip| named.iter().any(|network| network.contains(&ip)));
    // A reverse proxy that nobody has named would make everybody's requests look like its own.
    if peer.is_unknown_proxy(&headers, trusted) || !is_named {
        return unauthorized("a token is required here, or an address in portal.metrics_networks", "Bearer");
    }
    encoded(&services)
}

async fn metrics_for_local_user(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> Response {
    metrics(&services, &caller)
}

fn metrics(services: &Services, caller: &Caller) -> Response {
    match caller.may_everywhere(Permission::Look) {
        Ok(()) => encoded(services),
        Err(error) => Failed(error).into_response(),
    }
}

fn encoded(services: &Services) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], services.metrics.encode()).into_response()
}
