//! The ledger: what each entity has sent and reserved, and its last attempts.
//!
//! The gate queries it through [`Ledger`]. [`memory::MemoryLedger`] stores everything in memory, and
//! journals it after the answer. A ledger for several nodes would implement the same trait, and has to
//! pass the same tests (`tests/conformance`).

mod encoding;
pub mod memory;
mod recent;

use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use postern_domain::evidence::{AttemptRecord, Outcome};
use postern_domain::policy::Limits;
use postern_domain::window::{Charge, Excess, Usage, Window};
use postern_domain::{EntityId, Timestamp};

pub use recent::RecentAttempts;

/// The clock of a ledger that has none of its own; tests move it.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The most attempts that a ledger stores for one entity.
pub use postern_domain::evidence::MAX_ATTEMPTS;

/// Identifies a message of one entity, on all nodes and across restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageId(pub u64);

impl MessageId {
    /// The ID of the message that a door identifies by `key`. If a part of the message was counted before the rest,
    /// `part` distinguishes them.
    pub fn of(entity: &EntityId, key: &str, part: u32) -> Self {
        let bytes = entity.name().bytes().chain([0]).chain(key.bytes());
        let part = Some(part).filter(|part| *part > 0).map(u32::to_le_bytes);
        Self(fnv(bytes.chain(part.into_iter().flatten())))
    }
}

/// FNV-1a, 64 bits. It suffices: the texts are short and not secret, and the mail server, not the client, chooses them.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Identifies a node, the owner of reservations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct NodeId(u64);

impl NodeId {
    /// The ID of the node with this name.
    pub fn of(name: &str) -> Self {
        Self(fnv(name.bytes()))
    }
}

/// A request to reserve recipients for one message under way.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// The account or connector that sends.
    pub entity: &'a EntityId,
    /// The message.
    pub message: MessageId,
    /// The node that the message is on.
    pub owner: NodeId,
    /// Everything that the message needs, including what it has already reserved.
    pub needs: Charge,
    /// What the entity may send.
    pub limits: &'a Limits,
    /// Treat reservations of other messages as accepted (see [`Usage::fit`]).
    pub reserved_is_certain: bool,
    /// How long the reservation lasts unless it is renewed, cancelled or committed.
    pub lease: Duration,
}

/// The result of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// Everything that the message needs is reserved. The entity's profile, if it has one.
    Fits(Option<Profile>),
    /// It does not fit, whatever happens to other messages under way. The message's reservation is unchanged.
    Exceeds(Excess),
    /// It fits only if another message under way is not accepted. The message's reservation is unchanged.
    Contended(Window),
    /// The message has already been counted.
    CountedAlready,
}

/// An attempt as evidence, borrowed: this is made for every message.
#[derive(Debug, Clone, Copy)]
pub struct AttemptRef<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// The client's address, if the mail server reported it.
    pub client_address: Option<IpAddr>,
    /// The name the client gave in HELO or EHLO.
    pub helo_name: &'a str,
    /// The client's SASL method; empty without a login.
    pub sasl_method: &'a str,
    /// The envelope sender.
    pub sender: &'a str,
    /// The mail server's queue ID, once there is one.
    pub queue_id: &'a str,
    /// The number of recipients, including a refused one.
    pub recipients: u32,
    /// How many of them are external.
    pub external: u32,
    /// Size in bytes; 0 if unknown.
    pub size: u64,
    /// Whether it was accepted or refused.
    pub outcome: Outcome,
}

impl<'a> From<&'a AttemptRecord> for AttemptRef<'a> {
    fn from(record: &'a AttemptRecord) -> Self {
        Self {
            at: record.at,
            client_address: record.client_address,
            helo_name: &record.helo_name,
            sasl_method: &record.sasl_method,
            sender: &record.sender,
            queue_id: &record.queue_id,
            recipients: record.recipients,
            external: record.external,
            size: record.size,
            outcome: record.outcome,
        }
    }
}

impl From<AttemptRef<'_>> for AttemptRecord {
    fn from(attempt: AttemptRef<'_>) -> Self {
        Self {
            at: attempt.at,
            client_address: attempt.client_address,
            helo_name: attempt.helo_name.into(),
            sasl_method: attempt.sasl_method.into(),
            sender: attempt.sender.into(),
            queue_id: attempt.queue_id.into(),
            recipients: attempt.recipients,
            external: attempt.external,
            size: attempt.size,
            outcome: attempt.outcome,
        }
    }
}

/// An accepted message.
#[derive(Debug, Clone)]
pub struct Accepted<'a> {
    /// The account or connector that sent it.
    pub entity: &'a EntityId,
    /// The message.
    pub message: MessageId,
    /// What it counts as.
    pub charge: Charge,
    /// The attempt, as evidence.
    pub record: AttemptRef<'a>,
    /// The entity's new profile; `None` leaves it unchanged.
    pub profile: Option<Profile>,
}

/// The result of counting a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It is counted. The new counts.
    Counted(Counts),
    /// It had been counted before.
    CountedAlready,
}

/// The count in each limited window.
pub type Counts = [(Window, u32); Window::LIMITED.len()];

/// What is known about how an entity usually sends: opaque to the ledger, at most [`Profile::MAX`] bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile(Box<[u8]>);

impl Profile {
    /// The largest profile, in bytes.
    pub const MAX: usize = 1024;

    /// A profile; `None` if it is too large.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Option<Self> {
        Some(bytes.into()).filter(|bytes| bytes.len() <= Self::MAX).map(Self)
    }

    /// Its content.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

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
    /// The ledger can't be reached.
    #[error("the counter engine can't be reached: {0}")]
    Unreachable(String),
}

/// Usage per entity. Each call is atomic for its entity, takes at most one round trip, and may be repeated: a repeated
/// call has no further effect. The time is the ledger's own.
///
/// # Errors
/// Every call fails with [`LedgerError`] if the ledger can't be reached.
pub trait Ledger: Send + Sync + 'static {
    /// Reserves everything that the message needs if it fits; otherwise changes nothing. Does not fit either if the
    /// mail server has refused more of the entity's recipients than its limit for unknown recipients allows, unless all
    /// recipients use the escape lane.
    fn reserve(&self, claim: Claim<'_>) -> impl Future<Output = Result<Reserved, LedgerError>> + Send;

    /// Cancels a message's reservation, if it has one.
    fn cancel(&self, entity: &EntityId, message: MessageId) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Cancels every reservation of a node. For a node that starts over a ledger that has outlived it, and knows none of
    /// its former messages; a ledger that ends with its node has nothing to cancel then.
    fn cancel_all_of(&self, owner: NodeId) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Counts an accepted message once, in place of its reservation.
    fn commit(&self, accepted: Accepted<'_>) -> impl Future<Output = Result<Committed, LedgerError>> + Send;

    /// Stores an attempt that was refused.
    fn refused(
        &self,
        entity: &EntityId,
        record: AttemptRef<'_>,
    ) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Counts recipients that the mail server itself refused, without a message.
    fn note(&self, entity: &EntityId, charge: Charge) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// Completes when a reservation of the entity has ended since this was called, whether or not it has been polled
    /// by then. It may complete early.
    fn freed(&self, entity: &EntityId) -> impl Future<Output = ()> + Send;

    /// What the entity has sent and reserved.
    fn usage(&self, entity: &EntityId) -> impl Future<Output = Result<Usage, LedgerError>> + Send;

    /// The entity's last attempts, oldest first, at most [`MAX_ATTEMPTS`].
    fn recent(&self, entity: &EntityId) -> impl Future<Output = Result<RecentAttempts, LedgerError>> + Send;

    /// Empties windows; the change is durable when this returns.
    fn reset(&self, entity: &EntityId, windows: &[Window]) -> impl Future<Output = Result<(), LedgerError>> + Send;

    /// How many entities have any usage.
    fn entity_count(&self) -> impl Future<Output = Result<usize, LedgerError>> + Send;

    /// The entities accepted by `wanted` with the highest counts in each of `windows`, at most `most` for
    /// each window. May take as long as reading all usage.
    fn busiest(
        &self,
        windows: &[Window],
        most: usize,
        wanted: impl Fn(&EntityId) -> bool + Send,
    ) -> impl Future<Output = Result<Vec<EntityId>, LedgerError>> + Send;

    /// The entities with usage that are accepted by `wanted`, at most `most`, in order of name. May take as long as
    /// reading all usage.
    fn entities(
        &self,
        most: usize,
        wanted: impl Fn(&EntityId) -> bool + Send,
    ) -> impl Future<Output = Result<Vec<EntityId>, LedgerError>> + Send;
}
