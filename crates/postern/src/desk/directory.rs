//! The directory's sources: how they are, and reading them anew.

use postern_domain::EntityId;
use postern_domain::access::Permission;
use serde::{Deserialize, Serialize};

use super::{Caller, Desk, DeskError};
use crate::directory::{Source, SourceState};

/// An account of the directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AccountView {
    /// The account.
    pub entity: EntityId,
    /// The name of the person behind it.
    pub name: Option<String>,
    /// Its groups.
    pub groups: Vec<String>,
}

impl Desk {
    /// How every source of the directory is.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn directory(&self, caller: &Caller) -> Result<Vec<SourceState>, DeskError> {
        self.may_everywhere(caller, Permission::Look)?;
        Ok(self.roster.state(&self.settings.load()))
    }

    /// Accounts of the directory whose login or name has `text` in it, by login.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn accounts(&self, caller: &Caller, text: &str, limit: usize) -> Result<Vec<AccountView>, DeskError> {
        self.may_look(caller)?;
        let roster = self.roster.load();
        let view = |(entity, name): (&EntityId, Option<&str>)| AccountView {
            entity: entity.clone(),
            name: name.map(str::to_owned),
            groups: roster.member(entity).groups.to_vec(),
        };
        let settings = self.settings.load();
        let theirs = |entity: &EntityId| {
            caller.organization.as_ref().is_none_or(|own| settings.directory.organization_of(entity) == *own)
        };
        Ok(roster.search(text.trim(), limit, theirs).into_iter().map(view).collect())
    }

    /// Reads a source; if it can't be, what it said before holds.
    pub async fn read_directory(&self, source: &Source) {
        let read = source.reader.read().await;
        let error = read.as_ref().err().cloned();
        if self.roster.note(&self.settings.load(), &source.name, read, self.clock.now()) {
            match error {
                Some(error) => {
                    tracing::warn!(
                        directory = source.name,
                        error,
                        "the directory can't be read; what it said before holds"
                    );
                }
                None => tracing::info!(directory = source.name, "the directory can be read again"),
            }
        }
    }

    /// Has every source read again, in the background.
    ///
    /// # Errors
    /// The caller may not.
    pub fn refresh_directory(&self, caller: &Caller) -> Result<Vec<SourceState>, DeskError> {
        self.may_everywhere(caller, Permission::Manage)?;
        self.roster.refresh();
        Ok(self.roster.state(&self.settings.load()))
    }
}
