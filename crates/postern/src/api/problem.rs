//! Errors as problem details (RFC 9457), and request bodies whose errors are such.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::desk::DeskError;

/// A problem as it goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What kind it is, in short.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, for people.
    pub detail: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

impl IntoResponse for DeskError {
    fn into_response(self) -> Response {
        let (status, field) = match &self {
            DeskError::Forbidden { .. } => (StatusCode::FORBIDDEN, None),
            DeskError::NotFound(_) => (StatusCode::NOT_FOUND, None),
            DeskError::Conflict(_) => (StatusCode::CONFLICT, None),
            DeskError::Changed(_) => (StatusCode::PRECONDITION_FAILED, None),
            DeskError::Invalid { field, .. } => (StatusCode::UNPROCESSABLE_ENTITY, Some(field.to_string())),
            DeskError::Store(_) | DeskError::Ledger(_) => (StatusCode::SERVICE_UNAVAILABLE, None),
        };
        problem(status, self.to_string(), field)
    }
}

/// A problem as an answer.
pub(super) fn problem(status: StatusCode, detail: String, field: Option<String>) -> Response {
    let title = status.canonical_reason().unwrap_or("Error").to_owned();
    let problem = Problem { title, status: status.as_u16(), detail, field };
    (status, [(header::CONTENT_TYPE, "application/problem+json")], Json(problem)).into_response()
}

/// A JSON body.
pub(super) struct Body<T>(pub(super) T);

impl<T, S> FromRequest<S> for Body<T>
where
    T: serde::de::DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = DeskError;

    async fn from_request(request: Request, state: &S) -> Result<Self, DeskError> {
        let parsed: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        parsed
            .map(|Json(value)| Body(value))
            .map_err(|error| DeskError::Invalid { field: "body".into(), problem: error.body_text() })
    }
}
