//! One-time links: for the first admin, and for people who were invited.

use postern_domain::access::{Method, Origin, Person, PersonState, Role};
use postern_domain::{EntityId, Fact, Timestamp};
use postern_store::audit::NewAuditEntry;
use postern_store::people::Invitation;

use super::sign_in::{Entry, SignInError};
use super::{Visitor, person_address};
use crate::gate::SYSTEM;
use crate::service::{AccessService, Caller, CallerKind, ServiceError};
use crate::sign_in::{Hashing, password, secret};

/// A one-time link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUpLink {
    /// The invited address; none for the first admin's link: the first person to use it becomes that admin.
    pub address: Option<String>,
    /// The role that it gives.
    pub role: Role,
    /// The link; it is shown only once.
    pub link: String,
    /// When it expires.
    pub expires_at: Timestamp,
}

/// What a link is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignUp {
    /// The invited address; none if the person chooses it.
    pub address: Option<String>,
    /// The role that it gives.
    pub role: Role,
}

const NOT_FOUND: &str = "this link was used already or has expired; ask for a new one";

impl AccessService {
    /// A link that makes the first admin, as long as there is nobody who may sign in; otherwise none.
    ///
    /// # Errors
    /// The store fails.
    pub async fn first_admin_link(&self) -> Result<Option<SignUpLink>, ServiceError> {
        if !self.store.people().await?.is_empty() {
            return Ok(None);
        }
        let now = self.clock.now();
        let invitation = Invitation {
            address: None,
            role: Role::OrganizationManagement,
            created_at: now,
            created_by: SYSTEM.into(),
            expires_at: now.plus(self.settings.load().sign_in.invitation),
        };
        self.keep_invitation(&invitation, None).await.map(Some)
    }

    pub(super) async fn keep_invitation(
        &self,
        invitation: &Invitation,
        audit: Option<&NewAuditEntry>,
    ) -> Result<SignUpLink, ServiceError> {
        let token = secret::random(&*self.randomness);
        self.projector.write_unheld(self.store.invite(invitation, &secret::hash(&token), audit)).await?;
        let base = self.settings.load().portal.base_url();
        Ok(SignUpLink {
            address: invitation.address.clone(),
            role: invitation.role,
            link: format!("{base}/sign-up/{token}"),
            expires_at: invitation.expires_at,
        })
    }

    /// What the link with this token is for.
    ///
    /// # Errors
    /// The link is no longer valid, or the store fails.
    pub async fn sign_up(&self, token: &str) -> Result<SignUp, ServiceError> {
        let invitation = self.valid_invitation(token).await?;
        Ok(SignUp { address: invitation.address, role: invitation.role })
    }

    /// Uses up a link: the person gets this password and is signed in.
    ///
    /// # Errors
    /// The link is no longer valid, the password is not acceptable, the address is invalid or taken, or the store
    /// fails.
    pub async fn use_sign_up(
        &self,
        token: &str,
        address: &str,
        new_password: &str,
        visitor: &Visitor,
    ) -> Result<Entry, ServiceError> {
        let invitation = self.valid_invitation(token).await?;
        let now = self.clock.now();
        let address = match &invitation.address {
            Some(address) => address.clone(),
            None => person_address(address)?,
        };
        let phc = self.new_password(&address, new_password).await?;
        let organization = match &invitation.address {
            Some(address) => self.known_person(address).await?.organization,
            None => None,
        };
        let person = Person {
            address: address.clone(),
            organization: organization.clone(),
            role: invitation.role,
            state: PersonState::Active,
            origin: Origin::Local,
            created_at: now,
            created_by: invitation.created_by,
            last_sign_in_at: None,
        };
        let caller = Caller { name: address.clone(), kind: CallerKind::Person, organization, role: Some(person.role) };
        let fact = Fact::SignedUp { address: address.clone(), role: person.role, from: visitor.address };
        let audit = self.audited(&caller, fact);
        let hash = secret::hash(token);
        let version = self.projector.write_unheld(self.store.accept(&hash, &person, &phc, &audit)).await?;
        tracing::info!(person = address, role = person.role.key(), "signed up");
        self.enter(&address, Method::Invitation, visitor, version).await.map_err(|error| match error {
            SignInError::Service(error) => error,
            other => ServiceError::Conflict(other.to_string()),
        })
    }

    /// Checks a new password and hashes it.
    pub(super) async fn new_password(&self, address: &str, new: &str) -> Result<String, ServiceError> {
        let mut known = vec![address.to_owned(), "postern".into()];
        let settings = self.settings.load();
        let own = settings.organization_of(&EntityId::account_named(address));
        for organization in [own, &settings.organization] {
            known.push(organization.name.clone());
            known.extend(organization.domains.iter().map(ToString::to_string));
        }
        let new = new.to_owned();
        let invalid = |problem| ServiceError::Invalid { field: "password".into(), problem };
        let salt = self.randomness.bytes();
        let work = move || {
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            password::check(&new, &known).map(|()| password::hash(&new, &salt).map_err(|error| error.to_string()))
        };
        let hashed = self.sign_in.hashing(Hashing::ForKnown, work).await?;
        hashed.map_err(invalid)?.map_err(invalid)
    }

    async fn valid_invitation(&self, token: &str) -> Result<Invitation, ServiceError> {
        let found = self.store.invitation(&secret::hash(token)).await?;
        found
            .filter(|invitation| invitation.expires_at > self.clock.now())
            .ok_or_else(|| ServiceError::NotFound(NOT_FOUND.into()))
    }
}
