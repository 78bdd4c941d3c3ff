//! People who sign in: what is kept of them, their factors, invitations and sessions.

use async_trait::async_trait;
use postern_domain::Timestamp;
use postern_domain::access::{Person, Role};
use serde::{Deserialize, Serialize};

use crate::StoreError;
use crate::audit::NewAuditEntry;

/// What a person proves who they are with.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Credentials {
    /// What a passkey knows its owner by.
    pub handle: [u8; 16],
    /// Issuer and subject of the single sign-on provider.
    pub subject: Option<String>,
    /// A PHC string.
    pub password: Option<String>,
    /// The authenticator app.
    pub totp: Option<TotpRecord>,
    /// Passkeys, oldest first.
    pub passkeys: Vec<PasskeyRecord>,
    /// SHA-256 of each recovery code that is left.
    pub recovery_codes: Vec<[u8; 32]>,
}

/// An authenticator app (RFC 6238).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpRecord {
    /// The shared secret.
    pub secret: Vec<u8>,
    /// The last time step a code was used for.
    pub step: u64,
}

/// A passkey as it is stored (WebAuthn Level 3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyRecord {
    /// The credential's id.
    pub id: Vec<u8>,
    /// What its owner calls it.
    pub name: String,
    /// The credential as JSON.
    pub passkey: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

/// A change of what a person proves who they are with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialChange {
    /// A new password, as a PHC string.
    Password(String),
    /// An authenticator app; none: no more.
    Totp(Option<TotpRecord>),
    /// A code was used; fails if that one, or a later one, was used before.
    TotpUsed(u64),
    /// New recovery codes in place of the old.
    RecoveryCodes(Vec<[u8; 32]>),
    /// A recovery code was used; fails if there is none of that hash.
    RecoveryCodeUsed([u8; 32]),
    /// One more passkey.
    AddPasskey(PasskeyRecord),
    /// A passkey was used: its new state, and when.
    PasskeyUsed {
        /// The credential's id.
        id: Vec<u8>,
        /// The credential as JSON.
        passkey: String,
        /// When that was.
        at: Timestamp,
    },
    /// A passkey is gone; fails if there is none of that id.
    RemovePasskey(Vec<u8>),
    /// The person signed in.
    SignedIn(Timestamp),
}

/// A one-time link by which somebody becomes a person, or gets in again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Whom it is for; none: whoever comes first, as the first admin.
    pub address: Option<String>,
    /// What they may do.
    pub role: Role,
    /// When it was made.
    pub created_at: Timestamp,
    /// The name of whoever made it, as the audit trail has it.
    pub created_by: String,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// A browser's session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    /// What it is called in lists; opens nothing.
    pub id: String,
    /// Who is signed in; none: nobody yet.
    pub person: Option<String>,
    /// What it holds, as JSON.
    pub data: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub seen_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

/// What is kept of people. Part of [`crate::Store`]; the same rules hold.
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

    /// The person whose passkeys know them by `handle`.
    ///
    /// # Errors
    /// The database fails.
    async fn person_of_handle(&self, handle: &[u8; 16]) -> Result<Option<(Person, Credentials)>, StoreError>;

    /// The person the single sign-on provider knows as `subject`.
    ///
    /// # Errors
    /// The database fails.
    async fn person_of_subject(&self, subject: &str) -> Result<Option<Person>, StoreError>;

    /// Writes a new person, with the subject the single sign-on provider knows them by.
    ///
    /// # Errors
    /// [`StoreError::PersonExists`], or the database fails.
    async fn add_person(&self, person: &Person, subject: Option<&str>, audit: &NewAuditEntry)
    -> Result<(), StoreError>;

    /// Changes role and state of a person. Whoever is disabled is signed out everywhere.
    ///
    /// # Errors
    /// [`StoreError::NoPerson`], or the database fails.
    async fn change_person(&self, person: &Person, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Removes a person with everything that is theirs.
    ///
    /// # Errors
    /// [`StoreError::NoPerson`], or the database fails.
    async fn remove_person(&self, address: &str, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Changes what a person proves who they are with, all of it or nothing.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if something is not there any more, or the database fails.
    async fn change_credentials(
        &self,
        address: &str,
        changes: &[CredentialChange],
        audit: Option<&NewAuditEntry>,
    ) -> Result<(), StoreError>;

    /// Keeps an invitation by the SHA-256 of its token, in place of earlier ones to the same.
    ///
    /// # Errors
    /// The database fails.
    async fn invite(
        &self,
        invitation: &Invitation,
        hash: &[u8; 32],
        audit: Option<&NewAuditEntry>,
    ) -> Result<(), StoreError>;

    /// The invitation of that hash, if it is unused; it may be expired.
    ///
    /// # Errors
    /// The database fails.
    async fn invitation(&self, hash: &[u8; 32]) -> Result<Option<Invitation>, StoreError>;

    /// Uses up an invitation: the person is active, with this password and no other factor, and
    /// signed out everywhere.
    ///
    /// # Errors
    /// [`StoreError::Changed`] if it was used meanwhile, [`StoreError::PersonExists`] if it is the
    /// first admin's and the address is taken, or the database fails.
    async fn accept(
        &self,
        hash: &[u8; 32],
        person: &Person,
        password: &str,
        audit: &NewAuditEntry,
    ) -> Result<(), StoreError>;

    /// Keeps a session by the SHA-256 of its cookie.
    ///
    /// # Errors
    /// The database fails.
    async fn save_session(&self, hash: &[u8; 32], session: &SessionRecord) -> Result<(), StoreError>;

    /// The session of that hash, unless it has expired at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn session(&self, hash: &[u8; 32], now: Timestamp) -> Result<Option<SessionRecord>, StoreError>;

    /// Ends the session of that hash, if there is one.
    ///
    /// # Errors
    /// The database fails.
    async fn end_session(&self, hash: &[u8; 32]) -> Result<(), StoreError>;

    /// Sessions of people who are signed in at `now`, the last used first.
    ///
    /// # Errors
    /// The database fails.
    async fn sessions(&self, now: Timestamp) -> Result<Vec<SessionRecord>, StoreError>;

    /// Ends the session called `id`; with `person`, only if it is theirs.
    ///
    /// # Errors
    /// [`StoreError::NoSession`], or the database fails.
    async fn revoke_session(&self, id: &str, person: Option<&str>, audit: &NewAuditEntry) -> Result<(), StoreError>;

    /// Ends every session of a person but one.
    ///
    /// # Errors
    /// The database fails.
    async fn revoke_sessions(&self, person: &str, but: Option<&str>) -> Result<(), StoreError>;

    /// Forgets sessions and invitations that have expired at `now`.
    ///
    /// # Errors
    /// The database fails.
    async fn sweep_access(&self, now: Timestamp) -> Result<(), StoreError>;

    /// The key called `name`; `new` if there is none yet, which is then kept.
    ///
    /// # Errors
    /// The database fails.
    async fn key(&self, name: &str, new: &[u8; 32]) -> Result<[u8; 32], StoreError>;
}
