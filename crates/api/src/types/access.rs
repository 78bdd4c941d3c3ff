//! People, tokens, sessions and callers.

use postern_domain::access::{self, Method, Origin, PersonState, Role};
use postern_domain::{OrganizationId, Timestamp};
use postern_services::service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::convert::convert;
use super::schema;

/// The caller of a service, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Caller {
    /// The name used in the audit trail; for a person, their address.
    pub name: String,
    /// What kind of caller it is.
    pub kind: CallerKind,
    /// The organization that it is limited to; none if it may act for all of them.
    #[schema(value_type = Option<schema::OrganizationId>)]
    pub organization: Option<OrganizationId>,
    /// What it may do; none means nothing.
    #[schema(value_type = Option<schema::Role>)]
    pub role: Option<Role>,
}

convert!(service::Caller => Caller {
    same: name, organization, role;
    into: kind;
});

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CallerKind {
    /// A user of this machine, on the admin socket.
    LocalUser,
    /// A program that holds an API token.
    Token,
    /// Somebody who has signed in.
    Person,
    /// Postern itself: a limit, an end that has been reached, or the configuration file.
    System,
}

impl From<service::CallerKind> for CallerKind {
    fn from(kind: service::CallerKind) -> Self {
        match kind {
            service::CallerKind::LocalUser => Self::LocalUser,
            service::CallerKind::Token(_) => Self::Token,
            service::CallerKind::Person => Self::Person,
            service::CallerKind::System => Self::System,
        }
    }
}

/// Someone who may sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Their mail address, in lower case: the name they sign in with.
    pub address: String,
    /// The organization they manage; if absent, all organizations.
    #[serde(default)]
    #[schema(value_type = Option<schema::OrganizationId>)]
    pub organization: Option<OrganizationId>,
    /// What they may do.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// The state of their access.
    #[schema(value_type = schema::PersonState)]
    pub state: PersonState,
    /// Where they come from.
    #[schema(value_type = schema::Origin)]
    pub origin: Origin,
    /// When the person was added.
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    /// Who added the person, as named in the audit trail.
    pub created_by: String,
    /// When they last signed in.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub last_sign_in_at: Option<Timestamp>,
}

convert!(access::Person => Person {
    same: address, organization, role, state, origin, created_at, created_by, last_sign_in_at;
});

/// A request to invite somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteRequest {
    /// Their mail address.
    #[schema(min_length = 3, max_length = 254)]
    pub address: String,
    /// The role they get.
    #[schema(value_type = schema::Role)]
    pub role: Role,
}

convert!(InviteRequest => service::access::InviteRequest {
    same: address, role;
});

/// A request to change a person.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PersonRequest {
    /// Their new role; none leaves it as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Role>)]
    pub role: Option<Role>,
    /// Whether they are disabled: they may not sign in, and are signed out everywhere at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled: Option<bool>,
}

convert!(PersonRequest => service::access::PersonRequest {
    same: role, disabled;
});

/// A one-time link.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignUpLink {
    /// The invited address; none for the first admin's link: the first person to use it becomes that admin.
    pub address: Option<String>,
    /// The role that it gives.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// The link; it is shown only once.
    pub link: String,
    /// When it expires.
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
}

convert!(service::access::SignUpLink => SignUpLink {
    same: address, role, link, expires_at;
});

/// A session as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionView {
    /// The session's name in lists; it gives no access.
    pub id: String,
    /// Who is signed in.
    pub person: String,
    /// How they signed in.
    #[schema(value_type = Option<schema::Method>)]
    pub method: Option<Method>,
    /// When they signed in.
    #[schema(value_type = schema::Timestamp)]
    pub signed_in_at: Timestamp,
    /// When it was last used, to the minute.
    #[schema(value_type = schema::Timestamp)]
    pub seen_at: Timestamp,
    /// When it ends if it is not used again.
    #[schema(value_type = schema::Timestamp)]
    pub expires_at: Timestamp,
    /// The address they signed in from.
    pub address: Option<String>,
    /// The browser's user agent.
    pub agent: String,
}

convert!(service::access::SessionView => SessionView {
    same: id, person, method, signed_in_at, seen_at, expires_at, address, agent;
});

/// An API token as it is stored; the token itself is not stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenRecord {
    /// What it is for.
    pub name: String,
    /// The organization it is for; if absent, all organizations.
    #[serde(default)]
    #[schema(value_type = Option<schema::OrganizationId>)]
    pub organization: Option<OrganizationId>,
    /// What it may do.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// When it was created.
    #[schema(value_type = schema::Timestamp)]
    pub created_at: Timestamp,
    /// Who created it, as named in the audit trail.
    pub created_by: String,
    /// When it expires; if absent, it is valid until revoked.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub last_used_at: Option<Timestamp>,
}

convert!(access::TokenRecord => TokenRecord {
    same: name, organization, role, created_at, created_by, expires_at, last_used_at;
    not_shown: maker;
});

/// A new token; it is shown only once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NewToken {
    /// The token itself.
    pub token: String,
    /// What is stored about it.
    #[serde(flatten)]
    pub record: TokenRecord,
}

convert!(service::NewToken => NewToken {
    same: token;
    into: record;
});

/// A request for a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// What it is for; also its name.
    #[schema(min_length = 1, max_length = 64)]
    pub name: String,
    /// What it may do.
    #[schema(value_type = schema::Role)]
    pub role: Role,
    /// When it expires; none: only when it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<schema::Timestamp>)]
    pub expires_at: Option<Timestamp>,
}

convert!(TokenRequest => service::TokenRequest {
    same: name, role, expires_at;
});
