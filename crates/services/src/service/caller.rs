//! Who asks, what they may, and whom they mean.

use postern_domain::access::{Permission, Role};
use postern_domain::{EntityId, OrganizationId};
use serde::{Deserialize, Serialize};

use super::{ServiceError, check_entity};
use crate::in_force::InForce;

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
    /// Postern itself: a limit, a time that has come, the configuration file.
    System,
}

/// Who asks a service, and what they may do.
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

impl Caller {
    /// Whether they may do what takes this.
    ///
    /// # Errors
    /// They may not; the error says who may.
    pub fn may(&self, permission: Permission) -> Result<(), ServiceError> {
        let takes = match self.role {
            Some(role) if role.may(permission) => return Ok(()),
            Some(_) => permission.to_string(),
            None => "root or the user that postern runs as".into(),
        };
        Err(ServiceError::Forbidden { who: self.name.clone(), takes })
    }

    /// What is about all organizations is for those who look after all of them.
    ///
    /// # Errors
    /// They may not.
    pub fn may_everywhere(&self, permission: Permission) -> Result<(), ServiceError> {
        self.may(permission)?;
        match &self.organization {
            None => Ok(()),
            Some(_) => Err(ServiceError::Forbidden {
                who: self.name.clone(),
                takes: format!("{permission} over all organizations"),
            }),
        }
    }

    /// The organization whose policies they see and change: the one they are kept to, or the first.
    pub fn organization_or_first(&self) -> OrganizationId {
        self.organization.clone().unwrap_or_else(OrganizationId::first)
    }

    /// The entity they mean by any spelling. Another organization's is as good as none.
    ///
    /// # Errors
    /// It is another organization's.
    pub fn entity(&self, in_force: &InForce, text: &str) -> Result<EntityId, ServiceError> {
        let text = text.trim();
        let Some(organization) = &self.organization else {
            return Ok(in_force.directory.entity_from_admin(text));
        };
        let own = in_force.organization(organization);
        let entity = match own.filter(|_| !text.contains(['@', ':'])) {
            Some(own) => in_force.directory.entity_from_admin(&format!("{text}@{}", own.domains[0])),
            None => in_force.directory.entity_from_admin(text),
        };
        if in_force.directory.organization_of(&entity) == *organization {
            Ok(entity)
        } else {
            Err(ServiceError::NotFound(format!("{entity} is none of your organization's accounts")))
        }
    }

    /// The same where something is made for an entity that it may not have had before: what can be nobody's name is
    /// refused.
    ///
    /// # Errors
    /// It can't be an account's or connector's name, or is another organization's.
    pub fn new_entity(&self, in_force: &InForce, text: &str) -> Result<EntityId, ServiceError> {
        let named = check_entity(text).map_err(|why| format!("{:?} {why}", text.trim()));
        named.map_err(|problem| ServiceError::Invalid { field: "entity".into(), problem })?;
        self.entity(in_force, text)
    }
}
