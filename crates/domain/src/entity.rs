//! Entities: the accounts and connectors that really send, and which recipients are internal to their organization.

use std::fmt;
use std::net::IpAddr;

use hashbrown::{HashMap, HashSet};
use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::address::{Address, AddressRules, Domain};
use crate::organization::{Organization, OrganizationId};

/// What an entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EntityKind {
    /// A sender that logs in.
    Account,
    /// A host that may relay without a login.
    Connector,
}

/// An account or a connector, by its normalised name.
///
/// As text, an account is its address and a connector is `connector:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EntityId {
    kind: EntityKind,
    name: Box<str>,
}

const CONNECTOR_PREFIX: &str = "connector:";

impl EntityKind {
    /// Every kind.
    pub const ALL: [EntityKind; 2] = [EntityKind::Account, EntityKind::Connector];
}

impl EntityId {
    /// The account that logs in as `address`.
    pub fn account(address: Address) -> Self {
        Self { kind: EntityKind::Account, name: address.into_boxed_str() }
    }

    /// The account with this normalised name.
    pub fn account_named(name: impl Into<Box<str>>) -> Self {
        Self { kind: EntityKind::Account, name: name.into() }
    }

    /// The connector called `name` (its address, if it has no name).
    pub fn connector(name: impl Into<Box<str>>) -> Self {
        Self { kind: EntityKind::Connector, name: name.into() }
    }

    /// Parses an entity written by `Display`; account names are not normalised again.
    pub fn from_text(text: &str) -> Self {
        match text.strip_prefix(CONNECTOR_PREFIX) {
            Some(name) => Self::connector(name),
            None => Self::account_named(text),
        }
    }

    /// Whether it is an account or a connector.
    pub fn kind(&self) -> EntityKind {
        self.kind
    }

    /// The account's address or the connector's name.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            EntityKind::Account => f.write_str(&self.name),
            EntityKind::Connector => write!(f, "{CONNECTOR_PREFIX}{}", self.name),
        }
    }
}

impl Serialize for EntityId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for EntityId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_text(&String::deserialize(deserializer)?))
    }
}

/// Whether a recipient is internal or external.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// In one of the organization's accepted domains.
    Internal,
    /// Anywhere else; unknown recipients are external.
    External,
}

/// Hosts that may relay without a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConnectorRule {
    /// One name for all hosts of the rule; without it, each host is a connector of its own.
    pub name: Option<String>,
    /// The networks that contain the hosts.
    pub networks: Vec<IpNet>,
}

/// What a mail server reported about the client of one SMTP session.
#[derive(Debug, Clone, Copy)]
pub struct Client<'a> {
    /// The login name; empty without a login.
    pub sasl_username: &'a str,
    /// The client's address, if the mail server reported one.
    pub address: Option<IpAddr>,
    /// The envelope sender; empty for bounces.
    pub sender: &'a str,
}

/// Organizations other than the first: which domains they own, and the recipients on their escape lanes.
#[derive(Debug, Clone, Default)]
pub struct Tenants {
    /// Accepted domains, and the organization that owns each.
    pub domains: HashMap<Domain, OrganizationId>,
    /// Addresses that even a restricted entity of each organization may write to.
    pub escape_lanes: HashMap<OrganizationId, HashSet<Address>>,
}

impl Tenants {
    /// Collects the domains and escape lanes of these organizations.
    pub fn new<'a>(organizations: impl IntoIterator<Item = &'a Organization>) -> Self {
        let mut tenants = Self::default();
        for organization in organizations {
            let domains = organization.domains.iter().map(|domain| (domain.clone(), organization.id.clone()));
            tenants.domains.extend(domains);
            tenants.escape_lanes.insert(organization.id.clone(), organization.escape_lane().collect());
        }
        tenants
    }
}

/// Maps clients to entities, entities to organizations, and recipients to internal or external.
#[derive(Debug, Clone)]
pub struct Directory {
    /// How addresses are parsed.
    pub rules: AddressRules,
    /// Accepted domains of the first organization.
    pub domains: HashSet<Domain>,
    /// Hosts that relay without a login, most specific rule first.
    pub connectors: Vec<ConnectorRule>,
    /// Count unauthenticated mail under its envelope sender, if that is in an accepted domain.
    pub trust_envelope_sender: bool,
    /// Addresses that even a restricted entity may write to.
    pub escape_lane: HashSet<Address>,
    /// Organizations other than the first, whose domains and escape lane are the fields above.
    pub tenants: Tenants,
    /// The groups of each account, from the settings.
    pub groups: HashMap<EntityId, Vec<String>>,
}

/// A normalised recipient, classified as internal or external.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The normalised mailbox address.
    pub address: Address,
    /// Internal or external.
    pub direction: Direction,
    /// Whether the address is on the escape lane.
    pub escape_lane: bool,
}

impl Directory {
    /// The entity behind a client. `None` for unauthenticated mail, which passes and is never
    /// charged to an envelope sender that anyone could have forged.
    pub fn entity(&self, client: Client<'_>) -> Option<EntityId> {
        if !client.sasl_username.is_empty() {
            return Some(self.account(client.sasl_username));
        }
        if let Some(name) = client.address.and_then(|ip| self.connector(ip)) {
            return Some(EntityId::connector(name));
        }
        if self.trust_envelope_sender && !client.sender.is_empty() {
            let sender = Address::normalise(client.sender, &self.rules);
            if self.is_accepted(sender.domain()) {
                return Some(EntityId::account(sender));
            }
        }
        None
    }

    /// The account that logs in as `login`, in any spelling.
    pub fn account(&self, login: &str) -> EntityId {
        EntityId::account(Address::normalise(login, &self.rules))
    }

    /// The entity an admin means: `connector:NAME`, or any spelling of an account.
    pub fn entity_from_admin(&self, text: &str) -> EntityId {
        match text.strip_prefix(CONNECTOR_PREFIX) {
            Some(name) => EntityId::connector(name),
            None => self.account(text),
        }
    }

    /// The organization that an entity belongs to. Connectors, and accounts in domains that no
    /// organization owns, belong to the first one.
    pub fn organization_of(&self, entity: &EntityId) -> OrganizationId {
        self.tenant_of(entity).cloned().unwrap_or_else(OrganizationId::first)
    }

    /// Like [`Directory::organization_of`], but `None` for the first organization.
    fn tenant_of(&self, entity: &EntityId) -> Option<&OrganizationId> {
        if self.tenants.domains.is_empty() || entity.kind() == EntityKind::Connector {
            return None;
        }
        self.tenants.domains.get(entity.name().rsplit_once('@')?.1)
    }

    /// Normalises and classifies a recipient: it is internal if it is in the sender's organization.
    pub fn recipient(&self, sender: &EntityId, text: &str) -> Recipient {
        let address = Address::normalise(text, &self.rules);
        let (internal, escape_lane) = match self.tenant_of(sender) {
            None => (self.domains.contains(address.domain()), self.escape_lane.contains(&address)),
            Some(tenant) => (
                self.tenants.domains.get(address.domain()) == Some(tenant),
                self.tenants.escape_lanes.get(tenant).is_some_and(|lane| lane.contains(&address)),
            ),
        };
        let direction = if internal { Direction::Internal } else { Direction::External };
        Recipient { address, direction, escape_lane }
    }

    fn is_accepted(&self, domain: &str) -> bool {
        self.domains.contains(domain) || self.tenants.domains.contains_key(domain)
    }

    fn connector(&self, ip: IpAddr) -> Option<String> {
        let ip = ip.to_canonical();
        self.connectors
            .iter()
            .find(|rule| rule.networks.iter().any(|net| net.contains(&ip)))
            .map(|rule| rule.name.clone().unwrap_or_else(|| ip.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Directory {
        let domain = Domain::parse("example.com").unwrap();
        Directory {
            rules: AddressRules { recipient_delimiter: "+".into(), default_domain: domain.clone() },
            domains: HashSet::from([domain]),
            connectors: vec![
                ConnectorRule { name: Some("web".into()), networks: vec!["192.0.2.0/28".parse().unwrap()] },
                ConnectorRule { name: None, networks: vec!["192.0.2.0/24".parse().unwrap()] },
            ],
            trust_envelope_sender: false,
            escape_lane: HashSet::from([Address::parse("postmaster@example.com", "+").unwrap()]),
            tenants: Tenants::default(),
            groups: HashMap::new(),
        }
    }

    fn client<'a>(login: &'a str, ip: &str, sender: &'a str) -> Client<'a> {
        Client { sasl_username: login, address: ip.parse().ok(), sender }
    }

    #[test]
    fn a_login_wins_over_the_network() {
        let entity = directory().entity(client("Alice", "192.0.2.1", "x@y")).unwrap();
        assert_eq!(entity.to_string(), "alice@example.com");
        assert_eq!(entity.kind(), EntityKind::Account);
    }

    #[test]
    fn connectors_are_keyed_by_name_or_address() {
        let d = directory();
        let name = |ip| d.entity(client("", ip, "a@example.com")).map(|e| e.to_string());
        assert_eq!(name("192.0.2.1").unwrap(), "connector:web");
        assert_eq!(name("::ffff:192.0.2.1").unwrap(), "connector:web");
        assert_eq!(name("192.0.2.77").unwrap(), "connector:192.0.2.77");
        assert_eq!(name("198.51.100.1"), None);
    }

    #[test]
    fn the_envelope_sender_counts_only_where_it_is_trusted() {
        let mut d = directory();
        assert_eq!(d.entity(client("", "198.51.100.1", "a@example.com")), None);
        d.trust_envelope_sender = true;
        assert_eq!(d.entity(client("", "198.51.100.1", "A+x@example.com")).unwrap().name(), "a@example.com");
        assert_eq!(d.entity(client("", "198.51.100.1", "a@elsewhere.example")), None);
        assert_eq!(d.entity(client("", "198.51.100.1", "")), None);
    }

    #[test]
    fn recipients_are_placed_by_accepted_domain() {
        let d = directory();
        let to = |text: &str| d.recipient(&EntityId::account_named("a@example.com"), text);
        assert_eq!(to("Bob@EXAMPLE.com").direction, Direction::Internal);
        assert_eq!(to("bob@sub.example.com").direction, Direction::External);
        assert_eq!(to("bob@").direction, Direction::Internal);
        assert_eq!(to("b+1@x.example").address, to("b+2@x.example").address);
        assert!(to("Postmaster+x@example.com").escape_lane);
    }

    #[test]
    fn another_organization_s_recipients_are_external() {
        let mut d = directory();
        let organization = |id: &str| Organization {
            id: OrganizationId::parse(id).unwrap(),
            name: id.into(),
            domains: vec![Domain::parse(&format!("{id}.example")).unwrap()],
            admins: Vec::new(),
            helpdesk: Vec::new(),
            time_zone: crate::time::Zone::utc(),
        };
        d.tenants = Tenants::new(&[organization("contoso"), organization("fabrikam")]);
        let account = |name: &str| EntityId::account_named(name);
        assert_eq!(d.organization_of(&account("a@contoso.example")).as_str(), "contoso");
        for first in [account("a@example.com"), account("a@nobody.example"), EntityId::connector("x@contoso.example")] {
            assert!(d.organization_of(&first).is_first(), "{first}");
        }
        let direction = |from: &str, to: &str| d.recipient(&account(from), to).direction;
        assert_eq!(direction("a@contoso.example", "b@contoso.example"), Direction::Internal);
        assert_eq!(direction("a@contoso.example", "b@fabrikam.example"), Direction::External);
        assert_eq!(direction("a@contoso.example", "b@example.com"), Direction::External);
        assert_eq!(direction("a@example.com", "b@contoso.example"), Direction::External);
        let lane = |from: &str, to: &str| d.recipient(&account(from), to).escape_lane;
        assert!(lane("a@contoso.example", "postmaster@contoso.example"));
        assert!(!lane("a@contoso.example", "postmaster@fabrikam.example"));
        assert!(!lane("a@contoso.example", "postmaster@example.com"));
        d.trust_envelope_sender = true;
        assert!(d.entity(client("", "198.51.100.1", "a@contoso.example")).is_some());
    }

    #[test]
    fn text_round_trips() {
        for text in ["alice@example.com", "connector:web", "connector:2001:db8::1"] {
            assert_eq!(EntityId::from_text(text).to_string(), text);
        }
    }
}
