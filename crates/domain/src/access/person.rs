//! People who sign in to Postern: their role, state and sign-in methods.

use serde::{Deserialize, Serialize};

use super::Role;
use crate::organization::OrganizationId;
use crate::time::Timestamp;

/// Where a person comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Invited in Postern, which stores their password or passkeys.
    Local,
    /// Added by the single sign-on provider, whose groups determine the role at each sign-in.
    SingleSignOn,
}

/// The state of a person's access.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PersonState {
    /// Has not yet used the sign-up link.
    Invited,
    /// May sign in.
    Active,
    /// May not sign in until an admin enables them again.
    Disabled,
}

/// Someone who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their mail address, in lower case: the name they sign in with.
    pub address: String,
    /// The organization they manage; if absent, all organizations.
    #[serde(default)]
    pub organization: Option<OrganizationId>,
    /// What they may do.
    pub role: Role,
    /// The state of their access.
    pub state: PersonState,
    /// Where they come from.
    pub origin: Origin,
    /// When the person was added.
    pub created_at: Timestamp,
    /// Who added the person, as named in the audit trail.
    pub created_by: String,
    /// When they last signed in.
    pub last_sign_in_at: Option<Timestamp>,
}

/// How a person authenticated (similar to the methods of RFC 8176).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
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
    /// Authenticated by the single sign-on provider.
    SingleSignOn,
    /// The one-time sign-up link.
    Invitation,
}

impl Origin {
    /// Every origin.
    pub const ALL: [Origin; 2] = [Origin::Local, Origin::SingleSignOn];

    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            Origin::Local => "local",
            Origin::SingleSignOn => "single-sign-on",
        }
    }

    /// The origin with this name.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|origin| origin.key() == key)
    }
}

impl PersonState {
    /// Every state.
    pub const ALL: [PersonState; 3] = [PersonState::Invited, PersonState::Active, PersonState::Disabled];

    /// The name used in the store.
    pub fn key(self) -> &'static str {
        match self {
            PersonState::Invited => "invited",
            PersonState::Active => "active",
            PersonState::Disabled => "disabled",
        }
    }

    /// The state with this name.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.key() == key)
    }
}

impl Method {
    /// Every method.
    pub const ALL: [Method; 6] = [
        Method::Password,
        Method::PasswordAndTotp,
        Method::PasswordAndRecoveryCode,
        Method::Passkey,
        Method::SingleSignOn,
        Method::Invitation,
    ];

    /// The method's name as shown to people.
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
