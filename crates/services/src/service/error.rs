//! Why a service did not carry out a request.

use std::borrow::Cow;

use postern_domain::policy::InvalidSetting;
use postern_ledger::LedgerError;
use postern_store::StoreError;

use crate::sign_in::HashingError;
use crate::vault::VaultError;

/// Why a use case was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The caller lacks permission.
    #[error("{who} may not do this; it takes {takes}")]
    Forbidden {
        /// The name of the caller.
        who: String,
        /// What it takes: the roles that have the permission.
        takes: String,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It conflicts with the current state.
    #[error("{0}")]
    Conflict(String),
    /// They have changed since the caller last read them.
    #[error("{0} were changed meanwhile; look at them again")]
    Changed(&'static str),
    /// A value from the caller is invalid.
    #[error("{field}: {problem}")]
    Invalid {
        /// The name of the field.
        field: Cow<'static, str>,
        /// What is wrong, and what is expected.
        problem: String,
    },
    /// Too much is asked at this moment; later, it may be carried out.
    #[error("{0}")]
    Busy(String),
    /// A secret in the store can't be opened or sealed.
    #[error("{0}")]
    Vault(VaultError),
    /// The store failed.
    #[error("the store is not available: {0}")]
    Store(StoreError),
    /// The ledger failed.
    #[error("usage can't be written: {0}")]
    Ledger(#[from] LedgerError),
}

impl From<VaultError> for ServiceError {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Store(error) => error.into(),
            error => ServiceError::Vault(error),
        }
    }
}

impl From<HashingError> for ServiceError {
    fn from(error: HashingError) -> Self {
        ServiceError::Busy(error.to_string())
    }
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
