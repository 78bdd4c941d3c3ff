//! How people prove who they are, one file per method. What follows from it is up to
//! [`AccessService`](crate::service::AccessService).

#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod password;
pub mod secret;
#[cfg(feature = "single-sign-on")]
pub mod single_sign_on;
pub mod throttles;
pub mod totp;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::https;
use crate::randomness::Randomness;
use throttles::Throttles;

/// The path below the portal's address that the provider redirects people to.
pub const CALLBACK: &str = "/sign-in/single-sign-on/callback";

/// The person whom the provider has authenticated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Issuer and subject, the only stable identifier (OpenID Connect Core section 5.7).
    pub subject: String,
    /// Their mail address, in lower case.
    pub address: String,
    /// The groups they are in.
    pub groups: Vec<String>,
}

/// The state that sign-ins share.
pub struct SignIn {
    /// Failed sign-ins.
    pub throttles: Throttles,
    /// Talks to the single sign-on provider.
    pub http: https::Client,
    /// The hash to compare a password with if the account has none, so that both cases take equally long.
    pub nobody: String,
    /// Limits concurrent comparisons, since each takes memory and time on purpose.
    hashing: Arc<Semaphore>,
}

impl SignIn {
    /// Creates it.
    ///
    /// # Errors
    /// This machine's certificates can't be read, or the placeholder hash can't be made.
    pub fn new(randomness: &dyn Randomness) -> anyhow::Result<Self> {
        Ok(Self {
            throttles: Throttles::default(),
            http: https::client()?,
            nobody: password::hash(&secret::random(randomness), &randomness.bytes())?,
            hashing: Arc::new(Semaphore::new(2)),
        })
    }

    /// Runs a password hash or comparison on a blocking thread, at most two at once; `None` if it panics.
    pub async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _turn = Arc::clone(&self.hashing).acquire_owned().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}
