//! Stored outbound policies, alert policies and allowances.

use async_trait::async_trait;
use postern_domain::alert::AlertBook;
use postern_domain::policy::{Allowance, PolicyBook};
use postern_domain::{EntityId, OrganizationId, Timestamp};

use crate::audit::NewAuditEntry;
use crate::error::StoreError;

/// A book of policies with a revision, so that only one change at a time succeeds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versioned<B> {
    /// The policies themselves.
    pub book: B,
    /// How many times they have been changed.
    pub revision: u64,
}

/// A part of the configuration file that is taken over into the store when it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSection {
    /// The default outbound policy of the file, `[outbound_policy]`.
    OutboundPolicy,
    /// The alert policies of the file, `[[alert_policy]]`.
    AlertPolicies,
}

impl FileSection {
    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            FileSection::OutboundPolicy => "policies.file.default",
            FileSection::AlertPolicies => "alert_policies.file.default",
        }
    }
}

/// The content of a part of the configuration file, taken over together with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// The part of the file.
    pub section: FileSection,
    /// The content that was last taken over, as JSON.
    pub before: Option<String>,
    /// The current content, as JSON.
    pub says: String,
}

/// The stored outbound policies.
pub type VersionedPolicies = Versioned<PolicyBook>;

/// The stored alert policies.
pub type VersionedAlertPolicies = Versioned<AlertBook>;

/// Outbound policies, alert policies and allowances.
#[async_trait]
pub trait Policies: Send + Sync {
    /// The outbound policies of every organization that has its own; with `only`, just those of that organization.
    ///
    /// # Errors
    /// The database fails.
    async fn policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, VersionedPolicies)>, StoreError>;

    /// Writes an organization's outbound policies if the stored revision is still `kept.revision` (0: none are stored),
    /// and increments the revision. With `file`, also records the content of the file as taken over.
    ///
    /// # Errors
    /// [`StoreError::Changed`], or the database fails.
    async fn save_policies(
        &self,
        organization: &OrganizationId,
        stored: &VersionedPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// The alert policies of every organization that has its own; with `only`, just those of that organization.
    ///
    /// # Errors
    /// The database fails.
    async fn alert_policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, VersionedAlertPolicies)>, StoreError>;

    /// Writes an organization's alert policies if the stored revision is still `kept.revision` (0: none are stored),
    /// and increments the revision. With `file`, also records the content of the file as taken over.
    ///
    /// # Errors
    /// [`StoreError::Changed`], or the database fails.
    async fn save_alert_policies(
        &self,
        organization: &OrganizationId,
        stored: &VersionedAlertPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// The content of a part of the configuration file when it was last taken over, as JSON.
    ///
    /// # Errors
    /// The database fails.
    async fn taken_over(&self, section: FileSection) -> Result<Option<String>, StoreError>;

    /// Records the content of a part of the configuration file as taken over where it changes no policy.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if another process has taken over something meanwhile, or the database fails.
    async fn note_taken_over(&self, file: &TakenOver) -> Result<(), StoreError>;

    /// Grants an allowance; it replaces the one that the entity may already have.
    ///
    /// # Errors
    /// The database fails.
    async fn grant(&self, allowance: &Allowance, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Ends the allowance of an entity early. `audit` states when and by whom.
    ///
    /// # Errors
    /// [`StoreError::NoAllowance`], or the database fails.
    async fn end_allowance(&self, entity: &EntityId, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// The allowances in force at `now`, those that end soonest first; with `only`, just that entity's.
    ///
    /// # Errors
    /// The database fails.
    async fn allowances(&self, only: Option<&EntityId>, now: Timestamp) -> Result<Vec<Allowance>, StoreError>;
}
