//! Pages to add, change and remove organizations. The first one is defined in the configuration file.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::access::Permission;
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{Form, Nothing};
use super::page::{Frame, lines, render, render_as, status_of};
use super::refusal::Refusal;
use super::session::{Signed, flash};
use super::{names, texts};
use postern_services::service::{Caller, OrganizationRequest, ServiceError, Services};

/// Whether the caller may edit organizations: a caller for all organizations who may manage access.
pub(super) fn may_edit(caller: &Caller) -> bool {
    caller.organization.is_none() && caller.role.is_some_and(|role| role.may(Permission::ManageAccess))
}

/// The form's fields; lists have one entry per line.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields {
    id: String,
    name: String,
    domains: String,
    admins: String,
    helpdesk: String,
    time_zone: String,
}

impl Fields {
    fn request(&self) -> OrganizationRequest {
        let text = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        OrganizationRequest {
            name: text(&self.name),
            domains: Some(lines(&self.domains)),
            admins: Some(lines(&self.admins)),
            helpdesk: Some(lines(&self.helpdesk)),
            time_zone: text(&self.time_zone),
        }
    }
}

#[derive(Template)]
#[template(path = "organization.html")]
struct EditPage {
    frame: Frame,
    fields: Fields,
    /// Whether the organization exists already.
    is_known: bool,
    error: Option<String>,
}

fn page(services: &Services, signed: &Signed, fields: Fields, is_known: bool) -> EditPage {
    let mut frame = Frame::signed(services, "organization-new", signed).at("/settings");
    if is_known {
        frame.title.clone_from(&fields.id);
    }
    EditPage { frame, fields, is_known, error: None }
}

pub(super) async fn new(State(services): State<Arc<Services>>, signed: Signed) -> Result<Response, Refusal> {
    signed.caller.may_everywhere(Permission::ManageAccess)?;
    let fields = Fields { time_zone: "UTC".into(), ..Fields::default() };
    Ok(render(&page(&services, &signed, fields, false)))
}

pub(super) async fn edit(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    signed.caller.may_everywhere(Permission::ManageAccess)?;
    let found = services.organizations.list(&signed.caller)?.into_iter().find(|one| one.id.as_str() == id);
    let Some(found) = found.filter(|one| !one.id.is_first()) else {
        return Err(ServiceError::NotFound(texts::t1("organization-none", "id", id)).into());
    };
    let fields = Fields {
        id: found.id.to_string(),
        name: found.name,
        domains: found.domains.join("\n"),
        admins: found.admins.join("\n"),
        helpdesk: found.helpdesk.join("\n"),
        time_zone: found.time_zone,
    };
    Ok(render(&page(&services, &signed, fields, true)))
}

pub(super) async fn add(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<Fields>,
) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    let saved = services.organizations.add(&signed.caller, values.id.trim(), &values.request()).await;
    answer(&services, &current, &signed, values, false, saved.map(|stored| stored.name)).await
}

pub(super) async fn change(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(id): Path<String>,
    form: Form<Fields>,
) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    let saved = services.organizations.change(&signed.caller, &id, &values.request()).await;
    answer(&services, &current, &signed, Fields { id, ..values }, true, saved.map(|stored| stored.name)).await
}

async fn answer(
    services: &Services,
    current: &Session,
    signed: &Signed,
    fields: Fields,
    is_known: bool,
    saved: Result<String, ServiceError>,
) -> Result<Response, Refusal> {
    match saved {
        Ok(name) => {
            flash(current, texts::t1("organization-saved", "name", name)).await?;
            Ok(Redirect::to("/settings").into_response())
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict(_))) => {
            let page = EditPage { error: Some(error.to_string()), ..page(services, signed, fields, is_known) };
            Ok(render_as(status_of(&error), &page))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn remove(
    State(services): State<Arc<Services>>,
    current: Session,
    Path(id): Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refusal> {
    services.organizations.remove(&form.signed.caller, &id).await?;
    flash(&current, texts::t1("organization-removed", "id", id)).await?;
    Ok(Redirect::to("/settings").into_response())
}
