//! Organizations besides the first one.

use async_trait::async_trait;
use postern_domain::OrganizationId;
use postern_domain::organization::OrganizationRecord;

use crate::audit::NewAuditEntry;
use crate::error::StoreError;

/// Organizations besides the first one.
#[async_trait]
pub trait Organizations: Send + Sync {
    /// Organizations besides the first one, by id.
    ///
    /// # Errors
    /// The database fails.
    async fn organizations(&self) -> Result<Vec<OrganizationRecord>, StoreError>;

    /// Adds an organization.
    ///
    /// # Errors
    /// [`StoreError::OrganizationExists`], [`StoreError::DomainTaken`], or the database fails.
    async fn add_organization(&self, new: &OrganizationRecord, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Writes an organization in place of `before`, which has the same id, if it is still that.
    ///
    /// # Errors
    /// [`StoreError::NoOrganization`], [`StoreError::Changed`], [`StoreError::DomainTaken`], or the database fails.
    async fn save_organization(
        &self,
        before: &OrganizationRecord,
        new: &OrganizationRecord,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// Removes an organization with its policies, people and tokens. What happened stays.
    ///
    /// # Errors
    /// [`StoreError::NoOrganization`], or the database fails.
    async fn remove_organization(&self, id: &OrganizationId, audit: &NewAuditEntry) -> Result<(), StoreError>;
}
