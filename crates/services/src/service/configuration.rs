//! Takes over the policies of the configuration file when the file changes; of file and portal, the latest change wins.

use std::sync::Arc;

use postern_domain::Fact;
use postern_domain::alert::{AlertBook, AlertPolicy};
use postern_domain::policy::PolicyBook;
use postern_store::{FileSection, Policies, TakenOver};
use serde_json::{Value, json};

use super::books::{Edited, EditedBook};
use super::policies::{differences, facts};
use super::{BookEditor, Caller, CallerKind, ServiceError};
use crate::settings::Settings;

/// How often an edit is tried if somebody else changes the policies first.
const ATTEMPTS: u32 = 5;

/// Takes over policies from the configuration file.
pub struct ConfigurationService {
    /// Stored policies and allowances.
    pub(crate) store: Arc<dyn Policies>,
    /// Writes changed books of policies, one edit at a time.
    pub(crate) editor: Arc<BookEditor>,
}

impl ConfigurationService {
    /// Takes over the default outbound policy and the alert policies of the file if they differ from what the file
    /// contained last time. What can't be taken over stays as it was, and is tried again when the file is next read.
    ///
    /// # Errors
    /// The store can't be read or written.
    pub async fn take_over(&self, file: &Settings) -> Result<(), ServiceError> {
        let policy = &file.outbound_policy;
        let outbound = |_: Option<&str>, book: &mut PolicyBook, revision| {
            let before = book.clone();
            book.default = policy.clone();
            facts(differences(&before, book), revision)
        };
        let policies = &file.alerts.policies;
        let alert = |said: Option<&str>, book: &mut AlertBook, _| {
            let said: Vec<_> = said.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            alert_policies(&said, policies, book)
        };
        // Separately, so that an error in one does not stop the other.
        let outbound = self.take_over_section(FileSection::OutboundPolicy, json!(policy), outbound).await;
        let alert = self.take_over_section(FileSection::AlertPolicies, json!(policies), alert).await;
        outbound.and(alert)
    }

    /// `edit` gets what the file contained last, the book, and its next revision.
    async fn take_over_section<B: EditedBook>(
        &self,
        section: FileSection,
        says: Value,
        edit: impl Fn(Option<&str>, &mut B, u64) -> Vec<Fact>,
    ) -> Result<(), ServiceError> {
        let says = says.to_string();
        let file =
            Caller { name: "configuration file".into(), kind: CallerKind::System, organization: None, role: None };
        let mut attempt = 1;
        loop {
            let before = self.store.taken_over(section).await?;
            if before.as_ref() == Some(&says) {
                return Ok(());
            }
            let taken_over = TakenOver { section, before, says: says.clone() };
            let edit = |book: &mut B, revision| Ok(edit(taken_over.before.as_deref(), book, revision));
            let done = match self.editor.edit_book(&file, None, Some(&taken_over), edit).await {
                // The new content of the file is already in force.
                Ok(Edited::Nothing) => self.store.note_taken_over(&taken_over).await.map_err(ServiceError::from),
                Ok(Edited::Something) => Ok(()),
                Err(error) => Err(error),
            };
            match done {
                Err(ServiceError::Changed(_)) if attempt < ATTEMPTS => attempt += 1,
                done => return done,
            }
        }
    }
}

/// Adds the policies that are new or changed in the file. Those no longer in the file are removed, or reset to their
/// defaults if they are built in.
fn alert_policies(said: &[AlertPolicy], says: &[AlertPolicy], book: &mut AlertBook) -> Vec<Fact> {
    let mut facts = Vec::new();
    let is_new = |policy: &&AlertPolicy| !said.contains(policy) && book.find(&policy.name) != Some(*policy);
    let new: Vec<_> = says.iter().filter(is_new).collect();
    for policy in new {
        let from = book.find(&policy.name).cloned().map(Box::new);
        book.put(policy.clone());
        facts.push(Fact::AlertPolicyChanged { name: policy.name.clone(), from, to: Some(Box::new(policy.clone())) });
    }
    for gone in said.iter().filter(|gone| !says.iter().any(|policy| policy.name == gone.name)) {
        if book.find(&gone.name).is_none() {
            continue;
        }
        if gone.is_built_in() {
            book.put(AlertPolicy::built_in(gone.trigger));
        } else {
            book.remove(&gone.name);
        }
        facts.push(Fact::AlertPolicyRemoved { name: gone.name.clone(), from: Some(Box::new(gone.clone())) });
    }
    facts
}
