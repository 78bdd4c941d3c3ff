//! Sessions: which people are signed in, and where.

use std::time::Duration;

use postern_domain::access::{Method, Permission, Person, PersonState};
use postern_domain::{Fact, Timestamp};
use postern_store::people::SessionRecord;
use serde::{Deserialize, Serialize};

use super::Visitor;
use crate::service::{AccessService, Caller, CallerKind, ServiceError};

/// A sign-in as it is stored in a session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The person's mail address.
    pub person: String,
    /// How the person proved who they are.
    pub method: Method,
    /// When that was.
    pub at: Timestamp,
    /// The version of the credentials that were checked.
    #[serde(default)]
    pub version: u64,
    /// The address and the browser that were used.
    pub visitor: Visitor,
}

/// A session as people see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionView {
    /// The session's name in lists; it gives no access.
    pub id: String,
    /// Who is signed in.
    pub person: String,
    /// How they signed in.
    pub method: Option<Method>,
    /// When they signed in.
    pub signed_in_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When it ends if it is not used again.
    pub expires_at: Timestamp,
    /// The address they signed in from.
    pub address: Option<String>,
    /// The browser's user agent.
    pub agent: String,
}

/// The key of the sign-in in a session's data.
pub const SIGNED_IN: &str = "signed_in";

impl From<SessionRecord> for SessionView {
    fn from(stored: SessionRecord) -> Self {
        let data: serde_json::Value = serde_json::from_str(&stored.data).unwrap_or_default();
        let signed_in: Option<SignedIn> = serde_json::from_value(data[SIGNED_IN].clone()).ok();
        let visitor = signed_in.as_ref().map(|s| s.visitor.clone()).unwrap_or_default();
        Self {
            id: stored.id,
            person: stored.person.unwrap_or_default(),
            method: signed_in.as_ref().map(|s| s.method),
            signed_in_at: signed_in.map_or(stored.created_at, |s| s.at),
            seen_at: stored.seen_at,
            expires_at: stored.expires_at,
            address: visitor.address.map(|address| address.to_string()),
            agent: visitor.agent,
        }
    }
}

impl AccessService {
    /// The caller behind a session's sign-in; none if the person may not sign in any more, the session has reached its
    /// maximum age, or the single sign-on provider has to be asked again.
    ///
    /// # Errors
    /// The store fails.
    pub async fn session_holder(&self, signed_in: &SignedIn) -> Result<Option<(Caller, Person)>, ServiceError> {
        let settings = self.settings.load_full();
        let longest = match (signed_in.method, &settings.single_sign_on) {
            (Method::SingleSignOn, None) => return Ok(None),
            (Method::SingleSignOn, Some(provider)) => settings.sign_in.session.min(provider.recheck),
            _ => settings.sign_in.session,
        };
        if self.clock.now().since(signed_in.at) >= longest {
            return Ok(None);
        }
        let found = self.store.person(&signed_in.person).await?;
        let person = found.map(|(person, _)| person).filter(|person| person.state == PersonState::Active);
        Ok(person.map(|person| {
            (
                Caller {
                    name: person.address.clone(),
                    kind: CallerKind::Person,
                    organization: person.organization.clone(),
                    role: Some(person.role),
                },
                person,
            )
        }))
    }

    /// Sessions, most recently used first: everybody's if the caller manages access, otherwise the caller's own.
    ///
    /// # Errors
    /// The caller has no role, or the store fails.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<SessionView>, ServiceError> {
        caller.may(Permission::Look)?;
        let mut sessions = self.store.sessions(self.clock.now()).await?;
        if let Some(own) = self.only_own(caller) {
            sessions.retain(|session| session.person.as_deref() == Some(own));
        } else if caller.organization.is_some() {
            let people = self.people(caller).await?;
            sessions.retain(|session| people.iter().any(|person| session.person.as_deref() == Some(&*person.address)));
        }
        Ok(sessions.into_iter().map(SessionView::from).collect())
    }

    /// Ends a session: anybody's if the caller manages access, otherwise only one of the caller's own.
    ///
    /// # Errors
    /// There is no such session that the caller may end, or the store fails.
    pub async fn revoke_session(&self, caller: &Caller, id: &str) -> Result<(), ServiceError> {
        caller.may(Permission::Look)?;
        if caller.organization.is_some() && !self.sessions(caller).await?.iter().any(|session| session.id == id) {
            return Err(ServiceError::NotFound(format!("there is no session {id}")));
        }
        let audit = self.audited(caller, Fact::SessionRevoked { id: id.to_owned() });
        self.projector.write_unheld(self.store.revoke_session(id, self.only_own(caller), &audit)).await?;
        tracing::info!(session = id, by = caller.name, "session revoked");
        Ok(())
    }

    /// Stores a new browser session by the hash of its cookie. If somebody is signed in, `version` is that of the
    /// credentials that were checked.
    ///
    /// # Errors
    /// The person's credentials have changed meanwhile, or the store fails.
    pub async fn create_session(
        &self,
        hash: &[u8; 32],
        session: &SessionRecord,
        version: u64,
    ) -> Result<(), ServiceError> {
        Ok(self.store.create_session(hash, session, version).await?)
    }

    /// Updates a browser session. One that has ended stays so.
    ///
    /// # Errors
    /// The store fails.
    pub async fn save_session(&self, hash: &[u8; 32], session: &SessionRecord) -> Result<(), ServiceError> {
        Ok(self.store.save_session(hash, session).await?)
    }

    /// The session with this hash; none if there is none, or it has expired.
    ///
    /// # Errors
    /// The store fails.
    pub async fn session(&self, hash: &[u8; 32]) -> Result<Option<SessionRecord>, ServiceError> {
        Ok(self.store.session(hash, self.clock.now()).await?)
    }

    /// Ends the session with this hash, if there is one.
    ///
    /// # Errors
    /// The store fails.
    pub async fn end_session(&self, hash: &[u8; 32]) -> Result<(), ServiceError> {
        Ok(self.store.end_session(hash).await?)
    }

    /// Deletes sessions, links, failed attempts and idempotency keys that are out of date.
    pub async fn sweep_access(&self) {
        let now = self.clock.now();
        let requests = self.store.forget_requests(forgotten_before(now)).await;
        let attempts = self.store.sweep_attempts(now).await;
        if let Err(error) = self.store.sweep_access(now).await.and(requests).and(attempts) {
            tracing::debug!(%error, "sessions that are over can't be forgotten yet");
        }
    }

    /// The person whose sessions the caller is limited to; none if the caller may see everybody's. A token without the
    /// permission has no sessions of its own, so it sees none.
    fn only_own<'a>(&self, caller: &'a Caller) -> Option<&'a str> {
        let all = caller.role.is_some_and(|role| role.may(Permission::ManageAccess));
        (!all).then_some(if caller.kind == CallerKind::Person { caller.name.as_str() } else { "" })
    }
}

/// How long idempotency keys are stored.
const KEYS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// Idempotency keys from before this are deleted.
fn forgotten_before(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - i64::try_from(KEYS_KEPT.as_millis()).unwrap_or(0))
}
