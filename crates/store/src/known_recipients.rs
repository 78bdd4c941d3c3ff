//! Known recipients: the addresses that entities have written to before.

use async_trait::async_trait;
use postern_domain::{EntityId, Timestamp};

use crate::StoreError;

/// A recipient that an entity has written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRecipient {
    /// The account or connector.
    pub entity: EntityId,
    /// A hash of the recipient's address.
    pub recipient: i64,
    /// The day of the last mail, in days since 1970.
    pub day: u32,
}

/// Recipients that entities have written to. Part of [`crate::Store`]; the same rules apply.
#[async_trait]
pub trait KnownRecipients: Send + Sync {
    /// Records recipients that entities wrote to. For an entity that is new, recording starts at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn note_known_recipients(&self, noted: &[KnownRecipient], now: Timestamp) -> Result<(), StoreError>;

    /// Everything that is stored: since when recipients are recorded for each entity, and the recipients.
    ///
    /// # Errors
    /// The database fails.
    async fn known_recipients(&self) -> Result<(Vec<(EntityId, Timestamp)>, Vec<KnownRecipient>), StoreError>;

    /// Deletes recipients that their entity has not written to since `day`.
    ///
    /// # Errors
    /// The database fails.
    async fn forget_known_recipients(&self, day: u32) -> Result<(), StoreError>;
}
