//! The start page: what needs attention now.

use std::convert::Infallible;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream};
use postern_domain::access::Permission;
use postern_domain::alert::AlertStatus;
use postern_services::service::{AlertFilter, RestrictionFilter};

use super::charts::{self, Chart};
use super::page::{Frame, render};
use super::refusal::Refusal;
use super::session::{self, Signed};
use super::{names, texts};
use postern_services::directory::SourceState;
use postern_services::service::views::{AlertView, RestrictionView, StatusView};
use postern_services::service::{BusyView, Services, Watch};
use tower_sessions::Session;

/// Number of items shown in each list.
const SHOWN: u32 = 5;

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    restricted: Vec<RestrictionView>,
    restricted_count: u64,
    alerts: Vec<AlertView>,
    alert_count: u64,
    chart: Chart,
    /// Whether enough days are recorded to tell what is usual.
    usual_is_known: bool,
    busiest: Vec<BusyView>,
    /// None for callers who look after one organization.
    status: Option<StatusView>,
    directory: Vec<SourceState>,
}

impl OverviewPage {
    /// Whether the store has no known problem.
    fn store_is_well(&self) -> bool {
        self.status.as_ref().is_none_or(|status| !status.problems.iter().any(|problem| problem.starts_with("store")))
    }

    /// The colour for how full a window is.
    fn colour(busy: &BusyView) -> &'static str {
        match busy.percent() {
            0..50 => "",
            50..80 => "warn",
            _ => "bad",
        }
    }
}

pub(super) async fn show(State(services): State<Arc<Services>>, signed: Signed) -> Result<Response, Refusal> {
    let restricted = RestrictionFilter { limit: Some(SHOWN), ..RestrictionFilter::default() };
    let alerts = AlertFilter { limit: Some(SHOWN), status: Some(AlertStatus::Active), ..AlertFilter::default() };
    let caller = &signed.caller;
    let everywhere = caller.organization.is_none() && caller.role.is_some_and(|role| role.may(Permission::Look));
    let day = services.traffic.today(caller).await?;
    Ok(render(&OverviewPage {
        chart: charts::of_day(&day),
        usual_is_known: day.usual.is_some(),
        busiest: services.traffic.busiest(caller, SHOWN as usize).await?,
        directory: if everywhere { services.accounts.sources(caller)? } else { Vec::new() },
        restricted: services.restrictions.list(caller, &restricted).await?,
        restricted_count: services.restrictions.count(caller, &restricted).await?,
        alerts: services.alerts.list(caller, &alerts).await?,
        alert_count: services.alerts.count(caller, &alerts).await?,
        status: if everywhere { Some(services.status.get(caller).await?) } else { None },
        frame: Frame::signed(&services, "overview-title", &signed).at("/"),
    }))
}

/// Reports that something has changed, but not what: the page then requests that with the person's own rights.
pub(super) async fn changes(
    State(services): State<Arc<Services>>,
    current: Session,
    signed: Signed,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let authority = session::authority(&current, &signed)?;
    let watch = Watch::begin(&services, authority, &signed.caller, None).await?;
    let stream = stream::unfold(watch, |mut watch: Watch| async move {
        watch.next().await?;
        Some((Ok(Event::default().data("changed")), watch))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}
