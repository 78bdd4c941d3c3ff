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
use postern_services::service::{Authority, ServiceError, Services, Watch};

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

/// The stream stays open for as long as the token is valid; each event is one JSON object. At most six are open at once
/// for each token.
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
    axum::Extension(authority): axum::Extension<Authority>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<SentEvent, Infallible>>>, Failed> {
    let watch = Watch::begin(&services, authority, &caller, last_event(&headers)?).await?;
    let stream = stream::unfold(watch, |mut watch: Watch| async move {
        let event = watch.next().await?;
        let sent = SentEvent::default().id(event.id.to_string()).event(event.kind).json_data(Event::from(event));
        Some((Ok(sent.unwrap_or_default()), watch))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}
