//! What can happen, as typed facts: the one vocabulary of the audit trail, of the events that are watched, and of
//! webhooks.
//!
//! In the trail a fact is three columns: its action (`restriction.add`), its target (whom or what it is about) and its
//! particulars, a JSON object. What is told to watchers is told under [`Fact::event`].

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

/// The event that an alert was raised, which webhooks are called with.
pub const ALERT_RAISED: &str = "alert.raised";
/// The target of alerts about Postern's store, which is no entity.
pub const STORE: &str = "store";

/// Something that happened. The field that the trail has as the target is called so there.
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
    /// An alert was raised that restricts nobody; one that comes with a restriction is that one's fact.
    #[serde(rename = "alert.raise")]
    AlertRaised {
        /// An entity, or [`STORE`].
        #[serde(rename = "target")]
        about: String,
        reference: Reference,
        reason: String,
        /// Entries of before it was written down have none.
        policy: Option<Trigger>,
    },
    /// Somebody gave an alert a status or a comment.
    #[serde(rename = "alert.note")]
    AlertNoted {
        #[serde(rename = "target")]
        reference: Reference,
        entity: Option<EntityId>,
        /// The status that it was given; none: it kept the one it had.
        status: Option<AlertStatus>,
        /// The status that it has now. Entries of before it was written down have none.
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
        /// Each setting with its values `from` and `to`.
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
    /// An alert policy was removed, or a built-in one is what it is by itself again.
    #[serde(rename = "alert-policy.remove")]
    AlertPolicyRemoved {
        #[serde(rename = "target")]
        name: String,
        from: Option<Box<AlertPolicy>>,
    },
    /// An entity got an allowance.
    #[serde(rename = "allowance.grant")]
    AllowanceGranted {
        #[serde(rename = "target")]
        entity: EntityId,
        #[serde(flatten)]
        allowance: Box<Allowance>,
    },
    /// An allowance was ended before its time.
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
    /// An API token was made.
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
    /// Somebody's session was ended.
    #[serde(rename = "session.revoke")]
    SessionRevoked {
        #[serde(rename = "target")]
        id: String,
    },
    /// Somebody was invited.
    #[serde(rename = "person.invite")]
    PersonInvited {
        #[serde(rename = "target")]
        address: String,
        role: Role,
        /// Whether the first link was lost.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        again: bool,
    },
    /// A sign-up link was made.
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
    /// Somebody put an authenticator app in use.
    #[serde(rename = "person.totp-add")]
    TotpAdded {
        #[serde(rename = "target")]
        address: String,
    },
    /// Somebody ended the use of an authenticator app.
    #[serde(rename = "person.totp-remove")]
    TotpRemoved {
        #[serde(rename = "target")]
        address: String,
    },
    /// Somebody's recovery codes were replaced or taken away.
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

/// A fact as the trail has it.
#[derive(Debug, Clone, PartialEq)]
pub struct FactColumns {
    /// What was done, for example `restriction.release`.
    pub action: String,
    /// To whom or what.
    pub target: String,
    /// Particulars: an object.
    pub detail: Value,
}

impl Fact {
    /// What the trail writes.
    pub fn columns(&self) -> FactColumns {
        let mut written = match serde_json::to_value(self) {
            Ok(Value::Object(written)) => written,
            // Every variant is an object of texts, numbers and lists.
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

    /// Reads what the trail has.
    ///
    /// # Errors
    /// The action is not known, or its particulars are not what this version writes.
    pub fn read(columns: FactColumns) -> Result<Self, serde_json::Error> {
        let mut facts = match columns.detail {
            Value::Object(facts) => facts,
            _ => Map::new(),
        };
        facts.insert("target".into(), Value::String(columns.target));
        serde_json::from_value(json!({ "action": columns.action, "facts": facts }))
    }

    /// The name under which watchers are told of it; none: they are not.
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

    /// The entity it is about, if it is about one.
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
