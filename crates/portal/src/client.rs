//! The client at the other end of a connection.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::extract::connect_info::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::AppendHeaders;
use ipnet::IpNet;

use postern_services::service::Services;
use postern_services::service::access::Visitor;
use postern_services::settings::Settings;
use tower_sessions::cookie::{Cookie, SameSite};

/// Longest user agent text that is stored.
const AGENT: usize = 200;

/// The address of the peer; none on a Unix socket, where the peer is a reverse proxy.
#[derive(Debug, Clone, Copy)]
pub struct Peer(Option<SocketAddr>);

impl From<Option<SocketAddr>> for Peer {
    fn from(address: Option<SocketAddr>) -> Self {
        Self(address)
    }
}

/// The client of a request.
pub(super) struct Visiting(pub(super) Visitor);

impl FromRequestParts<Arc<Services>> for Visiting {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().and_then(|ConnectInfo(Peer(at))| *at);
        let trusted = &services.settings.load().portal.trusted_proxies;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(Visitor {
            device: cookie(&parts.headers, DEVICE),
            address: client(peer.map(|at| at.ip().to_canonical()), &parts.headers, trusted),
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

/// The client's address: the last one in `X-Forwarded-For` that is not a trusted proxy's. A peer that is not a
/// trusted proxy is itself the client, whatever the header states.
fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpNet]) -> Option<IpAddr> {
    let is_proxy = |ip: &IpAddr| trusted.iter().any(|net| net.contains(ip));
    if peer.is_some_and(|ip| !is_proxy(&ip)) {
        return peer;
    }
    let lists = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
    let named: Vec<IpAddr> =
        lists.flat_map(|list| list.split(',')).filter_map(|text| text.trim().parse().ok()).collect();
    named.into_iter().map(|ip| ip.to_canonical()).rev().find(|ip| !is_proxy(ip)).or(peer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9, 192.0.2.1, 10.0.0.2".parse().unwrap());
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().unwrap()];
        assert_eq!(client(Some(ip("10.0.0.1")), &headers, &trusted), Some(ip("192.0.2.1")));
        assert_eq!(client(Some(ip("198.51.100.1")), &headers, &trusted), Some(ip("198.51.100.1")));
        assert_eq!(client(None, &headers, &trusted), Some(ip("192.0.2.1")));
        assert_eq!(client(Some(ip("10.0.0.1")), &HeaderMap::new(), &trusted), Some(ip("10.0.0.1")));
    }
}
