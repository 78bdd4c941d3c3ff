//! People: who may sign in, and with which role.

mod factors;
mod sessions;
mod sign_in;
mod sign_up;

use std::net::IpAddr;
use std::sync::Arc;

use postern_domain::Fact;
use postern_domain::access::{Origin, Permission, Person, PersonState, Role};
use postern_domain::address::Address;
use postern_store::Store;
use postern_store::audit::NewAuditEntry;
use postern_store::people::Invitation;
use serde::{Deserialize, Serialize};

use super::{Caller, CallerKind, ServiceError};
use crate::clock::Clock;
use crate::gate::Projector;
use crate::in_force::SettingsInForce;
use crate::metrics::Metrics;
use crate::randomness::Randomness;
use crate::sign_in::SignIn;

pub use factors::FactorsView;
pub use postern_store::people::CredentialChange;
pub use sessions::{SIGNED_IN, SessionView, SignedIn};
pub use sign_in::{Entry, Passed, SignInError};
pub use sign_up::{SignUp, SignUpLink};

/// Where somebody signs in from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visitor {
    /// The cookie of a device from which somebody has signed in before, as the browser sent it.
    #[serde(skip)]
    pub device: Option<String>,
    /// The client's address, if known.
    pub address: Option<IpAddr>,
    /// The browser's user agent.
    pub agent: String,
}

/// A request to invite somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InviteRequest {
    /// Their mail address.
    pub address: String,
    /// The role they get.
    pub role: Role,
}

/// A request to change a person.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PersonRequest {
    /// Their new role; none leaves it as it is.
    pub role: Option<Role>,
    /// Whether they are disabled: they may not sign in, and are signed out everywhere at once.
    pub disabled: Option<bool>,
}

/// Signs people in, and manages who may sign in.
pub struct AccessService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// The durable store.
    pub(crate) store: Arc<dyn Store>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// How people sign in.
    pub(crate) sign_in: Arc<SignIn>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub(crate) randomness: Arc<dyn Randomness>,
    /// The metrics.
    pub(crate) metrics: Arc<Metrics>,
}

impl AccessService {
    /// Everybody who may sign in, by address.
    ///
    /// # Errors
    /// The caller lacks permission, or the store fails.
    pub async fn people(&self, caller: &Caller) -> Result<Vec<Person>, ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let mut people = self.store.people().await?;
        people.retain(|person| caller.organization.is_none() || person.organization == caller.organization);
        Ok(people)
    }

    /// Invites somebody: they become a person by using the one-time link.
    ///
    /// # Errors
    /// The caller lacks permission, the address is invalid or a person's already, or the store fails.
    pub async fn invite(&self, caller: &Caller, request: &InviteRequest) -> Result<SignUpLink, ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let address = person_address(&request.address)?;
        let now = self.clock.now();
        self.in_own_domain(caller, &address)?;
        let person = Person {
            address: address.clone(),
            organization: caller.organization.clone(),
            role: request.role,
            state: PersonState::Invited,
            origin: Origin::Local,
            created_at: now,
            created_by: caller.name.clone(),
            last_sign_in_at: None,
        };
        let known = self.store.person(&address).await?;
        let again = known
            .as_ref()
            .is_some_and(|(known, _)| known.state == PersonState::Invited && known.organization == person.organization);
        let invited = |again| Fact::PersonInvited { address: address.clone(), role: request.role, again };
        if !again {
            let audit = self.audited(caller, invited(false));
            self.projector.write_unheld(self.store.add_person(&person, None, &audit)).await?;
        } else {
            // The first link was lost, or the role has changed: the new one takes its place.
            let audit = self.audited(caller, invited(true));
            self.projector.write_unheld(self.store.change_person(&person, &audit)).await?;
        }
        tracing::info!(person = address, role = request.role.key(), by = caller.name, "person invited");
        self.link(caller, &person).await
    }

    /// Makes a new one-time link for a person who can no longer sign in. Nothing changes until it is used; then it sets
    /// a new password and removes every other factor.
    ///
    /// # Errors
    /// The caller lacks permission, there is no such person, they come from the single sign-on provider or are
    /// disabled, or the store fails.
    pub async fn reset_person(&self, caller: &Caller, address: &str) -> Result<SignUpLink, ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let person = self.managed_person(caller, address).await?;
        Self::is_local(&person)?;
        if person.state == PersonState::Disabled {
            return Err(ServiceError::Conflict(format!("{address} is disabled; enable them first")));
        }
        tracing::info!(person = address, by = caller.name, "sign-up link renewed");
        self.link(caller, &person).await
    }

    /// Changes a person's role, disables or enables them; takes effect with their next request.
    ///
    /// # Errors
    /// The caller lacks permission, there is no such person, it is the caller, or the store fails.
    pub async fn change_person(
        &self,
        caller: &Caller,
        address: &str,
        request: &PersonRequest,
    ) -> Result<Person, ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let mut person = self.managed_person(caller, address).await?;
        not_oneself(caller, &person)?;
        if request.role.is_some() && person.origin == Origin::SingleSignOn {
            let problem = "is said by the groups of the single sign-on provider".into();
            return Err(ServiceError::Invalid { field: "role".into(), problem });
        }
        person.role = request.role.unwrap_or(person.role);
        person.state = match (request.disabled, person.state) {
            (Some(true), _) => PersonState::Disabled,
            (Some(false), PersonState::Disabled) => self.enabled_state(&person).await?,
            (_, state) => state,
        };
        let fact =
            Fact::PersonChanged { address: person.address.clone(), role: person.role, state: Some(person.state) };
        self.projector.write_unheld(self.store.change_person(&person, &self.audited(caller, fact))).await?;
        tracing::info!(
            person = person.address,
            role = person.role.key(),
            state = person.state.key(),
            by = caller.name,
            "person changed"
        );
        Ok(person)
    }

    /// Removes a person and signs them out everywhere at once.
    ///
    /// # Errors
    /// The caller lacks permission, there is no such person, it is the caller, or the store fails.
    pub async fn remove_person(&self, caller: &Caller, address: &str) -> Result<(), ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let person = self.managed_person(caller, address).await?;
        not_oneself(caller, &person)?;
        let audit = self.audited(caller, Fact::PersonRemoved { address: person.address.clone() });
        self.projector.write_unheld(self.store.remove_person(&person.address, &audit)).await?;
        tracing::info!(person = person.address, by = caller.name, "person removed");
        Ok(())
    }

    /// An organization's people have addresses in its domains, so that no organization learns about people of another.
    fn in_own_domain(&self, caller: &Caller, address: &str) -> Result<(), ServiceError> {
        let Some(id) = &caller.organization else { return Ok(()) };
        let settings = self.settings.load();
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        let own = settings.organization(id).is_some_and(|own| own.domains.iter().any(|own| own.as_str() == domain));
        if own {
            return Ok(());
        }
        let problem = "expected an address in one of your organization's domains".into();
        Err(ServiceError::Invalid { field: "address".into(), problem })
    }

    /// A person whom the caller may manage. A person of another organization is treated as if they did not exist.
    async fn managed_person(&self, caller: &Caller, address: &str) -> Result<Person, ServiceError> {
        let person = self.known_person(address).await?;
        if caller.organization.is_none() || person.organization == caller.organization {
            Ok(person)
        } else {
            Err(ServiceError::NotFound(format!("there is no person {address}")))
        }
    }

    async fn known_person(&self, address: &str) -> Result<Person, ServiceError> {
        let found = self.store.person(&address.trim().to_lowercase()).await?;
        found.map(|(person, _)| person).ok_or_else(|| ServiceError::NotFound(format!("there is no person {address}")))
    }

    /// People who come from the single sign-on provider sign in nowhere else: it says when they may no longer.
    fn is_local(person: &Person) -> Result<(), ServiceError> {
        if person.origin == Origin::Local {
            return Ok(());
        }
        Err(ServiceError::Conflict(format!(
            "{} signs in by single sign-on, and has no password or passkey here",
            person.address
        )))
    }

    /// The state of a person who is enabled again: a person who never used the sign-up link is still invited.
    async fn enabled_state(&self, person: &Person) -> Result<PersonState, ServiceError> {
        let found = self.store.person(&person.address).await?;
        let ready = found.is_some_and(|(_, c)| c.password.is_some() || c.subject.is_some() || !c.passkeys.is_empty());
        Ok(if ready { PersonState::Active } else { PersonState::Invited })
    }

    async fn link(&self, caller: &Caller, person: &Person) -> Result<SignUpLink, ServiceError> {
        let now = self.clock.now();
        let invitation = Invitation {
            address: Some(person.address.clone()),
            role: person.role,
            created_at: now,
            created_by: caller.name.clone(),
            expires_at: now.plus(self.settings.load().sign_in.invitation),
        };
        let fact = Fact::PersonLinked { address: person.address.clone(), expires_at: invitation.expires_at };
        let audit = self.audited(caller, fact);
        self.keep_invitation(&invitation, Some(&audit)).await
    }

    fn audited(&self, caller: &Caller, fact: Fact) -> NewAuditEntry {
        NewAuditEntry {
            at: self.clock.now(),
            organization: caller.organization.clone(),
            actor: caller.name.clone(),
            fact,
        }
    }
}

/// The name that people sign in with: their mail address, in lower case.
fn person_address(text: &str) -> Result<String, ServiceError> {
    let text = text.trim();
    let invalid = |problem: String| ServiceError::Invalid { field: "address".into(), problem };
    Address::parse(text, "").map_err(|why| invalid(format!("{why}; expected one such as \"alice@example.com\"")))?;
    if text.len() > 254 || text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(invalid("expected a mail address of at most 254 characters".into()));
    }
    Ok(text.to_lowercase())
}

/// People can't change or remove themselves, so that nobody is locked out by mistake.
fn not_oneself(caller: &Caller, person: &Person) -> Result<(), ServiceError> {
    if caller.kind == CallerKind::Person && caller.name == person.address {
        return Err(ServiceError::Conflict("this is you; ask another admin to change it".into()));
    }
    Ok(())
}
