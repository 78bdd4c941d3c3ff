//! Stored organizations: all but the first one, which the configuration file defines.

use async_trait::async_trait;
use postern_domain::OrganizationId;
use postern_domain::organization::OrganizationRecord;

use crate::audit::NewAuditEntry;
use crate::error::StoreError;

/// Organizations besides the first one.
#[async_trait]
pub trait Organizations: Send + Sync {
    /// All organizations but the first one, by id.
    ///
    /// # Errors
    /// The database fails.
    async fn organizations(&self) -> Result<Vec<OrganizationRecord>, StoreError>;

    /// Adds an organization. What accounts in its domains have sent before is forgotten.
    ///
    /// # Errors
    /// [`StoreError::OrganizationExists`], [`StoreError::DomainTaken`], or the database fails.
    async fn add_organization(&self, new: &OrganizationRecord, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Replaces the organization `before` by `new`, which has the same id, if `before` is still what is stored.
    /// Its people in a domain that it no longer has are removed, with the tokens that they have made; what accounts have
    /// sent in a domain that it gains or loses is forgotten.
    ///
    /// # Errors
    /// [`StoreError::NoOrganization`], [`StoreError::Changed`], [`StoreError::DomainTaken`], or the database fails.
    async fn save_organization(
        &self,
        before: &OrganizationRecord,
        new: &OrganizationRecord,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// Removes an organization with its policies, people and tokens. Its history stays: alerts, restrictions, audit
    /// entries.
    ///
    /// # Errors
    /// [`StoreError::NoOrganization`], or the database fails.
    async fn remove_organization(&self, id: &OrganizationId, audit: &NewAuditEntry) -> Result<(), StoreError>;
}
