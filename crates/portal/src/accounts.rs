//! Accounts: find any sender, or look up a reference ID.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use postern_domain::{EntityId, Reference};
use serde::{Deserialize, Serialize};

use super::page::{Frame, render};
use super::refusal::Refusal;
use super::session::Signed;
use super::{names, texts};
use postern_services::service::{AccountView, Services};

const SHOWN: usize = 100;
const SUGGESTED: usize = 10;

#[derive(Debug, Default, Deserialize)]
pub(super) struct FindQuery {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage {
    frame: Frame,
    q: String,
    rows: Vec<AccountView>,
}

pub(super) async fn find(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(FindQuery { q }): Query<FindQuery>,
) -> Result<Response, Refusal> {
    let wanted = q.trim();
    if let Ok(reference) = Reference::parse(wanted) {
        let incident = services.restrictions.explain(&signed.caller, reference.as_str()).await?;
        let entity = incident.restriction.map(|one| one.entity).or(incident.alert.and_then(|alert| alert.entity));
        let address = entity.map_or_else(|| format!("/alerts/{reference}"), |entity| names::entity_address(&entity));
        return Ok(Redirect::to(&address).into_response());
    }
    // A complete address is an account, whether or not the directory contains it.
    if wanted.contains('@') || wanted.starts_with("connector:") {
        return Ok(Redirect::to(&names::entity_address(wanted)).into_response());
    }
    let rows = services.accounts.search(&signed.caller, wanted, SHOWN)?;
    Ok(render(&AccountsPage { frame: Frame::signed(&services, "accounts-title", &signed).at("/accounts"), q, rows }))
}

/// An account that matches the search text.
#[derive(Serialize)]
pub(super) struct Suggestion {
    entity: EntityId,
    name: Option<String>,
}

/// Accounts that match the search text, for fields with suggestions.
pub(super) async fn suggest(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(FindQuery { q }): Query<FindQuery>,
) -> Result<Json<Vec<Suggestion>>, Refusal> {
    let found = services.accounts.search(&signed.caller, &q, SUGGESTED)?.into_iter();
    Ok(Json(found.map(|AccountView { entity, name, .. }| Suggestion { entity, name }).collect()))
}
