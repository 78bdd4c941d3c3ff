//! Values that only Postern can read and make: sealed with ChaCha20-Poly1305 (RFC 8439).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};

use crate::randomness::Randomness;

/// Seals and opens values under one key.
pub struct Seal(LessSafeKey);

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal")
    }
}

/// A key can't be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key can't be used")]
pub struct Unusable;

impl Seal {
    /// Seals under a key that is derived from `key` for this purpose (HKDF, RFC 5869).
    ///
    /// # Errors
    /// The key can't be derived.
    pub fn new(key: &[u8; 32], purpose: &'static str) -> Result<Self, Unusable> {
        let derived = Salt::new(HKDF_SHA256, b"postern").extract(key);
        let info = [purpose.as_bytes()];
        let derived = derived.expand(&info, &CHACHA20_POLY1305).map_err(|_| Unusable)?;
        Ok(Self(LessSafeKey::new(UnboundKey::from(derived))))
    }

    /// Seals a value; it can be opened only with the same `context`. Base64url: a random nonce, the ciphertext, the tag.
    ///
    /// # Errors
    /// The value is longer than ChaCha20 can encrypt (256 GiB).
    pub fn seal(&self, value: &[u8], context: &str, randomness: &dyn Randomness) -> Result<String, Unusable> {
        let nonce: [u8; NONCE_LEN] = randomness.bytes();
        let mut sealed = value.to_vec();
        let aad = Aad::from(context.as_bytes());
        let nonce_of = Nonce::assume_unique_for_key(nonce);
        self.0.seal_in_place_append_tag(nonce_of, aad, &mut sealed).map_err(|_| Unusable)?;
        Ok(URL_SAFE_NO_PAD.encode([&nonce[..], &sealed].concat()))
    }

    /// Opens a sealed value; `None` if it was not sealed under this key and context.
    pub fn open(&self, sealed: &str, context: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut value = sealed.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.0.open_in_place(nonce, Aad::from(context.as_bytes()), &mut value).ok()?.len();
        value.truncate(length);
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_sealed_value_is_opened_only_as_it_was_sealed(
            value in proptest::collection::vec(any::<u8>(), 0..100), place in any::<prop::sample::Index>(), flip in 1u8..,
        ) {
            let seal = Seal::new(&[1; 32], "test").unwrap();
            let sealed = seal.seal(&value, "here", &SystemRandomness).unwrap();
            prop_assert_eq!(seal.open(&sealed, "here"), Some(value));
            prop_assert_eq!(seal.open(&sealed, "there"), None);
            prop_assert_eq!(Seal::new(&[1; 32], "other").unwrap().open(&sealed, "here"), None);
            prop_assert_eq!(Seal::new(&[2; 32], "test").unwrap().open(&sealed, "here"), None);
            let mut bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap();
            let place = place.index(bytes.len());
            bytes[place] ^= flip;
            prop_assert_eq!(seal.open(&URL_SAFE_NO_PAD.encode(bytes), "here"), None);
        }
    }
}
