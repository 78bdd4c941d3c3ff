//! What a check finds: how bad it is, and what to do about it.

use serde::Serialize;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// As it should be.
    Ok,
    /// Nothing is wrong; it is good to know.
    Info,
    /// Works, but not as well as it could.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its name, for programs.
    pub check: &'static str,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub message: String,
    /// What to do about it.
    pub advice: Option<String>,
}

impl Finding {
    /// Something that is as it should be.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), advice: None }
    }

    /// Something that is not, or that is worth knowing.
    pub fn new(check: &'static str, level: Level, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { check, level, message: message.into(), advice: Some(advice.into()) }
    }
}
