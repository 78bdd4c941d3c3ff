//! API tokens as they are stored and shown.

use serde::{Deserialize, Serialize};

use super::Role;
use crate::organization::OrganizationId;
use crate::time::Timestamp;

/// Who has made an API token: it may do no more than they may, and ends with them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TokenMaker {
    /// An admin of this machine.
    #[default]
    LocalUser,
    /// A person, by their address.
    Person(String),
    /// Another token, by its SHA-256.
    Token([u8; 32]),
}

/// An API token as it is stored; the token itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// What it is for.
    pub name: String,
    /// The organization it is for; if absent, all organizations.
    #[serde(default)]
    pub organization: Option<OrganizationId>,
    /// What it may do.
    pub role: Role,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who created it, as named in the audit trail.
    pub created_by: String,
    /// Who created it, for what it may do.
    #[serde(skip)]
    pub maker: TokenMaker,
    /// When it expires; if absent, it is valid until revoked.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}
