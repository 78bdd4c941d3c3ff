//! Why a command failed, and the exit status that tells scripts.

use postern_config::ConfigError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// An operation failed.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
    /// The settings can't be used.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The arguments can't be used.
    #[error("{0}")]
    Usage(String),
    /// The object does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The operation is not permitted, or the current state does not allow it.
    #[error("{0}")]
    Refused(String),
    /// The error has been printed already.
    #[error("found problems")]
    Reported,
}

impl CliError {
    /// The process's exit status.
    pub fn exit_code(&self) -> u8 {
        match self {
            CliError::Failed(_) | CliError::Config(_) | CliError::Reported => 1,
            CliError::Usage(_) => 2,
            CliError::NotFound(_) => 3,
            CliError::Refused(_) => 4,
        }
    }

    /// Prints it for people.
    pub fn print(&self) {
        if !matches!(self, CliError::Reported) {
            for line in self.to_string().lines() {
                eprintln!("postern: {line}");
            }
        }
    }
}
