//! Whom entities have written to before.

use async_trait::async_trait;
use postern_domain::{EntityId, Timestamp};

use crate::StoreError;

/// An entity wrote to somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRecipient {
    /// The account or connector.
    pub entity: EntityId,
    /// To whom: a hash of the address.
    pub recipient: i64,
    /// On which day, since 1970.
    pub day: u32,
}

/// Whom entities have written to. Part of [`crate::Store`]; the same rules hold.
#[async_trait]
pub trait KnownRecipients: Send + Sync {
    /// Notes whom entities wrote to; who is new is remembered from `now` on.
    ///
    /// # Errors
    /// The database fails.
    async fn note_known_recipients(&self, noted: &[KnownRecipient], now: Timestamp) -> Result<(), StoreError>;

    /// Everything that is remembered, and since when of whom.
    ///
    /// # Errors
    /// The database fails.
    async fn known_recipients(&self) -> Result<(Vec<(EntityId, Timestamp)>, Vec<KnownRecipient>), StoreError>;

    /// Forgets whom nobody has written to since `day`.
    ///
    /// # Errors
    /// The database fails.
    async fn forget_known_recipients(&self, day: u32) -> Result<(), StoreError>;
}
