//! The desk: everything an admin may do or see, one file for each use case.
//!
//! Each checks the caller's role, does its work in one transaction of the store, and has the
//! audit entry written in the same one. The CLI and the API have no other way in.

mod alert_policies;
mod alerts;
mod allowances;
mod audit;
mod books;
mod configuration;
mod copies;
mod directory;
mod explain;
pub mod organizations;
mod outage;
pub mod people;
mod policies;
pub mod policy_file;
mod preview;
mod release;
mod restrict;
mod restricted;
mod status;
mod tokens;
mod traffic;
mod undo_release;
mod usage;
pub mod views;
mod watch;
mod why;
mod wiring_check;

use std::borrow::Cow;
use std::sync::Arc;

use postern_domain::access::{Permission, Role};
use postern_domain::policy::InvalidSetting;
use postern_domain::{Address, EntityId, OrganizationId, Reference, Timestamp};
use postern_ledger::{LedgerError, memory::MemoryLedger};
use postern_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::clock::Clock;
use crate::directory::Roster;
use crate::events::Events;
use crate::gate::{
    Acquaintances, AlertPolicies, Incidents, Policies, Projector, Recents, Standings, TrafficMeter, Wiring,
};
use crate::health::Health;
use crate::in_force::SettingsInForce;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbox::Courier;
use crate::randomness::Randomness;
use crate::sign_in::SignIn;

pub use alerts::AlertRequest;
pub use allowances::AllowanceRequest;
pub use directory::{AccountView, SenderView};
pub use organizations::OrganizationRequest;
pub use preview::{DAYS as PREVIEW_DAYS, EffectView, PreviewView};
pub use release::{Recommendation, ReleaseRequest};
pub use restrict::RestrictRequest;
pub use tokens::{NewToken, TokenRequest};
pub use traffic::{BusiestKnown, BusyView, DayView};
pub use undo_release::UndoReleaseRequest;
pub use why::WhyView;
pub use wiring_check::WiringCheck;

// What use cases take and give of what is kept: faces know no store.
pub use postern_store::audit::hex;
pub use postern_store::idempotency;
pub use postern_store::people::KeptSession;
pub use postern_store::{AlertFilter, AuditFilter, KeptOrganization, KeptToken, RestrictionFilter, RestrictionOrder};

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallerKind {
    /// A user of this machine, on the admin socket.
    LocalUser,
    /// A program that holds an API token.
    Token,
    /// Somebody who has signed in.
    Person,
    /// Postern itself.
    System,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Caller {
    /// The name that stands in the audit trail; a person's is their address.
    pub name: String,
    /// What kind they are.
    pub kind: CallerKind,
    /// The organization they are kept to; none: all of them.
    pub organization: Option<OrganizationId>,
    /// What they may do; none: nothing.
    pub role: Option<Role>,
}

/// One change of the outbound policies, or of the alert policies.
#[derive(Debug, Clone, Copy)]
pub enum Edit<'a> {
    /// Adds one with these settings.
    Add(&'a Value),
    /// Changes settings of the one called so (RFC 7396).
    Change(&'a str, &'a Value),
    /// Removes the one called so.
    Remove(&'a str),
}

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// The caller may not.
    #[error("{who} may not do this; it takes {takes}")]
    Forbidden {
        /// The caller.
        who: String,
        /// Who may.
        takes: String,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Things are not as the caller believes.
    #[error("{0}")]
    Conflict(String),
    /// They have been changed since the caller looked.
    #[error("{0} were changed meanwhile; look at them again")]
    Changed(&'static str),
    /// Something the caller gave can't be used.
    #[error("{field}: {problem}")]
    Invalid {
        /// What it is called.
        field: Cow<'static, str>,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The store failed.
    #[error("the store is not available: {0}")]
    Store(StoreError),
    /// The ledger failed.
    #[error("usage can't be written: {0}")]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for DeskError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyRestricted { .. }
            | StoreError::NotLastReleased { .. }
            | StoreError::TimeIsOver { .. }
            | StoreError::AlreadyRaised { .. }
            | StoreError::TokenExists { .. }
            | StoreError::PersonExists { .. }
            | StoreError::OrganizationExists { .. } => DeskError::Conflict(error.to_string()),
            StoreError::DomainTaken { .. } => {
                DeskError::Invalid { field: "domains".into(), problem: error.to_string() }
            }
            StoreError::NotRestricted { .. }
            | StoreError::NoRestriction { .. }
            | StoreError::NoAllowance { .. }
            | StoreError::NoPerson { .. }
            | StoreError::NoSession { .. }
            | StoreError::NoOrganization { .. }
            | StoreError::NoToken { .. }
            | StoreError::NoAlert { .. } => DeskError::NotFound(error.to_string()),
            StoreError::Changed { what } => DeskError::Changed(what),
            error => DeskError::Store(error),
        }
    }
}

impl From<InvalidSetting> for DeskError {
    fn from(wrong: InvalidSetting) -> Self {
        DeskError::Invalid { field: wrong.field.into(), problem: wrong.problem }
    }
}

/// Everything the use cases work with.
pub struct Desk {
    /// Settings in force.
    pub settings: Arc<SettingsInForce>,
    /// Usage.
    pub ledger: Arc<MemoryLedger>,
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Who may send.
    pub standings: Arc<Standings>,
    /// Puts what is written in force.
    pub projector: Arc<Projector>,
    /// What they may send.
    pub policies: Arc<Policies>,
    /// Who has an account, and in which groups.
    pub roster: Arc<Roster>,
    /// Whom entities have written to before.
    pub acquaintances: Arc<Acquaintances>,
    /// What entities send, over days.
    pub traffic: Arc<TrafficMeter>,
    /// Links that tell somebody about themselves.
    pub links: Links,
    /// How people prove who they are.
    pub sign_in: Arc<SignIn>,
    /// Carries mails and webhooks.
    pub courier: Arc<Courier>,
    /// Who is told of what.
    pub alert_policies: Arc<AlertPolicies>,
    /// Writes restrictions and alerts.
    pub incidents: Arc<Incidents>,
    /// Last attempts of busy entities.
    pub recents: Arc<Recents>,
    /// What mail servers ask.
    pub wiring: Arc<Wiring>,
    /// Looks at how this machine's mail server is wired.
    pub wiring_check: Arc<dyn WiringCheck>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub randomness: Arc<dyn Randomness>,
    /// Where it is watched what happens.
    pub events: Events,
    /// What is measured.
    pub metrics: Arc<Metrics>,
    /// What works.
    pub health: Arc<Health>,
    /// When this process started.
    pub started: Timestamp,
    /// Who sent most, for a moment.
    pub busiest_known: BusiestKnown,
}

impl Desk {
    fn may(&self, caller: &Caller, permission: Permission) -> Result<(), DeskError> {
        let takes = match caller.role {
            Some(role) if role.may(permission) => return Ok(()),
            Some(_) => permission.to_string(),
            None => "root or the user that postern runs as".into(),
        };
        Err(DeskError::Forbidden { who: caller.name.clone(), takes })
    }

    /// What is about all organizations is for those who look after all of them.
    ///
    /// # Errors
    /// The caller may not.
    pub fn may_everywhere(&self, caller: &Caller, permission: Permission) -> Result<(), DeskError> {
        self.may(caller, permission)?;
        match &caller.organization {
            None => Ok(()),
            Some(_) => Err(DeskError::Forbidden {
                who: caller.name.clone(),
                takes: format!("{permission} over all organizations"),
            }),
        }
    }

    /// The organization a caller's policies are of: the one they are kept to, or the first.
    fn organization_for(&self, caller: &Caller) -> OrganizationId {
        caller.organization.clone().unwrap_or_else(OrganizationId::first)
    }

    /// The entity a caller means. Another organization's is as good as none.
    fn entity(&self, caller: &Caller, text: &str) -> Result<EntityId, DeskError> {
        let settings = self.settings.load();
        let text = text.trim();
        let Some(organization) = &caller.organization else {
            return Ok(settings.directory.entity_from_admin(text));
        };
        let own = settings.organization(organization);
        let entity = match own.filter(|_| !text.contains(['@', ':'])) {
            Some(own) => settings.directory.entity_from_admin(&format!("{text}@{}", own.domains[0])),
            None => settings.directory.entity_from_admin(text),
        };
        if settings.directory.organization_of(&entity) == *organization {
            Ok(entity)
        } else {
            Err(DeskError::NotFound(format!("{entity} is none of your organization's accounts")))
        }
    }

    /// The same where something is made for it that it may not have had before: what can be nobody's
    /// name is refused.
    ///
    /// # Errors
    /// It can't be an account's or connector's name, or is another organization's.
    pub fn new_entity(&self, caller: &Caller, text: &str) -> Result<EntityId, DeskError> {
        let named = check_entity(text).map_err(|why| format!("{:?} {why}", text.trim()));
        named.map_err(|problem| DeskError::Invalid { field: "entity".into(), problem })?;
        self.entity(caller, text)
    }

    /// For whoever shows a form that leads here: nobody is shown what they may not send.
    ///
    /// # Errors
    /// The caller may not.
    pub fn may_manage(&self, caller: &Caller) -> Result<(), DeskError> {
        self.may(caller, Permission::Manage)
    }

    fn may_look(&self, caller: &Caller) -> Result<(), DeskError> {
        self.may(caller, Permission::Look)
    }
}

/// A reference id as people write it.
fn reference(text: &str) -> Result<Reference, DeskError> {
    Reference::parse(text).map_err(|error| DeskError::Invalid { field: "reference".into(), problem: error.to_string() })
}

/// A reason that people give, which must say something.
/// Whether a text names an account or a connector, as an admin writes it; else what is wrong with it.
fn check_entity(text: &str) -> Result<(), String> {
    let expected = "expected an account such as alice@example.com, or connector:NAME";
    match text.trim().strip_prefix("connector:") {
        Some(name) if name.trim().is_empty() => Err(format!("has no name; {expected}")),
        Some(_) => Ok(()),
        None => Address::check_login(text).map_err(|why| format!("{why}; {expected}")),
    }
}

fn reason(text: &str) -> Result<String, DeskError> {
    let text = text.trim();
    let invalid = |problem: &str| DeskError::Invalid { field: "reason".into(), problem: problem.into() };
    if text.is_empty() {
        return Err(invalid("is empty; say why, for whoever reads the audit trail"));
    }
    if text.chars().count() > 1024 {
        return Err(invalid("is longer than 1024 characters"));
    }
    Ok(text.to_owned())
}
