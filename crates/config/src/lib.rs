//! The configuration file: found, read, and checked as a whole before anything starts.
//!
//! `docs/configuration.md` describes every key; `packaging/postern.toml` is the file to start from.

mod reader;
mod sections;
mod values;

use std::path::{Path, PathBuf};

use postern_services::settings::Settings;
use reader::Document;
pub use reader::Problem;

/// Default paths of the configuration file, in the order in which they are tried.
pub const DEFAULT_FILES: [&str; 2] = ["./postern.toml", "/etc/postern/postern.toml"];

/// Why the settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No configuration file was found.
    #[error(
        "no configuration file: looked for {}; name one with --config FILE or POSTERN_CONFIG",
        DEFAULT_FILES.join(" and ")
    )]
    NotFound,
    /// The file can't be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// Path of the file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file contains errors.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The file to read: `named` if given, or the first default path that exists.
///
/// # Errors
/// No file was named and no default path exists.
pub fn find(named: Option<&Path>) -> Result<PathBuf, ConfigError> {
    match named {
        Some(path) => Ok(path.to_owned()),
        None => DEFAULT_FILES.iter().map(PathBuf::from).find(|path| path.exists()).ok_or(ConfigError::NotFound),
    }
}

/// Reads and checks a file, with the environment's overrides.
///
/// # Errors
/// The file can't be read or contains errors, all of which are reported.
pub fn load(path: &Path) -> Result<Settings, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source })?;
    let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
    parse(path, &text, env)
}

/// Checks settings that are given as text.
///
/// # Errors
/// The text contains errors, all of which are reported.
pub fn parse(path: &Path, text: &str, env: impl Iterator<Item = (String, String)>) -> Result<Settings, ConfigError> {
    let mut document = Document::parse(path, text, env);
    let settings = sections::read(path, document.root());
    let problems = document.into_problems();
    match settings {
        Some(settings) if problems.is_empty() => Ok(settings),
        _ => Err(ConfigError::Invalid(problems)),
    }
}

#[cfg(test)]
mod tests;
