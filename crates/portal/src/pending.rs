//! What to remember while a visitor signs in: in a sealed cookie of the browser, so that requests of strangers leave
//! nothing in the store.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use postern_domain::Timestamp;
use postern_services::service::Services;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::cookies::{self, SetCookie};
use super::refusal::Refusal;

/// How long a visitor may take.
const LASTS: Duration = Duration::from_secs(600);

/// A step that the browser has begun and has to come back from. The name is that of its cookie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step(pub(super) &'static str);

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
        Ok(self.cookie(services, &sealed.map_err(|error| fail(error.to_string()))?, LASTS))
    }

    /// What the browser remembers of this step; none if it has not begun it, or too long ago.
    pub(super) fn brought<T: DeserializeOwned>(self, services: &Services, headers: &HeaderMap) -> Option<Brought<T>> {
        let text = cookies::value(headers, self.0)?;
        let opened = services.access.pending().open(&text, self.0)?;
        let Remembered { at, value } = serde_json::from_slice(&opened).ok()?;
        let until = at.plus(LASTS);
        (services.clock.now() < until).then_some(Brought { value, text, until })
    }

    /// The header that has the browser forget it.
    pub(super) fn end(self, services: &Services) -> SetCookie {
        self.cookie(services, "", Duration::ZERO)
    }

    fn cookie(self, services: &Services, value: &str, lasts: Duration) -> SetCookie {
        cookies::set(&services.settings.load(), self.0, value, "/sign-in", lasts)
    }
}
