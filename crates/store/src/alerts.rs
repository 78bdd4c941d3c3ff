//! Stored alerts, and what people did about them.

use async_trait::async_trait;
use postern_domain::alert::{Alert, AlertNote, Trigger};
use postern_domain::filter::AlertFilter;
use postern_domain::{EntityId, OrganizationId, Reference, Timestamp};

use crate::audit::NewAuditEntry;
use crate::error::StoreError;
use crate::outbox::Outgoing;

/// One incident to be written, in full or not at all.
#[derive(Debug, Clone)]
pub struct Incident {
    /// The organization it belongs to.
    pub organization: OrganizationId,
    /// The alert for the admins.
    pub alert: Alert,
    /// The entry for the audit trail.
    pub audit: NewAuditEntry,
    /// If set, nothing is written if an alert with the same trigger about the same entity was raised after this and is
    /// open.
    pub unless_open_since: Option<Timestamp>,
    /// The mails and webhooks it causes.
    pub mails: Vec<Outgoing>,
    /// Alert policies with the number of alerts that each may notify of per day (UTC): the mails that such a policy
    /// wants for further alerts are left out.
    pub daily_notification_limits: Vec<(String, u32)>,
}

/// An alert with the delivery state of its mails.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredAlert {
    /// The alert itself.
    pub alert: Alert,
    /// Mails that are still to be delivered.
    pub waiting: u32,
    /// Mails that were delivered.
    pub delivered: u32,
    /// Mails that were given up.
    pub given_up: u32,
    /// Why the last failed delivery failed.
    pub last_error: Option<String>,
}

/// An alert that is not closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenAlert {
    /// What raised it.
    pub trigger: Trigger,
    /// The account or connector it is about.
    pub entity: EntityId,
    /// When it was raised.
    pub raised_at: Timestamp,
}

/// Alerts, and what people did about them.
#[async_trait]
pub trait Alerts: Send + Sync {
    /// Writes an incident that restricts no entity.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRaised`], or the database fails.
    async fn raise(&self, incident: &Incident) -> Result<(), StoreError>;

    /// Alerts, newest first.
    ///
    /// # Errors
    /// The database fails.
    async fn alerts(&self, filter: &AlertFilter) -> Result<Vec<StoredAlert>, StoreError>;

    /// The number of matching alerts, regardless of `skip` and `limit`.
    ///
    /// # Errors
    /// The database fails.
    async fn count_alerts(&self, filter: &AlertFilter) -> Result<u64, StoreError>;

    /// Records what somebody did about an alert, and gives the alert the note's status, if it has one.
    ///
    /// # Errors
    /// [`StoreError::NoAlert`], or the database fails.
    async fn note_alert(
        &self,
        reference: &Reference,
        note: &AlertNote,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// What people did about an alert, oldest first.
    ///
    /// # Errors
    /// The database fails.
    async fn alert_notes(&self, reference: &Reference) -> Result<Vec<AlertNote>, StoreError>;

    /// Alerts about entities (with `only`, just about that one) that were raised after `since` and are not closed: the
    /// newest for each trigger and entity.
    ///
    /// # Errors
    /// The database fails.
    async fn open_alerts(&self, only: Option<&EntityId>, since: Timestamp) -> Result<Vec<OpenAlert>, StoreError>;
}
