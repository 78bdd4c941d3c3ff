//! Usage: what each entity has sent and has reserved.
//!
//! [`Ledger`] is what the gate asks. [`memory::MemoryLedger`] keeps everything in memory and
//! journals it behind the answer. A ledger for several nodes would implement the same trait.

pub mod memory;

use std::future::Future;

use postern_domain::policy::Limits;
use postern_domain::window::{Charge, Fit, Usage, Window};
use postern_domain::{EntityId, Timestamp};

/// A question to the ledger about one message under way.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The account or connector that sends.
    pub entity: &'a EntityId,
    /// What this message has reserved already.
    pub held: Charge,
    /// What it needs besides.
    pub more: Charge,
    /// What the entity may send.
    pub limits: &'a Limits,
    /// Take what other messages reserved as accepted (see [`Usage::fit`]).
    pub reserved_is_certain: bool,
}

/// How full each limited window is.
pub type Counts = [(Window, u32); Window::LIMITED.len()];

/// Why the ledger could not do as it was told.
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
    /// The journal was written by something that isn't this version.
    #[error("usage journal {path}: {reason}; move the file away to start with empty usage")]
    Foreign {
        /// Path of the file.
        path: std::path::PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// Counts per entity. Each call is atomic for its entity.
pub trait Ledger: Send + Sync + 'static {
    /// Reserves room if the claim fits; otherwise changes nothing.
    fn reserve(&self, claim: Claim<'_>, now: Timestamp) -> impl Future<Output = Fit> + Send;

    /// Gives reserved room back.
    fn cancel(&self, entity: &EntityId, held: Charge) -> impl Future<Output = ()> + Send;

    /// Counts an accepted message, gives back what it had reserved, and tells how full the
    /// limited windows are now. `message` names the message, so that it is counted once even
    /// if it is asked about again after a restart.
    fn commit(
        &self,
        entity: &EntityId,
        message: &str,
        held: Charge,
        accepted: Charge,
        now: Timestamp,
    ) -> impl Future<Output = Counts> + Send;

    /// Counts what is no message: recipients that the mail server itself refused.
    fn note(&self, entity: &EntityId, charge: Charge, now: Timestamp) -> impl Future<Output = ()> + Send;

    /// Whether `message` was counted lately, perhaps before a restart.
    fn was_committed(&self, entity: &EntityId, message: &str) -> impl Future<Output = bool> + Send;

    /// What the entity has sent and reserved.
    fn usage(&self, entity: &EntityId) -> impl Future<Output = Usage> + Send;

    /// Empties windows, durably before it returns.
    fn reset(&self, entity: &EntityId, windows: &[Window]) -> impl Future<Output = Result<(), LedgerError>> + Send;
}
