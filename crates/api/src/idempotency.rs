//! `Idempotency-Key`: a POST that is repeated because its answer was lost is carried out only once
//! (draft-ietf-httpapi-idempotency-key-header).

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use postern_services::service::idempotency::{GivenAnswer, KeyedRequest, Seen};
use sha2::{Digest, Sha256};

use super::call::ORGANIZATION;
use super::problem::{Failed, problem};
use postern_services::service::{Authority, ServiceError, Services};

pub(super) const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// No request of the API is longer, in bytes.
const LONGEST: usize = 2 * 1024 * 1024;

/// Answers that contain a secret, which must not be stored.
const SECRET: [&str; 2] = ["/api/v1/tokens", "/api/v1/people"];

/// Carries out a POST with a key only once.
pub(super) async fn once(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let Some(key) = request.headers().get(KEY).filter(|_| request.method() == Method::POST) else {
        return next.run(request).await;
    };
    let refused = |status, text: &str| problem(status, text.to_owned(), Some("Idempotency-Key".into()));
    let Some(key) = key.to_str().ok().filter(|key| (1..=255).contains(&key.len())).map(str::to_owned) else {
        return refused(StatusCode::UNPROCESSABLE_ENTITY, "expected 1 to 255 visible characters");
    };
    // Not the caller's name: a token of another organization may have the same.
    let identity = request.extensions().get::<Authority>().map(Authority::identity).unwrap_or_default();
    let organization = request.headers().get(ORGANIZATION).and_then(|id| id.to_str().ok()).unwrap_or_default();
    let caller = format!("{identity} for {organization}");
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LONGEST).await else {
        return problem(StatusCode::PAYLOAD_TOO_LARGE, "the request is too long".into(), None);
    };
    let target = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
    let fingerprint = Sha256::new().chain_update(&target).chain_update([0]).chain_update(&body).finalize().into();
    let keyed = KeyedRequest { caller, key, fingerprint };
    match services.requests.begin(&keyed, services.clock.now()).await {
        Err(error) => return Failed(ServiceError::from(error)).into_response(),
        Ok(Seen::First) => {}
        Ok(Seen::UnderWay) => return refused(StatusCode::CONFLICT, "a request of this key is under way"),
        Ok(Seen::Different) => {
            let text = "this key was given to another request; take a new one for each";
            return refused(StatusCode::UNPROCESSABLE_ENTITY, text);
        }
        Ok(Seen::Answered(answer)) => return replayed(answer),
    }
    let is_secret = SECRET.iter().any(|path| parts.uri.path().starts_with(path));
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(&services, &keyed, response, is_secret).await
}

/// Stores the answer, unless it was a server error: then the client may try again.
async fn keep(services: &Services, keyed: &KeyedRequest, response: Response, is_secret: bool) -> Response {
    let (parts, body) = response.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let stored = body.to_vec();
    let hidden = is_secret && parts.status.is_success();
    let answer = GivenAnswer { status: parts.status.as_u16(), body: (!hidden).then_some(stored) };
    let worth = !parts.status.is_server_error();
    if let Err(error) = services.requests.finish(keyed, worth.then_some(&answer)).await {
        tracing::warn!(%error, "the answer to a keyed request can't be kept");
    }
    Response::from_parts(parts, Body::from(body))
}

fn replayed(answer: GivenAnswer) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let Some(body) = answer.body else {
        let text = "this was done already, and its secret is shown once; make another";
        return problem(StatusCode::CONFLICT, text.into(), Some("Idempotency-Key".into()));
    };
    let kind = if status.is_success() { "application/json" } else { "application/problem+json" };
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}
