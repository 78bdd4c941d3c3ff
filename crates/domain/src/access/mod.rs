//! Roles and permissions, named as Exchange admins know them, and the people who have them.

mod person;
mod throttle;
mod token;

use std::fmt;

pub use person::{Method, Origin, Person, PersonState};
pub use throttle::{Throttle, ThrottleRule};
pub use token::{TokenMaker, TokenRecord};

use serde::{Deserialize, Serialize};

/// What a person or a program may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// May do everything, including managing people and API tokens.
    OrganizationManagement,
    /// May release, restrict and edit policies.
    SecurityAdministrator,
    /// May view everything and change nothing.
    SecurityReader,
    /// May view everything and change nothing.
    GlobalReader,
}

/// The permission that an action requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// View entities, policies, alerts and the audit trail.
    Look,
    /// Release, restrict, edit policies and alerts.
    Manage,
    /// Manage access: people and API tokens.
    ManageAccess,
}

impl Role {
    /// Every role, the most powerful first.
    pub const ALL: [Role; 4] =
        [Role::OrganizationManagement, Role::SecurityAdministrator, Role::SecurityReader, Role::GlobalReader];

    /// The name used in commands, the API and the store.
    pub fn key(self) -> &'static str {
        match self {
            Role::OrganizationManagement => "organization-management",
            Role::SecurityAdministrator => "security-administrator",
            Role::SecurityReader => "security-reader",
            Role::GlobalReader => "global-reader",
        }
    }

    /// The role with this name.
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.key() == key)
    }

    /// The less powerful of two roles.
    pub fn weaker(self, other: Self) -> Self {
        let rank = |role: Self| Self::ALL.iter().position(|one| *one == role);
        if rank(self) >= rank(other) { self } else { other }
    }

    /// Whether the role grants `permission`.
    pub fn may(self, permission: Permission) -> bool {
        match permission {
            Permission::Look => true,
            Permission::Manage => matches!(self, Role::OrganizationManagement | Role::SecurityAdministrator),
            Permission::ManageAccess => self == Role::OrganizationManagement,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Role::OrganizationManagement => "Organization management",
            Role::SecurityAdministrator => "Security administrator",
            Role::SecurityReader => "Security reader",
            Role::GlobalReader => "Global reader",
        })
    }
}

impl fmt::Display for Permission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Permission::Look => "any role",
            Permission::Manage => "the role organization-management or security-administrator",
            Permission::ManageAccess => "the role organization-management",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_role_may() {
        let may = |role: Role| [Permission::Look, Permission::Manage, Permission::ManageAccess].map(|p| role.may(p));
        assert_eq!(may(Role::OrganizationManagement), [true, true, true]);
        assert_eq!(may(Role::SecurityAdministrator), [true, true, false]);
        assert_eq!(may(Role::SecurityReader), [true, false, false]);
        assert_eq!(may(Role::GlobalReader), [true, false, false]);
        assert_eq!(Role::SecurityReader.weaker(Role::OrganizationManagement), Role::SecurityReader);
        assert_eq!(Role::OrganizationManagement.weaker(Role::SecurityReader), Role::SecurityReader);
        for role in Role::ALL {
            assert_eq!(Role::from_key(role.key()), Some(role));
        }
    }
}
