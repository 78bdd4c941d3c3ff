//! Notifies admins that the store is unavailable, although nothing can be written to it.

use std::sync::Arc;
use std::time::Duration;

use postern_domain::alert::{Alert, AlertStatus, Trigger};
use postern_domain::evidence::Cause;
use postern_domain::fact::STORE;
use postern_domain::{Fact, OrganizationId, Timestamp};
use postern_store::audit::NewAuditEntry;
use postern_store::{Incident, Outgoing, QueuedMail, Store};

use crate::clock::Clock;
use crate::gate::{self, AlertPolicies, Projector, SYSTEM};
use crate::health::{Health, Part};
use crate::in_force::SettingsInForce;
use crate::metrics::Metrics;
use crate::outbox::Delivery;
use crate::randomness::Randomness;

/// Shorter outages are not reported.
const GRACE: Duration = Duration::from_secs(10);

/// An outage of the store.
#[derive(Debug)]
pub struct Outage {
    since: Timestamp,
    /// The alert, once admins have been notified.
    alert: Option<Alert>,
    /// Mails that have not been accepted yet. There is no outbox to store them in.
    waiting: Vec<Outgoing>,
}

/// Notifies admins that the store is unavailable.
pub struct OutageService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// The durable store.
    pub(crate) store: Arc<dyn Store>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// Alert policies in force.
    pub(crate) books: Arc<AlertPolicies>,
    /// Delivers mails and webhooks.
    pub(crate) delivery: Arc<Delivery>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub(crate) randomness: Arc<dyn Randomness>,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
    /// Which parts have failed, for `/healthz` and `postern status`.
    pub(crate) health: Arc<Health>,
}

impl OutageService {
    /// Checks whether the store works, and notifies the admins if it has been unavailable for a while. Once it works
    /// again, writes the outage down.
    pub async fn watch(&self, outage: &mut Option<Outage>) {
        let state = self.store.check().await.map_err(|error| error.to_string());
        self.metrics.store_up.set(i64::from(state.is_ok()));
        let is_news = self.health.note(Part::Store, state.clone());
        match state {
            Err(error) => {
                if is_news {
                    tracing::error!(error, "the store is unavailable; restrictions stay in force");
                }
                let now = self.clock.now();
                let outage = outage.get_or_insert(Outage { since: now, alert: None, waiting: Vec::new() });
                if outage.alert.is_none() && now.since(outage.since) >= GRACE {
                    self.raise_alert(outage, error);
                }
                self.send(outage).await;
            }
            Ok(()) => {
                if is_news {
                    tracing::info!("the store is available again");
                }
                if let Some(alert) = outage.take().and_then(|outage| outage.alert) {
                    self.write_down(alert).await;
                }
            }
        }
    }

    fn raise_alert(&self, outage: &mut Outage, error: String) {
        let settings = self.settings.load();
        let notification = self.books.notification(&settings, Trigger::StoreAway, None);
        let cause = Cause::Away { part: "the store".into(), error };
        let reference = self.randomness.reference();
        let alert = gate::alert(reference, Trigger::StoreAway, &notification, None, cause, outage.since);
        outage.waiting = notification.messages(&settings, &alert, None);
        self.metrics.alerts.inc();
        tracing::error!(reference = %alert.reference, notified = outage.waiting.len(), "alert: the store is unavailable");
        outage.alert = Some(alert);
    }

    async fn send(&self, outage: &mut Outage) {
        let Some(alert) = &outage.alert else { return };
        let (settings, now) = (self.settings.load_full(), self.clock.now());
        let mut left = Vec::new();
        for mail in std::mem::take(&mut outage.waiting) {
            let queued = QueuedMail {
                id: 0,
                reference: alert.reference.clone(),
                mail: mail.clone(),
                attempts: 0,
                created_at: outage.since,
            };
            if let Err(failure) = self.delivery.deliver(&settings, &queued, now).await {
                tracing::warn!(
                    recipient = mail.recipient,
                    error = failure.error,
                    "the mail about the unavailable store could not be sent yet"
                );
                left.push(mail);
            }
        }
        outage.waiting = left;
    }

    async fn write_down(&self, alert: Alert) {
        let now = self.clock.now();
        let audit = NewAuditEntry {
            at: now,
            organization: None,
            actor: SYSTEM.into(),
            fact: Fact::AlertRaised {
                about: STORE.into(),
                reference: alert.reference.clone(),
                reason: alert.cause.describe(),
                policy: Some(alert.trigger),
            },
        };
        let alert = Alert { status: AlertStatus::Resolved, closed_at: Some(now), ..alert };
        let incident = Incident {
            organization: OrganizationId::first(),
            alert,
            audit,
            unless_open_since: None,
            mails: Vec::new(),
            daily_notification_limits: Vec::new(),
        };
        if let Err(error) = self.projector.write(self.store.raise(&incident)).await {
            tracing::warn!(%error, "the outage of the store could not be recorded");
        }
    }
}
