//! Hashes and checks passwords (OWASP ASVS 5 section 6.2, RFC 9106).

use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use zxcvbn::{Score, zxcvbn};

/// The shortest password, in characters.
pub const SHORTEST: usize = 8;
/// The longest password, in characters: nobody types more, and hashing it would cost time.
pub const LONGEST: usize = 256;

/// Hashes a password with argon2id as OWASP recommends (19 MiB, two passes), and returns a PHC string. Draw a new
/// `salt` for each password.
///
/// # Errors
/// The hash can't be made.
pub fn hash(password: &str, salt: &[u8; 16]) -> anyhow::Result<String> {
    let fail = |error| anyhow::anyhow!("the password can't be hashed: {error}");
    let salt = SaltString::encode_b64(salt).map_err(fail)?;
    let hashed = Argon2::default().hash_password(password.as_bytes(), &salt);
    hashed.map(|phc| phc.to_string()).map_err(fail)
}

/// Whether `phc` is the hash of `password`.
pub fn matches(password: &str, phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|phc| Argon2::default().verify_password(password.as_bytes(), &phc).is_ok())
}

/// Checks a new password. `known` lists what others know about the person, such as their name.
///
/// # Errors
/// It is too short, too long or too easy to guess; the text tells the person why.
pub fn check(password: &str, known: &[&str]) -> Result<(), String> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(format!("is too short: use at least {SHORTEST} characters; a few words do well"));
    }
    if length > LONGEST {
        return Err(format!("is longer than {LONGEST} characters"));
    }
    let guess = zxcvbn(password, known);
    if guess.score() >= Score::Three {
        return Ok(());
    }
    let hint = guess.feedback().and_then(|feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        warning.or_else(|| feedback.suggestions().first().map(ToString::to_string))
    });
    let hint = hint.unwrap_or_else(|| "Add another word or two.".into());
    Err(format!("is too easy to guess. {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_matches_its_own_hash_only() {
        let phc = hash("correct horse battery staple", &[7; 16]).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(matches("correct horse battery staple", &phc));
        assert!(!matches("correct horse battery stapl", &phc));
        assert!(!matches("x", "not a hash"));
    }

    #[test]
    fn what_is_easy_to_guess_is_refused_with_a_reason() {
        let wrong = |password: &str| check(password, &["alice@example.com", "Example"]).unwrap_err();
        assert!(wrong("short").contains("at least 8"));
        assert!(wrong(&"x".repeat(257)).contains("longer than 256"));
        for weak in ["password1", "alice@example.com", "qwertyuiop", "aaaaaaaaaaaa"] {
            assert!(wrong(weak).contains("too easy to guess. "), "{}", wrong(weak));
        }
        assert_eq!(check("correct horse battery staple", &["alice@example.com"]), Ok(()));
    }
}
