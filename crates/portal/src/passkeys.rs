//! Passkeys: what the browser's script asks for and sends back, as JSON.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use tower_sessions::Session;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
};

use super::client::Visiting;
use super::form::{Form, Nothing};
use super::own_sign_in::fresh;
use super::page::{Refusal, safe_next};
use super::session;
use postern_services::desk::people::SignInError;
use postern_services::desk::{Desk, DeskError};
use postern_services::sign_in::passkeys::{PasskeyError, Passkeys};

const REGISTERING: &str = "passkey_registering";
const SIGNING_IN: &str = "passkey_signing_in";
/// Longest name of a passkey.
const NAME: usize = 64;

/// What the script gets where something went wrong.
pub(super) struct Failed(StatusCode, String);

impl IntoResponse for Failed {
    fn into_response(self) -> Response {
        (self.0, Json(json!({ "error": self.1 }))).into_response()
    }
}

impl From<PasskeyError> for Failed {
    fn from(error: PasskeyError) -> Self {
        Failed(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }
}

impl From<DeskError> for Failed {
    fn from(error: DeskError) -> Self {
        Failed(StatusCode::CONFLICT, error.to_string())
    }
}

impl From<SignInError> for Failed {
    fn from(error: SignInError) -> Self {
        Failed(StatusCode::UNAUTHORIZED, error.to_string())
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Desk(error) => error.into(),
            other => Failed(StatusCode::SERVICE_UNAVAILABLE, format!("{other:?}")),
        }
    }
}

fn passkeys(desk: &Desk) -> Result<Passkeys, PasskeyError> {
    let settings = desk.settings.load();
    Passkeys::new(&settings.portal.base_url(), &settings.organization.name)
}

fn stale() -> Failed {
    Failed(StatusCode::CONFLICT, super::texts::t("passkey-stale"))
}

pub(super) async fn begin_sign_in(State(desk): State<Arc<Desk>>, current: Session) -> Result<Json<Value>, Failed> {
    let (ask, remembered) = passkeys(&desk)?.begin_sign_in()?;
    session::remember(&current, SIGNING_IN, remembered).await?;
    Ok(Json(json!(ask)))
}

#[derive(Deserialize)]
pub(super) struct Shown {
    credential: PublicKeyCredential,
    next: Option<String>,
}

pub(super) async fn finish_sign_in(
    State(desk): State<Arc<Desk>>,
    current: Session,
    Visiting(visitor): Visiting,
    Json(shown): Json<Shown>,
) -> Result<Json<Value>, Failed> {
    let remembered: DiscoverableAuthentication = session::recall(&current, SIGNING_IN).await?.ok_or_else(stale)?;
    let known = passkeys(&desk)?;
    let handle = known.owner(&shown.credential)?;
    let (person, credentials) = desk.passkey_owner(&handle, &visitor).await?;
    let used = match known.finish_sign_in(&shown.credential, remembered, &credentials, desk.clock.now()) {
        Ok(used) => used,
        Err(error) => {
            tracing::warn!(person = person.address, %error, "a passkey was not accepted");
            return Err(desk.passkey_refused(&person.address, &visitor).await.into());
        }
    };
    let entry = desk.sign_in_by_passkey(&person, used, &visitor).await?;
    session::sign_in(&desk, &current, &entry, visitor).await?;
    Ok(Json(json!({ "next": safe_next(shown.next.as_deref()) })))
}

pub(super) async fn begin_registration(
    State(desk): State<Arc<Desk>>,
    current: Session,
    form: Form<Nothing>,
) -> Result<Json<Value>, Failed> {
    if !fresh(&desk, &form.signed) {
        return Err(Failed(StatusCode::FORBIDDEN, super::texts::t("sign-in-again")));
    }
    let credentials = desk.own_credentials(&form.signed.caller).await?;
    let (ask, remembered) = passkeys(&desk)?.begin_registration(&form.signed.caller.name, &credentials)?;
    session::remember(&current, REGISTERING, remembered).await?;
    Ok(Json(ask))
}

#[derive(Deserialize)]
pub(super) struct Made {
    /// The credential as JSON, and what its owner calls it.
    credential: String,
    name: String,
}

pub(super) async fn finish_registration(
    State(desk): State<Arc<Desk>>,
    current: Session,
    form: Form<Made>,
) -> Result<Json<Value>, Failed> {
    let remembered: PasskeyRegistration = session::recall(&current, REGISTERING).await?.ok_or_else(stale)?;
    let made: RegisterPublicKeyCredential =
        serde_json::from_str(&form.values.credential).map_err(PasskeyError::from)?;
    let name = form.values.name.trim();
    let name: String = if name.is_empty() { "passkey".into() } else { name.chars().take(NAME).collect() };
    let passkey = passkeys(&desk)?.finish_registration(&made, &remembered, &name, desk.clock.now())?;
    desk.add_passkey(&form.signed.caller, passkey).await?;
    Ok(Json(json!({ "next": "/settings/sign-in" })))
}
