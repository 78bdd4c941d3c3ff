//! The audit trail: the list, and its export as a file.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use postern_domain::Timestamp;
use postern_services::service::AuditFilter;
use serde::Deserialize;

use super::page::{Frame, render, searched};
use super::refusal::Refusal;
use super::session::Signed;
use super::{csv, names, texts};
use postern_services::service::Services;
use postern_services::service::views::{AuditReportView, AuditView};

const PAGE: u32 = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    action: String,
    /// The first and the last day (UTC), in the format of date fields.
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    verify: String,
    before: Option<i64>,
}

/// The actions to filter by: the prefixes of their names.
const ACTIONS: [&str; 9] =
    ["alert", "alert-policy", "allowance", "organization", "person", "policy", "restriction", "session", "token"];

impl ListQuery {
    fn filter(&self) -> AuditFilter {
        let midnight = |day: &str| Timestamp::parse(&format!("{day}T00:00:00Z")).ok();
        AuditFilter {
            search: searched(&self.q),
            action: searched(&self.action),
            since: midnight(&self.from),
            until: midnight(&self.to).map(|day| day.plus(std::time::Duration::from_secs(24 * 3600))),
            ..AuditFilter::default()
        }
    }

    /// The filters as a query string.
    fn kept(&self) -> String {
        let filters = [("q", &self.q), ("action", &self.action), ("from", &self.from), ("to", &self.to)];
        let stored: Vec<_> = filters.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        serde_html_form::to_string(&stored).unwrap_or_default()
    }
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    query: ListQuery,
    rows: Vec<AuditView>,
    next: Option<i64>,
    report: Option<AuditReportView>,
}

pub(super) async fn list(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let filter = AuditFilter { before: query.before, limit: Some(PAGE), ..query.filter() };
    let rows = services.audit.list(&signed.caller, &filter).await?;
    let report = if query.verify == "1" { Some(services.audit.verify(&signed.caller, None).await?) } else { None };
    let next = rows.last().filter(|_| rows.len() >= PAGE as usize).map(|last| last.seq);
    let frame = Frame::signed(&services, "audit-title", &signed).at("/audit");
    Ok(render(&AuditPage { frame, query, rows, next, report }))
}

/// The whole filtered list as a file.
pub(super) async fn export(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let rows = services.audit.list(&signed.caller, &query.filter()).await?.into_iter();
    let rows = rows.map(|row| {
        [row.seq.to_string(), row.at.to_string(), row.actor, row.action, row.target, row.detail.to_string()]
    });
    Ok(csv::file("audit", ["seq", "at", "actor", "action", "target", "detail"], rows))
}
