//! People who sign in.

use serde::{Deserialize, Serialize};

use super::Role;
use crate::organization::OrganizationId;
use crate::time::Timestamp;

/// Where a person comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Invited here, with a password or passkeys kept here.
    Local,
    /// Named by the single sign-on provider, whose groups say the role at each sign-in.
    SingleSignOn,
}

/// How far a person has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum PersonState {
    /// Has not yet used the sign-up link.
    Invited,
    /// May sign in.
    Active,
    /// May not sign in, until an admin says so again.
    Disabled,
}

/// Someone who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Person {
    /// Their mail address, in lower case: the name they sign in with.
    pub address: String,
    /// The organization they look after; none: all of them.
    #[serde(default)]
    pub organization: Option<OrganizationId>,
    /// What they may do.
    pub role: Role,
    /// How far they have come.
    pub state: PersonState,
    /// Where they come from.
    pub origin: Origin,
    /// When it was made.
    pub created_at: Timestamp,
    /// The name of whoever made it, as the audit trail has it.
    pub created_by: String,
    /// When they last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// How somebody proved who they are (RFC 8176 names them alike).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// A password alone.
    Password,
    /// A password and a code from an authenticator app.
    PasswordAndTotp,
    /// A password and one of the recovery codes.
    PasswordAndRecoveryCode,
    /// A passkey (WebAuthn Level 3).
    Passkey,
    /// The single sign-on provider says so.
    SingleSignOn,
    /// The one-time sign-up link.
    Invitation,
}

impl Origin {
    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            Origin::Local => "local",
            Origin::SingleSignOn => "single-sign-on",
        }
    }

    /// The origin of that name.
    pub fn from_key(key: &str) -> Option<Self> {
        [Origin::Local, Origin::SingleSignOn].into_iter().find(|origin| origin.key() == key)
    }
}

impl PersonState {
    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            PersonState::Invited => "invited",
            PersonState::Active => "active",
            PersonState::Disabled => "disabled",
        }
    }

    /// The state of that name.
    pub fn from_key(key: &str) -> Option<Self> {
        [PersonState::Invited, PersonState::Active, PersonState::Disabled].into_iter().find(|state| state.key() == key)
    }
}

impl Method {
    /// What people read.
    pub fn describe(self) -> &'static str {
        match self {
            Method::Password => "password",
            Method::PasswordAndTotp => "password and authenticator code",
            Method::PasswordAndRecoveryCode => "password and recovery code",
            Method::Passkey => "passkey",
            Method::SingleSignOn => "single sign-on",
            Method::Invitation => "sign-up link",
        }
    }
}
