//! Forms of people who are signed in: their fields, and proof that the page came from this portal.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::refusal::Refusal;
use super::session::Signed;
use postern_services::service::{ServiceError, Services};
use postern_services::sign_in::secret;

/// A form with the token of its session.
pub(super) struct Form<T> {
    /// The person who sent it.
    pub(super) signed: Signed,
    /// The form's fields.
    pub(super) values: T,
}

#[derive(Deserialize)]
struct Token {
    #[serde(default)]
    csrf: String,
}

impl<T: DeserializeOwned> FromRequest<Arc<Services>> for Form<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, services: &Arc<Services>) -> Result<Self, Refusal> {
        let (mut parts, body) = request.into_parts();
        let signed = Signed::from_request_parts(&mut parts, services).await?;
        let header = parts.headers.get("x-csrf-token").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let unreadable = |what: String| Refusal::from(ServiceError::Invalid { field: "form".into(), problem: what });
        let body = Bytes::from_request(Request::from_parts(parts, body), services);
        let body = body.await.map_err(|error| unreadable(error.body_text()))?;
        let token = || serde_html_form::from_bytes(&body).map(|Token { csrf }| csrf).unwrap_or_default();
        let given = header.unwrap_or_else(token);
        if secret::hash(&given) != secret::hash(&signed.csrf) || signed.csrf.is_empty() {
            return Err(Refusal::Form);
        }
        let values = serde_html_form::from_bytes(&body).map_err(|error| unreadable(error.to_string()))?;
        Ok(Self { signed, values })
    }
}

/// The whole number in `field`; none if the field is empty.
pub(super) fn number(field: &str, text: &str) -> Result<Option<u32>, ServiceError> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let problem = || format!("is {text:?}, expected a whole number");
    text.parse().map(Some).map_err(|_| ServiceError::Invalid { field: field.to_owned().into(), problem: problem() })
}

/// A form with no field but its token.
#[derive(Debug, Deserialize)]
pub(super) struct Nothing {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_typed_is_no_number_and_a_word_is_a_problem() {
        assert!(matches!(number("hours", "  "), Ok(None)));
        assert!(matches!(number("hours", " 24 "), Ok(Some(24))));
        for wrong in ["a day", "1.5", "-1", "99999999999"] {
            assert!(number("hours", wrong).unwrap_err().to_string().contains("expected a whole number"), "{wrong}");
        }
    }
}
