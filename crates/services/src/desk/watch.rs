//! Watch what happens.

use super::{Caller, Desk, DeskError};
use crate::events::Watcher;

impl Desk {
    /// Watches from now on, or what came after the event of the number `after`.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn watch(&self, caller: &Caller, after: Option<i64>) -> Result<Watcher, DeskError> {
        self.may_look(caller)?;
        Ok(self.events.watch(caller.organization.clone(), after).await?)
    }
}
