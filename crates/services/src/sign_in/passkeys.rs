//! Passkeys (WebAuthn level 3).

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
    /// The portal's address can't have any.
    #[error("passkeys take a portal with a name: set portal.url, for example to \"https://postern.example.com\"")]
    NoName,
    /// What the browser sent is not right.
    #[error("the passkey was not accepted: {0}")]
    Refused(#[from] WebauthnError),
    /// What is kept of it can't be read.
    #[error("what is kept of the passkey can't be read: {0}")]
    Unreadable(#[from] serde_json::Error),
}

/// The portal as passkeys know it.
#[derive(Debug)]
pub struct Passkeys(Webauthn);

impl Passkeys {
    /// Passkeys of the portal at `url`.
    ///
    /// # Errors
    /// The address has no name.
    pub fn new(url: &str, organization: &str) -> Result<Self, PasskeyError> {
        let url = Url::parse(url).map_err(|_| PasskeyError::NoName)?;
        let name = url.domain().ok_or(PasskeyError::NoName)?;
        Ok(Self(WebauthnBuilder::new(name, &url)?.rp_name(organization).build()?))
    }

    /// What the browser is asked to make a new passkey, and what has to be remembered meanwhile.
    ///
    /// # Errors
    /// It can't be asked.
    pub fn begin_registration(
        &self,
        address: &str,
        credentials: &Credentials,
    ) -> Result<(Value, PasskeyRegistration), PasskeyError> {
        let known = credentials.passkeys.iter().map(|passkey| passkey.id.clone()).collect();
        let handle = Uuid::from_bytes(credentials.handle);
        let (ask, remembered) = self.0.start_passkey_registration(handle, address, address, Some(known))?;
        let mut ask = serde_json::to_value(ask)?;
        // The device remembers whom it is for, so that nobody types an address to sign in.
        let selection = &mut ask["publicKey"]["authenticatorSelection"];
        selection["residentKey"] = json!("required");
        selection["requireResidentKey"] = json!(true);
        Ok((ask, remembered))
    }

    /// The passkey that the browser made.
    ///
    /// # Errors
    /// It is not right.
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

    /// What the browser is asked for to sign in, and what has to be remembered meanwhile.
    ///
    /// # Errors
    /// It can't be asked.
    pub fn begin_sign_in(&self) -> Result<(RequestChallengeResponse, DiscoverableAuthentication), PasskeyError> {
        let (mut ask, remembered) = self.0.start_discoverable_authentication()?;
        // A button asks for it, so the browser shows its own window.
        ask.mediation = None;
        Ok((ask, remembered))
    }

    /// Whose passkey it says it is.
    ///
    /// # Errors
    /// It does not say.
    pub fn owner(&self, shown: &PublicKeyCredential) -> Result<[u8; 16], PasskeyError> {
        let (handle, _) = self.0.identify_discoverable_authentication(shown)?;
        Ok(handle.into_bytes())
    }

    /// Checks it against the owner's; what is to be kept of its use.
    ///
    /// # Errors
    /// It is not one of theirs, or not right.
    pub fn finish_sign_in(
        &self,
        shown: &PublicKeyCredential,
        remembered: DiscoverableAuthentication,
        credentials: &Credentials,
        now: Timestamp,
    ) -> Result<CredentialChange, PasskeyError> {
        let kept = credentials.passkeys.iter().find(|kept| kept.id == shown.get_credential_id());
        let kept = kept.ok_or(WebauthnError::CredentialNotFound)?;
        let mut passkey: Passkey = serde_json::from_str(&kept.passkey)?;
        let result = self.0.finish_discoverable_authentication_v2(shown, remembered, &passkey)?;
        passkey.update_credential(&result);
        Ok(CredentialChange::PasskeyUsed { id: kept.id.clone(), passkey: serde_json::to_string(&passkey)?, at: now })
    }
}
