//! Idempotency keys: POST requests that may be sent twice but are carried out once
//! (draft-ietf-httpapi-idempotency-key-header).

use async_trait::async_trait;
use postern_domain::Timestamp;

use crate::StoreError;

/// A request with an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Who may repeat it: names one caller, acting for one organization, and nobody else ever.
    pub caller: String,
    /// The caller's key for it.
    pub key: String,
    /// SHA-256 of what the request asks for.
    pub fingerprint: [u8; 32],
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; none if it contained a secret.
    pub body: Option<Vec<u8>>,
}

/// Whether a request is the first with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is the first, and counts as under way from now on.
    First,
    /// The first one is under way.
    UnderWay,
    /// The first one was a different request.
    Different,
    /// The first one was answered.
    Answered(GivenAnswer),
}

/// Requests by their keys. Part of [`crate::Store`]; the same rules apply.
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Begins a request, unless it has begun already.
    ///
    /// # Errors
    /// The database fails.
    async fn begin(&self, request: &KeyedRequest, now: Timestamp) -> Result<Seen, StoreError>;

    /// Stores the answer to a request; with `None`, the request failed and may be tried again.
    ///
    /// # Errors
    /// The database fails.
    async fn finish(&self, request: &KeyedRequest, answer: Option<&GivenAnswer>) -> Result<(), StoreError>;

    /// Deletes requests from before `before`.
    ///
    /// # Errors
    /// The database fails.
    async fn forget_requests(&self, before: Timestamp) -> Result<(), StoreError>;
}
