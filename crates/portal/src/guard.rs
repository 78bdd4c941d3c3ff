//! Security headers for every response, and protection against requests from other sites.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::page;
use postern_services::service::Services;

/// Allows only our own script and style files, nothing inline, and no framing (CSP level 3).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Adds the security headers to a response.
pub(super) async fn headers(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_SECURITY_POLICY, POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // Not "no-referrer": browsers then leave out the origin in forms too, which `same_origin` needs.
    set(header::REFERRER_POLICY, "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    set(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(header::HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()");
    if services.settings.load().portal.is_secure() {
        set(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}

/// An asset never changes under its address.
pub(super) async fn asset_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(
        header::HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    );
    response
}

/// Refuses requests that another site made the browser send (OWASP, Cross-Site Request Forgery Prevention: Fetch
/// Metadata, then Origin). Forms of people who are signed in carry a token as well.
pub(super) async fn same_origin(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if changes && !is_same_origin(request.headers(), &services.settings.load().portal.base_url()) {
        tracing::warn!(path = request.uri().path(), "a request from another site was refused");
        return page::error(&services, StatusCode::FORBIDDEN, "error-other-site").into_response();
    }
    next.run(request).await
}

fn is_same_origin(headers: &HeaderMap, base_url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some("same-origin" | "none"), _) => true,
        (Some(_), _) => false,
        // An older browser, or no browser at all.
        (None, Some(origin)) => {
            let host = origin.split_once("://").map(|(_, host)| host);
            origin == base_url || (host.is_some() && host == text("host"))
        }
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_another_site_is_told_by_its_headers() {
        let same = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_same_origin(&headers.collect(), "https://postern.example.com")
        };
        assert!(same(&[("sec-fetch-site", "same-origin")]));
        assert!(!same(&[("sec-fetch-site", "cross-site"), ("origin", "https://postern.example.com")]));
        assert!(!same(&[("sec-fetch-site", "same-site")]));
        assert!(same(&[("origin", "http://10.0.0.1:8040"), ("host", "10.0.0.1:8040")]));
        assert!(same(&[("origin", "https://postern.example.com"), ("host", "127.0.0.1:8040")]));
        assert!(!same(&[("origin", "https://evil.example"), ("host", "postern.example.com")]));
        assert!(!same(&[("origin", "null"), ("host", "postern.example.com")]));
        // curl and other programs send neither header, and have no cookie that a browser stores for them.
        assert!(same(&[("host", "postern.example.com")]));
    }
}
