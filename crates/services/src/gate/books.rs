//! The policy books in force, by organization. They stay in force while the store is unavailable, and a change applies
//! from the next request on.

use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use hashbrown::HashMap;
use postern_domain::OrganizationId;
use postern_domain::alert::AlertBook;
use postern_domain::policy::{OutboundPolicy, PolicyBook};
use postern_store::Versioned;

use super::ByOrganization;

/// A kind of policy book.
pub trait Book: Default + Clone + PartialEq {
    /// The book for organizations that have none of their own, derived from this one, the first organization's.
    fn inherited(&self) -> Self;
}

impl Book for PolicyBook {
    /// The default policy, without the people it names for notifications and copies.
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

/// The books of one kind, for all organizations.
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
    /// The books by organization, each with its revision.
    pub fn load(&self) -> Guard<Arc<ByOrganization<Versioned<B>>>> {
        self.by_organization.load()
    }

    /// Locks the books for an edit: the caller reads, changes and writes while it holds the guard. Another process may
    /// still write first; the store then refuses the later write.
    pub async fn editing(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.editing.lock().await
    }

    /// Puts an organization's book in force, or removes it.
    pub(super) fn set(&self, organization: &OrganizationId, book: Option<Versioned<B>>) {
        let all = ByOrganization::clone(&self.load());
        let all = match book {
            Some(book) => all.with(organization, book, inherited),
            None if organization.is_first() => all.with(organization, Versioned::default(), inherited),
            None => all.without(organization),
        };
        self.by_organization.store(Arc::new(all));
    }

    /// Puts these books in force, replacing all previous ones.
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
