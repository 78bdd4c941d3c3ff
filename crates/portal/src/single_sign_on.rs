//! Sign-in by the organization's own identity provider.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::client::Visiting;
use super::page::{Frame, safe_next};
use super::pending::Step;
use super::refusal::Refusal;
use super::{page, session};
use postern_services::service::access::SignInError;
use postern_services::service::{ServiceError, Services};
use postern_services::sign_in::single_sign_on::{self, Pending, SingleSignOnError};

const PENDING: Step = Step("postern-single-sign-on");

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    next: Option<String>,
}

fn none() -> Refusal {
    Refusal::from(ServiceError::NotFound("there is no single sign-on here".into()))
}

/// Redirects to the identity provider.
pub(super) async fn begin(
    State(services): State<Arc<Services>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let settings = services.settings.load_full();
    let provider = settings.single_sign_on.as_ref().ok_or_else(none)?;
    match single_sign_on::begin(provider, &settings.portal.base_url(), services.access.provider_client()).await {
        Ok((url, pending)) => {
            let remembered = PENDING.begin(&services, (pending, safe_next(wanted.next.as_deref())))?;
            Ok((remembered, Redirect::to(&url)).into_response())
        }
        Err(error) => Ok(refused(&services, &error)),
    }
}

fn refused(services: &Services, error: &SingleSignOnError) -> Response {
    tracing::warn!(%error, "single sign-on failed");
    let status = match error {
        SingleSignOnError::Provider(_) => StatusCode::BAD_GATEWAY,
        SingleSignOnError::Stale | SingleSignOnError::NoAddress => StatusCode::FORBIDDEN,
    };
    page::failed(Frame::open(services, "error-title"), status, error.to_string())
}

#[derive(Debug, Deserialize)]
pub(super) struct Answer {
    code: Option<String>,
    state: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// Handles the return from the identity provider.
pub(super) async fn finish(
    State(services): State<Arc<Services>>,
    current: Session,
    Visiting(visitor): Visiting,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Result<Response, Refusal> {
    let settings = services.settings.load_full();
    let provider = settings.single_sign_on.as_ref().ok_or_else(none)?;
    let pending = PENDING.brought::<(Pending, String)>(&services, &headers).map(|brought| brought.value);
    if let Some(error) = answer.error {
        let text = answer.error_description.unwrap_or(error);
        return Ok(refused(&services, &SingleSignOnError::Provider(text)));
    }
    let (Some((pending, next)), Some(code), Some(state)) = (pending, answer.code, answer.state) else {
        return Ok(refused(&services, &SingleSignOnError::Stale));
    };
    let (base, http) = (settings.portal.base_url(), services.access.provider_client());
    let identity = match single_sign_on::finish(provider, &base, http, pending, &state, code).await {
        Ok(identity) => identity,
        Err(error) => return Ok(refused(&services, &error)),
    };
    match services.access.sign_in_by_provider(&identity, &visitor).await {
        Ok(entry) => {
            let known = session::sign_in(&services, &current, &entry, visitor).await?;
            Ok((known, PENDING.end(&services), Redirect::to(&next)).into_response())
        }
        Err(SignInError::Service(error)) => Err(error.into()),
        Err(error) => Ok(page::failed(Frame::open(&services, "error-title"), StatusCode::FORBIDDEN, error.to_string())),
    }
}
