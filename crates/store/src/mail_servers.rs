//! Mail servers: what each has shown that it reports.

use async_trait::async_trait;

use crate::StoreError;

/// What one listener of a mail server reports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailServerRecord {
    /// Where its questions come from: an address, or `unix`.
    pub peer: String,
    /// The listener; empty if the mail server doesn't name it.
    pub listener: String,
    /// Whether it reports how messages end.
    pub reports_ends: bool,
    /// Whether it confirms recipients that its other rules have accepted.
    pub confirms: bool,
}

/// Mail servers. Part of [`crate::Store`]; the same rules apply.
#[async_trait]
pub trait MailServers: Send + Sync {
    /// Every mail server that was saved.
    ///
    /// # Errors
    /// The database fails.
    async fn mail_servers(&self) -> Result<Vec<MailServerRecord>, StoreError>;

    /// Saves what a mail server reports, in place of what was saved before.
    ///
    /// # Errors
    /// The database fails.
    async fn save_mail_server(&self, record: &MailServerRecord) -> Result<(), StoreError>;
}
