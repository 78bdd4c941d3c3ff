//! API tokens: for scripts, and for the command line on another machine.

use std::sync::Arc;

use postern_domain::access::{Permission, PersonState, Role, TokenMaker};
use postern_domain::{Fact, Timestamp};
use postern_store::audit::NewAuditEntry;
use postern_store::{Store, TokenRecord};

use super::{Caller, CallerKind, ServiceError};
use crate::clock::Clock;
use crate::gate::Projector;
use crate::randomness::Randomness;
use crate::sign_in::secret;

/// The prefix of every token, so that a token in a repository or a log is recognized.
const PREFIX: &str = "postern_";
/// The last use of a token is recorded to this precision, in milliseconds.
const USED_STEP_MS: i64 = 60_000;
const MAX_NAME: usize = 64;
/// How many tokens may be made with one another, one after the other.
const LONGEST_CHAIN: usize = 8;

/// A request for a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRequest {
    /// What it is for; also its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// When it expires; none: only when it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// A new token; it is shown only once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// The token itself.
    pub token: String,
    /// What is stored about it.
    pub record: TokenRecord,
}

/// Makes, revokes and recognizes API tokens.
pub struct TokenService {
    /// Stored API tokens, and the people who have made some.
    pub(crate) store: Arc<dyn Store>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub(crate) randomness: Arc<dyn Randomness>,
}

impl TokenService {
    /// Tokens that are not revoked, oldest first.
    ///
    /// # Errors
    /// The caller lacks permission, or the store fails.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<TokenRecord>, ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let mut tokens = self.store.tokens().await?;
        tokens.retain(|token| caller.organization.is_none() || token.organization == caller.organization);
        Ok(tokens)
    }

    /// Makes a token.
    ///
    /// # Errors
    /// The caller lacks permission, a requested value is invalid, the name is taken, or the store fails.
    pub async fn add(&self, caller: &Caller, request: &TokenRequest) -> Result<NewToken, ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let now = self.clock.now();
        let name = request.name.trim();
        let invalid =
            |field: &'static str, problem: &str| ServiceError::Invalid { field: field.into(), problem: problem.into() };
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(invalid("name", "say what the token is for, in up to 64 characters"));
        }
        if request.expires_at.is_some_and(|at| at <= now) {
            return Err(invalid("expires_at", "is in the past; expected a later time"));
        }
        let (maker, ends) = self.maker(caller).await?;
        // A token ends with the one that it was made with at the latest.
        let expires_at = match (request.expires_at, ends) {
            (Some(wanted), Some(ends)) if wanted > ends => {
                let problem = format!("is after the end of the token that makes it, {ends}; expected no later time");
                return Err(invalid("expires_at", &problem));
            }
            (wanted, ends) => wanted.or(ends),
        };
        let token = format!("{PREFIX}{}", secret::random(&*self.randomness));
        let record = TokenRecord {
            name: name.to_owned(),
            organization: caller.organization.clone(),
            role: request.role,
            created_at: now,
            created_by: caller.name.clone(),
            maker,
            expires_at,
            last_used_at: None,
        };
        let audit = NewAuditEntry {
            at: now,
            organization: caller.organization.clone(),
            actor: caller.name.clone(),
            fact: Fact::TokenAdded { name: record.name.clone(), role: record.role, expires_at: record.expires_at },
        };
        self.projector.write_unheld(self.store.add_token(&record, &secret::hash(&token), &audit)).await?;
        tracing::info!(name = record.name, role = record.role.key(), by = caller.name, "token added");
        Ok(NewToken { token, record })
    }

    /// Revokes a token, from the next request on.
    ///
    /// # Errors
    /// The caller lacks permission, there is no token of this name, or the store fails.
    pub async fn revoke(&self, caller: &Caller, name: &str) -> Result<(), ServiceError> {
        caller.may(Permission::ManageAccess)?;
        let audit = NewAuditEntry {
            at: self.clock.now(),
            organization: caller.organization.clone(),
            actor: caller.name.clone(),
            fact: Fact::TokenRevoked { name: name.to_owned() },
        };
        self.projector.write_unheld(self.store.revoke_token(caller.organization.as_ref(), name, &audit)).await?;
        tracing::info!(name, by = caller.name, "token revoked");
        Ok(())
    }

    /// The caller that this token stands for; none if it is not a token, or is revoked or expired.
    ///
    /// # Errors
    /// The store fails.
    pub async fn holder(&self, token: &str) -> Result<Option<Caller>, ServiceError> {
        if !token.starts_with(PREFIX) {
            return Ok(None);
        }
        self.holder_of(&secret::hash(token)).await
    }

    /// As [`TokenService::holder`], for the token with this hash.
    ///
    /// # Errors
    /// The store fails.
    pub async fn holder_of(&self, hash: &[u8; 32]) -> Result<Option<Caller>, ServiceError> {
        let now = self.clock.now();
        let Some((record, role)) = self.valid(hash).await? else { return Ok(None) };
        let stale = record.last_used_at.is_none_or(|at| now.as_millis() - at.as_millis() >= USED_STEP_MS);
        if stale && let Err(error) = self.store.token_used(hash, now).await {
            // The store can still be read, so the token stays valid.
            tracing::warn!(%error, name = record.name, "the use of a token can't be noted");
        }
        Ok(Some(Caller {
            name: format!("token {}", record.name),
            kind: CallerKind::Token(*hash),
            organization: record.organization,
            role: Some(role),
        }))
    }

    /// A token that is neither revoked nor expired and whose maker may still act for its organization, with what it may
    /// do: its own role, or the maker's if that is weaker.
    async fn valid(&self, hash: &[u8; 32]) -> Result<Option<(TokenRecord, Role)>, ServiceError> {
        let now = self.clock.now();
        let Some(chain) = self.chain(hash).await? else { return Ok(None) };
        let (Some(token), Some(first_made)) = (chain.first(), chain.last()) else { return Ok(None) };
        let is_over = chain.iter().any(|token| token.expires_at.is_some_and(|at| at <= now));
        let covers = |maker: &Option<_>, made: &Option<_>| maker.is_none() || maker == made;
        let mut pairs = chain.iter().zip(chain.iter().skip(1));
        if is_over || !pairs.all(|(made, maker)| covers(&maker.organization, &made.organization)) {
            return Ok(None);
        }
        let mut role = chain.iter().fold(token.role, |role, token| role.weaker(token.role));
        if let TokenMaker::Person(address) = &first_made.maker {
            let found = self.store.person(address).await?.map(|(person, _)| person);
            let maker = found.filter(|person| {
                person.state == PersonState::Active && covers(&person.organization, &first_made.organization)
            });
            let Some(maker) = maker else { return Ok(None) };
            role = role.weaker(maker.role);
        }
        Ok(Some((token.clone(), role)))
    }

    /// A token, the token that it was made with, and so on; none if one of them is not there or is revoked.
    async fn chain(&self, hash: &[u8; 32]) -> Result<Option<Vec<TokenRecord>>, ServiceError> {
        let (mut chain, mut next) = (Vec::new(), *hash);
        while chain.len() < LONGEST_CHAIN {
            let Some(token) = self.store.token(&next).await? else { return Ok(None) };
            let maker = token.maker.clone();
            chain.push(token);
            match maker {
                TokenMaker::Token(maker) => next = maker,
                TokenMaker::LocalUser | TokenMaker::Person(_) => return Ok(Some(chain)),
            }
        }
        Ok(None)
    }

    /// Who makes a token, and when it has to end at the latest.
    async fn maker(&self, caller: &Caller) -> Result<(TokenMaker, Option<Timestamp>), ServiceError> {
        Ok(match caller.kind {
            CallerKind::LocalUser | CallerKind::System => (TokenMaker::LocalUser, None),
            CallerKind::Person => (TokenMaker::Person(caller.name.clone()), None),
            CallerKind::Token(hash) => {
                let chain = self.chain(&hash).await?.unwrap_or_default();
                if chain.len() >= LONGEST_CHAIN {
                    let problem = format!("a token is made with a token at most {LONGEST_CHAIN} times in a row");
                    return Err(ServiceError::Conflict(problem));
                }
                (TokenMaker::Token(hash), chain.first().and_then(|token| token.expires_at))
            }
        })
    }
}
