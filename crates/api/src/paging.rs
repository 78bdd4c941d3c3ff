//! Paged lists: `limit` sets the page size, and `Link: <…>; rel="next"` (RFC 8288) gives the address of the next
//! page. A cursor names the last item seen, so that items added meanwhile shift nothing.

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_domain::{Reference, Timestamp};
use serde::{Deserialize, Serialize};

use postern_services::service::ServiceError;

/// Reads how many items a caller wants.
pub(super) fn limit<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let number = text.parse().ok().filter(|number| (1..=1_000_000).contains(number));
    number.map(Some).ok_or_else(|| serde::de::Error::custom("limit: expected 1 to 1000000"))
}

fn invalid() -> ServiceError {
    let problem = "is not a cursor from this API; follow the Link of the previous page".into();
    ServiceError::Invalid { field: "cursor".into(), problem }
}

fn decode(cursor: &str) -> Option<String> {
    String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()
}

/// The time and reference in a cursor.
///
/// # Errors
/// The cursor is not one that this API issued.
pub(super) fn after(cursor: Option<&str>) -> Result<Option<(Timestamp, Reference)>, ServiceError> {
    let Some(cursor) = cursor else { return Ok(None) };
    let read = || {
        let text = decode(cursor)?;
        let (at, reference) = text.split_once(' ')?;
        Some((Timestamp::from_millis(at.parse().ok()?), Reference::parse(reference).ok()?))
    };
    read().map(Some).ok_or_else(invalid)
}

/// The number in a cursor.
///
/// # Errors
/// The cursor is not one that this API issued.
pub(super) fn before(cursor: Option<&str>) -> Result<Option<i64>, ServiceError> {
    let Some(cursor) = cursor else { return Ok(None) };
    decode(cursor).and_then(|text| text.parse().ok()).map(Some).ok_or_else(invalid)
}

/// A cursor for a time and a reference.
pub(super) fn cursor(at: Timestamp, reference: &Reference) -> String {
    format!("{} {reference}", at.as_millis())
}

/// A page of a list, in the API's own type `T`. `last` is the cursor of its last item; a page that is not full is the
/// last page.
pub(super) fn page<S, T: From<S> + Serialize>(
    uri: &Uri,
    items: Vec<S>,
    limit: Option<u32>,
    last: Option<String>,
) -> Response {
    let full = limit.is_some_and(|limit| items.len() >= limit as usize);
    let mut headers = HeaderMap::new();
    if let Some(last) = last.filter(|_| full) {
        let cursor = BASE64_URL_SAFE_NO_PAD.encode(last);
        let pairs = uri
            .query()
            .unwrap_or_default()
            .split('&')
            .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("cursor"));
        let query: Vec<&str> = pairs.collect();
        let cursor = utf8_percent_encode(&cursor, NON_ALPHANUMERIC);
        let link = format!("<{}?{}&cursor={cursor}>; rel=\"next\"", uri.path(), query.join("&"));
        headers.extend(HeaderValue::from_str(&link).ok().map(|link| (header::LINK, link)));
    }
    let items: Vec<T> = items.into_iter().map(T::from).collect();
    (headers, Json(items)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_as_it_was() {
        let (at, reference) = (Timestamp::from_millis(1_764_000_000_123), Reference::from_random(77));
        let encoded = BASE64_URL_SAFE_NO_PAD.encode(cursor(at, &reference));
        assert_eq!(after(Some(&encoded)).unwrap(), Some((at, reference)));
        for wrong in ["", "%", "AAAA", &BASE64_URL_SAFE_NO_PAD.encode("1 x")] {
            assert!(after(Some(wrong)).is_err(), "{wrong}");
        }
        assert_eq!(before(Some(&BASE64_URL_SAFE_NO_PAD.encode("12"))).unwrap(), Some(12));
        assert!(before(Some("!")).is_err());
    }
}
