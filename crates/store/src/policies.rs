//! Outbound policies, alert policies and allowances.

use async_trait::async_trait;
use postern_domain::alert::AlertBook;
use postern_domain::policy::{Allowance, PolicyBook};
use postern_domain::{EntityId, OrganizationId, Timestamp};

use crate::audit::NewAuditEntry;
use crate::error::StoreError;

/// A book of policies that is changed by one at a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versioned<B> {
    /// The policies themselves.
    pub book: B,
    /// How often they have been changed.
    pub revision: u64,
}

/// A part of the configuration file that is taken over into the store when it says something new.
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

/// What a part of the configuration file says, that is taken over with a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// The part of the file.
    pub section: FileSection,
    /// What it said when it was last taken over, in JSON.
    pub before: Option<String>,
    /// What it says now.
    pub says: String,
}

/// The outbound policies as they are kept.
pub type VersionedPolicies = Versioned<PolicyBook>;

/// The alert policies as they are kept.
pub type VersionedAlertPolicies = Versioned<AlertBook>;

/// Outbound policies, alert policies and allowances.
#[async_trait]
pub trait Policies: Send + Sync {
    /// The outbound policies of every organization that has some of its own, or with `only` of that one.
    ///
    /// # Errors
    /// The database fails.
    async fn policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, VersionedPolicies)>, StoreError>;

    /// Writes an organization's outbound policies, if they are still those of `kept.revision` (0:
    /// there are none), and counts the revision up. With `file`, what that says is taken over.
    ///
    /// # Errors
    /// [`StoreError::Changed`], or the database fails.
    async fn save_policies(
        &self,
        organization: &OrganizationId,
        kept: &VersionedPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// The alert policies of every organization that has some of its own, or with `only` of that one.
    ///
    /// # Errors
    /// The database fails.
    async fn alert_policies(
        &self,
        only: Option<&OrganizationId>,
    ) -> Result<Vec<(OrganizationId, VersionedAlertPolicies)>, StoreError>;

    /// Writes an organization's alert policies, if they are still those of `kept.revision` (0:
    /// there are none), and counts the revision up. With `file`, what that says is taken over.
    ///
    /// # Errors
    /// [`StoreError::Changed`], or the database fails.
    async fn save_alert_policies(
        &self,
        organization: &OrganizationId,
        kept: &VersionedAlertPolicies,
        file: Option<&TakenOver>,
        audit: &[NewAuditEntry],
    ) -> Result<(), StoreError>;

    /// What a part of the configuration file said when it was last taken over, in JSON.
    ///
    /// # Errors
    /// The database fails.
    async fn taken_over(&self, section: FileSection) -> Result<Option<String>, StoreError>;

    /// Notes what a part of the configuration file says, where that changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if another process has taken something over meanwhile, or the database fails.
    async fn note_taken_over(&self, file: &TakenOver) -> Result<(), StoreError>;

    /// Grants an allowance, in place of one that the entity may have.
    ///
    /// # Errors
    /// The database fails.
    async fn grant(&self, allowance: &Allowance, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Ends the allowance of an entity before its time. `audit` says when and by whom.
    ///
    /// # Errors
    /// [`StoreError::NoAllowance`], or the database fails.
    async fn end_allowance(&self, entity: &EntityId, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Allowances in force at `now`, or with `only` that entity's, the one that ends first in front.
    ///
    /// # Errors
    /// The database fails.
    async fn allowances(&self, only: Option<&EntityId>, now: Timestamp) -> Result<Vec<Allowance>, StoreError>;
}
