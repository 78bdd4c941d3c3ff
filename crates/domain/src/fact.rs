//! Facts: everything that can happen, typed. The audit trail, the event stream and webhooks all use this vocabulary.
//!
//! In the trail, a fact has three columns: its action (`restriction.add`), its target (what it is about) and its
//! details, a JSON object. Watchers are notified of it under the name [`Fact::event`].

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::access::{Method, PersonState, Role};
use crate::alert::{AlertPolicy, AlertStatus, Trigger};
use crate::entity::EntityId;
use crate::organization::{OrganizationId, OrganizationRecord};
use crate::policy::{Allowance, OutboundPolicy};
use crate::reference::Reference;
use crate::restriction::Recommendation;
use crate::time::Timestamp;
use crate::window::Window;

/// The event name under which webhooks are notified that an alert was raised.
pub const ALERT_RAISED: &str = "alert.raised";
/// The target of alerts about Postern's store, which is not an entity.
pub const STORE: &str = "store";

/// Something that happened. The field that is the trail's target column is serialized as `target`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", content = "facts")]
#[expect(missing_docs, reason = "fields that say no more than their names have no text of their own")]
pub enum Fact {
    /// An entity was restricted.
    #[serde(rename = "restriction.add")]
    RestrictionAdded {
        #[serde(rename = "target")]
        entity: EntityId,
        reference: Reference,
        reason: String,
        until: Option<Timestamp>,
    },
    /// A restriction ended.
    #[serde(rename = "restriction.release")]
    RestrictionReleased {
        #[serde(rename = "target")]
        entity: EntityId,
        reference: Reference,
        reason: String,
        #[serde(default)]
        made_sure: Vec<Recommendation>,
        probation_until: Option<Timestamp>,
        #[serde(default)]
        windows_reset: Vec<Window>,
    },
    /// A release was undone: the same restriction is in force again.
    #[serde(rename = "restriction.restore")]
    RestrictionRestored {
        #[serde(rename = "target")]
        entity: EntityId,
        reference: Reference,
        reason: String,
        until: Option<Timestamp>,
    },
    /// An alert was raised without a restriction. With one, the fact is that the restriction was added.
    #[serde(rename = "alert.raise")]
    AlertRaised {
        /// An entity, or [`STORE`].
        #[serde(rename = "target")]
        about: String,
        reference: Reference,
        reason: String,
        /// Absent in old entries, written before it was recorded.
        policy: Option<Trigger>,
    },
    /// Somebody gave an alert a status or a comment.
    #[serde(rename = "alert.note")]
    AlertNoted {
        #[serde(rename = "target")]
        reference: Reference,
        entity: Option<EntityId>,
        /// The status that it was given; if absent, its status did not change.
        status: Option<AlertStatus>,
        /// The resulting status. Absent in old entries, written before it was recorded.
        becomes: Option<AlertStatus>,
        #[serde(default)]
        comment: String,
    },
    /// An outbound policy was added.
    #[serde(rename = "policy.add")]
    PolicyAdded {
        #[serde(rename = "target")]
        name: String,
        to: Box<OutboundPolicy>,
        revision: Option<u64>,
    },
    /// Settings of an outbound policy were changed.
    #[serde(rename = "policy.change")]
    PolicyChanged {
        #[serde(rename = "target")]
        name: String,
        revision: Option<u64>,
        /// Each changed setting with its values `from` and `to`.
        #[serde(flatten)]
        settings: BTreeMap<String, Value>,
    },
    /// An outbound policy was removed.
    #[serde(rename = "policy.remove")]
    PolicyRemoved {
        #[serde(rename = "target")]
        name: String,
        from: Box<OutboundPolicy>,
        revision: Option<u64>,
    },
    /// An alert policy was added.
    #[serde(rename = "alert-policy.add")]
    AlertPolicyAdded {
        #[serde(rename = "target")]
        name: String,
        to: Option<Box<AlertPolicy>>,
    },
    /// An alert policy was changed.
    #[serde(rename = "alert-policy.change")]
    AlertPolicyChanged {
        #[serde(rename = "target")]
        name: String,
        from: Option<Box<AlertPolicy>>,
        to: Option<Box<AlertPolicy>>,
    },
    /// An alert policy was removed, or a built-in one was reset to its defaults.
    #[serde(rename = "alert-policy.remove")]
    AlertPolicyRemoved {
        #[serde(rename = "target")]
        name: String,
        from: Option<Box<AlertPolicy>>,
    },
    /// An allowance was granted to an entity.
    #[serde(rename = "allowance.grant")]
    AllowanceGranted {
        #[serde(rename = "target")]
        entity: EntityId,
        #[serde(flatten)]
        allowance: Box<Allowance>,
    },
    /// An allowance was ended early.
    #[serde(rename = "allowance.end")]
    AllowanceEnded {
        #[serde(rename = "target")]
        entity: EntityId,
    },
    /// An organization was added.
    #[serde(rename = "organization.add")]
    OrganizationAdded {
        #[serde(rename = "target")]
        id: OrganizationId,
        #[serde(flatten)]
        organization: Box<OrganizationRecord>,
    },
    /// An organization was changed.
    #[serde(rename = "organization.change")]
    OrganizationChanged {
        #[serde(rename = "target")]
        id: OrganizationId,
        #[serde(flatten)]
        organization: Box<OrganizationRecord>,
    },
    /// An organization was removed.
    #[serde(rename = "organization.remove")]
    OrganizationRemoved {
        #[serde(rename = "target")]
        id: OrganizationId,
    },
    /// An API token was created.
    #[serde(rename = "token.add")]
    TokenAdded {
        #[serde(rename = "target")]
        name: String,
        role: Role,
        expires_at: Option<Timestamp>,
    },
    /// An API token was revoked.
    #[serde(rename = "token.revoke")]
    TokenRevoked {
        #[serde(rename = "target")]
        name: String,
    },
    /// A session was revoked.
    #[serde(rename = "session.revoke")]
    SessionRevoked {
        #[serde(rename = "target")]
        id: String,
    },
    /// A person was invited.
    #[serde(rename = "person.invite")]
    PersonInvited {
        #[serde(rename = "target")]
        address: String,
        role: Role,
        /// Whether the person was invited again, to replace a lost link.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// A sign-up link was created.
    #[serde(rename = "person.link")]
    PersonLinked {
        #[serde(rename = "target")]
        address: String,
        expires_at: Timestamp,
    },
    /// A person was added by the single sign-on provider.
    #[serde(rename = "person.add")]
    PersonAdded {
        #[serde(rename = "target")]
        address: String,
        role: Role,
    },
    /// A person's role or state was changed.
    #[serde(rename = "person.change")]
    PersonChanged {
        #[serde(rename = "target")]
        address: String,
        role: Role,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<PersonState>,
    },
    /// A person was removed.
    #[serde(rename = "person.remove")]
    PersonRemoved {
        #[serde(rename = "target")]
        address: String,
    },
    /// An invitation was accepted.
    #[serde(rename = "person.sign-up")]
    SignedUp {
        #[serde(rename = "target")]
        address: String,
        role: Role,
        from: Option<IpAddr>,
    },
    /// Somebody signed in.
    #[serde(rename = "person.sign-in")]
    SignedIn {
        #[serde(rename = "target")]
        address: String,
        method: Method,
        from: Option<IpAddr>,
    },
    /// Somebody tried to sign in as a person and failed.
    #[serde(rename = "person.sign-in-failed")]
    SignInFailed {
        #[serde(rename = "target")]
        address: String,
        what: String,
    },
    /// Somebody signed out.
    #[serde(rename = "person.sign-out")]
    SignedOut {
        #[serde(rename = "target")]
        address: String,
    },
    /// Somebody changed their password.
    #[serde(rename = "person.password")]
    PasswordChanged {
        #[serde(rename = "target")]
        address: String,
    },
    /// Somebody enabled an authenticator app.
    #[serde(rename = "person.totp-add")]
    TotpAdded {
        #[serde(rename = "target")]
        address: String,
    },
    /// Somebody removed an authenticator app.
    #[serde(rename = "person.totp-remove")]
    TotpRemoved {
        #[serde(rename = "target")]
        address: String,
    },
    /// Somebody's recovery codes were replaced or removed.
    #[serde(rename = "person.recovery-codes")]
    RecoveryCodesChanged {
        #[serde(rename = "target")]
        address: String,
        left: usize,
    },
    /// Somebody added a passkey.
    #[serde(rename = "person.passkey-add")]
    PasskeyAdded {
        #[serde(rename = "target")]
        address: String,
        name: String,
    },
    /// Somebody removed a passkey.
    #[serde(rename = "person.passkey-remove")]
    PasskeyRemoved {
        #[serde(rename = "target")]
        address: String,
        name: String,
    },
}

/// A fact as stored in the audit trail.
#[derive(Debug, Clone, PartialEq)]
pub struct FactColumns {
    /// What was done, for example `restriction.release`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// The details, a JSON object.
    pub detail: Value,
}

impl Fact {
    /// The columns to store in the audit trail.
    pub fn columns(&self) -> FactColumns {
        let mut written = match serde_json::to_value(self) {
            Ok(Value::Object(written)) => written,
            // Not reached: every variant serializes to an object.
            _ => Map::new(),
        };
        let text = |value: Option<Value>| value.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let action = text(written.remove("action"));
        let mut detail = match written.remove("facts") {
            Some(Value::Object(facts)) => facts,
            _ => Map::new(),
        };
        let target = text(detail.remove("target"));
        FactColumns { action, target, detail: Value::Object(detail) }
    }

    /// Reads a fact from its columns in the audit trail.
    ///
    /// # Errors
    /// The action is unknown, or its details are not in the form that this version writes.
    pub fn read(columns: FactColumns) -> Result<Self, serde_json::Error> {
        let mut facts = match columns.detail {
            Value::Object(facts) => facts,
            _ => Map::new(),
        };
        facts.insert("target".into(), Value::String(columns.target));
        serde_json::from_value(json!({ "action": columns.action, "facts": facts }))
    }

    /// The event name under which watchers are notified; `None` if they are not notified.
    pub fn event(&self) -> Option<&'static str> {
        Some(match self {
            Fact::RestrictionAdded { .. } => "restriction.made",
            Fact::RestrictionReleased { .. } => "restriction.released",
            Fact::RestrictionRestored { .. } => "restriction.restored",
            Fact::AlertRaised { .. } => ALERT_RAISED,
            Fact::AlertNoted { .. } => "alert.changed",
            Fact::PolicyAdded { .. } | Fact::PolicyChanged { .. } | Fact::PolicyRemoved { .. } => "policies.changed",
            Fact::AlertPolicyAdded { .. } | Fact::AlertPolicyChanged { .. } | Fact::AlertPolicyRemoved { .. } => {
                "alert-policies.changed"
            }
            Fact::AllowanceGranted { .. } => "allowance.granted",
            Fact::AllowanceEnded { .. } => "allowance.ended",
            Fact::OrganizationAdded { .. } | Fact::OrganizationChanged { .. } | Fact::OrganizationRemoved { .. } => {
                "organizations.changed"
            }
            _ => return None,
        })
    }

    /// The entity it is about, if any.
    pub fn entity(&self) -> Option<EntityId> {
        match self {
            Fact::RestrictionAdded { entity, .. }
            | Fact::RestrictionReleased { entity, .. }
            | Fact::RestrictionRestored { entity, .. }
            | Fact::AllowanceGranted { entity, .. }
            | Fact::AllowanceEnded { entity } => Some(entity.clone()),
            Fact::AlertNoted { entity, .. } => entity.clone(),
            Fact::AlertRaised { about, .. } if about != STORE => Some(EntityId::from_text(about)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
