//! Organizations, and the accounts of their directories.

use postern_domain::{EntityId, OrganizationId, Timestamp};
use postern_services::{directory, service};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::convert::convert;
use super::schema;

/// An organization as stored, and as shown by the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrganizationRecord {
    /// Its ID in URLs and commands.
    #[schema(value_type = schema::OrganizationId)]
    pub id: OrganizationId,
    /// Its name as shown in mails and on pages.
    pub name: String,
    /// Accepted domains, the default one first.
    pub domains: Vec<String>,
    /// Its admins' addresses.
    pub admins: Vec<String>,
    /// Addresses that its restricted accounts may still write to, in addition to postmaster.
    pub helpdesk: Vec<String>,
    /// The time zone that determines where its days begin and end (IANA name).
    pub time_zone: String,
}

convert!(service::OrganizationRecord => OrganizationRecord {
    same: id, name, domains, admins, helpdesk, time_zone;
});

/// A new organization.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewOrganization {
    /// The ID to use in addresses and commands: up to 40 lowercase letters, digits and -.
    pub id: String,
    /// Its settings, those of [`OrganizationRequest`].
    #[serde(flatten)]
    #[schema(inline)]
    pub settings: Map<String, Value>,
}

/// A request to add an organization or change one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrganizationRequest {
    /// Its name, in mails and pages; by default the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Accepted domains, the default one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<String>>,
    /// Its admins' addresses; by default postmaster of the first domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admins: Option<Vec<String>>,
    /// Recipients that its restricted accounts may still write to, besides postmaster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helpdesk: Option<Vec<String>>,
    /// The time zone in which its days begin and end (IANA); by default UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

convert!(OrganizationRequest => service::OrganizationRequest {
    same: name, domains, admins, helpdesk, time_zone;
});

/// An account of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AccountView {
    /// The account, in one spelling.
    #[schema(value_type = schema::EntityId)]
    pub entity: EntityId,
    /// The name of the person it belongs to.
    pub name: Option<String>,
    /// Names of its groups, as in the directory.
    pub groups: Vec<String>,
}

convert!(service::AccountView => AccountView {
    same: entity, name, groups;
});

/// The state of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SourceState {
    /// Its name, unique among its kind.
    pub name: String,
    /// Where it is read from.
    pub place: String,
    /// How many accounts it had when last read.
    pub accounts: usize,
    /// How many members its groups had in total when last read.
    pub members: usize,
    /// When it was last read.
    #[schema(value_type = Option<schema::Timestamp>)]
    pub read_at: Option<Timestamp>,
    /// Why the last attempt to read it failed; none if it succeeded.
    pub error: Option<String>,
}

convert!(directory::SourceState => SourceState {
    same: name, place, accounts, members, read_at, error;
});
