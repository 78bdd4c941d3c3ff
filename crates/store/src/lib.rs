//! Durable state: restrictions with their alerts, policies, people, the audit trail, and the outbox.
//!
//! Each noun has a trait; [`Store`] is all of them. [`sqlite::SqliteStore`] has it in one file; whatever else implements it has
//! to pass the same suite (`conformance.rs`). The store decides nothing: it does what it is told, whole or not at all.

mod alerts;
pub mod audit;
mod error;
pub mod idempotency;
pub mod known_recipients;
mod organizations;
mod outbox;
pub mod people;
mod policies;
mod restrictions;
pub mod sqlite;
mod tokens;
pub mod traffic;

#[cfg(test)]
mod conformance;

use async_trait::async_trait;

pub use alerts::{Alerts, Incident, OpenAlert, StoredAlert};
pub use audit::Trail;
pub use error::StoreError;
pub(crate) use error::Unreadable;
pub use idempotency::Idempotency;
pub use known_recipients::KnownRecipients;
pub use organizations::Organizations;
pub use outbox::{DeliveryOutcome, MailKind, Outbox, OutboxState, Outgoing, QueuedMail};
pub use people::People;
pub use policies::{FileSection, Policies, TakenOver, Versioned, VersionedAlertPolicies, VersionedPolicies};
pub use postern_domain::access::TokenRecord;
pub use postern_domain::organization::OrganizationRecord;
pub use restrictions::{Refusals, Restrictions, StoredRestriction};
pub use tokens::Tokens;
pub use traffic::TrafficHistory;

/// Everything that lasts. Every call is one transaction; what it wrote survives a power cut once it has returned.
#[async_trait]
pub trait Store:
    Restrictions
    + Alerts
    + Policies
    + Organizations
    + Tokens
    + Trail
    + Outbox
    + People
    + Idempotency
    + KnownRecipients
    + TrafficHistory
{
    /// Whether the store can be written right now.
    ///
    /// # Errors
    /// It can't.
    async fn check(&self) -> Result<(), StoreError>;
}
