//! Settings: people, API tokens, sessions, organizations, and the state of Postern.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::Timestamp;
use postern_domain::access::{Permission, Person, Role};
use postern_services::service::{OrganizationRecord, TokenRecord};
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{Form, Nothing, number};
use super::own_sign_in::only_fresh;
use super::page::{Frame, render};
use super::refusal::Refusal;
use super::session::{Signed, flash};
use super::{names, organizations, powershell, texts};
use postern_domain::finding::Finding;
use postern_services::directory::SourceState;
use postern_services::service::access::{InviteRequest, PersonRequest, SessionView};
use postern_services::service::views::StatusView;
use postern_services::service::{ServiceError, Services, TokenRequest};

#[derive(Template)]
#[template(path = "settings.html")]
struct SettingsPage {
    frame: Frame,
    /// None for callers who may not manage access.
    access: Option<Access>,
    /// None for callers who look after one organization.
    status: Option<StatusView>,
    directory: Vec<SourceState>,
    organizations: Vec<OrganizationRecord>,
    /// Whether the caller may add organizations.
    may_add_organizations: bool,
    /// The lines that import the PowerShell module and connect.
    powershell: String,
}

struct Access {
    people: Vec<Person>,
    tokens: Vec<TokenRecord>,
    sessions: Vec<SessionView>,
}

pub(super) async fn show(State(services): State<Arc<Services>>, signed: Signed) -> Result<Response, Refusal> {
    let caller = &signed.caller;
    let access = match caller.role.is_some_and(|role| role.may(Permission::ManageAccess)) {
        true => Some(Access {
            people: services.access.people(caller).await?,
            tokens: services.tokens.list(caller).await?,
            sessions: services.access.sessions(caller).await?,
        }),
        false => None,
    };
    let everywhere = caller.organization.is_none();
    Ok(render(&SettingsPage {
        access,
        status: if everywhere { Some(services.status.get(caller).await?) } else { None },
        directory: if everywhere { services.accounts.sources(caller)? } else { Vec::new() },
        organizations: services.organizations.list(caller)?,
        may_add_organizations: organizations::may_edit(caller),
        powershell: powershell::lines(&services.settings.load().portal.base_url()),
        frame: Frame::signed(&services, "settings-title", &signed).at("/settings"),
    }))
}

#[derive(Template)]
#[template(path = "check.html")]
struct CheckPage {
    frame: Frame,
    findings: Vec<Finding>,
    lines: String,
}

/// Whether Postern runs, and whether the mail server is connected to it correctly.
pub(super) async fn check(State(services): State<Arc<Services>>, signed: Signed) -> Result<Response, Refusal> {
    let findings = services.status.doctor(&signed.caller).await?;
    let lines = services.status.wiring_lines(&signed.caller)?;
    Ok(render(&CheckPage { frame: Frame::signed(&services, "check-title", &signed).at("/settings"), findings, lines }))
}

/// A secret that is shown once.
#[derive(Template)]
#[template(path = "secret.html")]
struct SecretPage {
    frame: Frame,
    about: String,
    secret: String,
}

fn secret(services: &Services, signed: &Signed, title: &str, about: String, secret: String) -> Response {
    render(&SecretPage { frame: Frame::signed(services, title, signed).at("/settings"), about, secret })
}

fn role(key: &str) -> Result<Role, ServiceError> {
    Role::from_key(key).ok_or_else(|| ServiceError::Invalid { field: "role".into(), problem: "choose one".into() })
}

#[derive(Deserialize)]
pub(super) struct InviteForm {
    address: String,
    role: String,
}

pub(super) async fn invite(State(services): State<Arc<Services>>, form: Form<InviteForm>) -> Result<Response, Refusal> {
    let request = InviteRequest { address: form.values.address, role: role(&form.values.role)? };
    let made = services.access.invite(&form.signed.caller, &request).await?;
    let about = texts::t1("invite-link", "address", made.address.unwrap_or_default());
    Ok(secret(&services, &form.signed, "invite-title", about, made.link))
}

#[derive(Deserialize)]
pub(super) struct PersonForm {
    what: String,
    #[serde(default)]
    role: String,
}

pub(super) async fn person(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(address): Path<String>,
    form: Form<PersonForm>,
) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    let caller = &signed.caller;
    match values.what.as_str() {
        "reset" => {
            let made = services.access.reset_person(caller, &address).await?;
            let about = texts::t1("invite-link", "address", address);
            return Ok(secret(&services, &signed, "invite-title", about, made.link));
        }
        "remove" => services.access.remove_person(caller, &address).await?,
        "role" => {
            let request = PersonRequest { role: Some(role(&values.role)?), disabled: None };
            services.access.change_person(caller, &address, &request).await?;
        }
        what => {
            let request = PersonRequest { role: None, disabled: Some(what == "disable") };
            services.access.change_person(caller, &address, &request).await?;
        }
    }
    flash(&current, texts::t1("person-changed", "address", address)).await?;
    Ok(Redirect::to("/settings").into_response())
}

#[derive(Deserialize)]
pub(super) struct TokenForm {
    name: String,
    role: String,
    #[serde(default)]
    days: String,
}

pub(super) async fn add_token(
    State(services): State<Arc<Services>>,
    form: Form<TokenForm>,
) -> Result<Response, Refusal> {
    // Who has stolen a session must not be able to stay.
    only_fresh(&services, &form.signed, "/settings")?;
    let days = number("days", &form.values.days)?.filter(|days| *days > 0);
    let expires_at: Option<Timestamp> =
        days.map(|days| services.clock.now().plus(std::time::Duration::from_secs(u64::from(days) * 86_400)));
    let request = TokenRequest { name: form.values.name, role: role(&form.values.role)?, expires_at };
    let made = services.tokens.add(&form.signed.caller, &request).await?;
    let about = texts::t1("token-shown", "name", made.record.name);
    Ok(secret(&services, &form.signed, "token-title", about, made.token))
}

pub(super) async fn revoke_token(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(name): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.tokens.revoke(&form.signed.caller, &name).await?;
    flash(&current, texts::t1("token-revoked", "name", name)).await?;
    Ok(Redirect::to("/settings").into_response())
}

pub(super) async fn end_session(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.access.revoke_session(&form.signed.caller, &id).await?;
    flash(&current, texts::t("session-ended")).await?;
    Ok(Redirect::to("/settings").into_response())
}
