//! Outbound policies: look, explain, change.

use std::collections::BTreeMap;

use postern_domain::gate::limits_for;
use postern_domain::policy::{Limits, OutboundPolicy, PolicyBook};
use postern_domain::restriction::Standing;
use postern_domain::{EntityId, OrganizationId, Timestamp};
use postern_store::KeptPolicies;
use postern_store::audit::NewAuditEntry;
use serde_json::{Value, json};

use super::policy_file::{self, PRIORITY, no_policy, to_object};
use super::views::{PolicyChangeView, PolicyChoiceView, PolicyView, SkippedView};
use super::{Caller, Desk, DeskError, Edit};

impl Desk {
    /// The outbound policies in the order in which they are looked at, the default one last.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn policies(&self, caller: &Caller) -> Result<Vec<PolicyView>, DeskError> {
        self.may_look(caller)?;
        let all = self.policies.load();
        let kept = all.of(&self.organization_for(caller));
        Ok(kept.book.all().map(|(policy, priority)| self.policy_view(policy, priority, kept.revision)).collect())
    }

    /// One outbound policy, by its name in any case.
    ///
    /// # Errors
    /// The caller may not look, or there is none of that name.
    pub fn policy(&self, caller: &Caller, name: &str) -> Result<PolicyView, DeskError> {
        self.may_look(caller)?;
        let all = self.policies.load();
        let kept = all.of(&self.organization_for(caller));
        let (policy, priority) = kept.book.find(name).ok_or_else(|| no_policy(name))?;
        Ok(self.policy_view(policy, priority, kept.revision))
    }

    /// Which policy holds for an entity, and why.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn explain_policy(&self, caller: &Caller, entity: &str) -> Result<PolicyChoiceView, DeskError> {
        self.may_look(caller)?;
        let now = self.clock.now();
        let settings = self.settings.load();
        let entity = self.entity(caller, entity)?;
        let all = self.policies.load();
        let kept = all.of(&settings.directory.organization_of(&entity));
        let roster = self.roster.load();
        let member = roster.member(&entity);
        let choice = kept.book.explain(member);
        let skipped = choice.skipped.iter().map(|skipped| SkippedView {
            policy: skipped.policy.name.clone(),
            priority: skipped.priority,
            why: skipped.why.map_or_else(|| "is off".into(), |why| why.to_string()),
        });
        let (_, limits) = self.limits_of(&entity, &self.standings.get(&entity, now), now);
        Ok(PolicyChoiceView {
            kind: entity.kind(),
            groups: member.groups.to_vec(),
            in_directory: self.roster.load().has(&entity),
            name: self.roster.load().name(&entity).map(str::to_owned),
            policy: self.policy_view(choice.policy, choice.priority, kept.revision),
            skipped: skipped.collect(),
            standing: self.standings.get(&entity, now).key().into(),
            allowance: self.policies.allowance(&entity, now),
            limits: by_window(&limits),
            entity,
        })
    }

    /// Adds a policy: an object with at least `name` and one of `users`, `groups`, `domains`;
    /// `priority` puts it before others, `preset` fills in recommended values.
    ///
    /// # Errors
    /// The caller may not, something can't be, or the store fails.
    pub async fn add_policy(&self, caller: &Caller, body: &Value) -> Result<PolicyView, DeskError> {
        let mut name = String::new();
        self.change_policies(caller, None, |book| {
            name = self.edit_policies(caller, book, Edit::Add(body))?;
            Ok(())
        })
        .await?;
        self.policy(caller, &name)
    }

    /// Changes the settings that `patch` names (RFC 7396); `expected` is the revision the caller
    /// has seen.
    ///
    /// # Errors
    /// The caller may not, there is none of that name, something can't be, somebody else was
    /// faster, or the store fails.
    pub async fn change_policy(
        &self,
        caller: &Caller,
        name: &str,
        patch: &Value,
        expected: Option<u64>,
    ) -> Result<PolicyView, DeskError> {
        let mut new_name = String::new();
        self.change_policies(caller, expected, |book| {
            new_name = self.edit_policies(caller, book, Edit::Change(name, patch))?;
            Ok(())
        })
        .await?;
        self.policy(caller, &new_name)
    }

    /// Changes several policies together, each as [`Desk::change_policy`] does: all of them, or none.
    ///
    /// # Errors
    /// As for [`Desk::change_policy`].
    pub async fn change_policies_together(
        &self,
        caller: &Caller,
        changes: &[(&str, Value)],
        expected: Option<u64>,
    ) -> Result<(), DeskError> {
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
    /// As for [`Desk::change_policy`]; the default policy can't be removed.
    pub async fn remove_policy(&self, caller: &Caller, name: &str, expected: Option<u64>) -> Result<(), DeskError> {
        self.change_policies(caller, expected, |book| {
            self.edit_policies(caller, book, Edit::Remove(name))?;
            Ok(())
        })
        .await?;
        Ok(())
    }

    /// Finds out whether these changes are possible together, and changes nothing.
    ///
    /// # Errors
    /// Those that the changes themselves would have, but for the store's.
    pub fn check_policies(&self, caller: &Caller, edits: &[Edit<'_>]) -> Result<(), DeskError> {
        self.may_manage(caller)?;
        let mut book = self.policies.load().of(&self.organization_for(caller)).book.clone();
        for edit in edits {
            self.edit_policies(caller, &mut book, *edit)?;
        }
        Ok(book.check()?)
    }

    /// Changes the book; the name of the policy in it.
    fn edit_policies(&self, caller: &Caller, book: &mut PolicyBook, edit: Edit<'_>) -> Result<String, DeskError> {
        let (settings, organization) = (self.settings.load(), self.organization_for(caller));
        match edit {
            Edit::Add(body) => policy_file::add(&settings, &organization, book, body),
            Edit::Change(name, patch) => policy_file::change(&settings, &organization, book, name, patch),
            Edit::Remove(name) => match book.find(name) {
                None => Err(no_policy(name)),
                Some((_, None)) => Err(DeskError::Conflict("the default policy can't be removed".into())),
                Some((_, Some(at))) => Ok(book.custom.remove(at).name),
            },
        }
    }

    /// All policies as a file has them.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn export_policies(&self, caller: &Caller) -> Result<PolicyBook, DeskError> {
        self.may_look(caller)?;
        Ok(self.policies.load().of(&self.organization_for(caller)).book.clone())
    }

    /// Puts the policies of a file in the place of all there are, and tells what that changes;
    /// with `dry_run` it only tells.
    ///
    /// # Errors
    /// The caller may not, something in the file can't be, or the store fails.
    pub async fn apply_policies(
        &self,
        caller: &Caller,
        file: &Value,
        dry_run: bool,
    ) -> Result<Vec<PolicyChangeView>, DeskError> {
        self.may_manage(caller)?;
        let book = policy_file::read(&self.settings.load(), &self.organization_for(caller), file)?;
        if dry_run {
            return Ok(differences(&self.policies.load().of(&self.organization_for(caller)).book, &book));
        }
        self.change_policies(caller, None, |now| {
            *now = book;
            Ok(())
        })
        .await
    }

    /// The policy that holds for an entity, and the limits with probation and allowance.
    pub(super) fn limits_of(&self, entity: &EntityId, standing: &Standing, now: Timestamp) -> (OutboundPolicy, Limits) {
        let settings = self.settings.load();
        let organization = settings.directory.organization_of(entity);
        let policy = self.policies.load().of(&organization).book.choose(self.roster.load().member(entity)).clone();
        let allowance = self.policies.allowance(entity, now);
        let limits = limits_for(standing, &policy, settings.probation.percent, allowance.as_ref(), now);
        (policy, limits)
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

    async fn change_policies(
        &self,
        caller: &Caller,
        expected: Option<u64>,
        edit: impl FnOnce(&mut PolicyBook) -> Result<(), DeskError>,
    ) -> Result<Vec<PolicyChangeView>, DeskError> {
        self.may_manage(caller)?;
        let _one_at_a_time = self.policies.editing().await;
        let organization = self.organization_for(caller);
        let kept = KeptPolicies::clone(self.policies.load().of(&organization));
        if expected.is_some_and(|expected| expected != kept.revision) {
            return Err(DeskError::Changed("the outbound policies"));
        }
        let mut book = kept.book.clone();
        edit(&mut book)?;
        book.check()?;
        let changes = differences(&kept.book, &book);
        if changes.is_empty() {
            return Ok(changes);
        }
        let audit = audit(&changes, caller, &organization, self.clock.now());
        let new = KeptPolicies { book, ..kept };
        self.projector.write(self.store.save_policies(&organization, &new, &audit)).await?;
        for entry in &audit {
            tracing::info!(
                actor = caller.name,
                action = entry.action,
                policy = entry.target,
                "outbound policies changed"
            );
        }
        let revision = new.revision + 1;
        self.events.tell(
            "policies.changed",
            self.clock.now(),
            &organization,
            json!({ "revision": revision, "by": caller.name }),
        );
        Ok(changes)
    }
}

fn by_window(limits: &Limits) -> BTreeMap<String, u32> {
    limits.each().map(|(window, limit)| (window.key().to_owned(), limit)).collect()
}

/// What is different, policy by policy and setting by setting.
fn differences(before: &PolicyBook, after: &PolicyBook) -> Vec<PolicyChangeView> {
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

/// One entry for each policy that changes.
fn audit(
    changes: &[PolicyChangeView],
    caller: &Caller,
    organization: &OrganizationId,
    at: Timestamp,
) -> Vec<NewAuditEntry> {
    let mut entries: Vec<NewAuditEntry> = Vec::new();
    for change in changes {
        let action = match (&change.from, change.setting.as_str()) {
            (Value::Null, "") => "policy.add",
            (_, "") => "policy.remove",
            _ => "policy.change",
        };
        let detail = json!({ "from": change.from, "to": change.to });
        match entries.iter_mut().find(|entry| entry.target == change.policy && entry.action == action) {
            Some(entry) => entry.detail[&change.setting] = detail,
            None => {
                let detail = if change.setting.is_empty() { detail } else { json!({ &change.setting: detail }) };
                let (actor, target) = (caller.name.clone(), change.policy.clone());
                entries.push(NewAuditEntry {
                    at,
                    organization: Some(organization.clone()),
                    actor,
                    action,
                    target,
                    detail,
                });
            }
        }
    }
    entries
}
