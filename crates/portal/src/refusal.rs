//! Why a page can't be shown.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use postern_services::service::ServiceError;
use postern_services::service::access::SignInError;

/// Why a page can't be shown.
#[derive(Debug)]
pub(super) enum Refusal {
    /// The visitor has to sign in first.
    SignIn {
        /// The address that they requested.
        next: String,
    },
    /// The single sign-on provider has to be asked again whether the visitor may sign in.
    Recheck {
        /// The address that they requested.
        next: String,
    },
    /// The person signed in too long ago and has to sign in again.
    Again {
        /// The address that they requested.
        next: String,
    },
    /// The form belongs to another session, or to an earlier one.
    Form,
    /// A service refuses.
    Services(ServiceError),
    /// Sessions can't be read or written.
    Unknown(String),
}

impl From<ServiceError> for Refusal {
    fn from(error: ServiceError) -> Self {
        Refusal::Services(error)
    }
}

impl From<SignInError> for Refusal {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Service(error) => Refusal::Services(error),
            other => Refusal::Unknown(other.to_string()),
        }
    }
}

impl From<tower_sessions::session::Error> for Refusal {
    fn from(error: tower_sessions::session::Error) -> Self {
        Refusal::Unknown(error.to_string())
    }
}

impl IntoResponse for Refusal {
    /// A marker for `page::refusals`, which makes the page: only it has what the page's frame needs.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
