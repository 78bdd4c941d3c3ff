//! What is in force: the settings from the file, and the store's organizations in addition to the file's.
//!
//! The settings are replaced when the file is read, the organizations by the projector. Neither update can restore an
//! old state of the other.

use std::ops::Deref;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use hashbrown::HashMap;
use postern_domain::entity::{Directory, Tenants};
use postern_domain::{EntityId, Organization, OrganizationId};

use crate::settings::Settings;

/// Settings and organizations at one moment. Dereferences to the settings; the directory includes the organizations.
#[derive(Debug, Clone)]
pub struct InForce {
    settings: Arc<Settings>,
    tenants: HashMap<OrganizationId, Arc<Organization>>,
    /// Identifies entities and recipients, and the organization of each.
    pub directory: Directory,
}

impl Deref for InForce {
    type Target = Settings;

    fn deref(&self) -> &Settings {
        &self.settings
    }
}

impl InForce {
    /// Combines settings and organizations.
    pub fn new(settings: Settings, tenants: impl IntoIterator<Item = Organization>) -> Self {
        let tenants = tenants.into_iter().map(|tenant| (tenant.id.clone(), Arc::new(tenant))).collect();
        Self::put_together(Arc::new(settings), tenants)
    }

    /// A domain named by both the file and a tenant belongs to the file's organization.
    fn put_together(settings: Arc<Settings>, tenants: HashMap<OrganizationId, Arc<Organization>>) -> Self {
        let mut others = Tenants::new(tenants.values().map(|tenant| &**tenant));
        others.domains.retain(|domain, tenant| {
            let is_the_files = settings.organization.domains.contains(domain);
            if is_the_files {
                tracing::error!(%domain, organization = %tenant, "the file's organization has this domain too, and gets it");
            }
            !is_the_files
        });
        let directory = Directory { tenants: others, ..settings.own_directory.clone() };
        Self { settings, tenants, directory }
    }

    /// The file's settings, without the store's organizations.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The organizations other than the first one.
    pub fn tenants(&self) -> impl Iterator<Item = &Organization> {
        self.tenants.values().map(|tenant| &**tenant)
    }

    /// The organization with this ID, if it exists.
    pub fn organization(&self, id: &OrganizationId) -> Option<&Arc<Organization>> {
        if id.is_first() { Some(&self.settings.organization) } else { self.tenants.get(id) }
    }

    /// The organization that an entity belongs to.
    pub fn organization_of(&self, entity: &EntityId) -> &Arc<Organization> {
        self.organization(&self.directory.organization_of(entity)).unwrap_or(&self.settings.organization)
    }
}

/// Holds what is in force.
#[derive(Debug)]
pub struct SettingsInForce(ArcSwap<InForce>);

impl SettingsInForce {
    /// Starts with only the file's organization.
    pub fn new(settings: Settings) -> Self {
        Self(ArcSwap::from_pointee(InForce::new(settings, [])))
    }

    /// What is in force now.
    pub fn load(&self) -> Guard<Arc<InForce>> {
        self.0.load()
    }

    /// Like [`SettingsInForce::load`], for longer use.
    pub fn load_full(&self) -> Arc<InForce> {
        self.0.load_full()
    }

    /// Puts new settings in force.
    pub fn replace_settings(&self, new: Settings) {
        let new = Arc::new(new);
        self.0.rcu(|now| InForce::put_together(Arc::clone(&new), now.tenants.clone()));
    }

    /// Replaces all organizations other than the first one; for the projector.
    pub(crate) fn replace_tenants(&self, tenants: impl IntoIterator<Item = Organization>) {
        let tenants: HashMap<_, _> = tenants.into_iter().map(|tenant| (tenant.id.clone(), Arc::new(tenant))).collect();
        self.0.rcu(|now| InForce::put_together(Arc::clone(&now.settings), tenants.clone()));
    }
}

#[cfg(test)]
mod tests {
    use postern_domain::Domain;
    use postern_domain::time::Zone;

    use super::*;

    fn organization(id: &str, domain: &str) -> Organization {
        Organization {
            id: OrganizationId::parse(id).unwrap(),
            name: id.into(),
            domains: vec![Domain::parse(domain).unwrap()],
            admins: Vec::new(),
            helpdesk: Vec::new(),
            time_zone: Zone::utc(),
        }
    }

    fn settings(domain: &str) -> Settings {
        Settings::of(organization("default", domain), "https://postern.example.com")
    }

    fn whose(in_force: &SettingsInForce, account: &str) -> String {
        in_force.load().organization_of(&EntityId::account_named(account)).id.to_string()
    }

    #[test]
    fn neither_half_puts_an_old_state_of_the_other_back() {
        let in_force = Arc::new(SettingsInForce::new(settings("example.com")));
        // Settings are reloaded repeatedly while organizations are added and removed.
        let reloading = {
            let in_force = Arc::clone(&in_force);
            std::thread::spawn(move || (0..2000).for_each(|_| in_force.replace_settings(settings("example.com"))))
        };
        for _ in 0..2000 {
            in_force.replace_tenants([organization("contoso", "contoso.example")]);
            assert_eq!(whose(&in_force, "a@contoso.example"), "contoso");
            in_force.replace_tenants([]);
            assert_eq!(whose(&in_force, "a@contoso.example"), "default");
        }
        reloading.join().unwrap();
    }

    #[test]
    fn a_domain_that_the_file_names_is_the_files_whichever_came_first() {
        let in_force = SettingsInForce::new(settings("example.com"));
        in_force.replace_tenants([organization("contoso", "example.net")]);
        assert_eq!(whose(&in_force, "a@example.net"), "contoso");
        in_force.replace_settings(settings("example.net"));
        assert_eq!(whose(&in_force, "a@example.net"), "default");
        in_force.replace_settings(settings("example.com"));
        assert_eq!(whose(&in_force, "a@example.net"), "contoso");
    }
}
