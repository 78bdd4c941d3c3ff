//! What works and what does not, for `/healthz`, `/readyz` and `postern status`.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A part that may fail without stopping mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The store can't be read or written.
    Store,
    /// The usage journal.
    Journal,
    /// A reload that was refused.
    Configuration,
    /// Changes that are written down and can't be read.
    Changes,
}

/// What does not work, and why.
#[derive(Debug, Default)]
pub struct Health(RwLock<BTreeMap<Part, String>>);

impl Health {
    /// Notes how a part is: `Err` says why it doesn't work. True if that is news.
    pub fn note(&self, part: Part, state: Result<(), String>) -> bool {
        let mut problems = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match state {
            Ok(()) => problems.remove(&part).is_some(),
            Err(why) => problems.insert(part, why).is_none(),
        }
    }

    /// What doesn't work, in one line each.
    pub fn problems(&self) -> Vec<String> {
        let problems = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let line = |(part, why): (&Part, &String)| {
            let name = match part {
                Part::Store => "store",
                Part::Journal => "usage journal",
                Part::Configuration => "configuration",
                Part::Changes => "changes",
            };
            format!("{name}: {why}")
        };
        problems.iter().map(line).collect()
    }

    /// Whether state can be written, so that new restrictions can be made.
    pub fn is_ready(&self) -> bool {
        !self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&Part::Store)
    }
}
