//! The client at the other end of a connection.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::connect_info::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::AppendHeaders;

use postern_services::client::Peer;
use postern_services::service::Services;
use postern_services::service::access::Visitor;
use postern_services::settings::Settings;
use tower_sessions::cookie::{Cookie, SameSite};

/// Longest user agent text that is stored.
const AGENT: usize = 200;

/// The client of a request.
pub(super) struct Visiting(pub(super) Visitor);

impl FromRequestParts<Arc<Services>> for Visiting {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().map_or(Peer(None), |ConnectInfo(peer)| *peer);
        let forwarded = parts.headers.get_all("x-forwarded-for").iter().map(|value| value.to_str().unwrap_or_default());
        let trusted = &services.settings.load().portal.trusted_proxies;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(Visitor {
            device: cookie(&parts.headers, DEVICE),
            address: peer.client(forwarded, trusted),
            agent: agent.chars().take(AGENT).collect(),
        }))
    }
}

/// The cookie of a device from which somebody has signed in before.
const DEVICE: &str = "postern-device";
/// How long a device stays known.
const DEVICE_DAYS: i64 = 180;

/// The header that makes a device known.
pub(super) type KnownDevice = AppendHeaders<[(HeaderName, String); 1]>;

/// Makes a device known by the cookie that a sign-in has returned.
pub(super) fn known_device(settings: &Settings, cookie: &str) -> KnownDevice {
    let cookie = Cookie::build((DEVICE, cookie))
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(settings.portal.is_secure())
        .path("/")
        .max_age(time::Duration::days(DEVICE_DAYS));
    AppendHeaders([(header::SET_COOKIE, cookie.to_string())])
}

/// The value of a cookie.
pub(super) fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let texts = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut cookies = texts.flat_map(Cookie::split_parse).filter_map(Result::ok);
    cookies.find(|cookie| cookie.name() == name).map(|cookie| cookie.value().to_owned())
}
