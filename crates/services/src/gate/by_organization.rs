//! What each organization has of its own, and what holds for those that have nothing.

use std::sync::Arc;

use hashbrown::HashMap;
use postern_domain::OrganizationId;

/// Something that each organization may have of its own.
#[derive(Debug, Clone, Default)]
pub struct ByOrganization<T> {
    first: Arc<T>,
    others: HashMap<OrganizationId, Arc<T>>,
    /// What holds for others that have nothing of their own.
    inherited: Arc<T>,
}

impl<T> ByOrganization<T> {
    /// What the first organization has, and what others get that have nothing of their own.
    pub fn new(first: T, inherited: T) -> Self {
        Self { first: Arc::new(first), others: HashMap::new(), inherited: Arc::new(inherited) }
    }

    /// What holds for an organization.
    pub fn of(&self, organization: &OrganizationId) -> &Arc<T> {
        if organization.is_first() { &self.first } else { self.others.get(organization).unwrap_or(&self.inherited) }
    }

    /// The same with something of an organization's own; of the first one's, `inherited` is what
    /// others get.
    #[must_use]
    pub fn with(mut self, organization: &OrganizationId, own: T, inherited: impl FnOnce(&T) -> T) -> Self {
        if organization.is_first() {
            self.inherited = Arc::new(inherited(&own));
            self.first = Arc::new(own);
        } else {
            self.others.insert(organization.clone(), Arc::new(own));
        }
        self
    }

    /// The same without what an organization that is no more had.
    #[must_use]
    pub fn without(mut self, organization: &OrganizationId) -> Self {
        self.others.remove(organization);
        self
    }
}
