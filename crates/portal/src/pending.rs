//! What to remember while a visitor signs in: in a sealed cookie of the browser, so that requests of strangers leave
//! nothing in the store.

use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName, header};
use axum::response::AppendHeaders;
use postern_domain::Timestamp;
use postern_services::service::Services;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tower_sessions::cookie::{Cookie, SameSite};

use super::client::cookie;
use super::refusal::Refusal;

/// How long a visitor may take.
const LASTS: std::time::Duration = std::time::Duration::from_secs(600);

/// A step that the browser has begun and has to come back from. The name is that of its cookie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step(pub(super) &'static str);

/// A header that sets or removes the cookie.
pub(super) type SetCookie = AppendHeaders<[(HeaderName, String); 1]>;

/// What was remembered, and when.
#[derive(Serialize, Deserialize)]
struct Remembered<T> {
    at: Timestamp,
    value: T,
}

/// What a browser has brought back.
pub(super) struct Brought<T> {
    pub(super) value: T,
    /// Identifies this one step.
    pub(super) text: String,
    /// When it can no longer be brought back.
    pub(super) until: Timestamp,
}

impl Step {
    /// The header that has the browser remember `value`.
    pub(super) fn begin(self, services: &Arc<Services>, value: impl Serialize) -> Result<SetCookie, Refusal> {
        let fail = |error: String| Refusal::Unknown(error);
        let remembered = Remembered { at: services.clock.now(), value };
        let text = serde_json::to_vec(&remembered).map_err(|error| fail(error.to_string()))?;
        let sealed = services.access.pending().seal(&text, self.0, &*services.randomness);
        Ok(self.cookie(services, sealed.map_err(|error| fail(error.to_string()))?, LASTS))
    }

    /// What the browser remembers of this step; none if it has not begun it, or too long ago.
    pub(super) fn brought<T: DeserializeOwned>(self, services: &Services, headers: &HeaderMap) -> Option<Brought<T>> {
        let text = cookie(headers, self.0)?;
        let opened = services.access.pending().open(&text, self.0)?;
        let Remembered { at, value } = serde_json::from_slice(&opened).ok()?;
        let until = at.plus(LASTS);
        (services.clock.now() < until).then_some(Brought { value, text, until })
    }

    /// The header that has the browser forget it.
    pub(super) fn end(self, services: &Services) -> SetCookie {
        self.cookie(services, String::new(), std::time::Duration::ZERO)
    }

    fn cookie(self, services: &Services, value: String, lasts: std::time::Duration) -> SetCookie {
        let seconds = i64::try_from(lasts.as_secs()).unwrap_or(0);
        let cookie = Cookie::build((self.0, value))
            .http_only(true)
            // The single sign-on provider sends the browser back from another site.
            .same_site(SameSite::Lax)
            .secure(services.settings.load().portal.is_secure())
            .path("/sign-in")
            .max_age(time::Duration::seconds(seconds));
        AppendHeaders([(header::SET_COOKIE, cookie.to_string())])
    }
}
