//! Errors as problem details (RFC 9457), and extractors whose errors are problem details too.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use postern_services::service::ServiceError;

/// A problem as it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// The kind of problem, in short.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened, for people to read.
    pub detail: String,
    /// The field at fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
}

/// A use case's refusal, sent as a problem.
#[derive(Debug)]
pub struct Failed(pub ServiceError);

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        let Self(error) = self;
        let (status, field) = match &error {
            ServiceError::Forbidden { .. } => (StatusCode::FORBIDDEN, None),
            ServiceError::NotFound(_) => (StatusCode::NOT_FOUND, None),
            ServiceError::Conflict(_) => (StatusCode::CONFLICT, None),
            ServiceError::Changed(_) => (StatusCode::PRECONDITION_FAILED, None),
            ServiceError::Invalid { field, .. } => (StatusCode::UNPROCESSABLE_ENTITY, Some(field.to_string())),
            ServiceError::Busy(_) => (StatusCode::TOO_MANY_REQUESTS, None),
            ServiceError::Vault(_) | ServiceError::Store(_) | ServiceError::Ledger(_) => {
                (StatusCode::SERVICE_UNAVAILABLE, None)
            }
        };
        problem(status, error.to_string(), field)
    }
}

/// A problem as a response.
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
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let parsed: Result<Json<T>, JsonRejection> = Json::from_request(request, state).await;
        parsed
            .map(|Json(value)| Body(value))
            .map_err(|error| Failed(ServiceError::Invalid { field: "body".into(), problem: error.body_text() }))
    }
}

/// The query of an address, after the `?`.
pub(super) struct Query<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Query<T>
where
    T: serde::de::DeserializeOwned,
    S: Send + Sync,
{
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        let parsed = axum::extract::Query::from_request_parts(parts, state).await;
        parsed
            .map(|axum::extract::Query(value)| Query(value))
            .map_err(|error| Failed(ServiceError::Invalid { field: "query".into(), problem: error.body_text() }))
    }
}

/// A path parameter of an address.
pub(super) struct Path<T>(pub(super) T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: serde::de::DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        let parsed = axum::extract::Path::from_request_parts(parts, state).await;
        parsed
            .map(|axum::extract::Path(value)| Path(value))
            .map_err(|error| Failed(ServiceError::Invalid { field: "address".into(), problem: error.body_text() }))
    }
}

/// The problems that every route may answer with, for the API's description.
#[derive(utoipa::IntoResponses)]
#[allow(dead_code)]
pub(super) enum Refusals {
    /// The request can't be read.
    #[response(status = 400, content_type = "application/problem+json")]
    Unreadable(#[to_schema] Problem),
    /// There is no token, or it is not valid.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] Problem),
    /// The caller's role does not permit this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] Problem),
    /// The requested object does not exist.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] Problem),
    /// The current state does not permit this.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] Problem),
    /// The object has changed since the caller read it.
    #[response(status = 412, content_type = "application/problem+json")]
    Changed(#[to_schema] Problem),
    /// A value in the request is not valid; `field` names it.
    #[response(status = 422, content_type = "application/problem+json")]
    Invalid(#[to_schema] Problem),
    /// Too much is asked at this moment.
    #[response(status = 429, content_type = "application/problem+json")]
    Busy(#[to_schema] Problem),
    /// The store is unavailable.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] Problem),
}
