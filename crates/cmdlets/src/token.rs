//! The token endpoint for clients that need one: OAuth 2.0 client credentials (RFC 6749 section 4.4).

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::json;

use postern_services::service::Services;

#[derive(Debug, Deserialize)]
struct TokenForm {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    client_secret: String,
}

/// The client secret is an API token, and is returned as the access token: revoking it ends both.
pub(super) async fn give(State(services): State<Arc<Services>>, headers: HeaderMap, body: Bytes) -> Response {
    let form: TokenForm = serde_html_form::from_bytes(&body)
        .unwrap_or(TokenForm { grant_type: String::new(), client_secret: String::new() });
    let refused = |status: StatusCode, error: &str, why: &str| {
        (status, Json(json!({ "error": error, "error_description": why }))).into_response()
    };
    if form.grant_type != "client_credentials" {
        let why = "grant_type must be client_credentials, with client_id and client_secret in the form";
        return refused(StatusCode::BAD_REQUEST, "unsupported_grant_type", why);
    }
    // The secret may also be in the Authorization header (RFC 6749 section 2.3.1).
    let secret = if form.client_secret.is_empty() { basic_secret(&headers) } else { Some(form.client_secret) };
    match services.tokens.holder(&secret.clone().unwrap_or_default()).await {
        Ok(Some(_)) => {
            let answer = json!({
                "token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": secret,
            });
            ([(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
        }
        Ok(None) => {
            let why = "client_secret is not a valid API token of this Postern; create one with postern token add";
            refused(StatusCode::UNAUTHORIZED, "invalid_client", why)
        }
        Err(error) => refused(StatusCode::SERVICE_UNAVAILABLE, "temporarily_unavailable", &error.to_string()),
    }
}

fn basic_secret(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let decoded = STANDARD.decode(text.strip_prefix("Basic ")?).ok()?;
    String::from_utf8(decoded).ok()?.split_once(':').map(|(_, secret)| secret.to_owned())
}
