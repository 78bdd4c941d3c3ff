//! Restricted entities: list, details, unblock, restrict by hand.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::{EntityKind, Timestamp};
use postern_store::{RestrictionFilter, RestrictionOrder};
use serde::Deserialize;
use tower_sessions::Session;

use super::form::{Form, number};
use super::page::{Frame, Pages, Refusal, render, render_as, searched};
use super::session::{Signed, say};
use super::{charts, csv, names, texts};
use crate::desk::views::{PolicyChoiceView, RestrictionView, UsageView};
use crate::desk::{Desk, DeskError, ReleaseRequest, RestrictRequest};
use crate::present;

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
#[template(path = "portal/restricted.html")]
struct ListPage {
    frame: Frame,
    query: ListQuery,
    rows: Vec<RestrictionView>,
    pages: Pages,
}

pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let filter = query.filter();
    let total = desk.count_restricted(&signed.caller, &filter).await?;
    let pages = Pages::new(
        query.page,
        total,
        PAGE,
        &[("q", &query.q), ("kind", &query.kind), ("all", &query.all), ("sort", &query.sort)],
    );
    let shown = RestrictionFilter { skip: pages.skip(), limit: Some(PAGE), ..filter };
    // Where nothing is found, it has been looked for once.
    let rows = if total == 0 { Vec::new() } else { desk.restricted(&signed.caller, &shown).await? };
    Ok(render(&ListPage {
        frame: Frame::signed(&desk, "restricted-title", &signed).at("/restricted"),
        query,
        rows,
        pages,
    }))
}

/// The list as a file (RFC 4180).
pub(super) async fn export(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let time = |at: Option<Timestamp>| at.map(|at| at.to_string()).unwrap_or_default();
    let rows = desk.restricted(&signed.caller, &query.filter()).await?.into_iter().map(|row| {
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
#[template(path = "portal/entity.html")]
struct EntityPage {
    frame: Frame,
    usage: UsageView,
    choice: PolicyChoiceView,
    history: Vec<RestrictionView>,
    chart: String,
}

impl EntityPage {
    /// The restriction in force.
    fn current(&self) -> Option<&RestrictionView> {
        self.history.iter().find(|one| one.released_at.is_none())
    }
}

/// Everything about one entity, restricted or not.
pub(super) async fn details(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Path(entity): Path<String>,
) -> Result<Response, Refusal> {
    let usage = desk.usage(&signed.caller, &entity).await?;
    let choice = desk.explain_policy(&signed.caller, &entity)?;
    let history = match desk.restrictions_of(&signed.caller, &entity).await {
        Err(DeskError::NotFound(_)) => Vec::new(),
        found => found?,
    };
    let counted = desk.counted(&signed.caller, &entity).await?;
    let chart = charts::usage(&counted, desk.clock.now());
    let mut frame = Frame::signed(&desk, "entity-title", &signed).at("/restricted");
    frame.title = usage.entity.to_string();
    Ok(render(&EntityPage { frame, usage, choice, history, chart }))
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct UnblockForm {
    #[serde(default)]
    step: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    entity: Vec<String>,
}

#[derive(Template)]
#[template(path = "portal/unblock.html")]
struct UnblockPage {
    frame: Frame,
    /// Who is to be unblocked; the first one is shown in full.
    restrictions: Vec<RestrictionView>,
    step: &'static str,
    reason: String,
    error: Option<String>,
    probation: String,
}

/// Unblock, step by step: details and recommendations, reason, a last question. Each step is a
/// page, so that it works without JavaScript.
pub(super) async fn unblock(
    State(desk): State<Arc<Desk>>,
    current: Session,
    form: Form<UnblockForm>,
) -> Result<Response, Refusal> {
    let Form { signed, values } = form;
    let mut restrictions = Vec::new();
    for entity in &values.entity {
        let all = desk.restrictions_of(&signed.caller, entity).await?;
        restrictions.extend(all.into_iter().find(|one| one.released_at.is_none()));
    }
    if restrictions.is_empty() {
        say(&current, texts::t("unblock-nobody")).await?;
        return Ok(Redirect::to("/restricted").into_response());
    }
    let reason = values.reason.trim().to_owned();
    let (step, error) = match values.step.as_str() {
        "reason" => ("reason", None),
        "confirm" | "yes" if reason.is_empty() => ("reason", Some(texts::t("unblock-reason-missing"))),
        "confirm" => ("confirm", None),
        "yes" => {
            return release(&desk, &current, &signed, &restrictions, &reason, &values.reference).await;
        }
        _ => ("overview", None),
    };
    let probation = desk.settings.load().probation;
    let probation = tn_probation(&present::duration(probation.duration), probation.percent);
    let frame = Frame::signed(&desk, "unblock-title", &signed).at("/restricted");
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(render_as(status, &UnblockPage { frame, restrictions, step, reason, error, probation }))
}

fn tn_probation(duration: &str, percent: u32) -> String {
    texts::tn("unblock-probation", &[("duration", duration.into()), ("percent", percent.into())])
}

async fn release(
    desk: &Desk,
    current: &Session,
    signed: &Signed,
    restrictions: &[RestrictionView],
    reason: &str,
    seen: &str,
) -> Result<Response, Refusal> {
    // One that was looked at is released as it was seen; of many, whatever is in force.
    let only = postern_domain::Reference::parse(seen).ok().filter(|_| restrictions.len() == 1);
    for restriction in restrictions {
        let request = ReleaseRequest { reason: reason.to_owned(), reference: only.clone() };
        desk.release(&signed.caller, &restriction.entity.to_string(), &request).await?;
    }
    let names: Vec<_> = restrictions.iter().map(|one| one.entity.to_string()).collect();
    say(current, texts::t1("unblock-done", "entities", names.join(", "))).await?;
    Ok(Redirect::to("/restricted").into_response())
}

#[derive(Template)]
#[template(path = "portal/restrict.html")]
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
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(given): Query<RestrictForm>,
) -> Response {
    restrict_page(&desk, &signed, given, None)
}

fn restrict_page(desk: &Desk, signed: &Signed, given: RestrictForm, error: Option<String>) -> Response {
    let frame = Frame::signed(desk, "restrict-title", signed).at("/restricted");
    let status = if error.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let RestrictForm { entity, reason, hours } = given;
    render_as(status, &RestrictPage { frame, entity, reason, hours, error })
}

pub(super) async fn restrict(
    State(desk): State<Arc<Desk>>,
    current: Session,
    form: Form<RestrictForm>,
) -> Result<Response, Refusal> {
    let given = form.values;
    let hours = match number("hours", &given.hours) {
        Ok(hours) => hours.filter(|hours| *hours > 0),
        Err(error) => return Ok(restrict_page(&desk, &form.signed, given, Some(error.to_string()))),
    };
    let until = hours.map(|hours| desk.clock.now().plus(std::time::Duration::from_secs(u64::from(hours) * 3600)));
    let request = RestrictRequest { entity: given.entity.clone(), reason: given.reason.clone(), until };
    match desk.restrict(&form.signed.caller, &request).await {
        Ok(made) => {
            say(&current, texts::t1("restrict-done", "entity", made.entity.to_string())).await?;
            Ok(Redirect::to(&names::entity_address(&made.entity.to_string())).into_response())
        }
        Err(error @ (DeskError::Invalid { .. } | DeskError::Conflict(_) | DeskError::NotFound(_))) => {
            Ok(restrict_page(&desk, &form.signed, given, Some(error.to_string())))
        }
        Err(error) => Err(error.into()),
    }
}
