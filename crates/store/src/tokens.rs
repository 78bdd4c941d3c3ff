//! Stored API tokens.

use async_trait::async_trait;
use postern_domain::access::TokenRecord;
use postern_domain::{OrganizationId, Timestamp};

use crate::audit::NewAuditEntry;
use crate::error::StoreError;

/// API tokens, looked up by their SHA-256.
#[async_trait]
pub trait Tokens: Send + Sync {
    /// Stores a token by its SHA-256.
    ///
    /// # Errors
    /// [`StoreError::TokenExists`], or the database fails.
    async fn add_token(&self, token: &TokenRecord, hash: &[u8; 32], audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Revokes the organization's token of this name. `audit` states when and by whom.
    ///
    /// # Errors
    /// [`StoreError::NoToken`], or the database fails.
    async fn revoke_token(
        &self,
        organization: Option<&OrganizationId>,
        name: &str,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// Tokens that are not revoked, oldest first.
    ///
    /// # Errors
    /// The database fails.
    async fn tokens(&self) -> Result<Vec<TokenRecord>, StoreError>;

    /// The token with this hash, unless it is revoked; it may have expired.
    ///
    /// # Errors
    /// The database fails.
    async fn token(&self, hash: &[u8; 32]) -> Result<Option<TokenRecord>, StoreError>;

    /// Records that a token was used.
    ///
    /// # Errors
    /// The database fails.
    async fn token_used(&self, hash: &[u8; 32], at: Timestamp) -> Result<(), StoreError>;
}
