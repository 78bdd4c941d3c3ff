//! What the rights of a request rest on, so that a request that lasts can ask again whether it still has them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postern_domain::access::Permission;
use postern_store::audit::hex;

use super::access::SignedIn;
use super::{Caller, ServiceError, Services};
use crate::events::{Event, Watcher};

/// At most this many streams are open at once for each token, session or local user.
const MOST_STREAMS: usize = 6;
/// How often a stream on which nothing happens asks whether it may go on.
const ASKS_EVERY: Duration = Duration::from_secs(60);

/// What the rights of a request rest on.
#[derive(Debug, Clone)]
pub enum Authority {
    /// A user of this machine, by name.
    LocalUser(String),
    /// An API token, by its hash.
    Token([u8; 32]),
    /// A browser session, by the hash of its cookie, and who is signed in.
    Session([u8; 32], Box<SignedIn>),
}

impl Authority {
    /// Names it uniquely: a token that takes the name of a former one has another identity.
    pub fn identity(&self) -> String {
        match self {
            Authority::LocalUser(name) => format!("user {name}"),
            Authority::Token(hash) => format!("token {}", hex(hash)),
            Authority::Session(hash, _) => format!("session {}", hex(hash)),
        }
    }

    /// Whether it still gives the right to view what `caller` views.
    ///
    /// # Errors
    /// The store fails.
    pub async fn holds(&self, services: &Services, caller: &Caller) -> Result<bool, ServiceError> {
        let now = match self {
            Authority::LocalUser(_) => Some(caller.clone()),
            Authority::Token(hash) => services.tokens.holder_of(hash).await?,
            Authority::Session(hash, signed_in) => match services.access.session(hash).await? {
                Some(_) => services.access.session_holder(signed_in).await?.map(|(caller, _)| caller),
                None => None,
            },
        };
        let is_there =
            caller.organization.as_ref().is_none_or(|id| services.settings.load().organization(id).is_some());
        Ok(is_there
            && now.is_some_and(|now| {
                now.may(Permission::Look).is_ok()
                    && (now.organization.is_none() || now.organization == caller.organization)
            }))
    }
}

/// The streams that are open, counted for each authority.
#[derive(Debug, Default)]
pub struct Streams(Mutex<HashMap<String, usize>>);

impl Streams {
    fn open(self: &Arc<Self>, identity: String) -> Result<Place, ServiceError> {
        let mut open = self.lock();
        let count = open.entry(identity.clone()).or_default();
        if *count >= MOST_STREAMS {
            return Err(ServiceError::Busy(format!("{MOST_STREAMS} streams are open already; close one first")));
        }
        *count += 1;
        Ok(Place { streams: Arc::clone(self), identity })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One open stream, until it is dropped.
#[derive(Debug)]
struct Place {
    streams: Arc<Streams>,
    identity: String,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.lock();
        if let Some(count) = open.get_mut(&self.identity) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.identity);
            }
        }
    }
}

/// The events that a caller may view, for as long as they may.
pub struct Watch {
    watcher: Watcher,
    services: Arc<Services>,
    authority: Authority,
    caller: Caller,
    /// How often it asks whether it may go on; tests ask more often.
    pub(super) asks_every: Duration,
    _place: Place,
}

impl Watch {
    /// Watches events, from after the one with the number `after`, or from now on without it.
    ///
    /// # Errors
    /// The caller may not view events, has too many streams open, or the store fails.
    pub async fn begin(
        services: &Arc<Services>,
        authority: Authority,
        caller: &Caller,
        after: Option<i64>,
    ) -> Result<Self, ServiceError> {
        let place = services.streams.open(authority.identity())?;
        let watcher = services.audit.watch(caller, after).await?;
        let (services, caller) = (Arc::clone(services), caller.clone());
        Ok(Self { watcher, services, authority, caller, asks_every: ASKS_EVERY, _place: place })
    }

    /// Waits for the next event; `None` when the node is closing, or the caller may no longer view it.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let event = tokio::time::timeout(self.asks_every, self.watcher.next()).await;
            match self.authority.holds(&self.services, &self.caller).await {
                Ok(true) => {}
                Ok(false) => return None,
                // Nobody is told anything as long as it can't be asked. The client reconnects, and loses nothing.
                Err(error) => {
                    tracing::warn!(%error, "a stream was ended: its rights can't be checked");
                    return None;
                }
            }
            if let Ok(event) = event {
                return event;
            }
        }
    }
}
