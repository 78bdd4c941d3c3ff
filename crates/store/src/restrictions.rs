//! Stored restrictions: which entities may not send, and which were released.

use async_trait::async_trait;
use postern_domain::filter::RestrictionFilter;
use postern_domain::restriction::{Release, Released, Restriction, RestrictionRecord, Standing};
use postern_domain::{EntityId, Reference, Timestamp};

use crate::alerts::Incident;
use crate::audit::NewAuditEntry;
use crate::error::StoreError;

/// A restriction with what has happened since it was made.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRestriction {
    /// The restriction, in force or ended.
    pub record: RestrictionRecord,
    /// Attempts that were refused while it was in force.
    pub refused: u64,
    /// When the last of these attempts was.
    pub last_refused_at: Option<Timestamp>,
}

/// Attempts that were refused under a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// The restriction's reference.
    pub reference: Reference,
    /// The number of attempts since refusals were last noted.
    pub count: u64,
    /// When the last of these attempts was.
    pub last: Timestamp,
}

/// Restrictions: made, released, and counted.
#[async_trait]
pub trait Restrictions: Send + Sync {
    /// Writes a restriction with its alert, audit entry and mails.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRestricted`], or the database fails.
    async fn restrict(&self, restriction: &Restriction, incident: &Incident) -> Result<(), StoreError>;

    /// Ends the restriction of `entity` and resolves its alert. With `only`, does so only if that restriction is the
    /// one in force.
    ///
    /// # Errors
    /// [`StoreError::NotRestricted`], or the database fails.
    async fn release(
        &self,
        entity: &EntityId,
        only: Option<&Reference>,
        release: &Release,
        audit: &NewAuditEntry,
    ) -> Result<Released, StoreError>;

    /// Undoes the release of the restriction with this reference: it is in force again as it was, and its alert is open
    /// again. `audit` states when.
    ///
    /// # Errors
    /// [`StoreError::NoRestriction`], [`StoreError::AlreadyRestricted`], [`StoreError::NotLastReleased`],
    /// [`StoreError::TimeIsOver`], or the database fails.
    async fn undo_release(&self, reference: &Reference, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Restrictions that match the filter, in its order: newest first unless it states another.
    ///
    /// # Errors
    /// The database fails.
    async fn restrictions(&self, filter: &RestrictionFilter) -> Result<Vec<StoredRestriction>, StoreError>;

    /// The number of matching restrictions, regardless of `skip` and `limit`.
    ///
    /// # Errors
    /// The database fails.
    async fn count_restrictions(&self, filter: &RestrictionFilter) -> Result<u64, StoreError>;

    /// The standing of an entity: from the restriction in force, otherwise from its last release.
    ///
    /// # Errors
    /// The database fails.
    async fn standing(&self, entity: &EntityId) -> Result<Standing, StoreError>;

    /// The standing of every entity that is restricted, or on probation, at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn standings(&self, now: Timestamp) -> Result<Vec<(EntityId, Standing)>, StoreError>;

    /// Adds to the counts of attempts that restrictions refused.
    ///
    /// # Errors
    /// The database fails.
    async fn note_refusals(&self, refusals: &[Refusals]) -> Result<(), StoreError>;

    /// Restrictions without an end that have been in force since before `before` and have not been reported as overdue.
    ///
    /// # Errors
    /// The database fails.
    async fn overdue(&self, before: Timestamp) -> Result<Vec<StoredRestriction>, StoreError>;

    /// Writes an incident about an overdue restriction, at most once per restriction.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if it was reported or released meanwhile, or the database fails.
    async fn raise_overdue(&self, restriction: &Reference, incident: &Incident) -> Result<(), StoreError>;
}
