//! Sign-in attempts that have failed, or are not decided yet; and what else is slowed down the more often it is done.

use std::time::Duration;

use async_trait::async_trait;
use postern_domain::Timestamp;
use postern_domain::access::ThrottleRule;

use crate::StoreError;

/// Where attempts come from, or whom they are about: an account, a client's network, a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptSource {
    /// What identifies it.
    pub key: String,
    /// How its failures make further attempts wait.
    pub rule: ThrottleRule,
}

/// Attempts to sign in. Part of [`crate::Store`]; the same rules apply.
#[async_trait]
pub trait SignInAttempts: Send + Sync {
    /// Begins an attempt: if none of its sources has to wait, it counts as a failure of each from now on, so that
    /// simultaneous attempts can't all pass. Otherwise nothing changes. Returns how long to wait.
    ///
    /// # Errors
    /// The database fails.
    async fn begin_attempt(&self, sources: &[AttemptSource], now: Timestamp) -> Result<Duration, StoreError>;

    /// An attempt has not failed: it no longer counts for any of its sources.
    ///
    /// # Errors
    /// The database fails.
    async fn withdraw_attempt(&self, sources: &[AttemptSource]) -> Result<(), StoreError>;

    /// Forgets the failures of a source.
    ///
    /// # Errors
    /// The database fails.
    async fn forget_attempts(&self, source: &AttemptSource) -> Result<(), StoreError>;

    /// Deletes failures that no longer count at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn sweep_attempts(&self, now: Timestamp) -> Result<(), StoreError>;
}
