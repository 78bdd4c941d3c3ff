//! A person's own sign-in: password, authenticator app, recovery codes, passkeys, sessions.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::Timestamp;
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{Form, Nothing};
use super::page::{Frame, render, render_as};
use super::refusal::Refusal;
use super::session::{self, Signed};
use super::texts;
use postern_services::built_with;
use postern_services::present;
use postern_services::service::access::{FactorsView, SessionView};
use postern_services::service::{ServiceError, Services};
use postern_services::sign_in::totp;

const NEW_APP: &str = "new_app";
const HERE: &str = "/settings/sign-in";

/// Whether a person may change how they sign in without signing in again.
pub(super) fn fresh(services: &Services, signed: &Signed) -> bool {
    signed.is_fresh(services.clock.now())
}

/// Makes a person who signed in too long ago sign in again, and then go on at `next`.
pub(super) fn only_fresh(services: &Services, signed: &Signed, next: &str) -> Result<(), Refusal> {
    if fresh(services, signed) { Ok(()) } else { Err(Refusal::Again { next: next.into() }) }
}

#[derive(Template)]
#[template(path = "own_sign_in.html")]
struct OwnPage {
    frame: Frame,
    method: &'static str,
    factors: FactorsView,
    sessions: Vec<SessionView>,
    this: String,
    error: Option<String>,
}

impl OwnPage {
    fn time(at: &Timestamp) -> String {
        present::time(*at)
    }

    fn agent(agent: &str) -> &str {
        if agent.is_empty() { "—" } else { agent }
    }
}

async fn page(
    services: &Arc<Services>,
    signed: &Signed,
    current: &Session,
    status: StatusCode,
    error: Option<String>,
) -> Result<Response, Refusal> {
    let factors = services.access.factors(&signed.caller).await?;
    let mut sessions = services.access.sessions(&signed.caller).await?;
    sessions.retain(|session| session.person == signed.caller.name);
    let frame = Frame::signed(services, "own-title", signed).at("/settings");
    let this = session::public_id(current).unwrap_or_default();
    Ok(render_as(
        status,
        &OwnPage { frame, method: signed.signed_in.method.describe(), factors, sessions, this, error },
    ))
}

pub(super) async fn show(
    State(services): State<Arc<Services>>,
    current: Session,
    signed: Signed,
) -> Result<Response, Refusal> {
    page(&services, &signed, &current, StatusCode::OK, None).await
}

#[derive(Deserialize)]
pub(super) struct PasswordForm {
    current_password: String,
    password: String,
}

pub(super) async fn change_password(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<PasswordForm>,
) -> Result<Response, Refusal> {
    let this = session::public_id(&current);
    let given = &form.values;
    let changed =
        services.access.change_password(&form.signed.caller, &given.current_password, &given.password, this.as_deref());
    match changed.await {
        Ok(()) => Ok(Redirect::to(HERE).into_response()),
        Err(ServiceError::Invalid { field, problem }) => {
            let name = if field == "password" { "field-new-password" } else { "field-current-password" };
            let text = texts::tn("field-problem", &[("field", texts::t(name).into()), ("problem", problem.into())]);
            page(&services, &form.signed, &current, StatusCode::UNPROCESSABLE_ENTITY, Some(text)).await
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "new_app.html")]
struct NewAppPage {
    frame: Frame,
    base32: String,
    qr: String,
    error: Option<String>,
}

fn new_app_page(services: &Services, signed: &Signed, secret: &[u8], error: Option<String>) -> Response {
    let issuer = format!("Postern {}", services.settings.load().organization.name);
    let shown = totp::enrolment(secret, &signed.caller.name, &issuer);
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let frame = Frame::signed(services, "app-title", signed).at("/settings");
    render_as(status, &NewAppPage { frame, base32: shown.base32, qr: shown.qr, error })
}

/// A secret for a new authenticator app, which is required only after a correct code from the app was entered.
pub(super) async fn new_app(
    State(services): State<Arc<Services>>,
    current: Session,
    signed: Signed,
) -> Result<Response, Refusal> {
    only_fresh(&services, &signed, HERE)?;
    let secret = totp::new_secret(&*services.randomness);
    let sealed = services.access.pending().seal(&secret, NEW_APP, &*services.randomness);
    session::remember(&current, NEW_APP, sealed.map_err(|error| Refusal::Unknown(error.to_string()))?).await?;
    Ok(new_app_page(&services, &signed, &secret, None))
}

#[derive(Deserialize)]
pub(super) struct CodeForm {
    code: String,
}

pub(super) async fn enrol_app(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<CodeForm>,
) -> Result<Response, Refusal> {
    only_fresh(&services, &form.signed, HERE)?;
    let sealed: Option<String> = current.get(NEW_APP).await?;
    let secret = sealed.and_then(|sealed| services.access.pending().open(&sealed, NEW_APP));
    let Some(secret) = secret else { return Ok(Redirect::to("/settings/sign-in/app").into_response()) };
    let this = session::public_id(&current);
    match services.access.enrol_totp(&form.signed.caller, &secret, &form.values.code, this.as_deref()).await {
        Ok(codes) => {
            let _: Option<String> = session::take(&current, NEW_APP).await?;
            Ok(codes_page(&services, &form.signed, codes))
        }
        Err(ServiceError::Invalid { problem, .. }) => {
            let error =
                texts::tn("field-problem", &[("field", texts::t("field-code").into()), ("problem", problem.into())]);
            Ok(new_app_page(&services, &form.signed, &secret, Some(error)))
        }
        Err(error) => Err(error.into()),
    }
}

#[derive(Template)]
#[template(path = "recovery_codes.html")]
struct CodesPage {
    frame: Frame,
    codes: Vec<String>,
}

fn codes_page(services: &Services, signed: &Signed, codes: Vec<String>) -> Response {
    render(&CodesPage { frame: Frame::signed(services, "codes-title", signed).at("/settings"), codes })
}

pub(super) async fn recovery_codes(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    only_fresh(&services, &form.signed, HERE)?;
    let codes =
        services.access.new_recovery_codes(&form.signed.caller, session::public_id(&current).as_deref()).await?;
    Ok(codes_page(&services, &form.signed, codes))
}

pub(super) async fn remove_app(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    only_fresh(&services, &form.signed, HERE)?;
    services.access.remove_totp(&form.signed.caller, session::public_id(&current).as_deref()).await?;
    Ok(Redirect::to(HERE).into_response())
}

pub(super) async fn end_session(
    State(services): State<Arc<Services>>,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.access.revoke_session(&form.signed.caller, &id).await?;
    Ok(Redirect::to(HERE).into_response())
}

pub(super) async fn remove_passkey(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    only_fresh(&services, &form.signed, HERE)?;
    let this = session::public_id(&current);
    services.access.remove_passkey(&form.signed.caller, &id, this.as_deref()).await?;
    Ok(Redirect::to("/settings/sign-in").into_response())
}
