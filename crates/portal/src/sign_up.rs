//! The page behind a one-time link: creates the first admin's account, or that of a person who was invited.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;
use tower_sessions::Session;

use super::client::Visiting;
use super::page::{Frame, render_as};
use super::refusal::Refusal;
use super::{session, texts};
use postern_services::service::access::SignUp;
use postern_services::service::{ServiceError, Services};

#[derive(Template)]
#[template(path = "sign_up.html")]
struct SignUpPage {
    frame: Frame,
    /// The person the link is for; none if they enter their address themselves.
    invited: Option<String>,
    role: String,
    address: String,
    error: Option<String>,
}

fn page(services: &Services, status: StatusCode, opened: SignUp, address: String, error: Option<String>) -> Response {
    let title = if opened.address.is_some() { "sign-up-title" } else { "first-admin-title" };
    let frame = Frame::open(services, title);
    render_as(status, &SignUpPage { frame, invited: opened.address, role: opened.role.to_string(), address, error })
}

pub(super) async fn show(
    State(services): State<Arc<Services>>,
    Path(token): Path<String>,
) -> Result<Response, Refusal> {
    let opened = services.access.sign_up(&token).await?;
    Ok(page(&services, StatusCode::OK, opened, String::new(), None))
}

#[derive(Deserialize)]
pub(super) struct SignUpForm {
    #[serde(default)]
    address: String,
    password: String,
}

pub(super) async fn accept(
    State(services): State<Arc<Services>>,
    current: Session,
    Visiting(visitor): Visiting,
    Path(token): Path<String>,
    axum::Form(given): axum::Form<SignUpForm>,
) -> Result<Response, Refusal> {
    match services.access.use_sign_up(&token, &given.address, &given.password, &visitor).await {
        Ok(entry) => {
            let known = session::sign_in(&services, &current, &entry, visitor).await?;
            Ok((known, Redirect::to("/")).into_response())
        }
        Err(ServiceError::Invalid { field, problem }) => {
            let opened = services.access.sign_up(&token).await?;
            let name = if field == "password" { "field-password" } else { "field-address" };
            let error = texts::tn("field-problem", &[("field", texts::t(name).into()), ("problem", problem.into())]);
            Ok(page(&services, StatusCode::UNPROCESSABLE_ENTITY, opened, given.address, Some(error)))
        }
        Err(error) => Err(error.into()),
    }
}
