//! Organizations: the first one, which the configuration file defines, and those that a hoster adds.

use std::sync::Arc;

use postern_domain::access::Permission;
use postern_domain::{Fact, OrganizationId};
use postern_store::audit::NewAuditEntry;
use postern_store::{OrganizationRecord, Organizations, StoreError};

use super::{Caller, ServiceError};
use crate::clock::Clock;
use crate::gate::Projector;
use crate::in_force::SettingsInForce;
use crate::settings::Settings;

/// How often a change is tried if somebody else changes the organization first.
const ATTEMPTS: u32 = 5;

/// A request to add an organization or change one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrganizationRequest {
    /// Its name, in mails and pages; by default the id.
    pub name: Option<String>,
    /// Accepted domains, the default one first.
    pub domains: Option<Vec<String>>,
    /// Its admins' addresses; by default postmaster of the first domain.
    pub admins: Option<Vec<String>>,
    /// Recipients that its restricted accounts may still write to, besides postmaster.
    pub helpdesk: Option<Vec<String>>,
    /// The time zone in which its days begin and end (IANA); by default UTC.
    pub time_zone: Option<String>,
}

/// Adds, changes and removes organizations.
pub struct OrganizationService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Stored organizations.
    pub(crate) store: Arc<dyn Organizations>,
    /// Writes to the store, and puts into force what was written.
    pub(crate) projector: Arc<Projector>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
}

impl OrganizationService {
    /// The organizations that the caller looks after, starting with the first one.
    ///
    /// # Errors
    /// The caller may not view this.
    pub fn list(&self, caller: &Caller) -> Result<Vec<OrganizationRecord>, ServiceError> {
        caller.may(Permission::Look)?;
        let settings = self.settings.load();
        let mut all: Vec<_> = settings.tenants().map(OrganizationRecord::from).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.insert(0, OrganizationRecord::from(&*settings.organization));
        all.retain(|one| caller.organization.as_ref().is_none_or(|own| *own == one.id));
        Ok(all)
    }

    /// Adds an organization; it is in force at once.
    ///
    /// # Errors
    /// The caller lacks permission, a requested value is invalid, or the store fails.
    pub async fn add(
        &self,
        caller: &Caller,
        id: &str,
        request: &OrganizationRequest,
    ) -> Result<OrganizationRecord, ServiceError> {
        caller.may_everywhere(Permission::ManageAccess)?;
        let id = OrganizationId::parse(id).map_err(|error| invalid("id", error.to_string()))?;
        if self.settings.load().organization(&id).is_some() {
            return Err(ServiceError::Conflict(format!("there is an organization {id} already")));
        }
        let new = OrganizationRecord {
            name: id.to_string(),
            id,
            domains: Vec::new(),
            admins: Vec::new(),
            helpdesk: Vec::new(),
            time_zone: "UTC".into(),
        };
        let new = self.asked_for(new, request)?;
        let fact = Fact::OrganizationAdded { id: new.id.clone(), organization: Box::new(new.clone()) };
        let audit = self.about(caller, &new.id, fact);
        self.projector.write(self.store.add_organization(&new, &audit)).await?;
        tracing::info!(organization = %new.id, by = caller.name, "organization added");
        Ok(new)
    }

    /// Changes an organization; the change is in force at once.
    ///
    /// # Errors
    /// The caller lacks permission, there is no organization with this id, it is the first one, a requested value is
    /// invalid, or the store fails.
    pub async fn change(
        &self,
        caller: &Caller,
        id: &str,
        request: &OrganizationRequest,
    ) -> Result<OrganizationRecord, ServiceError> {
        caller.may_everywhere(Permission::ManageAccess)?;
        let mut attempt = 1;
        loop {
            let known = self.tenant(id)?;
            let new = self.asked_for(known.clone(), request)?;
            let fact = Fact::OrganizationChanged { id: new.id.clone(), organization: Box::new(new.clone()) };
            let audit = self.about(caller, &new.id, fact);
            match self.projector.write(self.store.save_organization(&known, &new, &audit)).await {
                // The other change is in force by now; try again, since this request only concerns what it names.
                Err(StoreError::Changed { .. }) if attempt < ATTEMPTS => attempt += 1,
                written => {
                    written?;
                    tracing::info!(organization = %new.id, by = caller.name, "organization changed");
                    return Ok(new);
                }
            }
        }
    }

    /// Removes an organization with its policies, people and tokens; its domains become available again.
    ///
    /// # Errors
    /// The caller lacks permission, there is no organization with this id, it is the first one, or the store fails.
    pub async fn remove(&self, caller: &Caller, id: &str) -> Result<(), ServiceError> {
        caller.may_everywhere(Permission::ManageAccess)?;
        let known = self.tenant(id)?;
        let audit = self.about(caller, &known.id, Fact::OrganizationRemoved { id: known.id.clone() });
        self.projector.write(self.store.remove_organization(&known.id, &audit)).await?;
        tracing::info!(organization = %known.id, by = caller.name, "organization removed");
        Ok(())
    }

    fn tenant(&self, id: &str) -> Result<OrganizationRecord, ServiceError> {
        let settings = self.settings.load();
        let id = OrganizationId::parse(id).map_err(|_| no_organization(id))?;
        if id.is_first() {
            return Err(ServiceError::Conflict(
                "the first organization is in the configuration file; change it there".into(),
            ));
        }
        settings
            .organization(&id)
            .map(|found| OrganizationRecord::from(&**found))
            .ok_or_else(|| no_organization(id.as_str()))
    }

    /// The organization with the requested values, if they are valid. Domains of other tenants are checked when it is
    /// written.
    fn asked_for(
        &self,
        mut new: OrganizationRecord,
        request: &OrganizationRequest,
    ) -> Result<OrganizationRecord, ServiceError> {
        if let Some(name) = &request.name {
            new.name = name.trim().to_owned();
        }
        for (field, given) in [
            (&mut new.domains, &request.domains),
            (&mut new.admins, &request.admins),
            (&mut new.helpdesk, &request.helpdesk),
        ] {
            if let Some(given) = given {
                field.clone_from(given);
            }
        }
        if let Some(zone) = &request.time_zone {
            new.time_zone.clone_from(zone);
        }
        let organization = new.read()?;
        let of_the_file = &self.settings.load().organization.domains;
        if let Some(domain) = organization.domains.iter().find(|domain| of_the_file.contains(domain)) {
            return Err(invalid("domains", format!("{domain} is another organization's")));
        }
        Ok(OrganizationRecord::from(&organization))
    }

    fn about(&self, caller: &Caller, id: &OrganizationId, fact: Fact) -> NewAuditEntry {
        let (organization, actor) = (Some(id.clone()), caller.name.clone());
        NewAuditEntry { at: self.clock.now(), organization, actor, fact }
    }
}

fn invalid(field: &'static str, problem: String) -> ServiceError {
    ServiceError::Invalid { field: field.into(), problem }
}

fn no_organization(id: &str) -> ServiceError {
    ServiceError::NotFound(format!("there is no organization {id}"))
}

/// Checks that the settings of the file fit the organizations in the store.
///
/// # Errors
/// A stored organization can't be read, or has a domain that the file has too.
pub fn check_settings(settings: &Settings, stored: &[OrganizationRecord]) -> Result<(), ServiceError> {
    for tenant in stored {
        let domains = tenant.read()?.domains;
        if let Some(domain) = domains.iter().find(|domain| settings.organization.domains.contains(domain)) {
            let problem = format!("{domain} is the organization {}'s (postern organization)", tenant.id);
            return Err(ServiceError::Invalid { field: "organization.domains".into(), problem });
        }
    }
    Ok(())
}
