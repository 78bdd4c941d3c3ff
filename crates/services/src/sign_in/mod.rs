//! How people prove who they are, one file per method. What follows from it is up to
//! [`AccessService`](crate::service::AccessService).

pub mod attempts;
pub mod devices;
#[cfg(feature = "passkeys")]
pub mod passkeys;
pub mod password;
pub mod secret;
#[cfg(feature = "single-sign-on")]
pub mod single_sign_on;
pub mod totp;

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::https;
use crate::randomness::Randomness;
use crate::seal::Seal;
use crate::vault::Vault;
use devices::Devices;

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
    /// Devices from which people have signed in before.
    pub devices: Devices,
    /// Seals what browsers remember while their visitors sign in.
    pub pending: Seal,
    /// Seals the secrets of authenticator apps in the store.
    pub vault: Vault,
    /// Talks to the single sign-on provider.
    pub http: https::Client,
    /// The hash to compare a password with if the account has none, so that both cases take equally long.
    pub nobody: String,
    /// Limits concurrent hashes, since each takes memory and time on purpose.
    hashing: Arc<Semaphore>,
    /// Limit how many wait for that.
    strangers: Semaphore,
    known: Semaphore,
}

/// Who wants a password hashed. Strangers can't take the places of those who are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hashing {
    /// A stranger.
    ForStranger,
    /// Somebody who is signed in, has a valid link, or uses a device from which they have signed in before.
    ForKnown,
}

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashingError {
    /// Too many others wait for that.
    #[error("too many people are signing in at this moment; try again in a few seconds")]
    Busy,
    /// The work was not done.
    #[error("the password can't be hashed; try again")]
    Failed,
}

/// At most this many hashes at once: each takes 19 MiB and a processor.
const AT_ONCE: usize = 2;
/// At most this many of each kind wait for their turn, less than two seconds.
const WAITING: usize = 32;

impl SignIn {
    /// Creates it; `key` makes devices known, and seals what browsers remember.
    ///
    /// # Errors
    /// This machine's certificates can't be read, the key can't be used, or the placeholder hash can't be made.
    pub fn new(randomness: &dyn Randomness, key: &[u8; 32], vault: Vault) -> anyhow::Result<Self> {
        Ok(Self {
            devices: Devices::new(*key),
            vault,
            pending: Seal::new(key, "pending sign-in")?,
            http: https::client()?,
            nobody: password::hash(&secret::random(randomness), &randomness.bytes())?,
            hashing: Arc::new(Semaphore::new(AT_ONCE)),
            strangers: Semaphore::new(WAITING),
            known: Semaphore::new(WAITING),
        })
    }

    /// Runs a password hash or comparison on a blocking thread, a few at once.
    ///
    /// # Errors
    /// Too many others wait, or the work panicked.
    pub async fn hashing<T: Send + 'static>(
        &self,
        who: Hashing,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, HashingError> {
        let queue = if who == Hashing::ForKnown { &self.known } else { &self.strangers };
        let _place = queue.try_acquire().map_err(|_| HashingError::Busy)?;
        let turn = Arc::clone(&self.hashing).acquire_owned().await.map_err(|_| HashingError::Failed)?;
        let work = move || {
            // Held by the work, which goes on if the client is gone.
            let _turn = turn;
            work()
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| HashingError::Failed)
    }
}
