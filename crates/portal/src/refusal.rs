//! Why a page can't be had.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use postern_services::service::ServiceError;
use postern_services::service::access::SignInError;

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Refusal {
    /// Whoever asks has to sign in first.
    SignIn {
        /// What they wanted.
        next: String,
    },
    /// Whoever signed in long ago has to do so again.
    Again {
        /// What they wanted.
        next: String,
    },
    /// A form is from another session, or from before this one.
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
    /// Only what `page::refusals` makes a page of: it knows what the page's frame takes.
    fn into_response(self) -> Response {
        let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
        response.extensions_mut().insert(Arc::new(self));
        response
    }
}
