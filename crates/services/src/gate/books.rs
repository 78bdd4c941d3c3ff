//! Books of policies in force, by organization: what is in force stays so while the store is away, and a change is in
//! force with the next question.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use hashbrown::HashMap;
use postern_domain::OrganizationId;
use postern_domain::alert::AlertBook;
use postern_domain::policy::{OutboundPolicy, PolicyBook};
use postern_store::Versioned;

use super::ByOrganization;

/// A kind of book.
pub trait Book: Default + Clone + PartialEq {
    /// What holds for an organization that has no book of its own, by the first one's.
    fn inherited(&self) -> Self;
}

impl Book for PolicyBook {
    /// The default policy, without the people it names.
    fn inherited(&self) -> Self {
        let default = OutboundPolicy { notify: Vec::new(), copy_to: Vec::new(), ..self.default.clone() };
        Self { default, ..Self::default() }
    }
}

impl Book for AlertBook {
    /// The built-in policies.
    fn inherited(&self) -> Self {
        Self::default()
    }
}

/// The books of one kind.
#[derive(Debug)]
pub struct Books<B> {
    by_organization: ArcSwap<ByOrganization<Versioned<B>>>,
    editing: tokio::sync::Mutex<()>,
}

impl<B: Book> Default for Books<B> {
    fn default() -> Self {
        Self {
            by_organization: ArcSwap::from_pointee(together(HashMap::new())),
            editing: tokio::sync::Mutex::default(),
        }
    }
}

impl<B: Book> Books<B> {
    /// The books by organization, and how often they have been changed.
    pub fn load(&self) -> Guard<Arc<ByOrganization<Versioned<B>>>> {
        self.by_organization.load()
    }

    /// One edit at a time: whoever holds this reads, changes and writes. Another process may still be faster; the store
    /// refuses the slower one.
    pub async fn editing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.editing.lock().await
    }

    /// Puts an organization's book in force, or takes it away.
    pub(super) fn set(&self, organization: &OrganizationId, book: Option<Versioned<B>>) {
        let all = ByOrganization::clone(&self.load());
        let all = match book {
            Some(book) => all.with(organization, book, inherited),
            None if organization.is_first() => all.with(organization, Versioned::default(), inherited),
            None => all.without(organization),
        };
        self.by_organization.store(Arc::new(all));
    }

    /// Puts these books in force, in place of all there were.
    pub(super) fn replace(&self, books: impl IntoIterator<Item = (OrganizationId, Versioned<B>)>) {
        self.by_organization.store(Arc::new(together(books.into_iter().collect())));
    }
}

fn inherited<B: Book>(first: &Versioned<B>) -> Versioned<B> {
    Versioned { book: first.book.inherited(), revision: 0 }
}

fn together<B: Book>(mut books: HashMap<OrganizationId, Versioned<B>>) -> ByOrganization<Versioned<B>> {
    let first = books.remove(&OrganizationId::first()).unwrap_or_default();
    let of_others = inherited(&first);
    let all = ByOrganization::new(first, of_others);
    books.into_iter().fold(all, |all, (organization, book)| all.with(&organization, book, inherited))
}
