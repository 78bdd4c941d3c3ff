//! The outbox: mails and webhooks waiting for delivery.

use async_trait::async_trait;
use postern_domain::{Reference, Timestamp};
use serde::Serialize;

use crate::error::StoreError;

/// What kind of message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MailKind {
    /// Notifies admins of an alert.
    Alert,
    /// Notifies the owner of an account that it is restricted.
    Notice,
    /// Notifies a program of an alert. The recipient is the webhook's name, the message a JSON body.
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
    /// What kind of message it is.
    pub kind: MailKind,
    /// The alert policy that wants it; none for notices to owners.
    pub policy: Option<String>,
    /// Envelope sender; empty for reports.
    pub sender: String,
    /// The envelope recipient, or the name of a webhook.
    pub recipient: String,
    /// The message (RFC 5322); for a webhook, the JSON body.
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
    /// How often delivery has been tried.
    pub attempts: u32,
    /// When it was put into the outbox.
    pub created_at: Timestamp,
}

/// The result of trying to deliver a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The mail server (or the webhook) accepted it.
    Delivered,
    /// It is to be tried again.
    Retry {
        /// When to try again.
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

/// Counts of the mails in the outbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct OutboxState {
    /// Mails that are still to be delivered.
    pub waiting: u32,
    /// Mails that have been tried at least once and are still to be delivered.
    pub retrying: u32,
    /// Mails that were given up.
    pub given_up: u32,
}

/// Mails and webhooks waiting for delivery.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Mails (with `webhooks`, webhooks instead) that are due at `now`, oldest first, at most `limit`.
    ///
    /// # Errors
    /// The database fails.
    async fn due_mails(&self, now: Timestamp, webhooks: bool, limit: u32) -> Result<Vec<QueuedMail>, StoreError>;

    /// Records the result of trying to deliver a mail at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn tried(&self, id: i64, delivery: &DeliveryOutcome, now: Timestamp) -> Result<(), StoreError>;

    /// The state of the outbox, and when the next mail is due.
    ///
    /// # Errors
    /// The database fails.
    async fn outbox(&self) -> Result<(OutboxState, Option<Timestamp>), StoreError>;
}
