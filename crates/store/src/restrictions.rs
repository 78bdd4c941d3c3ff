//! Restrictions: who may not send, and who may again.

use async_trait::async_trait;
use postern_domain::filter::RestrictionFilter;
use postern_domain::restriction::{Release, Released, Restriction, RestrictionRecord, Standing};
use postern_domain::{EntityId, Reference, Timestamp};

use crate::alerts::Incident;
use crate::audit::NewAuditEntry;
use crate::error::StoreError;

/// A restriction with what happened to it since.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRestriction {
    /// The restriction, in force or ended.
    pub record: RestrictionRecord,
    /// Attempts that were refused while it was in force.
    pub refused: u64,
    /// When the last of them was.
    pub last_refused_at: Option<Timestamp>,
}

/// Attempts that were refused under a restriction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusals {
    /// Names the restriction.
    pub reference: Reference,
    /// How many since it was last told.
    pub count: u64,
    /// When the last one was.
    pub last: Timestamp,
}

/// Restrictions: who may not send, and who may again.
#[async_trait]
pub trait Restrictions: Send + Sync {
    /// Writes a restriction with its alert, audit entry and mails.
    ///
    /// # Errors
    /// [`StoreError::AlreadyRestricted`], or the database fails.
    async fn restrict(&self, restriction: &Restriction, incident: &Incident) -> Result<(), StoreError>;

    /// Ends the restriction of `entity` and resolves its alert. With `only`, not if another
    /// restriction than that one is in force.
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

    /// Undoes the release of the restriction of that reference: it is in force again as it was, and so is its alert. `audit`
    /// says when.
    ///
    /// # Errors
    /// [`StoreError::NoRestriction`], [`StoreError::AlreadyRestricted`], [`StoreError::NotLastReleased`],
    /// [`StoreError::TimeIsOver`], or the database fails.
    async fn undo_release(&self, reference: &Reference, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Restrictions, newest first.
    ///
    /// # Errors
    /// The database fails.
    async fn restrictions(&self, filter: &RestrictionFilter) -> Result<Vec<StoredRestriction>, StoreError>;

    /// How many restrictions there are, whatever `skip` and `limit` say.
    ///
    /// # Errors
    /// The database fails.
    async fn count_restrictions(&self, filter: &RestrictionFilter) -> Result<u64, StoreError>;

    /// What an entity may do: by the restriction in force, else by its last release.
    ///
    /// # Errors
    /// The database fails.
    async fn standing(&self, entity: &EntityId) -> Result<Standing, StoreError>;

    /// The standing of every entity that is restricted, or on probation at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn standings(&self, now: Timestamp) -> Result<Vec<(EntityId, Standing)>, StoreError>;

    /// Adds to the number of attempts that restrictions refused.
    ///
    /// # Errors
    /// The database fails.
    async fn note_refusals(&self, refusals: &[Refusals]) -> Result<(), StoreError>;

    /// Restrictions without an end that are in force since before `before`, and of which nobody
    /// was told yet that this is long.
    ///
    /// # Errors
    /// The database fails.
    async fn overdue(&self, before: Timestamp) -> Result<Vec<StoredRestriction>, StoreError>;

    /// Writes an incident about a restriction that is overdue, once.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if it was told or released meanwhile, or the database fails.
    async fn raise_overdue(&self, restriction: &Reference, incident: &Incident) -> Result<(), StoreError>;
}
