//! What the API sends and takes, as JSON and in its OpenAPI description.
//!
//! These names are public: programs and scripts depend on them. Values with a textual form, such as
//! [`postern_domain::Timestamp`] and the words of [`schema`], are the domain's own; records are declared here and
//! converted to and from those of the domain and the services, so that neither side changes the other unnoticed.

mod access;
mod alerts;
mod convert;
mod evidence;
mod organizations;
mod policies;
mod restrictions;
pub(crate) mod schema;
mod status;

pub use access::{
    Caller, CallerKind, InviteRequest, NewToken, Person, PersonRequest, SessionView, SignUpLink, TokenRecord,
    TokenRequest,
};
pub use alerts::{AlertDetailView, AlertNote, AlertPolicy, AlertPolicyView, AlertRequest, AlertView, ChannelTestView};
pub use evidence::{AttemptRecord, Cause, Evidence, Excess, Pattern, WindowCount};
pub use organizations::{AccountView, NewOrganization, OrganizationRecord, OrganizationRequest, SourceState};
pub use policies::{
    Allowance, AllowanceRequest, EffectView, OutboundPolicy, PolicyBody, PolicyBook, PolicyChangeView,
    PolicyChoiceView, PolicyFile, PolicyView, PreviewView, Scope, SkippedView,
};
pub use restrictions::{
    IncidentView, ReleaseRequest, RestrictRequest, RestrictionView, UndoReleaseRequest, UsageView, WindowView,
};
pub use status::{AuditReportView, AuditView, CopyAlias, Event, OutboxView, ServerReport, StatusView};
