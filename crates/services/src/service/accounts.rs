//! Accounts and connectors: finds those that are known, and reads the sources of the directory.

use std::collections::BTreeMap;
use std::sync::Arc;

use postern_domain::EntityId;
use postern_domain::access::Permission;
use postern_ledger::Ledger;
use postern_ledger::memory::MemoryLedger;

use super::{Caller, ServiceError};
use crate::clock::Clock;
use crate::directory::{self, DirectoryCache, SourceState};
use crate::gate::Standings;
use crate::in_force::SettingsInForce;
use crate::settings::Source;

/// An account of the directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountView {
    /// The account, in one spelling.
    pub entity: EntityId,
    /// The name of the person it belongs to.
    pub name: Option<String>,
    /// Names of its groups, as in the directory.
    pub groups: Vec<String>,
}

/// A known account or connector: from the directory, because it has sent, or from the settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderView {
    /// The account or connector.
    pub entity: EntityId,
    /// The name of the person it belongs to.
    pub name: Option<String>,
    /// Names of its groups, as in the directory.
    pub groups: Vec<String>,
    /// `free`, `probation` or `restricted`.
    pub standing: String,
}

/// Finds accounts and connectors, and reads the directory.
pub struct AccountService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Counts of what was sent.
    pub(crate) ledger: Arc<MemoryLedger>,
    /// The standing of entities.
    pub(crate) standings: Arc<Standings>,
    /// The directory: accounts and their groups.
    pub(crate) directory_cache: Arc<DirectoryCache>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
}

impl AccountService {
    /// Accounts and connectors whose login or name contains `text`, by login, at most `limit`: those of the directory,
    /// those that have sent lately or are not free to send, and the connectors in the settings.
    ///
    /// # Errors
    /// The caller may not view this.
    pub async fn senders(&self, caller: &Caller, text: &str, limit: usize) -> Result<Vec<SenderView>, ServiceError> {
        let text = text.trim().to_lowercase();
        let mut found: BTreeMap<EntityId, (Option<String>, Vec<String>)> =
            self.search(caller, &text, limit)?.into_iter().map(|one| (one.entity, (one.name, one.groups))).collect();
        let settings = self.settings.load();
        let wanted = |entity: &EntityId| {
            let own = caller.organization.as_ref();
            entity.to_string().to_lowercase().contains(&text)
                && own.is_none_or(|own| settings.directory.organization_of(entity) == *own)
        };
        let connectors = settings.directory.connectors.iter().filter_map(|rule| rule.name.as_deref());
        let connectors = connectors.map(EntityId::connector).filter(|connector| wanted(connector));
        let not_free = self.standings.entities(wanted);
        for entity in self.ledger.entities(limit, wanted).await?.into_iter().chain(not_free).chain(connectors) {
            found.entry(entity).or_default();
        }
        let now = self.clock.now();
        let view = |(entity, (name, groups))| {
            let standing = self.standings.get(&entity, now).key().to_owned();
            SenderView { entity, name, groups, standing }
        };
        Ok(found.into_iter().take(limit).map(view).collect())
    }

    /// The state of every source of the directory.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn sources(&self, caller: &Caller) -> Result<Vec<SourceState>, ServiceError> {
        caller.may_everywhere(Permission::Look)?;
        Ok(self.directory_cache.state(&self.settings.load()))
    }

    /// Accounts of the directory whose login or name contains `text`, by login, at most `limit`.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn search(&self, caller: &Caller, text: &str, limit: usize) -> Result<Vec<AccountView>, ServiceError> {
        caller.may(Permission::Look)?;
        let directory_cache = self.directory_cache.load();
        let view = |(entity, name): (&EntityId, Option<&str>)| AccountView {
            entity: entity.clone(),
            name: name.map(str::to_owned),
            groups: directory_cache.member(entity).groups.to_vec(),
        };
        let settings = self.settings.load();
        let theirs = |entity: &EntityId| {
            caller.organization.as_ref().is_none_or(|own| settings.directory.organization_of(entity) == *own)
        };
        Ok(directory_cache.search(text.trim(), limit, theirs).into_iter().map(view).collect())
    }

    /// Reads a source. If that fails, its previous content stays in force.
    pub async fn read(&self, source: &Source) {
        let read = directory::read(&source.reader).await;
        let error = read.as_ref().err().cloned();
        if self.directory_cache.note(&self.settings.load(), &source.name, read, self.clock.now()) {
            match error {
                Some(error) => {
                    tracing::warn!(
                        directory = source.name,
                        error,
                        "the directory can't be read; the data read last stays in use"
                    );
                }
                None => tracing::info!(directory = source.name, "the directory can be read again"),
            }
        }
    }

    /// Starts reading every source again, in the background.
    ///
    /// # Errors
    /// The caller lacks permission.
    pub fn refresh(&self, caller: &Caller) -> Result<Vec<SourceState>, ServiceError> {
        caller.may_everywhere(Permission::Manage)?;
        self.directory_cache.refresh();
        Ok(self.directory_cache.state(&self.settings.load()))
    }
}
