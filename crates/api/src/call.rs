//! One call of the API: the caller, and the services that carry it out.

use std::sync::Arc;

use axum::Extension;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use postern_domain::OrganizationId;

use super::problem::Failed;
use postern_services::service::{Caller, ServiceError, Services};

/// Header that names the organization to limit a call to, among those the caller looks after.
pub const ORGANIZATION: &str = "postern-organization";

/// Limits the caller to one organization. One that they don't look after is treated as if it did not exist.
fn narrowed(services: &Services, caller: Caller, id: &str) -> Result<Caller, ServiceError> {
    let known = OrganizationId::parse(id).ok().filter(|id| services.settings.load().organization(id).is_some());
    let theirs = known.filter(|id| caller.organization.as_ref().is_none_or(|own| own == id));
    match theirs {
        Some(id) => Ok(Caller { organization: Some(id), ..caller }),
        None => Err(ServiceError::NotFound(format!("there is no organization {id}"))),
    }
}

/// A call of the API. The layer around the routes has identified the caller.
pub(super) struct Call {
    /// The use cases.
    pub(super) services: Arc<Services>,
    /// The caller, with their name and role.
    pub(super) caller: Caller,
}

impl FromRequestParts<Arc<Services>> for Call {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, services: &Arc<Services>) -> Result<Self, Failed> {
        let named = Extension::<Caller>::from_request_parts(parts, services).await;
        let nobody = |_| ServiceError::Forbidden { who: "nobody".into(), takes: "a caller".into() };
        let Extension(caller) = named.map_err(nobody)?;
        let caller = match parts.headers.get(ORGANIZATION) {
            Some(id) => narrowed(services, caller, id.to_str().unwrap_or_default())?,
            None => caller,
        };
        Ok(Self { services: Arc::clone(services), caller })
    }
}
