//! Sessions: who is signed in where.

use std::time::Duration;

use postern_domain::access::{Method, Permission, Person, PersonState};
use postern_domain::{Fact, Timestamp};
use postern_store::people::SessionRecord;
use serde::{Deserialize, Serialize};

use super::Visitor;
use crate::service::{AccessService, Caller, CallerKind, ServiceError};

/// What a session remembers of a sign-in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// The person's mail address.
    pub person: String,
    /// How the person proved who they are.
    pub method: Method,
    /// When that was.
    pub at: Timestamp,
    /// The address and the browser that were used.
    pub visitor: Visitor,
}

/// A session as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct SessionView {
    /// What it is called; opens nothing.
    pub id: String,
    /// Who is signed in.
    pub person: String,
    /// How they signed in.
    pub method: Option<Method>,
    /// When they signed in.
    pub signed_in_at: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Timestamp,
    /// When it ends unless it is used.
    pub expires_at: Timestamp,
    /// The address they signed in from.
    pub address: Option<String>,
    /// What the browser says of itself.
    pub agent: String,
}

/// The key in a session's data under which its sign-in is.
pub const SIGNED_IN: &str = "signed_in";

impl From<SessionRecord> for SessionView {
    fn from(kept: SessionRecord) -> Self {
        let data: serde_json::Value = serde_json::from_str(&kept.data).unwrap_or_default();
        let signed_in: Option<SignedIn> = serde_json::from_value(data[SIGNED_IN].clone()).ok();
        let visitor = signed_in.as_ref().map(|s| s.visitor.clone()).unwrap_or_default();
        Self {
            id: kept.id,
            person: kept.person.unwrap_or_default(),
            method: signed_in.as_ref().map(|s| s.method),
            signed_in_at: signed_in.map_or(kept.created_at, |s| s.at),
            seen_at: kept.seen_at,
            expires_at: kept.expires_at,
            address: visitor.address.map(|address| address.to_string()),
            agent: visitor.agent,
        }
    }
}

impl AccessService {
    /// The caller behind a session's sign-in; none if the person may not sign in any more or the
    /// session has had its time.
    ///
    /// # Errors
    /// The store fails.
    pub async fn session_holder(&self, signed_in: &SignedIn) -> Result<Option<(Caller, Person)>, ServiceError> {
        let longest = self.settings.load().sign_in.session;
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

    /// Sessions, the last used first: everybody's for those who manage access, otherwise the
    /// caller's own.
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

    /// Ends a session: everybody's for those who manage access, otherwise one's own.
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

    /// Keeps a browser's session under the hash of its cookie.
    ///
    /// # Errors
    /// The store fails.
    pub async fn keep_session(&self, hash: &[u8; 32], session: &SessionRecord) -> Result<(), ServiceError> {
        Ok(self.store.save_session(hash, session).await?)
    }

    /// The session of that hash; none if there is none, or it is over.
    ///
    /// # Errors
    /// The store fails.
    pub async fn session(&self, hash: &[u8; 32]) -> Result<Option<SessionRecord>, ServiceError> {
        Ok(self.store.session(hash, self.clock.now()).await?)
    }

    /// Ends the session of that hash, if there is one.
    ///
    /// # Errors
    /// The store fails.
    pub async fn end_session(&self, hash: &[u8; 32]) -> Result<(), ServiceError> {
        Ok(self.store.end_session(hash).await?)
    }

    /// Forgets sessions, links and failures that are over.
    pub async fn sweep_access(&self) {
        let now = self.clock.now();
        self.sign_in.throttles.sweep(now);
        let requests = self.store.forget_requests(forgotten_before(now)).await;
        if let Err(error) = self.store.sweep_access(now).await.and(requests) {
            tracing::debug!(%error, "sessions that are over can't be forgotten yet");
        }
    }

    /// Whose sessions the caller is kept to; none: anybody's. A token without the right has none
    /// of its own.
    fn only_own<'a>(&self, caller: &'a Caller) -> Option<&'a str> {
        let all = caller.role.is_some_and(|role| role.may(Permission::ManageAccess));
        (!all).then_some(if caller.kind == CallerKind::Person { caller.name.as_str() } else { "" })
    }
}

/// Keys of requests are remembered for so long.
const KEYS_KEPT: Duration = Duration::from_secs(24 * 3600);

/// When keys are forgotten that are as old as this.
fn forgotten_before(now: Timestamp) -> Timestamp {
    Timestamp::from_millis(now.as_millis() - i64::try_from(KEYS_KEPT.as_millis()).unwrap_or(0))
}
