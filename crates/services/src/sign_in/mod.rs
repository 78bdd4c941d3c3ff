//! How people prove who they are. Each file is one way; what follows from it is [`AccessService`](crate::service::AccessService)'s.

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

/// Where the provider sends people back to, below the portal's address.
pub const CALLBACK: &str = "/sign-in/single-sign-on/callback";

/// Whom the provider names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Issuer and subject: what stays the same (OpenID Connect Core section 5.7).
    pub subject: String,
    /// Their mail address, in lower case.
    pub address: String,
    /// The groups they are in.
    pub groups: Vec<String>,
}

/// What signing in works with.
pub struct SignIn {
    /// Who has failed how often.
    pub throttles: Throttles,
    /// Talks to the single sign-on provider.
    pub http: https::Client,
    /// What a password is compared with where there is none, so that both take as long.
    pub nobody: String,
    /// Each comparison takes memory and time on purpose; not more than these at once.
    hashing: Arc<Semaphore>,
}

impl SignIn {
    /// Puts it together.
    ///
    /// # Errors
    /// This machine's certificates can't be read.
    pub fn new(randomness: &dyn Randomness) -> anyhow::Result<Self> {
        Ok(Self {
            throttles: Throttles::default(),
            http: https::client()?,
            nobody: password::hash(&secret::random(randomness), &randomness.bytes())?,
            hashing: Arc::new(Semaphore::new(2)),
        })
    }

    /// Hashes or compares a password, beside everything else.
    pub async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let _turn = Arc::clone(&self.hashing).acquire_owned().await.ok()?;
        tokio::task::spawn_blocking(work).await.ok()
    }
}
