//! Settings of the directory sources: where accounts and groups are read from.

use std::path::PathBuf;
use std::time::Duration;

/// A source of accounts and groups: `[[directory]]`.
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
        /// The queries to run.
        queries: Queries,
    },
    /// A PostgreSQL server.
    Postgresql {
        /// Its address in libpq's format.
        url: String,
        /// The password, unless it is in the address.
        password: Option<String>,
        /// The queries to run.
        queries: Queries,
    },
    /// A MySQL or MariaDB server.
    Mysql {
        /// Its address, with host and port.
        url: String,
        /// The password, unless it is in the address.
        password: Option<String>,
        /// The queries to run.
        queries: Queries,
    },
    /// An LDAP server.
    Ldap(LdapReader),
}

/// The queries that read accounts and groups from a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queries {
    /// Accounts: the login and, in an optional second column, the person's name.
    pub accounts: Option<String>,
    /// Groups: the group's name and a member's login, one row per member.
    pub groups: Option<String>,
}

/// How an LDAP server is queried (RFC 4511).
#[derive(Clone, PartialEq, Eq)]
pub struct LdapReader {
    /// `ldap://` or `ldaps://`.
    pub url: String,
    /// Whether to start TLS on the plain port (RFC 4511 section 4.14).
    pub starttls: bool,
    /// The bind DN and password; `None` for an anonymous bind.
    pub bind: Option<(String, String)>,
    /// The search base.
    pub base: String,
    /// Which entries are accounts.
    pub account_filter: String,
    /// The attribute with an account's login.
    pub account_attribute: String,
    /// The attribute with the person's name.
    pub name_attribute: String,
    /// Which entries are groups.
    pub group_filter: String,
    /// The attribute with a group's name.
    pub group_attribute: String,
    /// The attribute with its members: their DNs or their logins.
    pub member_attribute: String,
}

impl std::fmt::Debug for Reader {
    /// Shows everything but passwords.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.place())
    }
}

impl Reader {
    /// Where it reads from, without secrets.
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
