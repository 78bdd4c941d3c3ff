//! Stored data of people who sign in: their factors, invitations and sessions.

use async_trait::async_trait;
use postern_domain::Timestamp;
use postern_domain::access::{Person, Role};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::audit::NewAuditEntry;

/// The credentials of a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// Counts the changes to how the person signs in, and to whether they may.
    pub version: u64,
    /// The user handle that passkeys identify their owner by.
    pub handle: [u8; 16],
    /// Issuer and subject of the single sign-on provider.
    pub subject: Option<String>,
    /// The password's hash, as a PHC string.
    pub password: Option<String>,
    /// The authenticator app.
    pub totp: Option<TotpRecord>,
    /// Passkeys, oldest first.
    pub passkeys: Vec<PasskeyRecord>,
    /// SHA-256 of each unused recovery code.
    pub recovery_codes: Vec<[u8; 32]>,
}

/// An authenticator app (RFC 6238).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpRecord {
    /// The shared secret, as the caller has it stored: sealed, if there is a key for that.
    pub secret: Vec<u8>,
    /// The last time step for which a code was used.
    pub step: u64,
}

/// A passkey as it is stored (WebAuthn Level 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// The credential id.
    pub id: Vec<u8>,
    /// What its owner calls it.
    pub name: String,
    /// The credential as JSON.
    pub passkey: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A change to the credentials of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialChange {
    /// A new password, as a PHC string.
    Password(String),
    /// A new authenticator app; with `None`, it is removed.
    Totp(Option<TotpRecord>),
    /// The shared secret of the authenticator app is stored in another form. Fails if it is no longer stored as `before`.
    TotpSealed {
        /// As it is stored.
        before: Vec<u8>,
        /// As it is to be stored.
        now: Vec<u8>,
    },
    /// A code for this time step was used. Fails if a code for this or a later step was used before.
    TotpUsed(u64),
    /// New recovery codes, replacing the old ones.
    RecoveryCodes(Vec<[u8; 32]>),
    /// A recovery code was used. Fails if there is none with this hash.
    RecoveryCodeUsed([u8; 32]),
    /// A further passkey.
    AddPasskey(PasskeyRecord),
    /// A passkey was used: its new state, and when.
    PasskeyUsed {
        /// The credential id.
        id: Vec<u8>,
        /// The credential as JSON.
        passkey: String,
        /// When it was used.
        at: Timestamp,
    },
    /// A passkey is removed. Fails if there is none with this id.
    RemovePasskey(Vec<u8>),
    /// A passkey has answered a challenge, the SHA-256 of which this is; it may be forgotten after that time. Fails if it
    /// was answered before.
    ChallengeUsed([u8; 32], Timestamp),
    /// The person signed in, with credentials of this version. Fails if they have changed meanwhile, or the person may
    /// not sign in.
    SignedIn {
        /// When.
        at: Timestamp,
        /// The version of the credentials that were checked.
        version: u64,
    },
}

impl CredentialChange {
    /// Whether it changes what the person signs in with. Then all their other sessions end, links to sign up or to regain
    /// access too, and the version changes.
    pub fn is_of_factors(&self) -> bool {
        match self {
            CredentialChange::Password(_)
            | CredentialChange::Totp(_)
            | CredentialChange::RecoveryCodes(_)
            | CredentialChange::AddPasskey(_)
            | CredentialChange::RemovePasskey(_) => true,
            CredentialChange::TotpSealed { .. }
            | CredentialChange::TotpUsed(_)
            | CredentialChange::RecoveryCodeUsed(_)
            | CredentialChange::PasskeyUsed { .. }
            | CredentialChange::ChallengeUsed(..)
            | CredentialChange::SignedIn { .. } => false,
        }
    }
}

/// A one-time link with which somebody signs up, or regains access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The invited address; none for the first admin's link: the first person to use it becomes that admin.
    pub address: Option<String>,
    /// The role that the person gets.
    pub role: Role,
    /// When it was created.
    pub created_at: Timestamp,
    /// Who made it, by the name used in the audit trail.
    pub created_by: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// A browser session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// The name used in lists; it gives no access.
    pub id: String,
    /// The address of the person who is signed in; none if nobody is yet.
    pub person: Option<String>,
    /// The session's data, as JSON.
    pub data: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// Stored data of people. Part of [`crate::Store`]; the same rules apply.
#[async_trait]
pub trait People: Send + Sync {
    /// Everybody, by address.
    ///
    /// # Errors
    /// The database fails.
    async fn people(&self) -> Result<Vec<Person>, StoreError>;

    /// One person with their credentials.
    ///
    /// # Errors
    /// The database fails.
    async fn person(&self, address: &str) -> Result<Option<(Person, Credentials)>, StoreError>;

    /// The person whose passkeys have this user handle.
    ///
    /// # Errors
    /// The database fails.
    async fn person_of_handle(&self, handle: &[u8; 16]) -> Result<Option<(Person, Credentials)>, StoreError>;

    /// The person whose identifier at the single sign-on provider is `subject`.
    ///
    /// # Errors
    /// The database fails.
    async fn person_of_subject(&self, subject: &str) -> Result<Option<(Person, Credentials)>, StoreError>;

    /// Adds a person, with their identifier at the single sign-on provider if they come from there. The first admin's
    /// link ends.
    ///
    /// # Errors
    /// [`StoreError::PersonExists`], or the database fails.
    async fn add_person(&self, person: &Person, subject: Option<&str>, audit: &NewAuditEntry)
    -> Result<(), StoreError>;

    /// Changes a person's role and state. A person who becomes disabled is signed out everywhere.
    ///
    /// # Errors
    /// [`StoreError::NoPerson`], or the database fails.
    async fn change_person(&self, person: &Person, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Removes a person with all their data, and revokes the tokens that they have made.
    ///
    /// # Errors
    /// [`StoreError::NoPerson`], or the database fails.
    async fn remove_person(&self, address: &str, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Changes a person's credentials: makes all the changes or none. If the person's factors change, see
    /// [`CredentialChange::is_of_factors`]; the session with the id `but` does not end.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if a change no longer applies, or the database fails.
    async fn change_credentials(
        &self,
        address: &str,
        changes: &[CredentialChange],
        but: Option<&str>,
        audit: Option<&NewAuditEntry>,
    ) -> Result<(), StoreError>;

    /// Stores an invitation by the SHA-256 of its token; it replaces earlier ones for the same address.
    ///
    /// # Errors
    /// The database fails.
    async fn invite(
        &self,
        invitation: &Invitation,
        hash: &[u8; 32],
        audit: Option<&NewAuditEntry>,
    ) -> Result<(), StoreError>;

    /// The invitation with this hash, if it is unused; it may have expired.
    ///
    /// # Errors
    /// The database fails.
    async fn invitation(&self, hash: &[u8; 32]) -> Result<Option<Invitation>, StoreError>;

    /// Uses up an invitation: the person becomes active, with this password and no other factor, and is signed out
    /// everywhere. Returns the version of their credentials.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if it was used meanwhile, or is the first admin's and somebody has been added, or the
    /// database fails.
    async fn accept(
        &self,
        hash: &[u8; 32],
        person: &Person,
        password: &str,
        audit: &NewAuditEntry,
    ) -> Result<u64, StoreError>;

    /// Stores a new session by the SHA-256 of its cookie. If somebody is signed in, `version` is that of the credentials
    /// that they have shown.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if the person's credentials have changed meanwhile or the person may not sign in, or the
    /// database fails.
    async fn create_session(&self, hash: &[u8; 32], session: &SessionRecord, version: u64) -> Result<(), StoreError>;

    /// Updates a session's data and times. One that has ended stays so.
    ///
    /// # Errors
    /// The database fails.
    async fn save_session(&self, hash: &[u8; 32], session: &SessionRecord) -> Result<(), StoreError>;

    /// The session with this hash, unless it has expired by `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn session(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<SessionRecord>, StoreError>;

    /// Ends the session with this hash, if there is one.
    ///
    /// # Errors
    /// The database fails.
    async fn end_session(&self, hash: &[u8; 32]) -> Result<(), StoreError>;

    /// Unexpired sessions of people who are signed in at `now`, most recently used first.
    ///
    /// # Errors
    /// The database fails.
    async fn sessions(&self, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError>;

    /// Ends the session with this id; with `person`, only if it is theirs.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], or the database fails.
    async fn revoke_session(&self, id: &str, person: Option<&str>, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Deletes sessions, invitations and used challenges that have expired by `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn sweep_access(&self, now: Timestamp) -> Result<(), StoreError>;

    /// The stored key called `name`. If there is none yet, `new` is stored and returned.
    ///
    /// # Errors
    /// The database fails.
    async fn key(&self, name: &str, new: &[u8]) -> Result<Vec<u8>, StoreError>;

    /// Stores the key called `name` in another form, if it is still stored as `before`.
    ///
    /// # Errors
    /// The database fails.
    async fn replace_key(&self, name: &str, before: &[u8], now: &[u8]) -> Result<(), StoreError>;
}
