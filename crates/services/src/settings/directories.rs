//! Where accounts and groups are read.

use std::path::PathBuf;
use std::time::Duration;

/// `[[directory]]`: where accounts and groups are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its name, unique among its kind.
    pub name: String,
    /// How it is read.
    pub reader: Reader,
    /// How often it is read again.
    pub refresh: Duration,
}

/// How a source is read.
#[derive(Clone, PartialEq, Eq)]
pub enum Reader {
    /// A SQLite file.
    Sqlite {
        /// Path of the file.
        path: PathBuf,
        /// What is asked.
        queries: Queries,
    },
    /// A PostgreSQL server.
    Postgresql {
        /// Its address as libpq takes it.
        url: String,
        /// The password, unless the address has it.
        password: Option<String>,
        /// What is asked.
        queries: Queries,
    },
    /// A MySQL or MariaDB server.
    Mysql {
        /// Where it is, with host and port.
        url: String,
        /// The password, unless the address has it.
        password: Option<String>,
        /// What is asked.
        queries: Queries,
    },
    /// An LDAP server.
    Ldap(LdapReader),
}

/// What a database is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queries {
    /// Accounts: the login, and as a second column, if there is one, the person's name.
    pub accounts: Option<String>,
    /// Groups: the group's name and the login of a member, a row a member.
    pub groups: Option<String>,
}

/// How an LDAP server is asked (RFC 4511).
#[derive(Clone, PartialEq, Eq)]
pub struct LdapReader {
    /// `ldap://` or `ldaps://`.
    pub url: String,
    /// TLS on the plain port (RFC 4511 section 4.14).
    pub starttls: bool,
    /// Who asks; none: nobody in particular.
    pub bind: Option<(String, String)>,
    /// Where to look.
    pub base: String,
    /// Which entries are accounts.
    pub account_filter: String,
    /// Where an account's login stands.
    pub account_attribute: String,
    /// Where its person's name stands.
    pub name_attribute: String,
    /// Which entries are groups.
    pub group_filter: String,
    /// Where a group's name stands.
    pub group_attribute: String,
    /// Where its members stand: their DNs or their logins.
    pub member_attribute: String,
}

impl std::fmt::Debug for Reader {
    /// Shows everything but passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())
    }
}

impl Reader {
    /// Where it reads, without secrets.
    pub fn place(&self) -> String {
        let without_password = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            _ => url.to_owned(),
        };
        match self {
            Reader::Sqlite { path, .. } => format!("sqlite:{}", path.display()),
            Reader::Postgresql { url, .. } | Reader::Mysql { url, .. } => without_password(url),
            Reader::Ldap(reader) => reader.url.clone(),
        }
    }
}
