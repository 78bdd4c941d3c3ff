//! Alerts: list them, show them, and note what is done about them.

use std::sync::Arc;

use postern_domain::access::Permission;
use postern_domain::alert::{AlertNote, AlertStatus};
use postern_domain::filter::AlertFilter;
use postern_domain::{EntityId, Fact, OrganizationId};
use postern_store::Alerts;
use postern_store::audit::NewAuditEntry;

use super::views::{AlertDetailView, AlertView};
use super::{Caller, ServiceError};
use crate::clock::Clock;
use crate::gate::Projector;
use crate::in_force::SettingsInForce;

const MAX_COMMENT: usize = 4096;

/// A request to change an alert: a status, a comment, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertRequest {
    /// The new status; none leaves it as it is.
    pub status: Option<AlertStatus>,
    /// The comment.
    pub comment: String,
}

/// Lists alerts, and notes what is done about them.
pub struct AlertService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Stored alerts and their notes.
    pub(crate) store: Arc<dyn Alerts>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
}

impl AlertService {
    /// Alerts, newest first.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn list(&self, caller: &Caller, filter: &AlertFilter) -> Result<Vec<AlertView>, ServiceError> {
        caller.may(Permission::Look)?;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = AlertFilter { organization, ..filter.clone() };
        Ok(self.store.alerts(&filter).await?.into_iter().map(Into::into).collect())
    }

    /// The number of matching alerts, regardless of the filter's pages.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn count(&self, caller: &Caller, filter: &AlertFilter) -> Result<u64, ServiceError> {
        caller.may(Permission::Look)?;
        let organization = caller.organization.clone().or_else(|| filter.organization.clone());
        let filter = AlertFilter { organization, ..filter.clone() };
        Ok(self.store.count_alerts(&filter).await?)
    }

    /// One alert with what people did about it.
    ///
    /// # Errors
    /// The caller may not view this, the text is not a reference, there is no such alert, or the store fails.
    pub async fn get(&self, caller: &Caller, reference: &str) -> Result<AlertDetailView, ServiceError> {
        caller.may(Permission::Look)?;
        let reference = super::reference(reference)?;
        let filter = AlertFilter {
            reference: Some(reference.clone()),
            organization: caller.organization.clone(),
            ..AlertFilter::default()
        };
        let missing = || ServiceError::NotFound(format!("there is no alert {reference}"));
        let alert = self.store.alerts(&filter).await?.pop().ok_or_else(missing)?;
        Ok(AlertDetailView { alert: alert.into(), notes: self.store.alert_notes(&reference).await? })
    }

    fn organization_about(&self, entity: Option<&EntityId>) -> OrganizationId {
        let settings = self.settings.load();
        entity.map_or_else(OrganizationId::first, |entity| settings.directory.organization_of(entity))
    }

    /// Gives an alert a status, a comment, or both. A closed alert no longer covers later events: the next time that
    /// the entity exceeds a limit raises a new alert.
    ///
    /// # Errors
    /// The caller lacks permission, neither is given, there is no such alert, or the store fails.
    pub async fn change(
        &self,
        caller: &Caller,
        reference: &str,
        request: &AlertRequest,
    ) -> Result<AlertDetailView, ServiceError> {
        caller.may(Permission::Manage)?;
        let comment = request.comment.trim();
        let invalid = |problem: &str| ServiceError::Invalid { field: "comment".into(), problem: problem.into() };
        if request.status.is_none() && comment.is_empty() {
            return Err(invalid("is empty; give a status, a comment, or both"));
        }
        if comment.chars().count() > MAX_COMMENT {
            return Err(invalid("is longer than 4096 characters"));
        }
        let reference = super::reference(reference)?;
        // Another organization's alert is treated as if it did not exist.
        let before = self.get(caller, reference.as_str()).await?.alert;
        let organization = self.organization_about(before.entity.as_ref());
        let at = self.clock.now();
        let note = AlertNote { at, by: caller.name.clone(), status: request.status, comment: comment.to_owned() };
        let audit = NewAuditEntry {
            at,
            organization: Some(organization),
            actor: caller.name.clone(),
            fact: Fact::AlertNoted {
                reference: reference.clone(),
                entity: before.entity,
                status: note.status,
                becomes: Some(note.status.unwrap_or(before.status)),
                comment: note.comment.clone(),
            },
        };
        self.projector.write(self.store.note_alert(&reference, &note, &audit)).await?;
        self.get(caller, reference.as_str()).await
    }
}
