//! Events as they happen (server-sent events, HTML Living Standard section 9.2).

use std::convert::Infallible;
use std::sync::Arc;

use axum::response::sse::{Event as SentEvent, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::call::Call;
use super::problem::{Failed, Refusals};
use postern_services::desk::Desk;
use postern_services::events::{Event, Seen, Watcher};

pub(super) fn routes() -> OpenApiRouter<Arc<Desk>> {
    OpenApiRouter::new().routes(routes!(events))
}

/// The stream stays open; each event is one JSON object. `missed` tells a slow reader how many it
/// did not get.
#[utoipa::path(
    get,
    path = "/api/v1/events",
    tag = "Events",
    summary = "Watch restrictions, releases, alerts and policies as they happen",
    responses((status = 200, body = Event, content_type = "text/event-stream"), Refusals)
)]
async fn events(Call { desk, caller }: Call) -> Result<Sse<impl Stream<Item = Result<SentEvent, Infallible>>>, Failed> {
    let watcher = desk.watch(&caller)?;
    let stream = stream::unfold(watcher, |mut watcher: Watcher| async move {
        let sent = match watcher.next().await? {
            Seen::Event(event) => SentEvent::default().event(event.kind).json_data(&event).unwrap_or_default(),
            Seen::Missed(count) => SentEvent::default().event("missed").data(count.to_string()),
        };
        Some((Ok(sent), watcher))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}
