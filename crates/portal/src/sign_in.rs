//! Sign-in by password, with a code where one is required, and sign-out.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::Timestamp;
use serde::{Deserialize, Serialize};
use tower_sessions::Session;

use super::client::Visiting;
use super::form::{Form, Nothing};
use super::page::{Frame, render_as, safe_next};
use super::refusal::Refusal;
use super::{session, texts};
use postern_services::built_with;
use postern_services::service::Services;
use postern_services::service::access::{Passed, SignInError};

/// How long a person may take for the second step.
const CODE_MS: i64 = 5 * 60 * 1000;
const PENDING: &str = "pending";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    frame: Frame,
    address: String,
    next: String,
    error: Option<String>,
    provider: Option<String>,
    nobody: bool,
}

#[derive(Template)]
#[template(path = "code.html")]
struct CodePage {
    frame: Frame,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Wanted {
    next: Option<String>,
    again: Option<String>,
}

/// The form. A person who is already signed in is sent on, unless they have to sign in again.
pub(super) async fn show(
    State(services): State<Arc<Services>>,
    current: Session,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refusal> {
    let signed = session::Signed::find(&services, &current).await?;
    if let Some(signed) = signed {
        if wanted.again.is_none() {
            return Ok(Redirect::to(&safe_next(wanted.next.as_deref())).into_response());
        }
        let error = Some(texts::t("sign-in-again"));
        return form(&services, StatusCode::OK, signed.caller.name, wanted.next.as_deref(), error).await;
    }
    form(&services, StatusCode::OK, String::new(), wanted.next.as_deref(), None).await
}

async fn form(
    services: &Services,
    status: StatusCode,
    address: String,
    next: Option<&str>,
    error: Option<String>,
) -> Result<Response, Refusal> {
    let provider = services.settings.load().single_sign_on.as_ref().map(|provider| provider.name.clone());
    let nobody = services.access.has_nobody().await?;
    let next = next.map(|next| safe_next(Some(next))).unwrap_or_default();
    Ok(render_as(
        status,
        &SignInPage { frame: Frame::open(services, "sign-in-title"), address, next, error, provider, nobody },
    ))
}

/// The response to a refused sign-in.
fn status(error: &SignInError) -> StatusCode {
    match error {
        SignInError::Wait(_) => StatusCode::TOO_MANY_REQUESTS,
        SignInError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNAUTHORIZED,
    }
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    address: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// The first step; a code may be required next.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    address: String,
    version: u64,
    next: String,
    at: Timestamp,
}

pub(super) async fn by_password(
    State(services): State<Arc<Services>>,
    current: Session,
    Visiting(visitor): Visiting,
    axum::Form(given): axum::Form<PasswordForm>,
) -> Result<Response, Refusal> {
    let next = safe_next(Some(&given.next));
    match services.access.sign_in_by_password(&given.address, &given.password, &visitor).await {
        Ok(Passed::Entered(entry)) => {
            let known = session::sign_in(&services, &current, &entry, visitor).await?;
            Ok((known, Redirect::to(&next)).into_response())
        }
        Ok(Passed::WantsCode(version)) => {
            let address = given.address.trim().to_lowercase();
            let pending = Pending { address, version, next, at: services.clock.now() };
            session::remember(&current, PENDING, pending).await?;
            Ok(Redirect::to("/sign-in/code").into_response())
        }
        Err(SignInError::Service(error)) => Err(error.into()),
        Err(error) => {
            let shown = Some(error.to_string());
            form(&services, status(&error), given.address, Some(&given.next), shown).await
        }
    }
}

fn code_page(services: &Services, status: StatusCode, error: Option<String>) -> Response {
    render_as(status, &CodePage { frame: Frame::open(services, "code-title"), error })
}

async fn pending(services: &Services, current: &Session) -> Result<Option<Pending>, Refusal> {
    let pending: Option<Pending> = current.get(PENDING).await?;
    Ok(pending.filter(|pending| services.clock.now().as_millis() - pending.at.as_millis() < CODE_MS))
}

pub(super) async fn ask_code(State(services): State<Arc<Services>>, current: Session) -> Result<Response, Refusal> {
    Ok(match pending(&services, &current).await? {
        Some(_) => code_page(&services, StatusCode::OK, None),
        None => Redirect::to("/sign-in").into_response(),
    })
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: String,
}

pub(super) async fn by_code(
    State(services): State<Arc<Services>>,
    current: Session,
    Visiting(visitor): Visiting,
    axum::Form(given): axum::Form<CodeForm>,
) -> Result<Response, Refusal> {
    let Some(pending) = pending(&services, &current).await? else {
        return Ok(Redirect::to("/sign-in").into_response());
    };
    match services.access.sign_in_by_code(&pending.address, pending.version, &given.code, &visitor).await {
        Ok(entry) => {
            let known = session::sign_in(&services, &current, &entry, visitor).await?;
            Ok((known, Redirect::to(&pending.next)).into_response())
        }
        Err(SignInError::Service(error)) => Err(error.into()),
        Err(error) => Ok(code_page(&services, status(&error), Some(error.to_string()))),
    }
}

/// Signs out and ends the session.
pub(super) async fn out(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.access.signed_out(&form.signed.caller).await?;
    current.flush().await?;
    Ok(Redirect::to("/sign-in").into_response())
}
