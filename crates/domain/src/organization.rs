//! Organizations: tenants with their own domains, admins and policies.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::address::{Address, Domain};
use crate::invalid_setting::InvalidSetting;
use crate::time::Zone;

/// The keyword that stands for an organization's admins in lists of recipients.
pub const TENANT_ADMINS: &str = "TenantAdmins";

const FIRST: &str = "default";
const MAX_ID: usize = 40;

/// The ID of an organization, as used in URLs, commands and the store.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationId(Arc<str>);

/// Why a text is not a valid organization ID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?}: expected up to 40 lower-case letters, digits and -, such as \"contoso\"")]
pub struct InvalidOrganizationId(String);

impl OrganizationId {
    /// The ID of the organization that exists from the start.
    pub fn first() -> Self {
        Self(FIRST.into())
    }

    /// Whether it is the organization that exists from the start.
    pub fn is_first(&self) -> bool {
        &*self.0 == FIRST
    }

    /// Parses an ID.
    ///
    /// # Errors
    /// The text contains anything other than lower-case letters, digits and `-`, or is empty or too long.
    pub fn parse(text: &str) -> Result<Self, InvalidOrganizationId> {
        let valid = text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if valid && !text.is_empty() && text.len() <= MAX_ID && !text.starts_with('-') {
            Ok(Self(text.into()))
        } else {
            Err(InvalidOrganizationId(text.to_owned()))
        }
    }

    /// The ID as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for OrganizationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for OrganizationId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for OrganizationId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// A tenant: its domains, and the people responsible for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// Its ID in URLs, commands and the store.
    pub id: OrganizationId,
    /// Its name as shown in mails and on pages.
    pub name: String,
    /// Accepted domains, the default one first; there is at least one.
    pub domains: Vec<Domain>,
    /// Its admins' mail addresses.
    pub admins: Vec<String>,
    /// Addresses that its restricted accounts may still write to, in addition to postmaster.
    pub helpdesk: Vec<Address>,
    /// The time zone that determines where its days begin and end.
    pub time_zone: Zone,
}

/// An organization as stored, and as shown by the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganizationRecord {
    /// Its ID in URLs and commands.
    pub id: OrganizationId,
    /// Its name as shown in mails and on pages.
    pub name: String,
    /// Accepted domains, the default one first.
    pub domains: Vec<String>,
    /// Its admins' addresses.
    pub admins: Vec<String>,
    /// Addresses that its restricted accounts may still write to, in addition to postmaster.
    pub helpdesk: Vec<String>,
    /// The time zone that determines where its days begin and end (IANA name).
    pub time_zone: String,
}

impl From<&Organization> for OrganizationRecord {
    fn from(organization: &Organization) -> Self {
        Self {
            id: organization.id.clone(),
            name: organization.name.clone(),
            domains: organization.domains.iter().map(ToString::to_string).collect(),
            admins: organization.admins.clone(),
            helpdesk: organization.helpdesk.iter().map(ToString::to_string).collect(),
            time_zone: organization.time_zone.name().into(),
        }
    }
}

impl OrganizationRecord {
    /// Parses a stored or requested organization. Without admins, postmaster of its first domain becomes its admin.
    ///
    /// # Errors
    /// The first invalid field, and why it is invalid.
    pub fn read(&self) -> Result<Organization, InvalidSetting> {
        let invalid = |field, problem| InvalidSetting { field, problem };
        let length = self.name.chars().count();
        if length == 0 || length > 100 || self.name.chars().any(char::is_control) {
            return Err(invalid("name", "expected 1 to 100 characters".into()));
        }
        let addresses = |field: &'static str, texts: &[String]| -> Result<Vec<Address>, InvalidSetting> {
            let read = |text: &String| {
                Address::parse(text, "").map_err(|why| invalid(field, format!("{text:?} {why}; expected an address")))
            };
            texts.iter().map(read).collect()
        };
        let domain = |text: &String| Domain::parse(text).map_err(|why| invalid("domains", format!("{text:?} {why}")));
        let domains: Vec<Domain> = self.domains.iter().map(domain).collect::<Result<_, _>>()?;
        let Some(first) = domains.first() else {
            return Err(invalid("domains", "expected at least one domain".into()));
        };
        let admins = addresses("admins", &self.admins)?;
        let postmaster = || vec![format!("postmaster@{first}")];
        Ok(Organization {
            id: self.id.clone(),
            name: self.name.clone(),
            admins: if admins.is_empty() { postmaster() } else { admins.iter().map(ToString::to_string).collect() },
            helpdesk: addresses("helpdesk", &self.helpdesk)?,
            time_zone: Zone::parse(&self.time_zone).map_err(|error| invalid("time_zone", error.to_string()))?,
            domains,
        })
    }
}

impl Organization {
    /// Whether its settings may have Postern send mail to this address. Postern's own mail passes every limit, so that
    /// of an organization besides the first goes to its own domains, and to the people that the provider has named.
    pub fn may_notify(&self, address: &str) -> bool {
        let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
        self.id.is_first()
            || self.domains.iter().any(|own| own.as_str().eq_ignore_ascii_case(domain))
            || self.admins.iter().any(|admin| admin.eq_ignore_ascii_case(address))
            || self.helpdesk.iter().any(|helpdesk| helpdesk.as_str().eq_ignore_ascii_case(address))
    }

    /// The recipients in `named`, each once, with the keyword [`TENANT_ADMINS`] replaced by the organization's admins.
    pub fn expand(&self, named: &[String]) -> Vec<String> {
        let mut recipients: Vec<String> = Vec::new();
        for name in named {
            let expanded = if name == TENANT_ADMINS { self.admins.as_slice() } else { std::slice::from_ref(name) };
            for recipient in expanded {
                if !recipients.contains(recipient) {
                    recipients.push(recipient.clone());
                }
            }
        }
        recipients
    }

    /// The addresses that its restricted accounts may still write to: postmaster of each domain
    /// (RFC 5321 section 4.5.1), and the helpdesk.
    pub fn escape_lane(&self) -> impl Iterator<Item = Address> + '_ {
        let postmasters =
            self.domains.iter().filter_map(|domain| Address::parse(&format!("postmaster@{domain}"), "").ok());
        postmasters.chain(self.helpdesk.iter().cloned())
    }

    /// The address that an account's owner can write to for help: the helpdesk, or postmaster of the
    /// account's domain.
    pub fn contact(&self, account: &str) -> String {
        let domain = account.rsplit_once('@').map_or("", |(_, domain)| domain);
        let domain = self.domains.iter().find(|own| own.as_str() == domain).or_else(|| self.domains.first());
        let postmaster = || domain.map(|domain| format!("postmaster@{domain}")).unwrap_or_default();
        self.helpdesk.first().map_or_else(postmaster, ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain() {
        assert_eq!(OrganizationId::parse("contoso-2").unwrap().as_str(), "contoso-2");
        for wrong in ["", "Contoso", "a b", "-a", "a/b", &"x".repeat(41)] {
            assert!(OrganizationId::parse(wrong).is_err(), "{wrong}");
        }
        assert!(OrganizationId::first().is_first() && !OrganizationId::parse("a").unwrap().is_first());
    }

    #[test]
    fn the_keyword_stands_for_the_admins() {
        let organization = Organization {
            id: OrganizationId::first(),
            name: "Example".into(),
            domains: vec![Domain::parse("example.com").unwrap(), Domain::parse("example.net").unwrap()],
            admins: vec!["a@example.com".into(), "b@example.com".into()],
            helpdesk: Vec::new(),
            time_zone: Zone::utc(),
        };
        let named = ["b@example.com".to_owned(), TENANT_ADMINS.to_owned(), "c@x.example".to_owned()];
        assert_eq!(organization.expand(&named), ["b@example.com", "a@example.com", "c@x.example"]);
        assert_eq!(organization.escape_lane().count(), 2);
        assert_eq!(organization.contact("alice@example.net"), "postmaster@example.net");
        assert_eq!(organization.contact("web"), "postmaster@example.com");
    }
}
