//! The error for an invalid setting.

/// Why a policy, an allowance or an organization is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidSetting {
    /// The setting at fault.
    pub field: &'static str,
    /// What is wrong, and what would be right.
    pub problem: String,
}
