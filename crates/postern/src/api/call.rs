//! Who calls, and the desk they call at.

use std::sync::Arc;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::desk::{Caller, Desk, DeskError};

/// A call of the API. Whoever mounts the routes has named the caller.
pub(super) struct Call {
    /// What is called.
    pub(super) desk: Arc<Desk>,
    /// Who calls.
    pub(super) caller: Caller,
}

impl FromRequestParts<Arc<Desk>> for Call {
    type Rejection = DeskError;

    async fn from_request_parts(parts: &mut Parts, desk: &Arc<Desk>) -> Result<Self, DeskError> {
        let named = Extension::<Caller>::from_request_parts(parts, desk).await;
        let nobody = |_| DeskError::Forbidden { who: "nobody".into(), takes: "a caller".into() };
        named.map(|Extension(caller)| Self { desk: Arc::clone(desk), caller }).map_err(nobody)
    }
}
