//! The combined entries that the directory's sources last returned.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use hashbrown::HashMap;
use postern_domain::entity::Directory;
use postern_domain::policy::Member;
use postern_domain::{EntityId, Timestamp};
use serde::{Deserialize, Serialize};

use super::Entries;
use crate::settings::{Settings, Source};

/// How long after a failure a source is read again, unless its own refresh interval is shorter.
const RETRY: Duration = Duration::from_secs(30);

/// Everybody who is known.
#[derive(Debug, Default)]
pub struct Snapshot {
    accounts: HashMap<EntityId, Option<Box<str>>>,
    groups: HashMap<EntityId, Vec<String>>,
    /// Whether any source lists accounts.
    knows_accounts: bool,
}

impl Snapshot {
    /// The entity with the groups it is in.
    pub fn member<'a>(&'a self, entity: &'a EntityId) -> Member<'a> {
        Member { entity, groups: self.groups.get(entity).map_or(&[], Vec::as_slice) }
    }

    /// Whether the directory has the account; `None` if no source lists accounts.
    pub fn has(&self, entity: &EntityId) -> Option<bool> {
        self.knows_accounts.then(|| self.accounts.contains_key(entity))
    }

    /// The name of the person behind an account.
    pub fn name(&self, entity: &EntityId) -> Option<&str> {
        self.accounts.get(entity)?.as_deref()
    }

    /// The accounts for which `wanted` returns true and whose login or name contains `text`, in any case: at
    /// most `limit`, sorted by login.
    pub fn search(
        &self,
        text: &str,
        limit: usize,
        wanted: impl Fn(&EntityId) -> bool,
    ) -> Vec<(&EntityId, Option<&str>)> {
        let text = text.to_lowercase();
        let has = |(entity, name): &(&EntityId, &Option<Box<str>>)| {
            let named =
                entity.name().contains(&text) || name.as_ref().is_some_and(|name| name.to_lowercase().contains(&text));
            named && wanted(entity)
        };
        let mut found: Vec<_> =
            self.accounts.iter().filter(has).map(|(entity, name)| (entity, name.as_deref())).collect();
        found.sort_unstable_by_key(|(entity, _)| *entity);
        found.truncate(limit);
        found
    }
}

/// What a source last returned, as stored in a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Said {
    at: Timestamp,
    entries: Entries,
}

#[derive(Debug, Default)]
struct SourceStatus {
    said: Option<Said>,
    tried_at: Option<Timestamp>,
    error: Option<String>,
    under_way: bool,
}

/// The state of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceState {
    /// Its name, unique among its kind.
    pub name: String,
    /// Where it is read from.
    pub place: String,
    /// How many accounts it had when last read.
    pub accounts: usize,
    /// How many members its groups had in total when last read.
    pub members: usize,
    /// When it was last read.
    pub read_at: Option<Timestamp>,
    /// Why the last attempt to read it failed; none if it succeeded.
    pub error: Option<String>,
}

/// The directory as it was last read.
#[derive(Debug)]
pub struct DirectoryCache {
    folder: PathBuf,
    snapshot: ArcSwap<Snapshot>,
    sources: Mutex<BTreeMap<String, SourceStatus>>,
}

impl DirectoryCache {
    /// Loads what was stored in the data folder.
    pub fn open(data: &Path, settings: &Settings) -> Self {
        let folder = data.join("directory");
        let directory_cache = Self { folder, snapshot: ArcSwap::default(), sources: Mutex::default() };
        for source in &settings.directories {
            let said =
                fs::read(directory_cache.file(&source.name)).ok().and_then(|text| serde_json::from_slice(&text).ok());
            directory_cache.lock().insert(source.name.clone(), SourceStatus { said, ..SourceStatus::default() });
        }
        directory_cache.put_together(settings);
        directory_cache
    }

    /// Everybody who is known.
    pub fn load(&self) -> Guard<Arc<Snapshot>> {
        self.snapshot.load()
    }

    /// A source that is due, if any. It counts as being read until [`DirectoryCache::note`] is called for it.
    pub fn due(&self, settings: &Settings, now: Timestamp) -> Option<Source> {
        let mut sources = self.lock();
        let due = |source: &&Source| {
            let Some(stored) = sources.get(&source.name) else { return true };
            let pause = if stored.error.is_some() { RETRY.min(source.refresh) } else { source.refresh };
            !stored.under_way && stored.tried_at.is_none_or(|at| now.since(at) >= pause)
        };
        let source = settings.directories.iter().find(due)?.clone();
        let stored = sources.entry(source.name.clone()).or_default();
        stored.under_way = true;
        stored.tried_at = Some(now);
        Some(source)
    }

    /// Makes every source due now.
    pub fn refresh(&self) {
        self.lock().values_mut().for_each(|stored| stored.tried_at = None);
    }

    /// Records what a source returned, or why it could not be read; its previous entries then remain in use.
    /// Returns true if the source has started to fail or to work again.
    pub fn note(&self, settings: &Settings, name: &str, read: Result<Entries, String>, now: Timestamp) -> bool {
        let mut sources = self.lock();
        let stored = sources.entry(name.to_owned()).or_default();
        stored.under_way = false;
        let failed_before = stored.error.is_some();
        match read {
            Err(error) => {
                stored.error = Some(error);
                !failed_before
            }
            Ok(entries) => {
                stored.error = None;
                let is_new = stored.said.as_ref().is_none_or(|said| said.entries != entries);
                stored.said = Some(Said { at: now, entries });
                if is_new {
                    let text = stored.said.as_ref().and_then(|said| serde_json::to_vec(said).ok());
                    drop(sources);
                    self.put_together(settings);
                    if let Err(error) = self.keep(name, &text.unwrap_or_default()) {
                        tracing::warn!(directory = name, %error, "what the directory says can't be kept");
                    }
                }
                failed_before
            }
        }
    }

    /// Combines what all sources returned with the groups from the settings.
    pub fn put_together(&self, settings: &Settings) {
        let mut sources = self.lock();
        sources.retain(|name, _| settings.directories.iter().any(|source| source.name == *name));
        let directory = &settings.own_directory;
        let mut snapshot = Snapshot { groups: directory.groups.clone(), ..Snapshot::default() };
        for said in sources.values().filter_map(|stored| stored.said.as_ref()) {
            snapshot.knows_accounts |= !said.entries.accounts.is_empty();
            add(&mut snapshot, directory, &said.entries);
        }
        self.snapshot.store(Arc::new(snapshot));
    }

    /// The state of every source.
    pub fn state(&self, settings: &Settings) -> Vec<SourceState> {
        let sources = self.lock();
        let state = |source: &Source| {
            let stored = sources.get(&source.name);
            let said = stored.and_then(|stored| stored.said.as_ref());
            SourceState {
                name: source.name.clone(),
                place: source.reader.place(),
                accounts: said.map_or(0, |said| said.entries.accounts.len()),
                members: said.map_or(0, |said| said.entries.groups.len()),
                read_at: said.map(|said| said.at),
                error: stored.and_then(|stored| stored.error.clone()),
            }
        };
        settings.directories.iter().map(state).collect()
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.json"))
    }

    fn keep(&self, name: &str, text: &[u8]) -> std::io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        // Written to a new file first, so that the file is replaced whole or not at all.
        let new = self.folder.join(format!("{name}.new"));
        fs::write(&new, text)?;
        fs::rename(new, self.file(name))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, SourceStatus>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn add(snapshot: &mut Snapshot, directory: &Directory, entries: &Entries) {
    for (login, name) in &entries.accounts {
        snapshot.accounts.insert(directory.account(login), name.as_deref().map(Into::into));
    }
    for (group, member) in &entries.groups {
        let groups = snapshot.groups.entry(directory.entity_from_admin(member)).or_default();
        if !groups.contains(group) {
            groups.push(group.clone());
        }
    }
}
