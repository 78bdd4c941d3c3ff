//! Findings of a check: how severe they are, and what to do about them.

use serde::Serialize;

/// How severe it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Everything is as it should be.
    Ok,
    /// Nothing is wrong, but worth knowing.
    Info,
    /// Works, but not as well as it could.
    Warning,
    /// Does not work.
    Error,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The name of the check, for programs.
    pub check: &'static str,
    /// How severe it is.
    pub level: Level,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// A finding that everything is as it should be.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), advice: None }
    }

    /// A finding that something is wrong or worth knowing, with advice.
    pub fn new(check: &'static str, level: Level, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level, message: message.into(), advice: Some(advice.into()) }
    }
}
