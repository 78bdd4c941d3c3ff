//! Random secrets that grant access, the hashes stored of them, and signatures for links.

use hmac::{Hmac, KeyInit, Mac};
use postern_store::audit::hex;
use sha2::{Digest, Sha256};

use crate::randomness::Randomness;

/// Crockford's Base32 alphabet: no two characters are confused when typed in.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A secret of 256 random bits, in hex: impossible to guess, so storing a plain hash is enough.
pub fn random(randomness: &dyn Randomness) -> String {
    hex(&randomness.bytes::<32>())
}

/// The hash of a secret, for storing.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// A recovery code that people write down: 80 random bits, as `xxxx-xxxx-xxxx-xxxx`.
pub fn recovery_code(randomness: &dyn Randomness) -> String {
    let letters: Vec<u8> = randomness.bytes::<16>().iter().map(|byte| ALPHABET[usize::from(byte % 32)]).collect();
    let parts: Vec<_> = letters.chunks(4).map(String::from_utf8_lossy).collect();
    parts.join("-")
}

/// Converts a recovery code as typed to the spelling that is hashed.
pub fn normalise_recovery_code(typed: &str) -> String {
    let letters: Vec<char> = typed
        .chars()
        .filter(|c| c.is_ascii_alphanumeric())
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    let parts: Vec<String> = letters.chunks(4).map(|part| part.iter().collect()).collect();
    parts.join("-")
}

/// Signs a text for a link: 80 bits of HMAC-SHA256 (RFC 2104 section 5), in hex.
pub fn sign(key: &[u8; 32], text: &str) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(text.as_bytes());
    hex(&mac.finalize().into_bytes()[..10])
}

/// Whether `signature` is valid for `text`. Compares hashes, so that timing reveals nothing.
pub fn is_signed(key: &[u8; 32], text: &str, signature: &str) -> bool {
    hash(&sign(key, text)) == hash(signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::randomness::SystemRandomness;

    #[test]
    fn a_recovery_code_is_read_in_any_spelling() {
        let code = recovery_code(&SystemRandomness);
        assert_eq!(code.len(), 19);
        assert_eq!(normalise_recovery_code(&code.to_uppercase().replace('-', " ")), code);
        assert_eq!(normalise_recovery_code("OIL0 0000"), "0110-0000");
    }

    #[test]
    fn a_signature_holds_for_one_text_and_one_key() {
        let signature = sign(&[1; 32], "PR-0000-0000");
        assert_eq!(signature.len(), 20);
        assert!(is_signed(&[1; 32], "PR-0000-0000", &signature));
        assert!(!is_signed(&[1; 32], "PR-0000-0001", &signature));
        assert!(!is_signed(&[2; 32], "PR-0000-0000", &signature));
        assert!(!is_signed(&[1; 32], "PR-0000-0000", ""));
    }
}
