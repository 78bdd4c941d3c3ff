//! Registers and checks passkeys (WebAuthn level 3).

use postern_domain::Timestamp;
use postern_store::people::{CredentialChange, Credentials, PasskeyRecord};
use serde_json::{Value, json};
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential,
    RequestChallengeResponse, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// Why a passkey can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PasskeyError {
    /// The portal's address has no host name, which passkeys need.
    #[error("passkeys require a host name: set portal.url, for example to \"https://postern.example.com\"")]
    NoName,
    /// The browser's answer is not valid.
    #[error("the passkey was not accepted: {0}")]
    Refused(#[from] WebauthnError),
    /// The stored passkey can't be read.
    #[error("the stored passkey can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// The portal as a WebAuthn relying party.
#[derive(Debug)]
pub struct Passkeys(Webauthn);

impl Passkeys {
    /// The relying party for the portal at `url`.
    ///
    /// # Errors
    /// The address has no host name.
    pub fn new(url: &str, organization: &str) -> Result<Self, PasskeyError> {
        let url = Url::parse(url).map_err(|_| PasskeyError::NoName)?;
        let name = url.domain().ok_or(PasskeyError::NoName)?;
        Ok(Self(WebauthnBuilder::new(name, &url)?.rp_name(organization).build()?))
    }

    /// The request that makes the browser create a passkey, and the state to remember until it answers.
    ///
    /// # Errors
    /// The request can't be made.
    pub fn begin_registration(
        &self,
        address: &str,
        credentials: &Credentials,
    ) -> Result<(Value, PasskeyRegistration), PasskeyError> {
        let known = credentials.passkeys.iter().map(|passkey| passkey.id.clone()).collect();
        let handle = Uuid::from_bytes(credentials.handle);
        let (ask, remembered) = self.0.start_passkey_registration(handle, address, address, Some(known))?;
        let mut ask = serde_json::to_value(ask)?;
        // The device remembers the person, so that they need not type an address to sign in.
        let selection = &mut ask["publicKey"]["authenticatorSelection"];
        selection["residentKey"] = json!("required");
        selection["requireResidentKey"] = json!(true);
        Ok((ask, remembered))
    }

    /// Checks the browser's answer, and returns the new passkey to store.
    ///
    /// # Errors
    /// The answer is not valid.
    pub fn finish_registration(
        &self,
        made: &RegisterPublicKeyCredential,
        remembered: &PasskeyRegistration,
        name: &str,
        now: Timestamp,
    ) -> Result<PasskeyRecord, PasskeyError> {
        let passkey = self.0.finish_passkey_registration(made, remembered)?;
        Ok(PasskeyRecord {
            id: passkey.cred_id().to_vec(),
            name: name.to_owned(),
            passkey: serde_json::to_string(&passkey)?,
            created_at: now,
            last_used_at: None,
        })
    }

    /// The request that makes the browser sign in, and the state to remember until it answers.
    ///
    /// # Errors
    /// The request can't be made.
    pub fn begin_sign_in(&self) -> Result<(RequestChallengeResponse, DiscoverableAuthentication), PasskeyError> {
        let (mut ask, remembered) = self.0.start_discoverable_authentication()?;
        // The person has clicked a button, so the browser shows its own dialog.
        ask.mediation = None;
        Ok((ask, remembered))
    }

    /// The user handle that the browser's answer claims. It is not proven before [`Passkeys::finish_sign_in`].
    ///
    /// # Errors
    /// The answer names no user.
    pub fn owner(&self, shown: &PublicKeyCredential) -> Result<[u8; 16], PasskeyError> {
        let (handle, _) = self.0.identify_discoverable_authentication(shown)?;
        Ok(handle.into_bytes())
    }

    /// Checks the browser's answer against the owner's passkeys, and returns the change to store.
    ///
    /// # Errors
    /// It is not one of the owner's passkeys, the stored passkey can't be read, or the answer is not valid.
    pub fn finish_sign_in(
        &self,
        shown: &PublicKeyCredential,
        remembered: DiscoverableAuthentication,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<CredentialChange, PasskeyError> {
        let stored = credentials.passkeys.iter().find(|stored| stored.id == shown.get_credential_id());
        let stored = stored.ok_or(WebauthnError::CredentialNotFound)?;
        let mut passkey: Passkey = serde_json::from_str(&stored.passkey)?;
        let result = self.0.finish_discoverable_authentication_v2(shown, remembered, &passkey)?;
        passkey.update_credential(&result);
        Ok(CredentialChange::PasskeyUsed { id: stored.id.clone(), passkey: serde_json::to_string(&passkey)?, at: now })
    }
}
