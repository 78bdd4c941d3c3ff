//! Mail addresses, normalised so that each mailbox has exactly one spelling.
//!
//! Case is folded, domains become IDNA A-labels (RFC 5891), and sub-addresses (`+tag`, RFC 5233)
//! are dropped. RFC 5321 allows local parts that differ only by case; no server that people log in
//! to uses this, and a spammer must not get a fresh count by typing `Alice` instead of `alice`.

use std::borrow::Cow;
use std::fmt;

/// A normalised domain: lower-case A-labels without a trailing dot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Domain(Box<str>);

/// Why a text is not a valid domain or address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    /// The text is empty.
    #[error("is empty")]
    Empty,
    /// The domain part is not a valid domain.
    #[error("has no valid domain")]
    Domain,
    /// Nothing before the `@`.
    #[error("has nothing before the @")]
    LocalPart,
    /// A character that no login name contains.
    #[error("has {0:?}, which no account's name has")]
    Character(char),
    /// No `@` where one is required.
    #[error("has no @ and domain")]
    NoDomain,
}

impl Domain {
    /// Parses a domain: U-labels or A-labels, in any case, with or without the trailing dot.
    ///
    /// # Errors
    /// The text is empty or not a valid domain.
    pub fn parse(text: &str) -> Result<Self, InvalidAddress> {
        let folded = fold_domain(text);
        if folded.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        // Address literals (RFC 5321 section 4.1.3) are accepted as domains.
        let literal = folded.starts_with('[') && folded.ends_with(']');
        let name = folded.split('.').all(|label| !label.is_empty() && label.len() <= 63 && label.bytes().all(is_ldh));
        if literal || (name && folded.len() <= 253) { Ok(Self(folded.into())) } else { Err(InvalidAddress::Domain) }
    }

    /// The domain as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Lets a domain be looked up by its text: both have the same hash.
impl std::borrow::Borrow<str> for Domain {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How this mail system's addresses are parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddressRules {
    /// Characters that start a sub-address, like Postfix's `recipient_delimiter`; may be empty.
    pub recipient_delimiter: String,
    /// The domain given to an address without one.
    pub default_domain: Domain,
}

/// A normalised mailbox address: `local@domain`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    text: Box<str>,
    at: usize,
}

impl Address {
    /// Normalises an address by `rules`; a missing domain becomes the default one.
    ///
    /// Never fails on what a mail server passed on: text that is not a valid address still gets a
    /// stable spelling, since it must be counted too.
    pub fn normalise(text: &str, rules: &AddressRules) -> Self {
        let (local, domain) = text.rsplit_once('@').unwrap_or((text, ""));
        let folded = fold_domain(domain);
        // A lone dot is the DNS root, which is never a mail domain.
        let domain = if folded.is_empty() { Cow::Borrowed(rules.default_domain.as_str()) } else { folded };
        Self::join(local, &domain, &rules.recipient_delimiter)
    }

    fn join(local: &str, folded_domain: &str, delimiters: &str) -> Self {
        let local = strip_tag(local, delimiters);
        let mut text = String::with_capacity(local.len() + 1 + folded_domain.len());
        push_lowercase(&mut text, local);
        let at = text.len();
        text.push('@');
        text.push_str(folded_domain);
        Self { text: text.into(), at }
    }

    /// Parses a complete address as an admin writes it in a setting.
    ///
    /// # Errors
    /// The domain is missing or invalid, or the local part is empty.
    pub fn parse(text: &str, recipient_delimiter: &str) -> Result<Self, InvalidAddress> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidAddress::NoDomain)?;
        if local.is_empty() {
            return Err(InvalidAddress::LocalPart);
        }
        Ok(Self::join(local, Domain::parse(domain)?.as_str(), recipient_delimiter))
    }

    /// Checks that `text` can be a login name: an address (RFC 5321 section 4.1.2, with letters of any
    /// script), or a name without a domain. This is for text from an admin; the login name that a mail
    /// server reports is not checked.
    ///
    /// # Errors
    /// The text is empty, has nothing before the `@`, no valid domain after it, or a character that no login
    /// name contains.
    pub fn check_login(text: &str) -> Result<(), InvalidAddress> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').map_or((text, None), |(local, domain)| (local, Some(domain)));
        if text.is_empty() {
            return Err(InvalidAddress::Empty);
        }
        if local.is_empty() {
            return Err(InvalidAddress::LocalPart);
        }
        if let Some(domain) = domain {
            Domain::parse(domain)?;
        }
        let is_quoted = local.len() > 2 && local.starts_with('"') && local.ends_with('"');
        let cant_be = |c: &char| c.is_control() || c.is_whitespace() || "\"(),:;<>@[]{}".contains(*c);
        match local.chars().find(cant_be).filter(|_| !is_quoted) {
            Some(wrong) => Err(InvalidAddress::Character(wrong)),
            None => Ok(()),
        }
    }

    /// The part before the `@`.
    pub fn local(&self) -> &str {
        &self.text[..self.at]
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &str {
        &self.text[self.at + 1..]
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The whole address, owned.
    pub fn into_boxed_str(self) -> Box<str> {
        self.text
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

fn fold_domain(text: &str) -> Cow<'_, str> {
    let text = text.trim_end_matches('.');
    // The hyphens first: this runs for every address, and few domains have two in a row.
    let is_a_label = |four: &[u8]| four.ends_with(b"--") && four.eq_ignore_ascii_case(b"xn--");
    let plain = text.is_ascii() && !text.as_bytes().windows(4).any(is_a_label);
    if plain {
        return if text.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(text.to_ascii_lowercase())
        } else {
            Cow::Borrowed(text)
        };
    }
    match idna::domain_to_ascii(text) {
        Ok(ascii) if !ascii.is_empty() => Cow::Owned(ascii),
        _ => Cow::Owned(text.to_lowercase()),
    }
}

fn is_ldh(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'-' || b == b'_'
}

/// Drops a sub-address. A delimiter at the start of the local part does not start a sub-address
/// (postconf(5), `recipient_delimiter`), and a quoted local part has none.
fn strip_tag<'a>(local: &'a str, delimiters: &str) -> &'a str {
    if delimiters.is_empty() || local.starts_with('"') {
        return local;
    }
    // One by one: `str::contains` prepares a search, which takes longer than comparing with one or two delimiters.
    match local.char_indices().skip(1).find(|&(_, c)| delimiters.chars().any(|delimiter| delimiter == c)) {
        Some((at, _)) => &local[..at],
        None => local,
    }
}

fn push_lowercase(out: &mut String, text: &str) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        out[start..].make_ascii_lowercase();
    } else {
        out.extend(text.chars().flat_map(char::to_lowercase));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rules() -> AddressRules {
        AddressRules { recipient_delimiter: "+".into(), default_domain: Domain::parse("example.com").unwrap() }
    }

    #[test]
    fn what_no_login_is_is_told() {
        for text in [
            "laura@contoso.com",
            "laura",
            "CORP\\laura",
            "o'neill@x.example",
            "\"a b\"@x.example",
            "jörg@müller.example",
        ] {
            assert_eq!(Address::check_login(text), Ok(()), "{text}");
        }
        assert_eq!(Address::check_login("@{entity=a@contoso.com}"), Err(InvalidAddress::Domain));
        assert_eq!(Address::check_login("@{Identity=laura}"), Err(InvalidAddress::LocalPart));
        assert_eq!(Address::check_login("@{Entity=a@b.example; Why=x@y.example"), Err(InvalidAddress::Character('@')));
        assert_eq!(Address::check_login("System.Object[]"), Err(InvalidAddress::Character('[')));
        assert_eq!(Address::check_login("Laura Smith"), Err(InvalidAddress::Character(' ')));
        assert_eq!(Address::check_login(" "), Err(InvalidAddress::Empty));
    }

    fn norm(text: &str) -> String {
        Address::normalise(text, &rules()).to_string()
    }

    #[test]
    fn one_mailbox_has_one_spelling() {
        for spelling in
            ["alice", "Alice", "ALICE@EXAMPLE.COM", "alice+news@example.com", "alice@example.com.", "alice@"]
        {
            assert_eq!(norm(spelling), "alice@example.com", "{spelling}");
        }
    }

    #[test]
    fn idn_domains_become_a_labels() {
        assert_eq!(norm("bob@Bücher.example"), "bob@xn--bcher-kva.example");
        assert_eq!(norm("bob@XN--BCHER-KVA.example"), "bob@xn--bcher-kva.example");
        assert_eq!(norm("Jürgen@example.com"), "jürgen@example.com");
    }

    #[test]
    fn a_leading_delimiter_is_no_tag() {
        assert_eq!(norm("+tag@example.com"), "+tag@example.com");
        assert_eq!(norm("a++b@example.com"), "a@example.com");
        assert_eq!(norm("\"a+b\"@example.com"), "\"a+b\"@example.com");
    }

    #[test]
    fn settings_need_whole_addresses() {
        assert_eq!(Address::parse("Post@Example.com", "+").unwrap().as_str(), "post@example.com");
        assert_eq!(Address::parse("post", "+"), Err(InvalidAddress::NoDomain));
        assert_eq!(Address::parse("@example.com", "+"), Err(InvalidAddress::LocalPart));
        assert_eq!(Address::parse("a@exa mple", "+"), Err(InvalidAddress::Domain));
        assert_eq!(Domain::parse(".."), Err(InvalidAddress::Empty));
        assert_eq!(Domain::parse("a..b"), Err(InvalidAddress::Domain));
    }

    #[test]
    fn a_domain_that_is_only_dots_is_none() {
        for text in ["alice@.", "alice@...", "alice@", "alice"] {
            assert_eq!(norm(text), "alice@example.com", "{text}");
        }
    }

    proptest! {
        #[test]
        fn normalising_is_idempotent(text in "\\PC{0,40}") {
            let once = norm(&text);
            prop_assert_eq!(norm(&once), once);
        }
    }
}
