//! Restricted entities: the list, and restricting one manually.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::{EntityKind, Timestamp};
use postern_services::service::{Permission, RestrictionFilter, RestrictionOrder};
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{Form, number};
use super::page::{Frame, Pages, listed, render, render_as, searched};
use super::refusal::Refusal;
use super::session::{Signed, flash};
use super::{csv, names, texts};
use postern_services::service::views::RestrictionView;
use postern_services::service::{RestrictRequest, ServiceError, Services};

const PAGE: u32 = 50;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    kind: String,
    #[serde(default)]
    all: String,
    #[serde(default)]
    sort: String,
    page: Option<u32>,
}

impl ListQuery {
    fn filter(&self) -> RestrictionFilter {
        RestrictionFilter {
            search: searched(&self.q),
            kind: match self.kind.as_str() {
                "account" => Some(EntityKind::Account),
                "connector" => Some(EntityKind::Connector),
                _ => None,
            },
            released: self.all == "1",
            order: match self.sort.as_str() {
                "oldest" => RestrictionOrder::Oldest,
                "entity" => RestrictionOrder::Entity,
                "refused" => RestrictionOrder::Refused,
                _ => RestrictionOrder::Newest,
            },
            ..RestrictionFilter::default()
        }
    }
}

#[derive(Template)]
#[template(path = "restricted.html")]
struct ListPage {
    frame: Frame,
    query: ListQuery,
    rows: Vec<RestrictionView>,
    pages: Pages,
}

pub(super) async fn list(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let filter = query.filter();
    let list = |skip| {
        let shown = RestrictionFilter { skip, limit: Some(PAGE), ..filter.clone() };
        let (services, caller) = (&services, &signed.caller);
        async move { services.restrictions.list(caller, &shown).await }
    };
    let (rows, total) = listed(query.page, PAGE, list, services.restrictions.count(&signed.caller, &filter)).await?;
    let pages = Pages::new(
        query.page,
        total,
        PAGE,
        &[("q", &query.q), ("kind", &query.kind), ("all", &query.all), ("sort", &query.sort)],
    );
    Ok(render(&ListPage {
        frame: Frame::signed(&services, "restricted-title", &signed).at("/restricted"),
        query,
        rows,
        pages,
    }))
}

/// The list as a file (RFC 4180).
pub(super) async fn export(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let rows = services.restrictions.list(&signed.caller, &query.filter()).await?.into_iter().map(|row| {
        let kind = if row.kind == EntityKind::Account { "account" } else { "connector" };
        [
            row.entity.to_string(),
            kind.into(),
            row.reason,
            row.since.to_string(),
            time(row.until),
            time(row.released_at),
            row.refused.to_string(),
            row.reference.to_string(),
        ]
    });
    let head = ["entity", "kind", "reason", "since", "until", "released_at", "refused", "reference"];
    Ok(csv::file("restricted", head, rows))
}

#[derive(Template)]
#[template(path = "restrict.html")]
struct RestrictPage {
    frame: Frame,
    entity: String,
    reason: String,
    hours: String,
    error: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RestrictForm {
    #[serde(default)]
    entity: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    hours: String,
}

pub(super) async fn ask_restrict(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(given): Query<RestrictForm>,
) -> Result<Response, Refusal> {
    signed.caller.may(Permission::Manage)?;
    Ok(restrict_page(&services, &signed, given, None))
}

fn restrict_page(services: &Services, signed: &Signed, given: RestrictForm, error: Option<String>) -> Response {
    let frame = Frame::signed(services, "restrict-title", signed).at("/restricted");
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let RestrictForm { entity, reason, hours } = given;
    render_as(status, &RestrictPage { frame, entity, reason, hours, error })
}

pub(super) async fn restrict(
    State(services): State<Arc<Services>>,
    current: Session,
    form: Form<RestrictForm>,
) -> Result<Response, Refusal> {
    form.signed.caller.may(Permission::Manage)?;
    let given = form.values;
    let hours = match number("hours", &given.hours) {
        Ok(hours) => hours.filter(|hours| *hours > 0),
        Err(error) => return Ok(restrict_page(&services, &form.signed, given, Some(error.to_string()))),
    };
    let until = hours.map(|hours| services.clock.now().plus(std::time::Duration::from_secs(u64::from(hours) * 3600)));
    let request = RestrictRequest { entity: given.entity.clone(), reason: given.reason.clone(), until };
    match services.restrictions.restrict(&form.signed.caller, &request).await {
        Ok(made) => {
            flash(&current, texts::t1("restrict-done", "entity", made.entity.to_string())).await?;
            Ok(Redirect::to(&names::entity_address(&made.entity)).into_response())
        }
        Err(error @ (ServiceError::Invalid { .. } | ServiceError::Conflict(_) | ServiceError::NotFound(_))) => {
            Ok(restrict_page(&services, &form.signed, given, Some(error.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}
