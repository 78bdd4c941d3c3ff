//! Changing a book of policies: of outbound policies or of alert policies.

use std::pin::Pin;
use std::sync::Arc;

use postern_domain::alert::AlertBook;
use postern_domain::policy::PolicyBook;
use postern_domain::{Fact, OrganizationId};
use postern_store::audit::NewAuditEntry;
use postern_store::{Policies as PolicyStore, StoreError, TakenOver, Versioned};

use super::{Caller, ServiceError};
use crate::clock::Clock;
use crate::gate::{AlertPolicies, Book, Books, Policies, Projector};

/// The result of an edit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Edited {
    /// Something changed, and is in force.
    Something,
    /// Nothing changed, and nothing was written.
    Nothing,
}

type Saved<'a> = Pin<Box<dyn Future<Output = Result<(), StoreError>> + Send + 'a>>;

/// A kind of book that can be edited.
pub(super) trait EditedBook: Book {
    /// What the error calls its policies where somebody else changed them first.
    const WHAT: &'static str;

    /// The books in force.
    fn books(editor: &BookEditor) -> &Books<Self>;

    /// Writes the book of an organization with its audit entries, in one transaction.
    fn save<'a>(
        store: &'a dyn PolicyStore,
        organization: &'a OrganizationId,
        book: &'a Versioned<Self>,
        file: Option<&'a TakenOver>,
        audit: &'a [NewAuditEntry],
    ) -> Saved<'a>;
}

impl EditedBook for PolicyBook {
    const WHAT: &'static str = "the outbound policies";

    fn books(editor: &BookEditor) -> &Books<Self> {
        &editor.policies.books
    }

    fn save<'a>(
        store: &'a dyn PolicyStore,
        organization: &'a OrganizationId,
        book: &'a Versioned<Self>,
        file: Option<&'a TakenOver>,
        audit: &'a [NewAuditEntry],
    ) -> Saved<'a> {
        store.save_policies(organization, book, file, audit)
    }
}

impl EditedBook for AlertBook {
    const WHAT: &'static str = "the alert policies";

    fn books(editor: &BookEditor) -> &Books<Self> {
        &editor.books
    }

    fn save<'a>(
        store: &'a dyn PolicyStore,
        organization: &'a OrganizationId,
        book: &'a Versioned<Self>,
        file: Option<&'a TakenOver>,
        audit: &'a [NewAuditEntry],
    ) -> Saved<'a> {
        store.save_alert_policies(organization, book, file, audit)
    }
}

/// Changes books of policies, one edit at a time.
pub struct BookEditor {
    /// Stored policies and allowances.
    pub(crate) store: Arc<dyn PolicyStore>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// Policies and allowances in force.
    pub(crate) policies: Arc<Policies>,
    /// Alert policies in force.
    pub(crate) books: Arc<AlertPolicies>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
}

impl BookEditor {
    /// Changes an organization's book; the change is in force when this returns. `edit` gets the book and its next
    /// revision, and returns the facts that are new; if there are none, nothing is written. `expected` is the revision
    /// that the caller has seen. With `file`, the content of the file is recorded as taken over in the same
    /// transaction.
    pub(super) async fn edit_book<B: EditedBook>(
        &self,
        caller: &Caller,
        expected: Option<u64>,
        file: Option<&TakenOver>,
        edit: impl FnOnce(&mut B, u64) -> Result<Vec<Fact>, ServiceError>,
    ) -> Result<Edited, ServiceError> {
        let organization = caller.organization_or_first();
        let _one_at_a_time = B::books(self).editing().await;
        let known = Versioned::clone(B::books(self).load().of(&organization));
        if expected.is_some_and(|expected| expected != known.revision) {
            return Err(ServiceError::Changed(B::WHAT));
        }
        let mut new = known.clone();
        let facts = edit(&mut new.book, known.revision + 1)?;
        if facts.is_empty() {
            return Ok(Edited::Nothing);
        }
        let at = self.clock.now();
        let entry = |fact| {
            let (organization, actor) = (Some(organization.clone()), caller.name.clone());
            NewAuditEntry { at, organization, actor, fact }
        };
        let audit: Vec<_> = facts.into_iter().map(entry).collect();
        self.projector.write(B::save(&*self.store, &organization, &new, file, &audit)).await?;
        for entry in &audit {
            let columns = entry.fact.columns();
            tracing::info!(actor = caller.name, action = columns.action, policy = columns.target, "policies changed");
        }
        Ok(Edited::Something)
    }
}
