//! A value per organization, with a fallback for organizations without their own.

use std::sync::Arc;

use hashbrown::HashMap;
use postern_domain::OrganizationId;

/// A value that each organization may have of its own.
#[derive(Debug, Clone, Default)]
pub struct ByOrganization<T> {
    first: Arc<T>,
    others: HashMap<OrganizationId, Arc<T>>,
    /// Applies to other organizations without their own value.
    inherited: Arc<T>,
}

impl<T> ByOrganization<T> {
    /// Starts with the first organization's value and the fallback for all others.
    pub fn new(first: T, inherited: T) -> Self {
        Self { first: Arc::new(first), others: HashMap::new(), inherited: Arc::new(inherited) }
    }

    /// The value that applies to an organization.
    pub fn of(&self, organization: &OrganizationId) -> &Arc<T> {
        if organization.is_first() { &self.first } else { self.others.get(organization).unwrap_or(&self.inherited) }
    }

    /// Sets an organization's own value. If it is the first organization's, `inherited` derives the
    /// fallback for the others from it.
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

    /// Removes the value of an organization that no longer exists.
    #[must_use]
    pub fn without(mut self, organization: &OrganizationId) -> Self {
        self.others.remove(organization);
        self
    }
}
