//! The ledger: what each entity has sent and reserved.
//!
//! The gate queries it through [`Ledger`]. [`memory::MemoryLedger`] stores everything in memory, and
//! journals it after the answer. A ledger for several nodes would implement the same trait.

pub mod memory;

use std::future::Future;

use postern_domain::policy::Limits;
use postern_domain::window::{Charge, Fit, Usage, Window};
use postern_domain::{EntityId, Timestamp};

/// A request to reserve recipients for one message under way.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The account or connector that sends.
    pub entity: &'a EntityId,
    /// What this message has already reserved.
    pub held: Charge,
    /// What it needs in addition.
    pub more: Charge,
    /// What the entity may send.
    pub limits: &'a Limits,
    /// Treat reservations of other messages as accepted (see [`Usage::fit`]).
    pub reserved_is_certain: bool,
}

/// The count in each limited window.
pub type Counts = [(Window, u32); Window::LIMITED.len()];

/// Why a ledger operation failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The journal could not be read or written.
    #[error("usage journal {path}: {source}")]
    Journal {
        /// The file or folder.
        path: std::path::PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The journal is not in the format of this version.
    #[error("usage journal {path}: {reason}; move the file away to start with empty usage")]
    Foreign {
        /// Path of the file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Usage per entity. Each call is atomic for its entity.
pub trait Ledger: Send + Sync + 'static {
    /// Makes a reservation if the claim fits; otherwise changes nothing.
    fn reserve(&self, claim: Claim<'_>, now: Timestamp) -> impl Future<Output = Fit> + Send;

    /// Cancels a reservation.
    fn cancel(&self, entity: &EntityId, held: Charge) -> impl Future<Output = ()> + Send;

    /// Counts an accepted message, cancels its reservation, and returns the new counts in the limited
    /// windows. `message` identifies the message, so that it is counted only once even if the mail
    /// server queries again after a restart.
    fn commit(
        &self,
        entity: &EntityId,
        message: &str,
        held: Charge,
        accepted: Charge,
        now: Timestamp,
    ) -> impl Future<Output = Counts> + Send;

    /// Counts recipients that the mail server itself refused, without a message.
    fn note(&self, entity: &EntityId, charge: Charge, now: Timestamp) -> impl Future<Output = ()> + Send;

    /// Whether `message` was counted shortly before the last restart.
    fn was_committed(&self, entity: &EntityId, message: &str) -> impl Future<Output = bool> + Send;

    /// What the entity has sent and reserved.
    fn usage(&self, entity: &EntityId) -> impl Future<Output = Usage> + Send;

    /// Empties windows; the change is durable when this returns.
    fn reset(&self, entity: &EntityId, windows: &[Window]) -> impl Future<Output = Result<(), LedgerError>> + Send;
}
