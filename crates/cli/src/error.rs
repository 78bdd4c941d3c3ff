//! Why a command failed, and the exit status that says so to scripts.

use postern_config::ConfigError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Something did not work.
    #[error("{0:#}")]
    Failed(#[from] anyhow::Error),
    /// The settings can't be used.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// What was typed can't be used.
    #[error("{0}")]
    Usage(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It may not be done, or things are not as believed.
    #[error("{0}")]
    Refused(String),
    /// What is wrong has been printed already.
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
