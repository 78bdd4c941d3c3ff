//! Which parts have failed, for `/healthz`, `/readyz` and `postern status`.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// A part that may fail without stopping mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The store can't be read or written.
    Store,
    /// The usage journal failed.
    Journal,
    /// A configuration reload was refused.
    Configuration,
    /// Written changes can't be read.
    Changes,
    /// Mail can't be counted.
    Ledger,
}

impl Part {
    /// Its name, as people see it.
    pub fn name(self) -> &'static str {
        match self {
            Part::Store => "store",
            Part::Journal => "usage journal",
            Part::Configuration => "configuration",
            Part::Changes => "changes",
            Part::Ledger => "counter engine",
        }
    }
}

/// Which parts have failed, and why.
#[derive(Debug, Default)]
pub struct Health(RwLock<BTreeMap<Part, String>>);

impl Health {
    /// Records the state of a part; `Err` gives the reason it failed. Returns true if it has just failed or recovered.
    pub fn note(&self, part: Part, state: Result<(), String>) -> bool {
        let mut problems = self.0.write().unwrap_or_else(PoisonError::into_inner);
        match state {
            Ok(()) => problems.remove(&part).is_some(),
            Err(why) => problems.insert(part, why).is_none(),
        }
    }

    /// The failed parts and the reasons, one line each; for those who may look.
    pub fn problems(&self) -> Vec<String> {
        let problems = self.0.read().unwrap_or_else(PoisonError::into_inner);
        problems.iter().map(|(part, why)| format!("{}: {why}", part.name())).collect()
    }

    /// The names of the failed parts; for everybody.
    pub fn failed(&self) -> Vec<&'static str> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).keys().map(|part| part.name()).collect()
    }

    /// Whether the store works, so that new restrictions can be made.
    pub fn is_ready(&self) -> bool {
        !self.0.read().unwrap_or_else(PoisonError::into_inner).contains_key(&Part::Store)
    }
}
