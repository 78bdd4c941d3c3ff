//! What was sent over days.

use async_trait::async_trait;
use postern_domain::traffic::Traffic;
use postern_domain::{EntityId, OrganizationId};

use crate::StoreError;

/// What an entity sent in one bucket, since that was last noted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficNote {
    /// Whose it is.
    pub organization: OrganizationId,
    /// The account or connector.
    pub entity: EntityId,
    /// The bucket ([`postern_domain::traffic::bucket`]).
    pub bucket: u32,
    /// How much more.
    pub traffic: Traffic,
}

/// Is handed what each entity sent, bucket by bucket in order of time.
pub type TrafficVisitor = Box<dyn FnMut(EntityId, &[(u32, Traffic)]) + Send>;

/// What was sent over days. Part of [`crate::Store`]; the same rules hold.
#[async_trait]
pub trait TrafficHistory: Send + Sync {
    /// Adds to what entities and their organizations sent.
    ///
    /// # Errors
    /// The database fails.
    async fn note_traffic(&self, notes: &[TrafficNote]) -> Result<(), StoreError>;

    /// What an entity sent from a bucket on, in order of time.
    ///
    /// # Errors
    /// The database fails.
    async fn traffic_of(&self, entity: &EntityId, since: u32) -> Result<Vec<(u32, Traffic)>, StoreError>;

    /// What an organization, or all of them together, sent from an hour (since 1970) on, in order
    /// of time.
    ///
    /// # Errors
    /// The database fails.
    async fn traffic_by_hour(
        &self,
        organization: Option<&OrganizationId>,
        since: u32,
    ) -> Result<Vec<(u32, Traffic)>, StoreError>;

    /// Visits every entity that sent more than `least` recipients, messages or unknown recipients
    /// in all from a bucket on. Reads everything there is: seconds where a million entities send.
    ///
    /// # Errors
    /// The database fails.
    async fn scan_traffic(&self, since: u32, least: u32, visit: TrafficVisitor) -> Result<(), StoreError>;

    /// Forgets what entities sent before a bucket, and organizations before an hour. As it may be a
    /// lot, that is done in several transactions.
    ///
    /// # Errors
    /// The database fails.
    async fn forget_traffic(&self, bucket: u32, hour: u32) -> Result<(), StoreError>;
}
