//! Mails and webhooks on their way.

use async_trait::async_trait;
use postern_domain::{Reference, Timestamp};
use serde::Serialize;

use crate::error::StoreError;

/// What a mail in the outbox is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailKind {
    /// Tells admins of an alert.
    Alert,
    /// Tells the owner of an account that it is restricted.
    Notice,
    /// Tells a program of an alert. The recipient is the webhook's name, the message a JSON body.
    Webhook,
}

impl MailKind {
    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            MailKind::Alert => "alert",
            MailKind::Notice => "notice",
            MailKind::Webhook => "webhook",
        }
    }
}

/// A mail to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    /// What it is.
    pub kind: MailKind,
    /// The alert policy that wants it; none for notices.
    pub policy: Option<String>,
    /// Envelope sender; empty for reports.
    pub sender: String,
    /// The envelope recipient, or the name of a webhook.
    pub recipient: String,
    /// The message (RFC 5322).
    pub message: Vec<u8>,
}

/// A mail that waits in the outbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedMail {
    /// Its number in the outbox.
    pub id: i64,
    /// The incident it is about.
    pub reference: Reference,
    /// The mail or webhook itself.
    pub mail: Outgoing,
    /// How often it has been tried.
    pub attempts: u32,
    /// When it was put in.
    pub created_at: Timestamp,
}

/// What is to become of a mail that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The mail server took it.
    Delivered,
    /// It is to be tried again.
    Retry {
        /// When it is tried again.
        at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// It will not be tried again.
    GivenUp {
        /// Why it failed.
        error: String,
    },
}

/// How the outbox stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OutboxState {
    /// Mails that are still to be delivered.
    pub waiting: u32,
    /// Mails that have been tried at least once and are still to be delivered.
    pub retrying: u32,
    /// Mails that were given up.
    pub given_up: u32,
}

/// Mails and webhooks on their way.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Mails, or with `webhooks` those, that are due at `now`, oldest first.
    ///
    /// # Errors
    /// The database fails.
    async fn due_mails(&self, now: Timestamp, webhooks: bool, limit: u32) -> Result<Vec<QueuedMail>, StoreError>;

    /// Notes what became of a mail that was tried at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn tried(&self, id: i64, delivery: &DeliveryOutcome, now: Timestamp) -> Result<(), StoreError>;

    /// How the outbox stands, and when the next mail is due.
    ///
    /// # Errors
    /// The database fails.
    async fn outbox(&self) -> Result<(OutboxState, Option<Timestamp>), StoreError>;
}
