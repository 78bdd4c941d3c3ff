//! Organizations: the first one, which the configuration has, and those that a hoster adds.

use postern_domain::access::Permission;
use postern_domain::address::{Address, Domain};
use postern_domain::time::Zone;
use postern_domain::{Organization, OrganizationId};
use postern_store::KeptOrganization;
use postern_store::audit::NewAuditEntry;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Caller, Desk, DeskError};
use crate::settings::Settings;

/// What a new organization is, or what is to be changed of one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OrganizationRequest {
    /// Its name, in mails and pages; by itself the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 100)]
    pub name: Option<String>,
    /// Accepted domains, the default one first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domains: Option<Vec<String>>,
    /// Its admins' addresses; by themselves postmaster of the first domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub admins: Option<Vec<String>>,
    /// Whom its restricted accounts may still write to, besides postmaster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub helpdesk: Option<Vec<String>>,
    /// Where its days begin and end (IANA); by itself UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
}

impl Desk {
    /// The organizations that the caller looks after, the first one in front.
    ///
    /// # Errors
    /// The caller may not look.
    pub fn organizations(&self, caller: &Caller) -> Result<Vec<KeptOrganization>, DeskError> {
        self.may_look(caller)?;
        let settings = self.settings.load();
        let mut all: Vec<_> = settings.tenants.values().map(|tenant| kept(tenant)).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.insert(0, kept(&settings.organization));
        all.retain(|one| caller.organization.as_ref().is_none_or(|own| *own == one.id));
        Ok(all)
    }

    /// Adds an organization, in force at once.
    ///
    /// # Errors
    /// The caller may not, something asked for can't be, or the store fails.
    pub async fn add_organization(
        &self,
        caller: &Caller,
        id: &str,
        request: &OrganizationRequest,
    ) -> Result<KeptOrganization, DeskError> {
        self.may_everywhere(caller, Permission::ManageAccess)?;
        let _one_at_a_time = self.policies.editing().await;
        let id = OrganizationId::parse(id).map_err(|error| invalid("id", error.to_string()))?;
        if self.settings.load().organization(&id).is_some() {
            return Err(DeskError::Conflict(format!("there is an organization {id} already")));
        }
        let new = KeptOrganization {
            name: id.to_string(),
            id,
            domains: Vec::new(),
            admins: Vec::new(),
            helpdesk: Vec::new(),
            time_zone: "UTC".into(),
        };
        self.save_organization(caller, "organization.add", new, request).await
    }

    /// Changes an organization, in force at once.
    ///
    /// # Errors
    /// The caller may not, there is none of that id, it is the first one, something asked for
    /// can't be, or the store fails.
    pub async fn change_organization(
        &self,
        caller: &Caller,
        id: &str,
        request: &OrganizationRequest,
    ) -> Result<KeptOrganization, DeskError> {
        self.may_everywhere(caller, Permission::ManageAccess)?;
        let _one_at_a_time = self.policies.editing().await;
        let known = self.tenant(id)?;
        self.save_organization(caller, "organization.change", known, request).await
    }

    /// Removes an organization with its policies, people and tokens; its domains are nobody's then.
    ///
    /// # Errors
    /// The caller may not, there is none of that id, it is the first one, or the store fails.
    pub async fn remove_organization(&self, caller: &Caller, id: &str) -> Result<(), DeskError> {
        self.may_everywhere(caller, Permission::ManageAccess)?;
        let _one_at_a_time = self.policies.editing().await;
        let known = self.tenant(id)?;
        self.store
            .remove_organization(&known.id, &self.about(caller, "organization.remove", &known, json!({})))
            .await?;
        self.policies.forget(&known.id);
        self.alert_policies.forget(&known.id);
        tracing::info!(organization = %known.id, by = caller.name, "organization removed");
        self.put_organizations_in_force().await
    }

    fn tenant(&self, id: &str) -> Result<KeptOrganization, DeskError> {
        let settings = self.settings.load();
        let id = OrganizationId::parse(id).map_err(|_| no_organization(id))?;
        if id.is_first() {
            return Err(DeskError::Conflict(
                "the first organization is in the configuration file; change it there".into(),
            ));
        }
        settings.organization(&id).map(|found| kept(found)).ok_or_else(|| no_organization(id.as_str()))
    }

    async fn save_organization(
        &self,
        caller: &Caller,
        action: &'static str,
        mut new: KeptOrganization,
        request: &OrganizationRequest,
    ) -> Result<KeptOrganization, DeskError> {
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
        let organization = read(&new)?;
        let settings = self.settings.load_full();
        let taken = |domain: &&Domain| {
            let owner = settings.directory.tenants.domains.get(domain.as_str());
            settings.organization.domains.contains(domain) || owner.is_some_and(|owner| *owner != organization.id)
        };
        if let Some(domain) = organization.domains.iter().find(taken) {
            return Err(invalid("domains", format!("{domain} is another organization's")));
        }
        let new = kept(&organization);
        let detail = json!(new);
        self.store.save_organization(&new, &self.about(caller, action, &new, detail)).await?;
        tracing::info!(organization = %new.id, action, by = caller.name, "organizations changed");
        self.put_organizations_in_force().await?;
        Ok(new)
    }

    /// Takes over what the store says of organizations.
    async fn put_organizations_in_force(&self) -> Result<(), DeskError> {
        let tenants = self.store.organizations().await?;
        let tenants = tenants.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let settings = Settings::clone(&self.settings.load()).with_tenants(tenants);
        self.settings.store(std::sync::Arc::new(settings));
        Ok(())
    }

    fn about(&self, caller: &Caller, action: &'static str, about: &KeptOrganization, detail: Value) -> NewAuditEntry {
        NewAuditEntry {
            at: self.clock.now(),
            organization: Some(about.id.clone()),
            actor: caller.name.clone(),
            action,
            target: about.id.to_string(),
            detail,
        }
    }
}

fn invalid(field: &'static str, problem: String) -> DeskError {
    DeskError::Invalid { field: field.into(), problem }
}

fn no_organization(id: &str) -> DeskError {
    DeskError::NotFound(format!("there is no organization {id}"))
}

/// An organization as it is kept and shown.
fn kept(organization: &Organization) -> KeptOrganization {
    KeptOrganization {
        id: organization.id.clone(),
        name: organization.name.clone(),
        domains: organization.domains.iter().map(ToString::to_string).collect(),
        admins: organization.admins.clone(),
        helpdesk: organization.helpdesk.iter().map(ToString::to_string).collect(),
        time_zone: organization.time_zone.name().into(),
    }
}

/// An organization as it was kept, or as somebody asks for it.
///
/// # Errors
/// Something in it can't be.
pub fn read(kept: &KeptOrganization) -> Result<Organization, DeskError> {
    let length = kept.name.chars().count();
    if length == 0 || length > 100 || kept.name.chars().any(char::is_control) {
        return Err(invalid("name", "expected 1 to 100 characters".into()));
    }
    let addresses = |field: &'static str, texts: &[String]| -> Result<Vec<Address>, DeskError> {
        let read = |text: &String| {
            Address::parse(text, "").map_err(|why| invalid(field, format!("{text:?} {why}; expected an address")))
        };
        texts.iter().map(read).collect()
    };
    let domain = |text: &String| Domain::parse(text).map_err(|why| invalid("domains", format!("{text:?} {why}")));
    let domains: Vec<Domain> = kept.domains.iter().map(domain).collect::<Result<_, _>>()?;
    let Some(first) = domains.first() else {
        return Err(invalid("domains", "expected at least one domain".into()));
    };
    let admins = addresses("admins", &kept.admins)?;
    let postmaster = || vec![format!("postmaster@{first}")];
    Ok(Organization {
        id: kept.id.clone(),
        name: kept.name.clone(),
        admins: if admins.is_empty() { postmaster() } else { admins.iter().map(ToString::to_string).collect() },
        helpdesk: addresses("helpdesk", &kept.helpdesk)?,
        time_zone: Zone::parse(&kept.time_zone).map_err(|error| invalid("time_zone", error.to_string()))?,
        domains,
    })
}

/// The organizations of the store beside the file's one.
///
/// # Errors
/// One of them can't be read, or has a domain of the file's.
pub fn tenants(settings: &Settings, kept: &[KeptOrganization]) -> Result<Vec<Organization>, DeskError> {
    let tenants = kept.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    for tenant in &tenants {
        if let Some(domain) = tenant.domains.iter().find(|domain| settings.organization.domains.contains(domain)) {
            let problem = format!("{domain} is the organization {}'s (postern organization)", tenant.id);
            return Err(DeskError::Invalid { field: "organization.domains".into(), problem });
        }
    }
    Ok(tenants)
}
