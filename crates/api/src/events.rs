//! Events as they happen (server-sent events, HTML Living Standard section 9.2).

use std::convert::Infallible;
use std::sync::Arc;

use axum::http::HeaderMap;
use axum::response::sse::{Event as SentEvent, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::problem::{Failed, Refusals};
use super::types::Event;
use postern_services::events::Watcher;
use postern_services::service::{ServiceError, Services};

pub(super) fn routes() -> OpenApiRouter<Arc<Services>> {
    OpenApiRouter::new().routes(routes!(events))
}

/// Events after the one that a client names are sent first, so that a client that reconnects misses nothing.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Header)]
struct LastEvent {
    /// The ID of the last event received, as browsers send it; without it, only new events
    #[serde(rename = "Last-Event-ID")]
    #[param(rename = "Last-Event-ID")]
    #[expect(dead_code, reason = "describes the header; `last_event` reads it")]
    last_event_id: Option<i64>,
}

fn last_event(headers: &HeaderMap) -> Result<Option<i64>, ServiceError> {
    let Some(value) = headers.get("last-event-id") else { return Ok(None) };
    let text = value.to_str().unwrap_or_default().trim();
    let problem = || format!("is {text:?}, expected the id of an event, a number");
    text.parse().map(Some).map_err(|_| ServiceError::Invalid { field: "Last-Event-ID".into(), problem: problem() })
}

/// The stream stays open; each event is one JSON object.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "Events",
    summary = "Stream restrictions, releases, alerts and policy changes as they happen",
    params(LastEvent),
    responses((status = 200, body = Event, content_type = "text/event-stream"), Refusals)
)]
async fn events(
    Call { services, caller }: Call,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<SentEvent, Infallible>>>, Failed> {
    let watcher = services.audit.watch(&caller, last_event(&headers)?).await?;
    let stream = stream::unfold(watcher, |mut watcher: Watcher| async move {
        let event = watcher.next().await?;
        let sent = SentEvent::default().id(event.id.to_string()).event(event.kind).json_data(Event::from(event));
        Some((Ok(sent.unwrap_or_default()), watcher))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}
