//! Why a service did not do what it was asked for.

use std::borrow::Cow;

use postern_domain::policy::InvalidSetting;
use postern_ledger::LedgerError;
use postern_store::StoreError;

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The caller may not.
    #[error("{who} may not do this; it takes {takes}")]
    Forbidden {
        /// The name of the caller.
        who: String,
        /// The roles that may.
        takes: String,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// Things are not as the caller believes.
    #[error("{0}")]
    Conflict(String),
    /// They have been changed since the caller looked.
    #[error("{0} were changed meanwhile; look at them again")]
    Changed(&'static str),
    /// Something the caller gave can't be used.
    #[error("{field}: {problem}")]
    Invalid {
        /// What it is called.
        field: Cow<'static, str>,
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// The store failed.
    #[error("the store is not available: {0}")]
    Store(StoreError),
    /// The ledger failed.
    #[error("usage can't be written: {0}")]
    Ledger(#[from] LedgerError),
}

impl From<StoreError> for ServiceError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::AlreadyRestricted { .. }
            | StoreError::NotLastReleased { .. }
            | StoreError::TimeIsOver { .. }
            | StoreError::AlreadyRaised { .. }
            | StoreError::TokenExists { .. }
            | StoreError::PersonExists { .. }
            | StoreError::OrganizationExists { .. } => ServiceError::Conflict(error.to_string()),
            StoreError::DomainTaken { .. } => {
                ServiceError::Invalid { field: "domains".into(), problem: error.to_string() }
            }
            StoreError::NotRestricted { .. }
            | StoreError::NoRestriction { .. }
            | StoreError::NoAllowance { .. }
            | StoreError::NoPerson { .. }
            | StoreError::NoSession { .. }
            | StoreError::NoOrganization { .. }
            | StoreError::NoToken { .. }
            | StoreError::NoAlert { .. } => ServiceError::NotFound(error.to_string()),
            StoreError::Changed { what } => ServiceError::Changed(what),
            error => ServiceError::Store(error),
        }
    }
}

impl From<InvalidSetting> for ServiceError {
    fn from(wrong: InvalidSetting) -> Self {
        ServiceError::Invalid { field: wrong.field.into(), problem: wrong.problem }
    }
}
