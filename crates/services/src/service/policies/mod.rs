//! Outbound policies: list, explain, change, export and apply them.

pub mod file;
mod preview;

use std::collections::BTreeMap;
use std::sync::Arc;

use postern_domain::Fact;
use postern_domain::access::Permission;
use postern_domain::policy::{Limits, OutboundPolicy, PolicyBook};
use postern_store::TrafficHistory;
use serde_json::{Value, json};

use self::file::{PRIORITY, no_policy, to_object};
use crate::clock::Clock;
use crate::directory::DirectoryCache;
use crate::gate::{Policies, Standings};
use crate::in_force::SettingsInForce;
use crate::service::views::{PolicyChangeView, PolicyChoiceView, PolicyView, SkippedView};
use crate::service::{BookEditor, Caller, Edit, LimitsInForce, ServiceError, TrafficService};

pub use preview::{DAYS as PREVIEW_DAYS, EffectView, PreviewView};

/// Lists, explains, changes and previews outbound policies.
pub struct PolicyService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Stored traffic of the last days.
    pub(crate) store: Arc<dyn TrafficHistory>,
    /// The standing of entities.
    pub(crate) standings: Arc<Standings>,
    /// Policies and allowances in force.
    pub(crate) policies: Arc<Policies>,
    /// The directory: accounts and their groups.
    pub(crate) directory_cache: Arc<DirectoryCache>,
    /// Finds the limits that apply.
    pub(crate) limits: Arc<LimitsInForce>,
    /// Writes changed books of policies, one edit at a time.
    pub(crate) editor: Arc<BookEditor>,
    /// Traffic of the last days.
    pub(crate) traffic: Arc<TrafficService>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
}

impl PolicyService {
    /// The outbound policies in the order in which they are checked, the default one last.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn list(&self, caller: &Caller) -> Result<Vec<PolicyView>, ServiceError> {
        caller.may(Permission::Look)?;
        let all = self.policies.books.load();
        let stored = all.of(&caller.organization_or_first());
        Ok(stored.book.all().map(|(policy, priority)| self.policy_view(policy, priority, stored.revision)).collect())
    }

    /// One outbound policy, by its name (case-insensitive).
    ///
    /// # Errors
    /// The caller may not view this, or there is no policy of this name.
    pub fn get(&self, caller: &Caller, name: &str) -> Result<PolicyView, ServiceError> {
        caller.may(Permission::Look)?;
        let all = self.policies.books.load();
        let stored = all.of(&caller.organization_or_first());
        let (policy, priority) = stored.book.find(name).ok_or_else(|| no_policy(name))?;
        Ok(self.policy_view(policy, priority, stored.revision))
    }

    /// Which policy applies to an entity, and why.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn explain(&self, caller: &Caller, entity: &str) -> Result<PolicyChoiceView, ServiceError> {
        caller.may(Permission::Look)?;
        let now = self.clock.now();
        let settings = self.settings.load();
        let entity = caller.entity(&self.settings.load(), entity)?;
        let all = self.policies.books.load();
        let stored = all.of(&settings.directory.organization_of(&entity));
        let directory_cache = self.directory_cache.load();
        let member = directory_cache.member(&entity);
        let choice = stored.book.explain(member);
        let skipped = choice.skipped.iter().map(|skipped| SkippedView {
            policy: skipped.policy.name.clone(),
            priority: skipped.priority,
            why: skipped.why.map_or_else(|| "is off".into(), |why| why.to_string()),
        });
        let (_, limits) = self.limits.of(&entity, &self.standings.get(&entity, now), now);
        Ok(PolicyChoiceView {
            kind: entity.kind(),
            groups: member.groups.to_vec(),
            in_directory: self.directory_cache.load().has(&entity),
            name: self.directory_cache.load().name(&entity).map(str::to_owned),
            policy: self.policy_view(choice.policy, choice.priority, stored.revision),
            skipped: skipped.collect(),
            standing: self.standings.get(&entity, now).key().into(),
            allowance: self.policies.allowance(&entity, now),
            limits: by_window(&limits),
            entity,
        })
    }

    /// Adds a policy: an object with at least `name` and one of `users`, `groups`, `domains`. `priority` places it
    /// before others, `preset` fills in recommended values.
    ///
    /// # Errors
    /// The caller lacks permission, a setting is invalid, or the store fails.
    pub async fn add(&self, caller: &Caller, body: &Value) -> Result<PolicyView, ServiceError> {
        let name = self.edit(caller, None, Edit::Add(body)).await?;
        self.get(caller, &name)
    }

    /// Changes the settings named in `patch` (RFC 7396); `expected` is the revision that the caller has seen.
    ///
    /// # Errors
    /// The caller lacks permission, there is no policy of this name, a setting is invalid, somebody else changed the
    /// policies first, or the store fails.
    pub async fn change(
        &self,
        caller: &Caller,
        name: &str,
        patch: &Value,
        expected: Option<u64>,
    ) -> Result<PolicyView, ServiceError> {
        let new_name = self.edit(caller, expected, Edit::Change(name, patch)).await?;
        self.get(caller, &new_name)
    }

    /// Changes several policies together, each as [`PolicyService::change`] does: all of them, or none.
    ///
    /// # Errors
    /// As for [`PolicyService::change`].
    pub async fn change_together(
        &self,
        caller: &Caller,
        changes: &[(&str, Value)],
        expected: Option<u64>,
    ) -> Result<(), ServiceError> {
        self.change_policies(caller, expected, |book| {
            for (name, patch) in changes {
                self.edit_policies(caller, book, Edit::Change(name, patch))?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Removes a policy.
    ///
    /// # Errors
    /// As for [`PolicyService::change`]; the default policy can't be removed.
    pub async fn remove(&self, caller: &Caller, name: &str, expected: Option<u64>) -> Result<(), ServiceError> {
        self.edit(caller, expected, Edit::Remove(name)).await.map(|_| ())
    }

    /// Checks whether these changes are possible together; changes nothing.
    ///
    /// # Errors
    /// Those of the changes themselves, except for the store's.
    pub fn check(&self, caller: &Caller, edits: &[Edit<'_>]) -> Result<(), ServiceError> {
        caller.may(Permission::Manage)?;
        let mut book = self.policies.books.load().of(&caller.organization_or_first()).book.clone();
        for edit in edits {
            self.edit_policies(caller, &mut book, *edit)?;
        }
        Ok(book.check()?)
    }

    /// Changes the book; returns the name of the policy in it.
    fn edit_policies(&self, caller: &Caller, book: &mut PolicyBook, edit: Edit<'_>) -> Result<String, ServiceError> {
        let (settings, organization) = (self.settings.load(), caller.organization_or_first());
        match edit {
            Edit::Add(body) => file::add(&settings, &organization, book, body),
            Edit::Change(name, patch) => file::change(&settings, &organization, book, name, patch),
            Edit::Remove(name) => match book.find(name) {
                None => Err(no_policy(name)),
                Some((_, None)) => Err(ServiceError::Conflict("the default policy can't be removed".into())),
                Some((_, Some(at))) => Ok(book.custom.remove(at).name),
            },
        }
    }

    /// All policies, in the format of a policy file.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn export(&self, caller: &Caller) -> Result<PolicyBook, ServiceError> {
        caller.may(Permission::Look)?;
        Ok(self.policies.books.load().of(&caller.organization_or_first()).book.clone())
    }

    /// Replaces all policies by those of a file, and returns what that changes; with `dry_run`, only returns it.
    ///
    /// # Errors
    /// The caller lacks permission, something in the file is invalid, or the store fails.
    pub async fn apply(
        &self,
        caller: &Caller,
        file: &Value,
        dry_run: bool,
    ) -> Result<Vec<PolicyChangeView>, ServiceError> {
        caller.may(Permission::Manage)?;
        let book = file::read(&self.settings.load(), &caller.organization_or_first(), file)?;
        if dry_run {
            return Ok(differences(&self.policies.books.load().of(&caller.organization_or_first()).book, &book));
        }
        self.change_policies(caller, None, |now| {
            *now = book;
            Ok(())
        })
        .await
    }

    fn policy_view(&self, policy: &OutboundPolicy, priority: Option<usize>, revision: u64) -> PolicyView {
        let settings = self.settings.load();
        PolicyView {
            policy: policy.clone(),
            priority,
            is_default: priority.is_none(),
            limits: by_window(&policy.limits()),
            probation_hours: settings.probation.duration.as_secs() / 3600,
            probation_percent: settings.probation.percent,
            revision,
        }
    }

    /// Makes an edit; returns the name of the policy in the changed book.
    async fn edit(&self, caller: &Caller, expected: Option<u64>, edit: Edit<'_>) -> Result<String, ServiceError> {
        let mut name = String::new();
        self.change_policies(caller, expected, |book| {
            name = self.edit_policies(caller, book, edit)?;
            Ok(())
        })
        .await?;
        Ok(name)
    }

    async fn change_policies(
        &self,
        caller: &Caller,
        expected: Option<u64>,
        edit: impl FnOnce(&mut PolicyBook) -> Result<(), ServiceError>,
    ) -> Result<Vec<PolicyChangeView>, ServiceError> {
        caller.may(Permission::Manage)?;
        let mut changes = Vec::new();
        self.editor
            .edit_book::<PolicyBook>(caller, expected, None, |book, revision| {
                let before = book.clone();
                edit(book)?;
                book.check()?;
                changes = differences(&before, book);
                Ok(facts(changes.clone(), revision))
            })
            .await?;
        Ok(changes)
    }
}

fn by_window(limits: &Limits) -> BTreeMap<String, u32> {
    limits.each().map(|(window, limit)| (window.key().to_owned(), limit)).collect()
}

/// The differences, policy by policy and setting by setting.
pub(super) fn differences(before: &PolicyBook, after: &PolicyBook) -> Vec<PolicyChangeView> {
    let mut changes = Vec::new();
    let change = |policy: &str, setting: &str, from: Value, to: Value| PolicyChangeView {
        policy: policy.to_owned(),
        setting: setting.to_owned(),
        from,
        to,
    };
    for (old, _) in before.all().filter(|(old, _)| after.find(&old.name).is_none()) {
        changes.push(change(&old.name, "", json!(old), Value::Null));
    }
    for (new, to) in after.all() {
        let Some((old, from)) = before.find(&new.name) else {
            changes.push(change(&new.name, "", Value::Null, json!(new)));
            continue;
        };
        let old = to_object(old);
        for (setting, value) in to_object(new) {
            let was = old.get(&setting).cloned().unwrap_or(Value::Null);
            if was != value {
                changes.push(change(&new.name, &setting, was, value));
            }
        }
        if from != to {
            changes.push(change(&new.name, PRIORITY, json!(from), json!(to)));
        }
    }
    changes
}

/// One fact for each policy that changes.
pub(super) fn facts(changes: Vec<PolicyChangeView>, revision: u64) -> Vec<Fact> {
    let revision = Some(revision);
    let mut facts = Vec::new();
    let mut changed: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    for PolicyChangeView { policy: name, setting, from, to } in changes {
        if !setting.is_empty() {
            changed.entry(name).or_default().insert(setting, json!({ "from": from, "to": to }));
        } else if from.is_null() {
            let to = serde_json::from_value(to).unwrap_or_default();
            facts.push(Fact::PolicyAdded { name, to: Box::new(to), revision });
        } else {
            let from = serde_json::from_value(from).unwrap_or_default();
            facts.push(Fact::PolicyRemoved { name, from: Box::new(from), revision });
        }
    }
    let changed = changed.into_iter().map(|(name, settings)| Fact::PolicyChanged { name, revision, settings });
    facts.extend(changed);
    facts
}
