//! Watch what happens.

use super::{Caller, Desk, DeskError};
use crate::events::Watcher;

impl Desk {
    /// Watches from now on.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn watch(&self, caller: &Caller) -> Result<Watcher, DeskError> {
        self.may_look(caller)?;
        Ok(self.events.watch(caller.organization.clone()))
    }
}
