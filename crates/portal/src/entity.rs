//! Everything about one entity, restricted or not.

use std::net::IpAddr;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::Response;
use postern_domain::Timestamp;
use postern_domain::evidence::{AttemptRecord, Outcome};
use postern_domain::traffic::Traffic;
use postern_domain::window::Window;
use postern_services::service::{AlertFilter, AuditFilter};

use super::charts::{self, Chart};
use super::page::{Frame, render};
use super::refusal::Refusal;
use super::session::Signed;
use super::{names, texts};
use postern_services::countries::Countries;
use postern_services::service::views::{AlertView, AuditView, PolicyChoiceView, RestrictionView, UsageView};
use postern_services::service::{ServiceError, Services};

/// Number of hours in the chart.
const HOURS: u32 = 48;
/// Number of alerts and of audit entries shown.
const SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "entity.html")]
struct EntityPage {
    frame: Frame,
    usage: UsageView,
    choice: PolicyChoiceView,
    history: Vec<RestrictionView>,
    chart: Chart,
    /// The hourly limit that the chart's line shows.
    limit: Option<u32>,
    /// The total over the chart's hours.
    sent: Traffic,
    attempts: Vec<AttemptRecord>,
    origins: Vec<Origin>,
    /// Whether a country database is available.
    knows_countries: bool,
    alerts: Vec<AlertView>,
    audit: Vec<AuditView>,
}

impl EntityPage {
    /// The restriction in force.
    fn current(&self) -> Option<&RestrictionView> {
        self.history.iter().find(|one| one.released_at.is_none())
    }

    fn sent_nothing(&self) -> bool {
        self.sent == Traffic::default()
    }

    fn sent_text(&self) -> String {
        let Traffic { external, internal, messages, unknown, refused } = self.sent;
        let counts = [
            ("external", external.into()),
            ("internal", internal.into()),
            ("messages", messages.into()),
            ("unknown", unknown.into()),
            ("refused", refused.into()),
        ];
        texts::tn("entity-sent", &counts)
    }
}

/// An address that attempts came from.
#[derive(Debug, PartialEq, Eq)]
struct Origin {
    address: Option<IpAddr>,
    country: Option<String>,
    attempts: u32,
    refused: u32,
    recipients: u32,
    last: Timestamp,
}

/// Where attempts came from, most recipients first.
fn origins(attempts: &[AttemptRecord], countries: Option<&Countries>) -> Vec<Origin> {
    let mut origins: Vec<Origin> = Vec::new();
    for attempt in attempts {
        let known = origins.iter().position(|origin| origin.address == attempt.client_address);
        let index = known.unwrap_or_else(|| {
            let country = attempt.client_address.and_then(|address| countries?.of(address));
            let (address, last) = (attempt.client_address, attempt.at);
            origins.push(Origin { address, country, attempts: 0, refused: 0, recipients: 0, last });
            origins.len() - 1
        });
        let origin = &mut origins[index];
        origin.attempts += 1;
        origin.refused += u32::from(attempt.outcome == Outcome::Refused);
        origin.recipients = origin.recipients.saturating_add(attempt.recipients);
        origin.last = origin.last.max(attempt.at);
    }
    origins.sort_by_key(|origin| std::cmp::Reverse(origin.recipients));
    origins
}

/// A restriction's evidence and what came after it, oldest first.
fn together(evidence: &[AttemptRecord], recent: Vec<AttemptRecord>) -> Vec<AttemptRecord> {
    let seen = evidence.last().map(|last| last.at);
    let later = recent.into_iter().filter(|attempt| seen.is_none_or(|seen| attempt.at > seen));
    evidence.iter().cloned().chain(later).collect()
}

pub(super) async fn details(
    State(services): State<Arc<Services>>,
    signed: Signed,
    Path(entity): Path<String>,
) -> Result<Response, Refusal> {
    let caller = &signed.caller;
    let usage = services.usage.of(caller, &entity).await?;
    let choice = services.policies.explain(caller, &entity)?;
    let history = match services.restrictions.of(caller, &entity).await {
        Err(ServiceError::NotFound(_)) => Vec::new(),
        found => found?,
    };
    let hours = services.traffic.hours_of(caller, &entity, HOURS).await?;
    let limit = usage.windows.iter().find(|one| one.window == Window::ExternalPerHour).and_then(|one| one.limit);
    let evidence = history.iter().find(|one| one.released_at.is_none()).map(|one| one.evidence.attempts.as_slice());
    let attempts = together(evidence.unwrap_or_default(), services.usage.attempts(caller, &entity).await?);
    let settings = services.settings.load();
    let countries = settings.countries.as_deref();
    let alerts = AlertFilter { entity: Some(usage.entity.clone()), limit: Some(SHOWN), ..AlertFilter::default() };
    let audit = AuditFilter { target: Some(usage.entity.to_string()), limit: Some(SHOWN), ..AuditFilter::default() };
    let mut frame = Frame::signed(&services, "entity-title", &signed).at("/restricted");
    frame.title = usage.entity.to_string();
    Ok(render(&EntityPage {
        frame,
        chart: charts::of_entity(&hours, limit, services.clock.now()),
        limit,
        sent: hours.into_iter().fold(Traffic::default(), Traffic::plus),
        origins: origins(&attempts, countries),
        knows_countries: countries.is_some(),
        attempts,
        alerts: services.alerts.list(caller, &alerts).await?,
        audit: services.audit.list(caller, &audit).await?,
        usage,
        choice,
        history,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(second: i64, address: &str, recipients: u32, outcome: Outcome) -> AttemptRecord {
        AttemptRecord {
            at: Timestamp::from_millis(second * 1000),
            client_address: Some(address.parse().unwrap()),
            helo_name: "".into(),
            sasl_method: "PLAIN".into(),
            sender: "".into(),
            queue_id: "".into(),
            recipients,
            external: recipients,
            size: 0,
            outcome,
        }
    }

    #[test]
    fn attempts_are_told_once_and_added_up_by_address() {
        let evidence = [attempt(1, "192.0.2.1", 3, Outcome::Accepted), attempt(2, "192.0.2.2", 50, Outcome::Refused)];
        let recent = vec![attempt(2, "192.0.2.2", 50, Outcome::Refused), attempt(3, "192.0.2.1", 1, Outcome::Refused)];
        let all = together(&evidence, recent);
        assert_eq!(all.iter().map(|one| one.at.as_millis()).collect::<Vec<_>>(), [1000, 2000, 3000]);
        let found: Vec<_> = origins(&all, None)
            .into_iter()
            .map(|o| (o.address.unwrap().to_string(), o.attempts, o.refused, o.recipients, o.last.as_millis()))
            .collect();
        assert_eq!(found, [("192.0.2.2".into(), 1, 1, 50, 2000), ("192.0.2.1".into(), 2, 1, 4, 3000)]);
    }
}
