//! The client at the other end of a connection.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::connect_info::ConnectInfo;
use axum::http::header;
use axum::http::request::Parts;

use super::cookies::{self, SetCookie};
use postern_services::client::Peer;
use postern_services::service::Services;
use postern_services::service::access::Visitor;
use postern_services::settings::Settings;

/// Longest user agent text that is stored.
const AGENT: usize = 200;

/// The client of a request.
pub(super) struct Visiting(pub(super) Visitor);

impl FromRequestParts<Arc<Services>> for Visiting {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<ConnectInfo<Peer>>().map_or(Peer(None), |ConnectInfo(peer)| *peer);
        let trusted = &services.settings.load().portal.trusted_proxies;
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(Visitor {
            device: cookies::value(&parts.headers, DEVICE),
            address: peer.client(&parts.headers, trusted),
            agent: agent.chars().take(AGENT).collect(),
        }))
    }
}

/// The cookie of a device from which somebody has signed in before.
const DEVICE: &str = "postern-device";
/// How long a device stays known: 180 days.
const DEVICE_LASTS: Duration = Duration::from_secs(180 * 24 * 3600);

/// Makes a device known by the cookie that a sign-in has returned.
pub(super) fn known_device(settings: &Settings, cookie: &str) -> SetCookie {
    cookies::set(settings, DEVICE, cookie, "/", DEVICE_LASTS)
}
