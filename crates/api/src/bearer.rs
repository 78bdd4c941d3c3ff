//! Token authentication for the API on the portal's listener (RFC 6750).

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::problem::{Failed, problem};
use postern_cmdlets::bearer::bearer;
use postern_services::service::{Authority, Services};
use postern_services::sign_in::secret;

/// Identifies the caller by the token, or answers 401.
pub(super) async fn name_caller(State(services): State<Arc<Services>>, mut request: Request, next: Next) -> Response {
    let Some(token) = bearer(request.headers()) else {
        return unauthorized(
            "a token is required: Authorization: Bearer …; create one with postern token add",
            "Bearer",
        );
    };
    match services.tokens.holder(token).await {
        Ok(Some(caller)) => {
            let authority = Authority::Token(secret::hash(token));
            request.extensions_mut().insert(caller);
            request.extensions_mut().insert(authority);
            next.run(request).await
        }
        Ok(None) => unauthorized(UNKNOWN, "Bearer error=\"invalid_token\""),
        Err(error) => Failed(error).into_response(),
    }
}

/// Why a token that can't be used is refused.
pub(super) const UNKNOWN: &str = "the token is unknown, revoked or expired";

/// The answer to somebody without a valid token.
pub(super) fn unauthorized(detail: &str, challenge: &'static str) -> Response {
    let mut response = problem(StatusCode::UNAUTHORIZED, detail.to_owned(), None);
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}
