//! Services: everything that an admin may do or see. Each is small and has only what it needs.
//!
//! Each function checks the caller's role, does its work in one transaction of the store, and has the audit entry
//! written in the same transaction, through the projector. The portal, the API, the cmdlets and the command line have
//! no other way in.

pub mod access;
mod accounts;
mod alert_policies;
mod alerts;
mod allowances;
mod audit;
mod authority;
mod books;
mod caller;
mod configuration;
mod error;
mod limits;
pub mod organizations;
mod outage;
pub mod policies;
mod restrictions;
mod status;
#[cfg(test)]
mod tests;
mod tokens;
mod traffic;
mod usage;
pub mod views;

use std::sync::Arc;

use postern_domain::{Address, Reference};
use postern_store::Idempotency;
use serde_json::Value;

use crate::clock::Clock;
use crate::health::Health;
use crate::in_force::SettingsInForce;
use crate::metrics::Metrics;
use crate::randomness::Randomness;

pub use access::AccessService;
pub use accounts::{AccountService, AccountView, SenderView};
pub use alert_policies::AlertPolicyService;
pub use alerts::{AlertRequest, AlertService};
pub use allowances::{AllowanceRequest, AllowanceService};
pub use audit::AuditService;
pub use authority::{Authority, Streams, Watch};
pub use books::BookEditor;
pub use caller::{Caller, CallerKind};
pub use configuration::ConfigurationService;
pub use error::ServiceError;
pub use limits::LimitsInForce;
pub use organizations::{OrganizationRequest, OrganizationService};
pub use outage::OutageService;

pub use policies::{EffectView, PREVIEW_DAYS, PolicyService, PreviewView};
pub use restrictions::{
    Recommendation, ReleaseRequest, RestrictRequest, RestrictionService, UndoReleaseRequest, WhyView,
};
pub use status::{StatusService, WiringCheck};
pub use tokens::{NewToken, TokenRequest, TokenService};
pub use traffic::{BusyView, DayView, TrafficService};
pub use usage::UsageService;

pub use crate::gate::ServerReport;

// Stored types that use cases take and return; the faces do not depend on the store.
pub use postern_domain::access::Permission;
pub use postern_domain::filter::{AlertFilter, AuditFilter, RestrictionFilter, RestrictionOrder};
pub use postern_store::audit::hex;
pub use postern_store::idempotency;
pub use postern_store::people::SessionRecord;
pub use postern_store::{OrganizationRecord, TokenRecord};

/// One change of the outbound policies, or of the alert policies.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// Adds one with these settings.
    Add(&'a Value),
    /// Changes settings of the policy of this name (RFC 7396).
    Change(&'a str, &'a Value),
    /// Removes the policy of this name.
    Remove(&'a str),
}

/// All services of a node, for its faces.
pub struct Services {
    /// Restrictions: list, restrict, release.
    pub restrictions: RestrictionService,
    /// Lists, explains, changes and previews outbound policies.
    pub policies: PolicyService,
    /// Higher limits for a time.
    pub allowances: AllowanceService,
    /// Alerts, and what people do about them.
    pub alerts: AlertService,
    /// Who is notified of what.
    pub alert_policies: AlertPolicyService,
    /// Adds, changes and removes organizations.
    pub organizations: OrganizationService,
    /// People, their factors and their sessions.
    pub access: AccessService,
    /// Makes, revokes and recognizes API tokens.
    pub tokens: TokenService,
    /// The audit trail, and the stream of events.
    pub audit: AuditService,
    /// Known accounts and connectors.
    pub accounts: AccountService,
    /// What an entity has sent, and its limits.
    pub usage: Arc<UsageService>,
    /// Traffic of the last days.
    pub traffic: Arc<TrafficService>,
    /// The state of Postern.
    pub status: StatusService,
    /// Policies of the configuration file.
    pub configuration: ConfigurationService,
    /// Notifications that the store is unavailable.
    pub outages: OutageService,
    /// Requests that are carried out once, by their idempotency keys.
    pub requests: Arc<dyn Idempotency>,
    /// Streams that are open.
    pub streams: Arc<Streams>,
    /// Settings in force.
    pub settings: Arc<SettingsInForce>,
    /// The clock; tests move it.
    pub clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub randomness: Arc<dyn Randomness>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// Which parts have failed, for `/healthz` and `postern status`.
    pub health: Arc<Health>,
}

/// Parses a reference as people write it.
fn reference(text: &str) -> Result<Reference, ServiceError> {
    Reference::parse(text)
        .map_err(|error| ServiceError::Invalid { field: "reference".into(), problem: error.to_string() })
}

/// Checks that a text can name an account or a connector, as an admin writes it; the error states what is wrong.
fn check_entity(text: &str) -> Result<(), String> {
    let expected = "expected an account such as alice@example.com, or connector:NAME";
    match text.trim().strip_prefix("connector:") {
        Some(name) if name.trim().is_empty() => Err(format!("has no name; {expected}")),
        Some(_) => Ok(()),
        None => Address::check_login(text).map_err(|why| format!("{why}; {expected}")),
    }
}

/// A reason given by a person, which must not be empty.
fn reason(text: &str) -> Result<String, ServiceError> {
    let text = text.trim();
    let invalid = |problem: &str| ServiceError::Invalid { field: "reason".into(), problem: problem.into() };
    if text.is_empty() {
        return Err(invalid("is empty; say why, for whoever reads the audit trail"));
    }
    if text.chars().count() > 1024 {
        return Err(invalid("is longer than 1024 characters"));
    }
    Ok(text.to_owned())
}
