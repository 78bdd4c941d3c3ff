//! Why a call to the store failed.

use postern_domain::{Domain, EntityId, OrganizationId, Reference, Timestamp};

/// Why the store could not carry out a call.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The entity is already restricted.
    #[error("{entity} is already restricted ({reference})")]
    AlreadyRestricted {
        /// The account or connector.
        entity: EntityId,
        /// The restriction in force.
        reference: Reference,
    },
    /// The entity is not restricted.
    #[error("{entity} is not restricted")]
    NotRestricted {
        /// The account or connector.
        entity: EntityId,
    },
    /// Somebody else changed it first.
    #[error("{what} were changed meanwhile; look at them again")]
    Changed {
        /// What was being changed.
        what: &'static str,
    },
    /// There is no alert with this reference.
    #[error("there is no alert {reference}")]
    NoAlert {
        /// The requested reference.
        reference: Reference,
    },
    /// The organization already has a token of this name.
    #[error("there is a token called {name:?} already; revoke it first or choose another name")]
    TokenExists {
        /// The requested name.
        name: String,
    },
    /// There is no token of this name.
    #[error("there is no token called {name:?}")]
    NoToken {
        /// The requested name.
        name: String,
    },
    /// There already is a person with this address.
    #[error("{address} is a person already; postern person reset makes a new sign-up link")]
    PersonExists {
        /// Their mail address.
        address: String,
    },
    /// There is no person with this address.
    #[error("there is no person {address}")]
    NoPerson {
        /// Their mail address.
        address: String,
    },
    /// There is no session with this id.
    #[error("there is no session {id}")]
    NoSession {
        /// The requested id.
        id: String,
    },
    /// There is no restriction with this reference.
    #[error("there is no restriction {reference}")]
    NoRestriction {
        /// The requested reference.
        reference: Reference,
    },
    /// The entity's last release was from another restriction.
    #[error("{reference} is not the last restriction of {entity} that was released")]
    NotLastReleased {
        /// The account or connector.
        entity: EntityId,
        /// The requested restriction.
        reference: Reference,
    },
    /// The restriction would have ended by now.
    #[error("{reference} would have ended automatically at {until}; to restrict {entity} again, add a new restriction")]
    TimeIsOver {
        /// The account or connector.
        entity: EntityId,
        /// The restriction's reference.
        reference: Reference,
        /// When it would have ended automatically.
        until: Timestamp,
    },
    /// An alert with the same trigger about the same entity is open.
    #[error("an alert of the same policy about {entity} is open ({reference})")]
    AlreadyRaised {
        /// The account or connector.
        entity: EntityId,
        /// The reference of the open alert.
        reference: Reference,
    },
    /// There already is an organization with this id.
    #[error("there is an organization {id} already")]
    OrganizationExists {
        /// The requested id.
        id: OrganizationId,
    },
    /// The domain belongs to another organization.
    #[error("{domain} is another organization's")]
    DomainTaken {
        /// The domain that both organizations name.
        domain: Domain,
    },
    /// There is no organization with this id.
    #[error("there is no organization {id}")]
    NoOrganization {
        /// The requested id.
        id: OrganizationId,
    },
    /// The entity has no allowance.
    #[error("{entity} has no allowance")]
    NoAllowance {
        /// The account or connector.
        entity: EntityId,
    },
    /// The database was written by a later version.
    #[error(
        "{path}: this database is from a newer version of Postern (schema {found}, this version knows {known}); \
         install that version again, or restore a backup from before the upgrade"
    )]
    Newer {
        /// The database file.
        path: String,
        /// Its schema version.
        found: usize,
        /// The newest schema version that this version knows.
        known: usize,
    },
    /// The database can't be opened, read or written.
    #[error("{path}: {source}")]
    Database {
        /// The database file.
        path: String,
        /// The underlying error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the database works but contains a value that this version can't read.
    pub fn is_unreadable(&self) -> bool {
        match self {
            StoreError::Database { source, .. } => source.is::<Unreadable>() || source.is::<serde_json::Error>(),
            _ => false,
        }
    }
}

/// A value in the database that this version can't read.
#[derive(Debug, thiserror::Error)]
#[error("{column} holds {value:?}, which this version does not know")]
pub(crate) struct Unreadable {
    pub(crate) column: &'static str,
    pub(crate) value: String,
}
