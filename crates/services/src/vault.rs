//! Secrets in the store, sealed under keys that are not in the store: who gets a copy of the database gets none of them.
//!
//! What is stored is `sealed:` and the text of [`Seal::seal`], or the secret itself while there is no key. The first key
//! seals; further ones open what was sealed before. At each start, everything is sealed again under the first key.

use std::path::PathBuf;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use postern_store::people::CredentialChange;
use postern_store::{Store, StoreError};

use crate::randomness::Randomness;
use crate::seal::{Seal, Unusable};

const MARK: &[u8] = b"sealed:";
const PURPOSE: &str = "secrets in the store";

/// Where a key comes from: `[secrets] keys`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeySource {
    /// `file:/path`.
    File(PathBuf),
    /// `credential:NAME`, which systemd passes (systemd.exec(5), `LoadCredential=`).
    Credential(String),
    /// `command:PROGRAM ARGUMENT…`, which prints the key, for example by asking a KMS. No shell is involved.
    Command(Vec<String>),
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeySource::File(path) => write!(f, "file:{}", path.display()),
            KeySource::Credential(name) => write!(f, "credential:{name}"),
            KeySource::Command(words) => write!(f, "command:{}", words.join(" ")),
        }
    }
}

/// Why secrets can't be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// A key can't be read.
    #[error("secrets.keys: {source_of_key}: {why}")]
    Key {
        /// Where it comes from.
        source_of_key: KeySource,
        /// What is wrong.
        why: String,
    },
    /// A secret was sealed under a key that is not there.
    #[error("{what} is sealed with a key that is not in secrets.keys; add the key that it was sealed with")]
    Sealed {
        /// The secret.
        what: String,
    },
    /// A secret can't be sealed.
    #[error("a secret can't be sealed: {0}")]
    Unusable(#[from] Unusable),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The keys that secrets in the store are sealed under, the newest first; without any, secrets are stored as they are.
#[derive(Debug, Default)]
pub struct Vault(Vec<Seal>);

impl Vault {
    /// Reads the keys. Blocks while a command runs.
    ///
    /// # Errors
    /// A key can't be read, or is not 32 bytes in base64.
    pub fn open(sources: &[KeySource]) -> Result<Self, VaultError> {
        let keys = sources.iter().map(|source| Ok(Seal::new(&read(source)?, PURPOSE)?));
        keys.collect::<Result<_, VaultError>>().map(Self)
    }

    /// Whether secrets are stored as they are.
    pub fn has_no_key(&self) -> bool {
        self.0.is_empty()
    }

    /// A secret as it is stored. It can be read only for the same purpose.
    ///
    /// # Errors
    /// It can't be sealed.
    pub fn sealed(&self, secret: &[u8], what: &str, randomness: &dyn Randomness) -> Result<Vec<u8>, VaultError> {
        match self.0.first() {
            None => Ok(secret.to_vec()),
            Some(seal) => Ok([MARK, seal.seal(secret, what, randomness)?.as_bytes()].concat()),
        }
    }

    /// A secret from how it is stored.
    ///
    /// # Errors
    /// It is sealed under a key that is not there.
    pub fn secret(&self, stored: &[u8], what: &str) -> Result<Vec<u8>, VaultError> {
        let Some(sealed) = stored.strip_prefix(MARK) else { return Ok(stored.to_vec()) };
        let text = std::str::from_utf8(sealed).unwrap_or_default();
        let opened = self.0.iter().find_map(|seal| seal.open(text, what));
        opened.ok_or_else(|| VaultError::Sealed { what: what.to_owned() })
    }

    /// Whether a stored secret is stored as [`Vault::sealed`] would store it now.
    fn is_current(&self, stored: &[u8], what: &str) -> bool {
        match (stored.strip_prefix(MARK), self.0.first()) {
            (None, None) => true,
            (Some(sealed), Some(seal)) => std::str::from_utf8(sealed).is_ok_and(|text| seal.open(text, what).is_some()),
            _ => false,
        }
    }

    /// The key called `name` that Postern has made for itself; makes it if there is none yet. Seals it again if it is
    /// not sealed under the first key.
    ///
    /// # Errors
    /// It can't be opened or sealed, or the store fails.
    pub async fn own_key(
        &self,
        store: &dyn Store,
        name: &str,
        randomness: &dyn Randomness,
    ) -> Result<[u8; 32], VaultError> {
        let what = format!("the key {name:?}");
        let new = self.sealed(&randomness.bytes::<32>(), &what, randomness)?;
        let stored = store.key(name, &new).await?;
        let key = self.secret(&stored, &what)?;
        if !self.is_current(&stored, &what) {
            store.replace_key(name, &stored, &self.sealed(&key, &what, randomness)?).await?;
        }
        key.try_into().map_err(|_| VaultError::Sealed { what })
    }

    /// Seals every secret of people again that is not sealed under the first key.
    ///
    /// # Errors
    /// One can't be opened or sealed, or the store fails.
    pub async fn seal_again(&self, store: &dyn Store, randomness: &dyn Randomness) -> Result<(), VaultError> {
        let mut sealed_again = 0;
        for person in store.people().await? {
            let Some((_, credentials)) = store.person(&person.address).await? else { continue };
            let Some(totp) = credentials.totp else { continue };
            let what = authenticator_of(&person.address);
            if self.is_current(&totp.secret, &what) {
                continue;
            }
            let sealed = self.sealed(&self.secret(&totp.secret, &what)?, &what, randomness)?;
            let change = CredentialChange::TotpSealed { before: totp.secret, now: sealed };
            match store.change_credentials(&person.address, &[change], None, None).await {
                // The person has changed it meanwhile, so it is sealed already.
                Ok(()) | Err(StoreError::Changed { .. }) => sealed_again += 1,
                Err(error) => return Err(error.into()),
            }
        }
        if sealed_again > 0 {
            tracing::info!(authenticators = sealed_again, "secrets are sealed under the first of secrets.keys");
        }
        Ok(())
    }
}

/// What the shared secret of a person's authenticator app is sealed as.
pub fn authenticator_of(address: &str) -> String {
    format!("the authenticator of {address}")
}

fn read(source: &KeySource) -> Result<[u8; 32], VaultError> {
    let fail = |why: String| VaultError::Key { source_of_key: source.clone(), why };
    let file = |path: PathBuf| {
        std::fs::read_to_string(&path).map_err(|error| fail(format!("{} can't be read: {error}", path.display())))
    };
    let text = match source {
        KeySource::File(path) => file(path.clone())?,
        KeySource::Credential(name) => {
            let folder = std::env::var_os("CREDENTIALS_DIRECTORY");
            let folder = folder.ok_or_else(|| fail("systemd has passed no credentials; see LoadCredential=".into()))?;
            file(PathBuf::from(folder).join(name))?
        }
        KeySource::Command(words) => {
            let [program, arguments @ ..] = words.as_slice() else { return Err(fail("names no program".into())) };
            let output = Command::new(program).args(arguments).output();
            let output = output.map_err(|error| fail(format!("can't be run: {error}")))?;
            if !output.status.success() {
                return Err(fail(format!("failed ({})", output.status)));
            }
            String::from_utf8(output.stdout).map_err(|_| fail("printed no text".into()))?
        }
    };
    let key = STANDARD.decode(text.trim()).ok().and_then(|key| key.try_into().ok());
    key.ok_or_else(|| fail("expected 32 bytes in base64; make one with: openssl rand -base64 32".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;

    fn key(folder: &std::path::Path, name: &str) -> KeySource {
        let path = folder.join(name);
        if !path.exists() {
            std::fs::write(&path, STANDARD.encode((&SystemRandomness as &dyn Randomness).bytes::<32>())).unwrap();
        }
        KeySource::File(path)
    }

    #[test]
    fn a_secret_is_opened_by_the_keys_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let open = |names: &[&str]| {
            let keys: Vec<_> = names.iter().map(|name| key(folder.path(), name)).collect();
            Vault::open(&keys).unwrap()
        };
        let (none, old, both, new) = (open(&[]), open(&["old"]), open(&["new", "old"]), open(&["new"]));
        let plain = none.sealed(b"secret", "it", &SystemRandomness).unwrap();
        assert_eq!(plain, b"secret");
        let sealed = old.sealed(b"secret", "it", &SystemRandomness).unwrap();
        assert!(sealed.starts_with(MARK) && !sealed.windows(6).any(|part| part == b"secret"));
        for vault in [&old, &both] {
            assert_eq!(vault.secret(&sealed, "it").unwrap(), b"secret");
            assert_eq!(vault.secret(&plain, "it").unwrap(), b"secret");
        }
        assert!(old.is_current(&sealed, "it") && !both.is_current(&sealed, "it") && !old.is_current(&plain, "it"));
        for (vault, what) in [(&new, "it"), (&none, "it"), (&old, "something else")] {
            assert!(matches!(vault.secret(&sealed, what), Err(VaultError::Sealed { .. })));
        }
    }

    #[test]
    fn a_key_that_can_t_be_read_says_why() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("short"), "c2hvcnQ=").unwrap();
        let command = |words: &[&str]| KeySource::Command(words.iter().map(ToString::to_string).collect());
        let cases = [
            (KeySource::File(folder.path().join("none")), "can't be read"),
            (KeySource::File(folder.path().join("short")), "expected 32 bytes in base64"),
            (KeySource::Credential("none".into()), "systemd"),
            (command(&["false"]), "failed"),
            (command(&["/nonexistent"]), "can't be run"),
        ];
        for (source, why) in cases {
            let error = Vault::open(std::slice::from_ref(&source)).unwrap_err().to_string();
            assert!(error.contains(why) && error.contains(&source.to_string()), "{error}");
        }
        let printed = command(&["printf", "%s", &STANDARD.encode([7; 32])]);
        Vault::open(&[printed]).unwrap();
    }
}
