//! Incident references: IDs short enough to read out over the telephone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Crockford's base 32, without I, L, O and U, which are easily misread.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const PREFIX: &str = "PR-";

/// Identifies one incident in the reply text, the log, the alert and the notice.
///
/// Looks like `PR-7K3F-9QXD` and carries 40 random bits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Reference(String);

/// The error for a text that is not a reference.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no reference id; one looks like PR-7K3F-9QXD")]
pub struct InvalidReference(String);

impl Reference {
    /// A reference made of the lower 40 bits of `random`.
    pub fn from_random(random: u64) -> Self {
        let digit = |i: u32| char::from(ALPHABET[((random >> (5 * i)) & 31) as usize]);
        let half = |from: u32| (from..from + 4).map(digit).collect::<String>();
        Self(format!("{PREFIX}{}-{}", half(0), half(4)))
    }

    /// Parses a reference as people type it: in any case, with or without prefix and hyphens,
    /// `O` for `0` and `I` or `L` for `1`.
    ///
    /// # Errors
    /// The text does not have eight digits of Crockford's base 32.
    pub fn parse(text: &str) -> Result<Self, InvalidReference> {
        let upper = text.trim().to_ascii_uppercase();
        let digits: String = upper
            .strip_prefix(PREFIX)
            .unwrap_or(&upper)
            .chars()
            .filter(|c| *c != '-')
            .map(|c| match c {
                'O' => '0',
                'I' | 'L' => '1',
                c => c,
            })
            .collect();
        let valid = digits.len() == 8 && digits.bytes().all(|b| ALPHABET.contains(&b));
        if valid {
            Ok(Self(format!("{PREFIX}{}-{}", &digits[..4], &digits[4..])))
        } else {
            Err(InvalidReference(text.to_owned()))
        }
    }

    /// The reference as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn is_read_as_people_type_it() {
        let reference = Reference::from_random(0);
        assert_eq!(reference.as_str(), "PR-0000-0000");
        for text in ["PR-0000-0000", "pr-oooo-0000", "00000000", " 0000-0000 "] {
            assert_eq!(Reference::parse(text).unwrap(), reference);
        }
        for text in ["", "PR-", "PR-0000-000", "PR-0000-000U", "PR-0000-000é"] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn round_trips(random: u64) {
            let reference = Reference::from_random(random);
            prop_assert_eq!(Reference::parse(reference.as_str()).unwrap(), reference);
        }
    }
}
