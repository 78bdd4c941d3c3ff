//! The caller of a service: who it is, what it may do, and which entity it means.

use postern_domain::access::{Permission, Role};
use postern_domain::{EntityId, OrganizationId};

use super::{ServiceError, check_entity};
use crate::in_force::InForce;

/// What kind of caller it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallerKind {
    /// A user of this machine, on the admin socket.
    LocalUser,
    /// A program that holds an API token, with its SHA-256.
    Token([u8; 32]),
    /// Somebody who has signed in.
    Person,
    /// Postern itself: a limit, an end that has been reached, or the configuration file.
    System,
}

/// The caller of a service, and what it may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    /// The name used in the audit trail; for a person, their address.
    pub name: String,
    /// What kind of caller it is.
    pub kind: CallerKind,
    /// The organization that it is limited to; none if it may act for all of them.
    pub organization: Option<OrganizationId>,
    /// What it may do; none means nothing.
    pub role: Option<Role>,
}

impl Caller {
    /// Checks that the caller has this permission.
    ///
    /// # Errors
    /// The caller lacks the permission; the error names the roles that have it.
    pub fn may(&self, permission: Permission) -> Result<(), ServiceError> {
        let takes = match self.role {
            Some(role) if role.may(permission) => return Ok(()),
            Some(_) => permission.to_string(),
            None => "root or the user that postern runs as".into(),
        };
        Err(ServiceError::Forbidden { who: self.name.clone(), takes })
    }

    /// Checks that the caller has this permission for all organizations.
    ///
    /// # Errors
    /// The caller lacks the permission, or is limited to one organization.
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

    /// The organization whose policies the caller sees and changes: the one that it is limited to, or the first.
    pub fn organization_or_first(&self) -> OrganizationId {
        self.organization.clone().unwrap_or_else(OrganizationId::first)
    }

    /// The entity that `text` means, in any spelling. Another organization's is treated as if it did not exist.
    ///
    /// # Errors
    /// The entity belongs to another organization.
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

    /// Like [`Caller::entity`], for making something for an entity that may be new: a name that no entity can have is
    /// refused.
    ///
    /// # Errors
    /// It can't be the name of an account or connector, or belongs to another organization.
    pub fn new_entity(&self, in_force: &InForce, text: &str) -> Result<EntityId, ServiceError> {
        let named = check_entity(text).map_err(|why| format!("{:?} {why}", text.trim()));
        named.map_err(|problem| ServiceError::Invalid { field: "entity".into(), problem })?;
        self.entity(in_force, text)
    }
}
