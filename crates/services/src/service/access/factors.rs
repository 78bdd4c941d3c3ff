//! Factors: what a person signs in with, and how they change it themselves.

use postern_domain::{Fact, Timestamp};
use postern_store::people::{CredentialChange, Credentials, PasskeyRecord, TotpRecord};

use super::sign_in::SignInError;
use crate::service::{AccessService, Caller, CallerKind, ServiceError};
use crate::sign_in::attempts::Sources;
use crate::sign_in::{Hashing, password, secret, totp};
use crate::vault::authenticator_of;

/// The number of recovery codes in a set.
const RECOVERY_CODES: usize = 10;
/// The largest number of passkeys per person.
const MOST_PASSKEYS: usize = 20;

/// What a person signs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorsView {
    /// Whether there is a password. People without one come from the single sign-on provider.
    pub password: bool,
    /// Whether a code from an authenticator app is required.
    pub totp: bool,
    /// How many recovery codes are left.
    pub recovery_codes: usize,
    /// Passkeys, oldest first.
    pub passkeys: Vec<PasskeyView>,
}

/// A passkey as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyView {
    /// Its id, in hex.
    pub id: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
}

impl AccessService {
    /// The factors that the caller signs in with.
    ///
    /// # Errors
    /// The caller is not a person, or the store fails.
    pub async fn factors(&self, caller: &Caller) -> Result<FactorsView, ServiceError> {
        let credentials = self.own_credentials(caller).await?;
        let view = |stored: PasskeyRecord| PasskeyView {
            id: postern_store::audit::hex(&stored.id),
            name: stored.name,
            created_at: stored.created_at,
            last_used_at: stored.last_used_at,
        };
        Ok(FactorsView {
            password: credentials.password.is_some(),
            totp: credentials.totp.is_some(),
            recovery_codes: credentials.recovery_codes.len(),
            passkeys: credentials.passkeys.into_iter().map(view).collect(),
        })
    }

    /// The caller's stored credentials.
    ///
    /// # Errors
    /// The caller is not a person, or the store fails.
    pub async fn own_credentials(&self, caller: &Caller) -> Result<Credentials, ServiceError> {
        let found = match caller.kind {
            CallerKind::Person => self.store.person(&caller.name).await?,
            _ => None,
        };
        found
            .map(|(_, credentials)| credentials)
            .ok_or_else(|| ServiceError::NotFound("you are no person who signs in here".into()))
    }

    /// Changes the caller's password; all their other sessions end.
    ///
    /// # Errors
    /// The current password is wrong, the new one is not acceptable, or the store fails.
    pub async fn change_password(
        &self,
        caller: &Caller,
        current: &str,
        new: &str,
        session: Option<&str>,
    ) -> Result<(), ServiceError> {
        let credentials = self.own_credentials(caller).await?;
        let Some(phc) = credentials.password else {
            return Err(ServiceError::Conflict("you sign in by single sign-on; there is no password here".into()));
        };
        let wrong = |problem: String| ServiceError::Invalid { field: "current_password".into(), problem };
        let sources = Sources::of_current_password(&caller.name);
        match self.begin_attempt(&sources).await {
            Ok(()) => {}
            Err(SignInError::Service(error)) => return Err(error),
            Err(wait) => return Err(wrong(wait.to_string())),
        }
        let given: String = current.chars().take(password::LONGEST).collect();
        match self.sign_in.hashing(Hashing::ForKnown, move || password::matches(&given, &phc)).await {
            Ok(true) => self.succeeded(&sources).await?,
            Ok(false) => return Err(wrong("is wrong".into())),
            Err(error) => {
                self.store.withdraw_attempt(&sources.all()).await?;
                return Err(error.into());
            }
        }
        let phc = self.new_password(&caller.name, new).await?;
        let fact = Fact::PasswordChanged { address: caller.name.clone() };
        self.change_own(caller, vec![CredentialChange::Password(phc)], session, fact).await
    }

    /// Activates an authenticator app after a correct code from it. Returns the recovery codes, which are shown only
    /// once. As with every change of factors, the caller's sessions end, except the one with the id `session`.
    ///
    /// # Errors
    /// The code is wrong, or the store fails.
    pub async fn enrol_totp(
        &self,
        caller: &Caller,
        shared: &[u8],
        code: &str,
        session: Option<&str>,
    ) -> Result<Vec<String>, ServiceError> {
        let seconds = u64::try_from(self.clock.now().as_millis() / 1000).unwrap_or(0);
        let Some(step) = totp::step(shared, code, seconds) else {
            let problem = "is wrong; check the clock of the device, and type the code it shows now".into();
            return Err(ServiceError::Invalid { field: "code".into(), problem });
        };
        let sealed = self.sign_in.vault.sealed(shared, &authenticator_of(&caller.name), &*self.randomness)?;
        let totp = CredentialChange::Totp(Some(TotpRecord { secret: sealed, step }));
        let fact = Fact::TotpAdded { address: caller.name.clone() };
        self.change_own(caller, vec![totp], session, fact).await?;
        self.new_recovery_codes(caller, session).await
    }

    /// Removes the authenticator app and the recovery codes.
    ///
    /// # Errors
    /// The caller is not a person, or the store fails.
    pub async fn remove_totp(&self, caller: &Caller, session: Option<&str>) -> Result<(), ServiceError> {
        let address = caller.name.clone();
        let fact = Fact::RecoveryCodesChanged { address: address.clone(), left: 0 };
        self.change_own(caller, vec![CredentialChange::RecoveryCodes(Vec::new())], session, fact).await?;
        self.change_own(caller, vec![CredentialChange::Totp(None)], session, Fact::TotpRemoved { address }).await
    }

    /// Makes new recovery codes, which are shown only once; the old ones stop working.
    ///
    /// # Errors
    /// The caller is not a person, or the store fails.
    pub async fn new_recovery_codes(
        &self,
        caller: &Caller,
        session: Option<&str>,
    ) -> Result<Vec<String>, ServiceError> {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| secret::recovery_code(&*self.randomness)).collect();
        let hashes = codes.iter().map(|code| secret::hash(code)).collect();
        let fact = Fact::RecoveryCodesChanged { address: caller.name.clone(), left: RECOVERY_CODES };
        self.change_own(caller, vec![CredentialChange::RecoveryCodes(hashes)], session, fact).await?;
        Ok(codes)
    }

    /// Stores a new passkey for the caller.
    ///
    /// # Errors
    /// The caller has too many, the passkey is already known, or the store fails.
    pub async fn add_passkey(
        &self,
        caller: &Caller,
        passkey: PasskeyRecord,
        session: Option<&str>,
    ) -> Result<(), ServiceError> {
        if self.own_credentials(caller).await?.passkeys.len() >= MOST_PASSKEYS {
            return Err(ServiceError::Conflict(format!("you have {MOST_PASSKEYS} passkeys; remove one first")));
        }
        let fact = Fact::PasskeyAdded { address: caller.name.clone(), name: passkey.name.clone() };
        self.change_own(caller, vec![CredentialChange::AddPasskey(passkey)], session, fact).await
    }

    /// Removes one of the caller's passkeys, by its id in hex.
    ///
    /// # Errors
    /// There is no such passkey, it is the caller's only way to sign in, or the store fails.
    pub async fn remove_passkey(&self, caller: &Caller, id: &str, session: Option<&str>) -> Result<(), ServiceError> {
        let credentials = self.own_credentials(caller).await?;
        let hex = |stored: &&PasskeyRecord| postern_store::audit::hex(&stored.id) == id;
        let Some(found) = credentials.passkeys.iter().find(hex) else {
            return Err(ServiceError::NotFound("you have no such passkey".into()));
        };
        let change = CredentialChange::RemovePasskey(found.id.clone());
        let fact = Fact::PasskeyRemoved { address: caller.name.clone(), name: found.name.clone() };
        self.change_own(caller, vec![change], session, fact).await
    }

    async fn change_own(
        &self,
        caller: &Caller,
        changes: Vec<CredentialChange>,
        session: Option<&str>,
        fact: Fact,
    ) -> Result<(), ServiceError> {
        if caller.kind != CallerKind::Person {
            return Err(ServiceError::NotFound("you are no person who signs in here".into()));
        }
        Self::is_local(&self.known_person(&caller.name).await?)?;
        let audit = self.audited(caller, fact);
        self.projector
            .write_unheld(self.store.change_credentials(&caller.name, &changes, session, Some(&audit)))
            .await?;
        tracing::info!(person = caller.name, action = audit.fact.columns().action, "sign-in changed");
        Ok(())
    }
}
