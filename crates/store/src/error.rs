//! Why the store did not do what it was told.

use postern_domain::{Domain, EntityId, OrganizationId, Reference, Timestamp};

/// Why the store could not do as it was told.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The entity is restricted already.
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
    /// Somebody else was faster.
    #[error("{what} were changed meanwhile; look at them again")]
    Changed {
        /// What was to be changed.
        what: &'static str,
    },
    /// There is no alert of that reference.
    #[error("there is no alert {reference}")]
    NoAlert {
        /// The reference that was asked for.
        reference: Reference,
    },
    /// The name of a token is taken.
    #[error("there is a token called {name:?} already; revoke it first or choose another name")]
    TokenExists {
        /// The name that was asked for.
        name: String,
    },
    /// There is no token of that name.
    #[error("there is no token called {name:?}")]
    NoToken {
        /// The name that was asked for.
        name: String,
    },
    /// There is a person of that address.
    #[error("{address} is a person already; postern person reset makes a new sign-up link")]
    PersonExists {
        /// Their mail address.
        address: String,
    },
    /// There is no person of that address.
    #[error("there is no person {address}")]
    NoPerson {
        /// Their mail address.
        address: String,
    },
    /// There is no session of that id.
    #[error("there is no session {id}")]
    NoSession {
        /// The id that was asked for.
        id: String,
    },
    /// There is no restriction of that reference.
    #[error("there is no restriction {reference}")]
    NoRestriction {
        /// The reference that was asked for.
        reference: Reference,
    },
    /// The entity's last release is not that of this restriction.
    #[error("{reference} is not the last restriction of {entity} that was released")]
    NotLastReleased {
        /// The account or connector.
        entity: EntityId,
        /// The restriction that was meant.
        reference: Reference,
    },
    /// The time of the restriction has come.
    #[error("{reference} would have ended at {until} by itself; restrict {entity} anew if that is wanted")]
    TimeIsOver {
        /// The account or connector.
        entity: EntityId,
        /// Names the restriction.
        reference: Reference,
        /// When it ends.
        until: Timestamp,
    },
    /// The same alert is open.
    #[error("an alert of the same policy about {entity} is open ({reference})")]
    AlreadyRaised {
        /// The account or connector.
        entity: EntityId,
        /// The alert that is open.
        reference: Reference,
    },
    /// There is an organization of that id.
    #[error("there is an organization {id} already")]
    OrganizationExists {
        /// The id that was asked for.
        id: OrganizationId,
    },
    /// Another organization has the domain.
    #[error("{domain} is another organization's")]
    DomainTaken {
        /// The domain that both name.
        domain: Domain,
    },
    /// There is no organization of that id.
    #[error("there is no organization {id}")]
    NoOrganization {
        /// The id that was asked for.
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
        /// The newest schema version that is known.
        known: usize,
    },
    /// The database can't be opened, read or written.
    #[error("{path}: {source}")]
    Database {
        /// The database file.
        path: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl StoreError {
    /// Whether the database works, and holds something that this version can't read.
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
