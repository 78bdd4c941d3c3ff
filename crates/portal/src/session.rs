//! Sessions in the store, and the person signed in by a session.

use std::sync::Arc;

use async_trait::async_trait;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use postern_domain::Timestamp;
use postern_domain::access::Method;
use postern_services::service::SessionRecord;
use postern_services::service::hex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tower_sessions::cookie::SameSite;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result as StoreResult};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use super::client;
use super::cookies::SetCookie;
use super::refusal::Refusal;
use postern_services::service::access::{Entry, SIGNED_IN, SignedIn, Visitor};
use postern_services::service::{Authority, Caller, Services};
use postern_services::settings::Settings;
use postern_services::sign_in::secret;

/// Lifetime of a session before sign-in: the time that a visitor may take for it.
const VISIT: time::Duration = time::Duration::minutes(10);
/// The time of a session's last use is stored in steps of this many milliseconds.
const SEEN_STEP_MS: i64 = 60_000;
const SEEN: &str = "seen";
const CSRF: &str = "csrf";
const NOTICE: &str = "notice";

/// A person who signed in longer ago than this has to sign in again before changing how they sign in.
pub(super) const FRESH: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Stores sessions, each under the SHA-256 of the ID in its cookie.
#[derive(Clone)]
pub(super) struct SessionStorage(Arc<Services>);

impl std::fmt::Debug for SessionStorage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionStorage")
    }
}

impl SessionStorage {
    fn stored(&self, record: &Record) -> StoreResult<SessionRecord> {
        let now = self.0.clock.now();
        Ok(SessionRecord {
            id: hex(&hash(&record.id)[..8]),
            person: signed_in(record).map(|signed_in| signed_in.person),
            data: serde_json::to_string(&record.data).map_err(|error| Error::Encode(error.to_string()))?,
            created_at: now,
            seen_at: now,
            expires_at: Timestamp::from_millis(record.expiry_date.unix_timestamp() * 1000),
        })
    }
}

fn signed_in(record: &Record) -> Option<SignedIn> {
    record.data.get(SIGNED_IN).and_then(|value| serde_json::from_value(value.clone()).ok())
}

fn hash(id: &Id) -> [u8; 32] {
    secret::hash(&id.to_string())
}

/// A session's ID in lists: the beginning of its hash.
pub(super) fn public_id(session: &Session) -> Option<String> {
    session.id().map(|id| hex(&hash(&id)[..8]))
}

/// What the rights of a signed-in browser rest on.
pub(super) fn authority(session: &Session, signed: &Signed) -> Result<Authority, Refusal> {
    let id = session.id().ok_or_else(|| Refusal::Unknown("no session".into()))?;
    Ok(Authority::Session(hash(&id), Box::new(signed.signed_in.clone())))
}

#[async_trait]
impl SessionStore for SessionStorage {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        // 128 random bits do not collide.
        let version = signed_in(record).map_or(0, |signed_in| signed_in.version);
        let created = self.0.access.create_session(&hash(&record.id), &self.stored(record)?, version).await;
        created.map_err(|error| Error::Backend(error.to_string()))
    }

    // Never creates: a session that was ended while a request was under way stays so.
    async fn save(&self, record: &Record) -> StoreResult<()> {
        let saved = self.0.access.save_session(&hash(&record.id), &self.stored(record)?).await;
        saved.map_err(|error| Error::Backend(error.to_string()))
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let found = self.0.access.session(&hash(id)).await;
        let Some(stored) = found.map_err(|error| Error::Backend(error.to_string()))? else { return Ok(None) };
        let data = serde_json::from_str(&stored.data).map_err(|error| Error::Decode(error.to_string()))?;
        let expiry_date = time::OffsetDateTime::from_unix_timestamp(stored.expires_at.as_millis() / 1000)
            .map_err(|error| Error::Decode(error.to_string()))?;
        Ok(Some(Record { id: *id, data, expiry_date }))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        self.0.access.end_session(&hash(id)).await.map_err(|error| Error::Backend(error.to_string()))
    }
}

/// The layer that gives each request its session.
pub(super) fn layer(services: &Arc<Services>) -> SessionManagerLayer<SessionStorage> {
    let settings = services.settings.load();
    let secure = settings.portal.is_secure();
    // With this prefix, browsers accept the cookie only from this very host (RFC 6265bis section 4.1.3).
    let name = if secure { "__Host-postern" } else { "postern" };
    SessionManagerLayer::new(SessionStorage(Arc::clone(services)))
        .with_name(name)
        .with_secure(secure)
        // "Strict" would lose the cookie on the way back from the single sign-on provider, and on the way from an
        // alert mail.
        .with_same_site(SameSite::Lax)
        .with_expiry(idle(&settings))
}

/// Records that a session is used, which postpones its expiry.
pub(super) async fn keep_alive(
    State(services): State<Arc<Services>>,
    session: Session,
    request: Request,
    next: Next,
) -> Response {
    if let Ok(Some(_)) = session.get::<SignedIn>(SIGNED_IN).await {
        let now = services.clock.now();
        let seen: Option<i64> = session.get(SEEN).await.ok().flatten();
        if seen.is_none_or(|seen| now.as_millis() - seen >= SEEN_STEP_MS) {
            // Only the time of last use would be lost, so a failure is ignored.
            let _ = session.insert(SEEN, now.as_millis()).await;
        }
    }
    next.run(request).await
}

fn idle(settings: &Settings) -> Expiry {
    let seconds = i64::try_from(settings.sign_in.idle.as_secs()).unwrap_or(i64::MAX);
    Expiry::OnInactivity(time::Duration::seconds(seconds))
}

/// Signs the browser in under a new session ID, so that nobody can have known it before (session fixation). Returns the
/// header that makes the device known.
pub(super) async fn sign_in(
    services: &Services,
    session: &Session,
    entry: &Entry,
    visitor: Visitor,
) -> Result<SetCookie, Refusal> {
    session.cycle_id().await?;
    session.clear().await;
    let (person, version) = (entry.person.address.clone(), entry.version);
    let signed_in = SignedIn { person, method: entry.method, at: entry.at, version, visitor };
    session.insert(SIGNED_IN, signed_in).await?;
    session.insert(CSRF, secret::random(&*services.randomness)).await?;
    session.set_expiry(Some(idle(&services.settings.load())));
    if let Err(error) = session.save().await {
        // Most likely, the person was disabled or their password changed since it was checked.
        tracing::warn!(person = entry.person.address, %error, "signed in, but the session can't be made");
        session.flush().await?;
        return Err(Refusal::SignIn { next: String::new() });
    }
    Ok(client::known_device(&services.settings.load(), &entry.device))
}

/// A person who is signed in.
#[derive(Debug, Clone)]
pub(super) struct Signed {
    /// The caller that they act as.
    pub(super) caller: Caller,
    /// The token that their forms carry.
    pub(super) csrf: String,
    /// How, when and from where they signed in.
    pub(super) signed_in: SignedIn,
    /// A message about what was just done for them.
    pub(super) notice: Option<String>,
}

impl Signed {
    pub(super) async fn find(services: &Arc<Services>, session: &Session) -> Result<Option<Self>, Refusal> {
        let Some(signed_in) = session.get::<SignedIn>(SIGNED_IN).await? else { return Ok(None) };
        let csrf: String = session.get(CSRF).await?.unwrap_or_default();
        let Some((caller, _)) = services.access.session_holder(&signed_in).await? else {
            session.flush().await?;
            return Ok(None);
        };
        let notice = match session.get_value(NOTICE).await? {
            Some(_) => take(session, NOTICE).await?,
            None => None,
        };
        Ok(Some(Self { caller, csrf, signed_in, notice }))
    }

    /// Whether they signed in recently enough to change how they sign in.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        now.since(self.signed_in.at) < FRESH
    }
}

impl FromRequestParts<Arc<Services>> for Signed {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self, Refusal> {
        let session = parts.extensions.get::<Session>().cloned();
        let session = session.ok_or_else(|| Refusal::Unknown("no session layer".into()))?;
        let former = session.get::<SignedIn>(SIGNED_IN).await?;
        match Signed::find(services, &session).await {
            Ok(Some(signed)) => Ok(signed),
            Ok(None) => {
                let next = parts.uri.path_and_query().map(ToString::to_string).unwrap_or_default();
                // The provider signs in whom it still knows without a question.
                let by_provider = former.is_some_and(|former| former.method == Method::SingleSignOn)
                    && services.settings.load().single_sign_on.is_some();
                if by_provider { Err(Refusal::Recheck { next }) } else { Err(Refusal::SignIn { next }) }
            }
            Err(refusal) => Err(refusal),
        }
    }
}

/// Stores a value in the session for the next request.
pub(super) async fn remember(session: &Session, key: &str, value: impl Serialize) -> Result<(), Refusal> {
    session.insert(key, value).await?;
    if session.get_value(SIGNED_IN).await?.is_none() {
        session.set_expiry(Some(Expiry::OnInactivity(VISIT)));
    }
    Ok(())
}

/// Has the next page show a message about what was done.
pub(super) async fn flash(session: &Session, text: String) -> Result<(), Refusal> {
    remember(session, NOTICE, text).await
}

/// Removes a value from the session, for one use.
pub(super) async fn take<T: DeserializeOwned>(session: &Session, key: &str) -> Result<Option<T>, Refusal> {
    Ok(session.remove(key).await?)
}
