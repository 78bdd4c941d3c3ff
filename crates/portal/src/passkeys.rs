//! Passkeys: the JSON that the browser's script requests and sends back.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
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
use super::page::safe_next;
use super::pending::{Brought, Step};
use super::refusal::Refusal;
use super::session;
use postern_services::service::access::{CredentialChange, SignInError};
use postern_services::service::{ServiceError, Services};
use postern_services::sign_in::passkeys::{PasskeyError, Passkeys};
use postern_services::sign_in::secret;

const REGISTERING: &str = "passkey_registering";
const SIGNING_IN: Step = Step("postern-passkey");
/// Longest name of a passkey.
const NAME: usize = 64;

/// The error that the script receives.
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

impl From<ServiceError> for Failed {
    fn from(error: ServiceError) -> Self {
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
            Refusal::Services(error) => error.into(),
            other => Failed(StatusCode::SERVICE_UNAVAILABLE, format!("{other:?}")),
        }
    }
}

fn passkeys(services: &Services) -> Result<Passkeys, PasskeyError> {
    let settings = services.settings.load();
    Passkeys::new(&settings.portal.base_url(), &settings.organization.name)
}

fn stale() -> Failed {
    Failed(StatusCode::CONFLICT, super::texts::t("passkey-stale"))
}

pub(super) async fn begin_sign_in(State(services): State<Arc<Services>>) -> Result<impl IntoResponse, Failed> {
    let (ask, remembered) = passkeys(&services)?.begin_sign_in()?;
    Ok((SIGNING_IN.begin(&services, remembered)?, Json(json!(ask))))
}

#[derive(Deserialize)]
pub(super) struct Shown {
    credential: PublicKeyCredential,
    next: Option<String>,
}

pub(super) async fn finish_sign_in(
    State(services): State<Arc<Services>>,
    current: Session,
    Visiting(visitor): Visiting,
    headers: HeaderMap,
    Json(shown): Json<Shown>,
) -> Result<impl IntoResponse, Failed> {
    let brought: Brought<DiscoverableAuthentication> = SIGNING_IN.brought(&services, &headers).ok_or_else(stale)?;
    let challenge = CredentialChange::ChallengeUsed(secret::hash(&brought.text), brought.until);
    let known = passkeys(&services)?;
    let handle = known.owner(&shown.credential)?;
    let (person, credentials) = services.access.passkey_owner(&handle, &visitor).await?;
    let used = match known.finish_sign_in(&shown.credential, brought.value, &credentials, services.clock.now()) {
        Ok(used) => used,
        Err(error) => {
            tracing::warn!(person = person.address, %error, "a passkey was not accepted");
            return Err(services.access.passkey_refused(&person.address, &visitor).await.into());
        }
    };
    let version = credentials.version;
    let entry = services.access.sign_in_by_passkey(&person, version, &[challenge, used], &visitor).await?;
    let known_device = session::sign_in(&services, &current, &entry, visitor).await?;
    Ok((known_device, SIGNING_IN.end(&services), Json(json!({ "next": safe_next(shown.next.as_deref()) }))))
}

pub(super) async fn begin_registration(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Nothing>,
) -> Result<Json<Value>, Failed> {
    if !fresh(&services, &form.signed) {
        return Err(Failed(StatusCode::FORBIDDEN, super::texts::t("sign-in-again")));
    }
    let credentials = services.access.own_credentials(&form.signed.caller).await?;
    let (ask, remembered) = passkeys(&services)?.begin_registration(&form.signed.caller.name, &credentials)?;
    session::remember(&current, REGISTERING, remembered).await?;
    Ok(Json(ask))
}

#[derive(Deserialize)]
pub(super) struct Made {
    /// The credential as JSON, and the name that its owner gave it.
    credential: String,
    name: String,
}

pub(super) async fn finish_registration(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Made>,
) -> Result<Json<Value>, Failed> {
    let remembered: PasskeyRegistration = session::take(&current, REGISTERING).await?.ok_or_else(stale)?;
    let made: RegisterPublicKeyCredential =
        serde_json::from_str(&form.values.credential).map_err(PasskeyError::from)?;
    let name = form.values.name.trim();
    let name: String = if name.is_empty() { "passkey".into() } else { name.chars().take(NAME).collect() };
    let passkey = passkeys(&services)?.finish_registration(&made, &remembered, &name, services.clock.now())?;
    let this = session::public_id(&current);
    services.access.add_passkey(&form.signed.caller, passkey, this.as_deref()).await?;
    Ok(Json(json!({ "next": "/settings/sign-in" })))
}
