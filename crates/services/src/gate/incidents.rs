//! Incidents: restrictions and alerts, each written in one transaction before anyone is notified.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use postern_domain::alert::{Alert, AlertStatus, Trigger};
use postern_domain::evidence::{AttemptRecord, Cause, Evidence, MAX_ATTEMPTS, WindowCount};
use postern_domain::policy::Limits;
use postern_domain::restriction::{Restriction, Standing};
use postern_domain::window::{Usage, Window};
use postern_domain::{EntityId, EntityKind, Fact, Reference, Timestamp};
use postern_store::audit::NewAuditEntry;
use postern_store::{Incident, Store, StoreError};
use tokio::sync::watch;

use super::{AlertPolicies, Notification, OpenAlerts, Projector, Standings};
use crate::directory::DirectoryCache;
use crate::in_force::{InForce, SettingsInForce};
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbox::mails;
use crate::randomness::Randomness;

/// How long to wait after a store failure before trying the store again.
const STORE_PAUSE: Duration = Duration::from_secs(1);

/// The actor in the audit trail when Postern acts on its own.
pub const SYSTEM: &str = "system";

/// A restriction to be made.
#[derive(Debug, Clone)]
pub struct NewRestriction {
    /// The account or connector that may not send from now on.
    pub entity: EntityId,
    /// What led to it.
    pub cause: Cause,
    /// The counts and attempts that show it.
    pub evidence: Evidence,
    /// When it ends automatically; `None` if only an admin can release it.
    pub until: Option<Timestamp>,
    /// The admin who made it; `None` if a limit did.
    pub actor: Option<String>,
    /// Who is notified in addition to the alert policy's recipients.
    pub notify: Vec<String>,
}

/// What [`Incidents`] needs.
pub struct IncidentParts {
    /// Settings in force.
    pub settings: Arc<SettingsInForce>,
    /// Persistent state.
    pub store: Arc<dyn Store>,
    /// Who may send.
    pub standings: Arc<Standings>,
    /// Puts written changes in force.
    pub projector: Arc<Projector>,
    /// Who is notified.
    pub alert_policies: Arc<AlertPolicies>,
    /// Open alerts, so that an ongoing incident is reported once.
    pub open_alerts: Arc<OpenAlerts>,
    /// Which groups accounts are in.
    pub directory_cache: Arc<DirectoryCache>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
    /// Wakes the outbox.
    pub new_mail: watch::Sender<()>,
    /// Source of references; tests seed it.
    pub randomness: Arc<dyn Randomness>,
    /// Makes the signed links in notices.
    pub links: Links,
}

/// Writes restrictions and alerts, and notifies the recipients that the alert policies specify.
pub struct Incidents {
    parts: IncidentParts,
    /// One incident at a time, so that an entity is restricted only once.
    writing: tokio::sync::Mutex<()>,
    store_failed_at: Mutex<Option<Timestamp>>,
}

impl Incidents {
    /// Creates the writer from its parts.
    pub fn new(parts: IncidentParts) -> Self {
        Self { parts, writing: tokio::sync::Mutex::new(()), store_failed_at: Mutex::new(None) }
    }

    /// Restricts an entity: writes restriction, alert, audit entry and mails in one transaction, and
    /// returns the reference once the restriction is in force. If the entity is already restricted,
    /// returns the existing reference. `recipient` is the refused recipient, for the owner's notice.
    ///
    /// # Errors
    /// The store failed, and nothing is in force. If the restriction was written but could not be read back, it takes
    /// effect once it can be read.
    pub async fn restrict(
        &self,
        new: NewRestriction,
        recipient: &str,
        now: Timestamp,
    ) -> Result<Reference, StoreError> {
        let _one_at_a_time = self.writing.lock().await;
        if let Standing::Restricted { reference, .. } = self.parts.standings.get(&new.entity, now) {
            return Ok(reference);
        }
        self.pause_after_failure(now)?;
        let (restriction, incident) = self.with_incident(new, recipient, now);
        match self.parts.projector.write(self.parts.store.restrict(&restriction, &incident)).await {
            Ok(()) => {}
            // Another node restricted it first; its restriction serves as well.
            Err(StoreError::AlreadyRestricted { reference, .. }) => return Ok(reference),
            Err(error) => {
                // If it was written but can't be read back, its mails are in the outbox.
                self.parts.new_mail.send_replace(());
                return Err(self.store_failed(&restriction.entity, error, now));
            }
        }
        self.parts.metrics.restrictions.inc();
        self.parts.new_mail.send_replace(());
        tracing::warn!(
            entity = %restriction.entity,
            reference = %restriction.reference,
            reason = restriction.cause.describe(),
            until = restriction.until.map(|until| until.to_string()),
            "restricted"
        );
        Ok(restriction.reference)
    }

    /// Builds a restriction and the incident that is written with it.
    fn with_incident(&self, new: NewRestriction, recipient: &str, now: Timestamp) -> (Restriction, Incident) {
        let restriction = Restriction {
            reference: self.parts.randomness.reference(),
            entity: new.entity,
            cause: new.cause,
            since: now,
            until: new.until,
            evidence: new.evidence,
        };
        let (entity, reference) = (restriction.entity.clone(), restriction.reference.clone());
        let settings = self.parts.settings.load();
        let organization = settings.organization_of(&entity);
        let on_probation = matches!(restriction.cause, Cause::LimitExceeded { probation: true, .. });
        let trigger = Trigger::of_restriction(&entity, on_probation);
        let mut notification = self.notification(&settings, trigger, &entity);
        notification.also(&organization.expand(&new.notify));
        let cause = restriction.cause.clone();
        let alert = alert(reference.clone(), trigger, &notification, Some(entity.clone()), cause, now);
        let mut mails = notification.messages(&settings, &alert, Some(&restriction));
        if settings.alerts.notify_owner && entity.kind() == EntityKind::Account {
            let why = self.parts.links.why(&settings, &reference);
            mails.push(mails::for_owner(&settings, &restriction, recipient, why.as_deref()));
        }
        let (reason, until) = (restriction.cause.describe(), restriction.until);
        let incident = Incident {
            organization: organization.id.clone(),
            alert,
            audit: NewAuditEntry {
                at: now,
                organization: Some(organization.id.clone()),
                actor: new.actor.unwrap_or_else(|| SYSTEM.into()),
                fact: Fact::RestrictionAdded { entity, reference, reason, until },
            },
            unless_open_since: None,
            mails,
            daily_notification_limits: notification.limits,
        };
        (restriction, incident)
    }

    /// Whether an alert without a restriction would be a new incident: no such alert is open.
    pub fn wants_alert(&self, policy: Trigger, entity: &EntityId, now: Timestamp) -> bool {
        !self.parts.open_alerts.has(policy, entity, now)
    }

    /// Raises an alert without a restriction, once per incident. If the store fails, the next message
    /// over the limit tries again.
    pub async fn raise(&self, policy: Trigger, entity: &EntityId, cause: Cause, evidence: Evidence, now: Timestamp) {
        let _one_at_a_time = self.writing.lock().await;
        if !self.wants_alert(policy, entity, now) || self.pause_after_failure(now).is_err() {
            return;
        }
        let settings = self.parts.settings.load();
        let incident = self.incident(&settings, policy, entity, cause, evidence, now);
        let incident = Incident { unless_open_since: Some(OpenAlerts::since(now)), ..incident };
        match self.parts.projector.write(self.parts.store.raise(&incident)).await {
            Ok(()) => self.raised(entity, &incident),
            // Another node raised it first; its alert serves as well.
            Err(StoreError::AlreadyRaised { .. }) => {}
            Err(error) => {
                self.store_failed(entity, error, now);
            }
        }
    }

    /// Raises an alert for each restriction that has been in force longer than `alerts.release_overdue` without being
    /// released.
    pub async fn raise_overdue(&self, now: Timestamp) {
        let settings = self.parts.settings.load();
        let Ok(before) = i64::try_from(settings.alerts.release_overdue.as_millis()) else { return };
        if before == 0 {
            return;
        }
        let _one_at_a_time = self.writing.lock().await;
        let before = Timestamp::from_millis(now.as_millis() - before);
        let Ok(overdue) = self.parts.store.overdue(before).await else { return };
        for stored in overdue {
            let restriction = stored.record.restriction();
            let cause = Cause::ReleaseOverdue { restriction: restriction.reference.clone(), since: restriction.since };
            let entity = &restriction.entity;
            let incident = self.incident(&settings, Trigger::ReleaseOverdue, entity, cause, Evidence::default(), now);
            match self.parts.projector.write(self.parts.store.raise_overdue(&restriction.reference, &incident)).await {
                Ok(()) => self.raised(entity, &incident),
                Err(StoreError::Changed { .. }) => {}
                Err(error) => {
                    self.store_failed(entity, error, now);
                    return;
                }
            }
        }
    }

    /// Builds the incident for an alert without a restriction.
    fn incident(
        &self,
        settings: &InForce,
        trigger: Trigger,
        entity: &EntityId,
        cause: Cause,
        evidence: Evidence,
        now: Timestamp,
    ) -> Incident {
        let notification = self.notification(settings, trigger, entity);
        let reference = self.parts.randomness.reference();
        let organization = settings.directory.organization_of(entity);
        let audit = NewAuditEntry {
            at: now,
            organization: Some(organization.clone()),
            actor: SYSTEM.into(),
            fact: Fact::AlertRaised {
                about: entity.to_string(),
                reference: reference.clone(),
                reason: cause.describe(),
                policy: Some(trigger),
            },
        };
        let alert = Alert { evidence, ..alert(reference, trigger, &notification, Some(entity.clone()), cause, now) };
        let mails = notification.messages(settings, &alert, None);
        Incident {
            organization,
            alert,
            audit,
            unless_open_since: None,
            mails,
            daily_notification_limits: notification.limits,
        }
    }

    /// Reports an alert that was written: counts it, wakes the outbox, logs it.
    fn raised(&self, entity: &EntityId, incident: &Incident) {
        let Alert { reference, trigger, .. } = &incident.alert;
        let reason = incident.alert.cause.describe();
        self.parts.metrics.alerts.inc();
        self.parts.new_mail.send_replace(());
        tracing::warn!(%entity, %reference, reason, alert = trigger.name(), "alert");
    }

    fn notification(&self, settings: &InForce, trigger: Trigger, entity: &EntityId) -> Notification {
        let directory_cache = self.parts.directory_cache.load();
        self.parts.alert_policies.notification(settings, trigger, Some(directory_cache.member(entity)))
    }

    /// Forgets open alerts that are too old to belong to the same incident.
    pub fn sweep(&self, now: Timestamp) {
        self.parts.open_alerts.sweep(now);
    }

    fn pause_after_failure(&self, now: Timestamp) -> Result<(), StoreError> {
        let failed_at = *self.store_failed_at.lock().unwrap_or_else(PoisonError::into_inner);
        match failed_at {
            Some(at) if now.since(at) < STORE_PAUSE => {
                let source = "the store failed a moment ago and is left alone for a second".into();
                Err(StoreError::Database { path: "store".into(), source })
            }
            _ => Ok(()),
        }
    }

    fn store_failed(&self, entity: &EntityId, error: StoreError, now: Timestamp) -> StoreError {
        *self.store_failed_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        self.parts.metrics.store_errors.inc();
        tracing::error!(%entity, %error, "an incident can't be written down; mail over the limit is deferred meanwhile");
        error
    }
}

/// A new, active alert without evidence. If a restriction shares its reference, the restriction has the evidence.
pub fn alert(
    reference: Reference,
    policy: Trigger,
    notification: &Notification,
    entity: Option<EntityId>,
    cause: Cause,
    now: Timestamp,
) -> Alert {
    Alert {
        reference,
        trigger: policy,
        severity: notification.severity.unwrap_or(policy.severity()),
        status: AlertStatus::Active,
        entity,
        cause,
        evidence: Evidence::default(),
        raised_at: now,
        closed_at: None,
    }
}

/// Each window's count and limit, and the last attempts, at most [`MAX_ATTEMPTS`] of them.
pub fn evidence(usage: &Usage, limits: &Limits, mut attempts: Vec<AttemptRecord>, now: Timestamp) -> Evidence {
    let windows = Window::ALL.into_iter().map(|window| WindowCount {
        window,
        count: usage.count(window, now),
        limit: limits.of(window),
    });
    let surplus = attempts.len().saturating_sub(MAX_ATTEMPTS);
    attempts.drain(..surplus);
    Evidence { windows: windows.collect(), attempts }
}
