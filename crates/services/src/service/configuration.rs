//! What the configuration file says of policies is taken over when it says something new: whoever spoke last is right.

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

/// How often an edit is tried where somebody else was faster.
const ATTEMPTS: u32 = 5;

/// Takes over what the configuration file says.
pub struct ConfigurationService {
    /// Stored policies and allowances.
    pub(crate) store: Arc<dyn Policies>,
    /// Writes changed books of policies, one edit at a time.
    pub(crate) editor: Arc<BookEditor>,
}

impl ConfigurationService {
    /// Takes over what the file says of the default outbound policy and of alert policies, where that is not what it said
    /// last time. What can't be taken over stays as it was, and is tried again when the file is read again.
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
        // Each by itself: what is wrong with one keeps nobody from the other.
        let outbound = self.take_over_section(FileSection::OutboundPolicy, json!(policy), outbound).await;
        let alert = self.take_over_section(FileSection::AlertPolicies, json!(policies), alert).await;
        outbound.and(alert)
    }

    /// `edit` is handed what the file said last, the book, and the revision that it will have.
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
                // The file says anew what holds already.
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

/// Policies that are new or say something new are put in; those that are gone from the file are removed, or are what they
/// are by themselves again.
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
