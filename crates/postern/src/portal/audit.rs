//! The audit trail.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use postern_store::AuditFilter;
use serde::Deserialize;

use super::page::{Frame, Refusal, render, searched};
use super::session::Signed;
use super::{csv, names, texts};
use crate::desk::Desk;
use crate::desk::views::{AuditReportView, AuditView};

const PAGE: u32 = 100;

#[derive(Debug, Default, Deserialize)]
pub(super) struct ListQuery {
    #[serde(default)]
    q: String,
    #[serde(default)]
    verify: String,
    before: Option<i64>,
}

#[derive(Template)]
#[template(path = "portal/audit.html")]
struct AuditPage {
    frame: Frame,
    q: String,
    rows: Vec<AuditView>,
    next: Option<i64>,
    report: Option<AuditReportView>,
}

pub(super) async fn list(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let filter =
        AuditFilter { search: searched(&query.q), before: query.before, limit: Some(PAGE), ..AuditFilter::default() };
    let rows = desk.audit(&signed.caller, &filter).await?;
    let report = if query.verify == "1" { Some(desk.verify_audit(&signed.caller, None).await?) } else { None };
    let next = rows.last().filter(|_| rows.len() >= PAGE as usize).map(|last| last.seq);
    let frame = Frame::signed(&desk, "audit-title", &signed).at("/audit");
    Ok(render(&AuditPage { frame, q: query.q, rows, next, report }))
}

/// What the list shows, whole, as a file.
pub(super) async fn export(
    State(desk): State<Arc<Desk>>,
    signed: Signed,
    Query(query): Query<ListQuery>,
) -> Result<Response, Refusal> {
    let filter = AuditFilter { search: searched(&query.q), ..AuditFilter::default() };
    let rows = desk.audit(&signed.caller, &filter).await?.into_iter();
    let rows = rows.map(|row| {
        [row.seq.to_string(), row.at.to_string(), row.actor, row.action, row.target, row.detail.to_string()]
    });
    Ok(csv::file("audit", ["seq", "at", "actor", "action", "target", "detail"], rows))
}
