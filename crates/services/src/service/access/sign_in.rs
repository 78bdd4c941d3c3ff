//! Sign-in: by password with a second factor, by passkey, or by single sign-on.

use std::time::Duration;

use postern_domain::access::{Method, Origin, Person, PersonState};
use postern_domain::{Fact, Timestamp};
use postern_store::StoreError;
use postern_store::audit::NewAuditEntry;
use postern_store::people::{CredentialChange, Credentials};

use super::Visitor;
use crate::https;
use crate::present;
use crate::seal::Seal;
use crate::service::{AccessService, Caller, CallerKind, ServiceError};
use crate::sign_in::attempts::Sources;
use crate::sign_in::{Hashing, HashingError, Identity, password, secret, totp};
use crate::vault::authenticator_of;

/// A person who has signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The person who signed in.
    pub person: Person,
    /// How the person proved who they are.
    pub method: Method,
    /// When that was.
    pub at: Timestamp,
    /// The version of the credentials that were checked.
    pub version: u64,
    /// The cookie that makes their device known from now on.
    pub device: String,
}

/// Why a sign-in was refused. The messages do not reveal who has an account.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// Something is wrong; the message does not state what.
    #[error("The address or the password is wrong, or you may not sign in.")]
    Wrong,
    /// The code is wrong or was used before.
    #[error("The code is wrong or was used before. Wait for the next one.")]
    WrongCode,
    /// Too many attempts have failed; the time until the next attempt.
    #[error("Too many attempts have failed. Try again in {}.", present::duration(*.0))]
    Wait(Duration),
    /// Too many others sign in at this moment.
    #[error("Too many people are signing in at this moment. Try again in a few seconds.")]
    Busy,
    /// What the person signs in with has changed since it was checked.
    #[error("Your sign-in was changed meanwhile. Sign in again.")]
    Changed,
    /// The groups of the single sign-on provider give no role here.
    #[error("Your account has no role here. Ask your admin to put you into a group that has one.")]
    NoRole,
    /// The store failed.
    #[error("{0}")]
    Service(#[from] ServiceError),
}

impl From<StoreError> for SignInError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Changed { .. } => SignInError::Changed,
            error => SignInError::Service(error.into()),
        }
    }
}

impl From<HashingError> for SignInError {
    fn from(error: HashingError) -> Self {
        match error {
            HashingError::Busy => SignInError::Busy,
            HashingError::Failed => SignInError::Service(error.into()),
        }
    }
}

/// The result of a correct password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passed {
    /// No second factor is required: the person is signed in.
    Entered(Entry),
    /// A code is required as well, under this version of the credentials.
    WantsCode(u64),
}

impl AccessService {
    /// Signs in by password. Takes equally long for an address that is nobody's.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn sign_in_by_password(
        &self,
        address: &str,
        given: &str,
        visitor: &Visitor,
    ) -> Result<Passed, SignInError> {
        let address = sign_in_name(address);
        let sources = self.sources(&address, visitor);
        self.begin_attempt(&sources).await?;
        let found = self.store.person(&address).await?;
        let active = found.filter(|(person, _)| person.state == PersonState::Active);
        let phc = active.as_ref().and_then(|(_, credentials)| credentials.password.clone());
        let nobody = phc.is_none();
        let phc = phc.unwrap_or_else(|| self.sign_in.nobody.clone());
        let given: String = given.chars().take(password::LONGEST).collect();
        // A known device has no source of its network.
        let who = if sources.client.is_none() { Hashing::ForKnown } else { Hashing::ForStranger };
        let matches = match self.sign_in.hashing(who, move || password::matches(&given, &phc)).await {
            Ok(matches) => matches,
            Err(error) => {
                self.store.withdraw_attempt(&sources.all()).await?;
                return Err(error.into());
            }
        };
        let Some((_, credentials)) = active.filter(|_| matches && !nobody) else {
            return Err(self.failed(&address, "password", visitor, SignInError::Wrong).await);
        };
        if credentials.totp.is_some() {
            self.store.withdraw_attempt(&sources.all()).await?;
            return Ok(Passed::WantsCode(credentials.version));
        }
        let entry = self.enter(&address, Method::Password, visitor, credentials.version).await?;
        self.succeeded(&sources).await?;
        Ok(Passed::Entered(entry))
    }

    /// The second step after a password: a code from the authenticator app, or a recovery code.
    ///
    /// # Errors
    /// See [`SignInError`].
    pub async fn sign_in_by_code(
        &self,
        address: &str,
        version: u64,
        code: &str,
        visitor: &Visitor,
    ) -> Result<Entry, SignInError> {
        let sources = self.sources(address, visitor);
        self.begin_attempt(&sources).await?;
        let found = self.store.person(address).await?;
        let found = found.filter(|(person, _)| person.state == PersonState::Active);
        if found.as_ref().is_some_and(|(_, credentials)| credentials.version != version) {
            return Err(self.failed(address, "code", visitor, SignInError::Changed).await);
        }
        let used = match found {
            Some((_, credentials)) => self.factor(address, &credentials, code)?,
            None => None,
        };
        let Some((change, method)) = used else {
            return Err(self.failed(address, "code", visitor, SignInError::WrongCode).await);
        };
        // If two sign-ins use the same code at once, only one succeeds.
        match self.store.change_credentials(address, &[change], None, None).await {
            Ok(()) => {}
            Err(StoreError::Changed { .. }) => {
                return Err(self.failed(address, "code", visitor, SignInError::WrongCode).await);
            }
            Err(error) => return Err(error.into()),
        }
        let entry = self.enter(address, method, visitor, version).await?;
        self.succeeded(&sources).await?;
        Ok(entry)
    }

    /// The credential change that uses up `code`, if the code is correct.
    fn factor(
        &self,
        address: &str,
        credentials: &Credentials,
        code: &str,
    ) -> Result<Option<(CredentialChange, Method)>, ServiceError> {
        let seconds = u64::try_from(self.clock.now().as_millis() / 1000).unwrap_or(0);
        if let Some(stored) = &credentials.totp {
            let secret = self.sign_in.vault.secret(&stored.secret, &authenticator_of(address))?;
            if let Some(step) = totp::step(&secret, code, seconds).filter(|step| *step > stored.step) {
                return Ok(Some((CredentialChange::TotpUsed(step), Method::PasswordAndTotp)));
            }
        }
        let hash = secret::hash(&secret::normalise_recovery_code(code));
        let known = credentials.recovery_codes.contains(&hash);
        Ok(known.then_some((CredentialChange::RecoveryCodeUsed(hash), Method::PasswordAndRecoveryCode)))
    }

    /// The owner of a passkey, by the user handle that it presents.
    ///
    /// # Errors
    /// Too many attempts have failed, there is no such person, or the store fails.
    pub async fn passkey_owner(
        &self,
        handle: &[u8; 16],
        visitor: &Visitor,
    ) -> Result<(Person, Credentials), SignInError> {
        self.begin_attempt(&Sources::of_client(visitor.address)).await?;
        match self.store.person_of_handle(handle).await? {
            Some(found) if found.0.state == PersonState::Active && found.0.origin == Origin::Local => Ok(found),
            _ => Err(self.failed("", "passkey", visitor, SignInError::Wrong).await),
        }
    }

    /// Signs in a person whose passkey has been checked, against credentials of this version: `used` is what that changes.
    ///
    /// # Errors
    /// The challenge was answered before, the person's credentials have changed meanwhile or the person may not sign in
    /// any more, or the store fails.
    pub async fn sign_in_by_passkey(
        &self,
        person: &Person,
        version: u64,
        used: &[CredentialChange],
        visitor: &Visitor,
    ) -> Result<Entry, SignInError> {
        self.store.change_credentials(&person.address, used, None, None).await?;
        let entry = self.enter(&person.address, Method::Passkey, visitor, version).await?;
        self.succeeded(&Sources::of_client(visitor.address)).await?;
        Ok(entry)
    }

    /// Records that a passkey was not accepted; the error for the person.
    pub async fn passkey_refused(&self, address: &str, visitor: &Visitor) -> SignInError {
        self.failed(address, "passkey", visitor, SignInError::Wrong).await
    }

    /// Seals what browsers remember while their visitors sign in.
    pub fn pending(&self) -> &Seal {
        &self.sign_in.pending
    }

    /// The client for requests to the single sign-on provider.
    pub fn provider_client(&self) -> &https::Client {
        &self.sign_in.http
    }

    /// Signs in a person identified by the single sign-on provider, with the role that their groups give.
    ///
    /// # Errors
    /// Their groups give no role, the address belongs to a local person, they are disabled, or the store fails.
    pub async fn sign_in_by_provider(&self, identity: &Identity, visitor: &Visitor) -> Result<Entry, SignInError> {
        let settings = self.settings.load_full();
        let Some(role) = settings.single_sign_on.as_ref().and_then(|provider| provider.role(&identity.groups)) else {
            return Err(self.failed(&identity.address, "no role", visitor, SignInError::NoRole).await);
        };
        let provider =
            Caller { name: "single sign-on".into(), kind: CallerKind::System, organization: None, role: None };
        let known = self.store.person_of_subject(&identity.subject).await?;
        let (address, version) = match known {
            Some((known, _)) if known.state == PersonState::Disabled => {
                return Err(self.failed(&known.address, "disabled", visitor, SignInError::Wrong).await);
            }
            Some((known, credentials)) if known.role == role => (known.address, credentials.version),
            Some((known, credentials)) => {
                let audit =
                    self.audited(&provider, Fact::PersonChanged { address: known.address.clone(), role, state: None });
                self.projector
                    .write_unheld(self.store.change_person(&Person { role, ..known.clone() }, &audit))
                    .await?;
                (known.address, credentials.version)
            }
            None => {
                let person = Person {
                    address: identity.address.clone(),
                    organization: None,
                    role,
                    state: PersonState::Active,
                    origin: Origin::SingleSignOn,
                    created_at: self.clock.now(),
                    created_by: provider.name.clone(),
                    last_sign_in_at: None,
                };
                let audit = self.audited(&provider, Fact::PersonAdded { address: person.address.clone(), role });
                self.projector.write_unheld(self.store.add_person(&person, Some(&identity.subject), &audit)).await?;
                (person.address, 0)
            }
        };
        self.enter(&address, Method::SingleSignOn, visitor, version).await
    }

    /// Records a successful sign-in with credentials of this version.
    pub(super) async fn enter(
        &self,
        address: &str,
        method: Method,
        visitor: &Visitor,
        version: u64,
    ) -> Result<Entry, SignInError> {
        let now = self.clock.now();
        let organization = self.known_person(address).await?.organization;
        let caller = Caller { name: address.to_owned(), kind: CallerKind::Person, organization, role: None };
        let fact = Fact::SignedIn { address: address.to_owned(), method, from: visitor.address };
        let audit = self.audited(&caller, fact);
        let signed_in = [CredentialChange::SignedIn { at: now, version }];
        self.projector.write_unheld(self.store.change_credentials(address, &signed_in, None, Some(&audit))).await?;
        tracing::info!(person = address, method = method.describe(), from = ?visitor.address, "signed in");
        let person = self.known_person(address).await?;
        let device = self.sign_in.devices.cookie(address, &*self.randomness);
        Ok(Entry { person, method, at: now, version, device })
    }

    /// Whether no person can sign in yet.
    ///
    /// # Errors
    /// The store fails.
    pub async fn has_nobody(&self) -> Result<bool, ServiceError> {
        Ok(self.store.people().await?.is_empty() && self.settings.load().single_sign_on.is_none())
    }

    /// Records that the caller signed out.
    ///
    /// # Errors
    /// The store fails.
    pub async fn signed_out(&self, caller: &Caller) -> Result<(), ServiceError> {
        let audit = self.audited(caller, Fact::SignedOut { address: caller.name.clone() });
        self.projector.write_unheld(self.store.record(&audit)).await?;
        Ok(())
    }

    /// What an attempt to sign in to this account counts for.
    fn sources(&self, address: &str, visitor: &Visitor) -> Sources {
        let device = visitor.device.as_deref().and_then(|cookie| self.sign_in.devices.known(address, cookie));
        Sources::of_account(address, device, visitor.address)
    }

    /// Begins an attempt: it counts as failed until it has succeeded.
    pub(super) async fn begin_attempt(&self, sources: &Sources) -> Result<(), SignInError> {
        let wait = self.store.begin_attempt(&sources.all(), self.clock.now()).await?;
        if wait.is_zero() { Ok(()) } else { Err(SignInError::Wait(wait)) }
    }

    /// Forgets the failures of the account or device, but not its network's: otherwise, an attacker could reset the
    /// network's by signing in to an account of their own.
    pub(super) async fn succeeded(&self, sources: &Sources) -> Result<(), ServiceError> {
        if let Some(identity) = &sources.identity {
            self.store.forget_attempts(identity).await?;
        }
        if let Some(client) = &sources.client {
            self.store.withdraw_attempt(std::slice::from_ref(client)).await?;
        }
        Ok(())
    }

    /// Records a failed attempt in the audit trail.
    async fn failed(&self, address: &str, what: &str, visitor: &Visitor, error: SignInError) -> SignInError {
        let now = self.clock.now();
        self.metrics.sign_ins_failed.inc();
        tracing::warn!(person = address, what, from = ?visitor.address, "sign-in failed");
        let audit = NewAuditEntry {
            at: now,
            organization: None,
            actor: visitor.address.map_or_else(|| "unknown".into(), |address| address.to_string()),
            fact: Fact::SignInFailed { address: address.to_owned(), what: what.to_owned() },
        };
        match self.projector.write_unheld(self.store.record(&audit)).await {
            Ok(_) => error,
            Err(store) => store.into(),
        }
    }
}

/// What somebody typed, in the form in which addresses are stored; of bounded length, because it goes into the audit
/// trail.
fn sign_in_name(typed: &str) -> String {
    typed.trim().to_lowercase().chars().filter(|c| !c.is_control()).take(254).collect()
}
