//! Traffic history: what entities and organizations sent over the last days.

use async_trait::async_trait;
use postern_domain::traffic::Traffic;
use postern_domain::{EntityId, OrganizationId};

use crate::StoreError;

/// What an entity sent in one bucket since it was last recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrafficNote {
    /// The entity's organization.
    pub organization: OrganizationId,
    /// The account or connector.
    pub entity: EntityId,
    /// The bucket ([`postern_domain::traffic::bucket`]).
    pub bucket: u32,
    /// The counts to add.
    pub traffic: Traffic,
}

/// Called once per entity with what it sent, bucket by bucket in order of time.
pub type TrafficVisitor = Box<dyn FnMut(EntityId, &[(u32, Traffic)]) + Send>;

/// What was sent over the last days. Part of [`crate::Store`]; the same rules apply.
#[async_trait]
pub trait TrafficHistory: Send + Sync {
    /// Adds to the counts of entities and of their organizations.
    ///
    /// # Errors
    /// The database fails.
    async fn note_traffic(&self, notes: &[TrafficNote]) -> Result<(), StoreError>;

    /// What an entity sent, from bucket `since` on, in order of time.
    ///
    /// # Errors
    /// The database fails.
    async fn traffic_of(&self, entity: &EntityId, since: u32) -> Result<Vec<(u32, Traffic)>, StoreError>;

    /// What an organization (or with `None`, all of them together) sent, from hour `since` (hours since 1970) on, in
    /// order of time.
    ///
    /// # Errors
    /// The database fails.
    async fn traffic_by_hour(
        &self,
        organization: Option<&OrganizationId>,
        since: u32,
    ) -> Result<Vec<(u32, Traffic)>, StoreError>;

    /// Visits every entity that sent more than `least` recipients, messages or unknown recipients in total from bucket
    /// `since` on. Reads the whole table, which takes seconds for a million sending entities.
    ///
    /// # Errors
    /// The database fails.
    async fn scan_traffic(&self, since: u32, least: u32, visit: TrafficVisitor) -> Result<(), StoreError>;

    /// Deletes what entities sent before `bucket`, and what organizations sent before `hour`. Unlike other calls, it
    /// takes several transactions, because this can be a lot.
    ///
    /// # Errors
    /// The database fails.
    async fn forget_traffic(&self, bucket: u32, hour: u32) -> Result<(), StoreError>;
}
