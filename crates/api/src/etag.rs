//! Entity tags: an edit may name the revision that it is based on (RFC 9110 section 13.1.1).

use axum::Json;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use serde::Serialize;

use postern_services::service::ServiceError;

/// An answer with the entity tag that an edit may name in `If-Match` (RFC 9110 section 13.1.1).
pub(super) fn tagged(revision: u64, view: impl Serialize) -> impl IntoResponse {
    ([(header::ETAG, format!("\"{revision}\""))], Json(view))
}

/// The revision that an edit names in `If-Match`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<u64>, ServiceError> {
    let Some(value) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = value.to_str().unwrap_or_default();
    if text == "*" {
        return Ok(None);
    }
    let revision = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).and_then(|text| text.parse().ok());
    let problem = || format!("is {text}, expected an entity tag as a GET of the policy gives it");
    revision.map(Some).ok_or_else(|| ServiceError::Invalid { field: "If-Match".into(), problem: problem() })
}
