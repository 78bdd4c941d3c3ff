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
    let known: Vec<&str> = known.iter().flat_map(|text| parts(text)).collect();
    let guess = zxcvbn(password, &known);
    if guess.score() >= Score::Three && !is_patterned(password, &known) {
        return Ok(());
    }
    let hint = guess.feedback().and_then(|feedback| {
        let warning = feedback.warning().map(|warning| warning.to_string());
        warning.or_else(|| feedback.suggestions().first().map(ToString::to_string))
    });
    let hint = hint.unwrap_or_else(|| "Add another word or two.".into());
    Err(format!("is too easy to guess. {hint}"))
}

/// A text, and the words in it: people build passwords from part of an address or of a domain.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= 3);
    std::iter::once(text).chain(words)
}

/// Words that companies' passwords are built from, besides their own names.
const WORDS: [&str; 40] = [
    "password",
    "passwort",
    "passw",
    "welcome",
    "willkommen",
    "bienvenue",
    "admin",
    "login",
    "letmein",
    "changeme",
    "secret",
    "mail",
    "office",
    "company",
    "firma",
    "start",
    "test",
    "temp",
    "user",
    "spring",
    "summer",
    "autumn",
    "winter",
    "fall",
    "sommer",
    "herbst",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "monday",
    "friday",
    "qwerty",
];

/// Whether a password is one or two words that everybody knows, with digits and signs around them: what a rule such as
/// "a capital, a digit and a sign, every three months" makes people choose.
fn is_patterned(password: &str, known: &[&str]) -> bool {
    let lower = password.to_lowercase();
    let plain: String = lower.trim_matches(|c: char| !c.is_alphabetic()).chars().map(unleet).collect();
    let runs = plain.split(|c: char| !c.is_alphabetic()).filter(|run| run.chars().count() >= 3);
    let runs: Vec<&str> = runs.collect();
    let letters: usize = runs.iter().map(|run| run.chars().count()).sum();
    let known: Vec<String> = known.iter().map(|word| word.to_lowercase()).collect();
    // A last letter that is written as a digit is trimmed with the digits after it.
    let is = |word: &str, run: &str| {
        let lacks = word.strip_prefix(run).or_else(|| word.strip_suffix(run)).map(|rest| rest.chars().count());
        lacks == Some(0) || (lacks == Some(1) && run.chars().count() >= 5)
    };
    let is_known = |run: &str| WORDS.iter().any(|word| is(word, run)) || known.iter().any(|word| is(word, run));
    // Two known words may stand together.
    let is_two = |run: &str| run.char_indices().skip(1).any(|(at, _)| is_known(&run[..at]) && is_known(&run[at..]));
    runs.len() <= 2 && letters <= 24 && runs.iter().all(|run| is_known(run) || is_two(run))
}

/// The letter that a digit or a sign is often written for.
fn unleet(c: char) -> char {
    match c {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
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

    /// What companies really see: their own name, a season, a month, a year, a sign.
    #[test]
    fn a_thousand_passwords_that_follow_a_pattern_are_refused() {
        let known = ["j.doe@contoso-mail.example", "Contoso Ltd", "contoso-mail.example", "postern"];
        let words = [
            "Contoso",
            "contoso",
            "CONTOSO",
            "C0nt0s0",
            "Postern",
            "Password",
            "Passw0rd",
            "P@ssw0rd",
            "P@$$w0rd",
            "Welcome",
            "Winter",
            "Summer",
            "Spring",
            "Autumn",
            "Sommer",
            "Herbst",
            "January",
            "October",
            "December",
            "Monday",
            "Admin",
            "ContosoWinter",
            "WinterContoso",
            "Contoso-Mail",
            "WelcomeContoso",
        ];
        let ends = [
            "1", "123", "1234", "2024", "2025", "2026", "2026!", "!2026", "#2026", "@2026", "123!", "!", "!!",
            "2026!!", "26!", "_2026", "-2026", "$2026", "1!", "01", "2026#", "2026?", "12345", "12345!", "2026.",
            "*2026", "99", "007", "!1", "@123", "#1", "?2026",
        ];
        let mut tried = 0;
        let mut passed = Vec::new();
        for word in words {
            for end in ends {
                for password in [format!("{word}{end}"), format!("{end}{word}")] {
                    tried += 1;
                    if check(&password, &known).is_ok() {
                        passed.push(password);
                    }
                }
            }
        }
        assert!(tried > 1000);
        assert!(passed.is_empty(), "{passed:?}");
        for good in
            ["a horse that nobody stapled", "Kq7#vTz9pLm2", "regen auf dem dach im april", "wohnung.mit.drei.fenstern"]
        {
            assert_eq!(check(good, &known), Ok(()), "{good}");
        }
    }
}
