//! Tests for alerts, and for an unavailable store.

use std::time::Duration;

use postern_domain::alert::AlertStatus;
use postern_domain::filter::AlertFilter;

use super::*;
use crate::service::AlertRequest;

#[tokio::test]
async fn what_is_done_about_an_alert_is_noted() {
    let site = Site::new();
    let node = with_tenant(&site).await;
    restrict(&node, "alice").await;
    let alerts = &node.services.alerts;
    let alert = alerts.list(&reader(), &AlertFilter::default()).await.unwrap().remove(0);
    let reference = alert.reference.as_str();
    let ask = |status, comment: &str| AlertRequest { status, comment: comment.into() };
    assert_eq!(invalid(alerts.change(&admin(), reference, &ask(None, " ")).await), "comment");
    assert_eq!(invalid(alerts.get(&admin(), "what?").await), "reference");
    forbidden(alerts.change(&reader(), reference, &ask(None, "at it")).await);
    not_found(alerts.change(&tenant_admin(), reference, &ask(None, "at it")).await);
    alerts.change(&admin(), reference, &ask(Some(AlertStatus::Investigating), "at it")).await.unwrap();
    let changed = alerts.change(&admin(), reference, &ask(None, "called her")).await.unwrap();
    assert_eq!((changed.alert.status, changed.notes.len()), (AlertStatus::Investigating, 2));
    let open = AlertFilter { status: Some(AlertStatus::Active), ..AlertFilter::default() };
    assert_eq!(alerts.count(&reader(), &open).await.unwrap(), 0);
}

#[tokio::test]
async fn admins_hear_of_a_store_that_stays_away_and_it_is_written_down_when_it_is_back() {
    let site = Site::new();
    let node = site.node().await;
    let database = |statement: &str| {
        rusqlite::Connection::open(site.database()).unwrap().execute_batch(statement).unwrap();
    };
    let mut outage = None;
    node.services.outages.watch(&mut outage).await;
    assert!(outage.is_none());
    // A lock that is never released, like that of a backup of the whole file.
    let holder = rusqlite::Connection::open(site.database()).unwrap();
    holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
    node.services.outages.watch(&mut outage).await;
    assert_eq!((node.services.metrics.alerts.get(), node.services.health.is_ready()), (0, false));
    site.clock.advance(Duration::from_secs(10));
    node.services.outages.watch(&mut outage).await;
    assert_eq!(node.services.metrics.alerts.get(), 1);
    holder.execute_batch("COMMIT").unwrap();
    node.services.outages.watch(&mut outage).await;
    assert!(outage.is_none() && node.services.health.is_ready());
    let alerts = site.store().alerts(&AlertFilter::default()).await.unwrap();
    assert_eq!((alerts.len(), alerts[0].alert.status), (1, AlertStatus::Resolved));
    database("SELECT 1");
}
