//! POST requests that may be sent twice and count once
//! (draft-ietf-httpapi-idempotency-key-header).

use async_trait::async_trait;
use postern_domain::Timestamp;

use crate::StoreError;

/// A request that names a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRequest {
    /// Who sends it.
    pub caller: String,
    /// The key they gave it.
    pub key: String,
    /// What it asks for, as SHA-256.
    pub fingerprint: [u8; 32],
}

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenAnswer {
    /// The HTTP status.
    pub status: u16,
    /// The body; none where it held a secret.
    pub body: Option<Vec<u8>>,
}

/// Whether a request is the first of its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// It is, and counts as under way from now on.
    First,
    /// The first one is under way.
    UnderWay,
    /// The first one asked for something else.
    Different,
    /// The first one was answered.
    Answered(GivenAnswer),
}

/// Requests by their keys. Part of [`crate::Store`]; the same rules hold.
#[async_trait]
pub trait Idempotency: Send + Sync {
    /// Begins a request, unless it was begun before.
    ///
    /// # Errors
    /// The database fails.
    async fn begin(&self, request: &KeyedRequest, now: Timestamp) -> Result<Seen, StoreError>;

    /// Notes the answer of a request; none: it failed and may be tried again.
    ///
    /// # Errors
    /// The database fails.
    async fn finish(&self, request: &KeyedRequest, answer: Option<&GivenAnswer>) -> Result<(), StoreError>;

    /// Forgets what is older than `before`.
    ///
    /// # Errors
    /// The database fails.
    async fn forget_requests(&self, before: Timestamp) -> Result<(), StoreError>;
}
