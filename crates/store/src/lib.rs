//! Durable state: restrictions with their alerts, policies, people, the audit trail and the outbox.
//!
//! Each noun has a trait; [`Store`] combines them all. [`sqlite::SqliteStore`] implements it in one file; any other
//! implementation has to pass the same suite (`conformance.rs`). The store makes no decisions: it carries out each call
//! in full or not at all.

mod alerts;
pub mod audit;
mod error;
pub mod idempotency;
pub mod known_recipients;
mod mail_servers;
mod organizations;
mod outbox;
pub mod people;
mod policies;
mod restrictions;
pub mod sign_in_attempts;
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
pub use mail_servers::{MailServerRecord, MailServers};
pub use organizations::Organizations;
pub use outbox::{DeliveryOutcome, MailKind, Outbox, OutboxState, Outgoing, QueuedMail};
pub use people::People;
pub use policies::{FileSection, Policies, TakenOver, Versioned, VersionedAlertPolicies, VersionedPolicies};
pub use postern_domain::access::TokenRecord;
pub use postern_domain::organization::OrganizationRecord;
pub use restrictions::{Refusals, Restrictions, StoredRestriction};
pub use sign_in_attempts::SignInAttempts;
pub use tokens::Tokens;
pub use traffic::TrafficHistory;

/// All durable state. Every call is one transaction, except where it says otherwise; once it has returned, what it
/// wrote survives a power cut.
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
    + MailServers
    + SignInAttempts
    + TrafficHistory
{
    /// Checks that the store can be written right now.
    ///
    /// # Errors
    /// The store can't be written.
    async fn check(&self) -> Result<(), StoreError>;
}
