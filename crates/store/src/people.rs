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
    /// The shared secret.
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
    /// The person signed in.
    SignedIn(Timestamp),
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
    async fn person_of_subject(&self, subject: &str) -> Result<Option<Person>, StoreError>;

    /// Adds a person, with their identifier at the single sign-on provider if they come from there.
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

    /// Removes a person with all their data.
    ///
    /// # Errors
    /// [`StoreError::NoPerson`], or the database fails.
    async fn remove_person(&self, address: &str, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Changes a person's credentials: makes all the changes or none.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if a change no longer applies, or the database fails.
    async fn change_credentials(
        &self,
        address: &str,
        changes: &[CredentialChange],
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
    /// everywhere.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if it was used meanwhile, [`StoreError::PersonExists`] if it is the first admin's and
    /// the address is taken, or the database fails.
    async fn accept(
        &self,
        hash: &[u8; 32],
        person: &Person,
        password: &str,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// Stores a session by the SHA-256 of its cookie.
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

    /// Ends every session of a person; with `but`, except that one.
    ///
    /// # Errors
    /// The database fails.
    async fn revoke_sessions(&self, person: &str, but: Option<&str>) -> Result<(), StoreError>;

    /// Deletes sessions and invitations that have expired by `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn sweep_access(&self, now: Timestamp) -> Result<(), StoreError>;

    /// The stored key called `name`. If there is none yet, `new` is stored and returned.
    ///
    /// # Errors
    /// The database fails.
    async fn key(&self, name: &str, new: &[u8; 32]) -> Result<[u8; 32], StoreError>;
}
