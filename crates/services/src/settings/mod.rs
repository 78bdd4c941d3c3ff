//! What an admin has set, as values: whoever reads a file makes them, and everything else is handed them.
//!
//! `docs/configuration.md` describes every key.

mod directories;
mod values;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use postern_domain::access::Role;
use postern_domain::alert::AlertPolicy;
use postern_domain::entity::Directory;
pub use postern_domain::organization::TENANT_ADMINS;
use postern_domain::policy::OutboundPolicy;
use postern_domain::{Address, Organization};
use postern_wire::policy::RequestLimits;

use crate::countries::Countries;
pub use directories::{LdapReader, Queries, Reader, Source};
pub use values::{Listen, LogFormat, Mailbox, SmtpServer, Tls, WebhookFormat};

/// What the configuration file says, typed and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file they came from.
    pub file: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The first organization, as the file has it.
    pub organization: Arc<Organization>,
    /// Who is who without the organizations of the store: made of the organization and the connectors.
    pub own_directory: Directory,
    /// Where accounts and groups are read.
    pub directories: Vec<Source>,
    /// The policy door.
    pub policy_door: PolicyDoor,
    /// Portal, API, health and metrics.
    pub portal: Portal,
    /// Which countries addresses are in, if there is a database.
    pub countries: Option<Arc<Countries>>,
    /// How long people stay signed in.
    pub sign_in: SignIn,
    /// The provider that names people, if there is one.
    pub single_sign_on: Option<SingleSignOn>,
    /// How Postern's own mail leaves.
    pub smtp: Smtp,
    /// The default outbound policy, as the file says it.
    pub outbound_policy: OutboundPolicy,
    /// What follows a release.
    pub probation: Probation,
    /// Who is told.
    pub alerts: Alerts,
    /// Programs that are told of alerts.
    pub webhooks: Vec<Webhook>,
    /// How logs are written.
    pub log: Log,
}

/// A program that is notified of alerts: `[[webhook]]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name, unique among its kind.
    pub name: String,
    /// Where requests go.
    pub url: String,
    /// What they look like.
    pub format: WebhookFormat,
    /// What they are signed with.
    pub secret: Option<Vec<u8>>,
    /// The alert policies it is told of; none: the built-in ones whose alerts people are told.
    pub alert_policies: Option<Vec<String>>,
}

impl Webhook {
    /// Whether it asks for alerts of `policy`.
    pub fn wants(&self, policy: &AlertPolicy) -> bool {
        match &self.alert_policies {
            Some(named) => named.iter().any(|name| name.eq_ignore_ascii_case(&policy.name)),
            None => policy.is_built_in() && policy.trigger.is_told(),
        }
    }
}

impl std::fmt::Debug for Webhook {
    /// Without the secret, and without the address, which for Slack and Teams is one as well.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("name", &self.name).field("format", &self.format).finish_non_exhaustive()
    }
}

/// Where mail servers ask, and how long anything may take: `[policy_door]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDoor {
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// Connections at once.
    pub max_connections: u32,
    /// Longest line and request.
    pub limits: RequestLimits,
    /// How long one request may take to arrive.
    pub request_timeout: Duration,
    /// How long a connection may be silent between requests.
    pub idle_timeout: Duration,
    /// How long a message may be silent before its room is given back.
    pub reservation_timeout: Duration,
    /// How long a recipient waits for other messages under way to end, before it is deferred.
    pub contention_wait: Duration,
}

/// Where people and programs come: `[portal]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    /// Where it listens.
    pub listen: Listen,
    /// How people reach it, for links.
    pub url: Option<String>,
    /// Reverse proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
}

impl Portal {
    /// How people reach it: as the settings say, or by where it listens.
    pub fn base_url(&self) -> String {
        match (&self.url, &self.listen) {
            (Some(url), _) => url.clone(),
            // A passkey belongs to a name, never to a bare address (WebAuthn section 5.1.2).
            (None, Listen::Tcp(at)) if at.ip().is_loopback() || at.ip().is_unspecified() => {
                format!("http://localhost:{}", at.port())
            }
            (None, Listen::Tcp(at)) => format!("http://{at}"),
            (None, _) => "http://localhost".into(),
        }
    }

    /// Whether people reach it over TLS.
    pub fn is_secure(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// How long sessions and sign-up links last: `[sign_in]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    /// A session that is not used for so long ends.
    pub idle: Duration,
    /// No session lasts longer.
    pub session: Duration,
    /// How long a sign-up link opens.
    pub invitation: Duration,
}

/// The OpenID Connect provider: `[single_sign_on]`.
#[derive(Clone, PartialEq, Eq)]
pub struct SingleSignOn {
    /// What people call it, on the button.
    pub name: String,
    /// The provider's issuer (OpenID Connect Discovery section 3).
    pub issuer: String,
    /// What it knows Postern by.
    pub client_id: String,
    /// The secret between the two.
    pub client_secret: String,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Groups and the role that each gives; the role that may most counts.
    pub roles: Vec<(Role, Vec<String>)>,
}

impl SingleSignOn {
    /// The role of somebody who is in these groups; none: they may not sign in.
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        let gives = |named: &[String]| named.iter().any(|group| groups.contains(group));
        self.roles.iter().find(|(_, named)| gives(named)).map(|(role, _)| *role)
    }
}

impl std::fmt::Debug for SingleSignOn {
    /// Without the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleSignOn").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// How Postern's own mail leaves: `[smtp]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// The server that takes Postern's mail.
    pub server: SmtpServer,
    /// Whom it is from.
    pub from: Mailbox,
    /// How the connection is protected.
    pub tls: Tls,
    /// Login, if the server wants one.
    pub login: Option<(String, String)>,
}

/// What follows a release: `[probation]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probation {
    /// How long it lasts; zero: there is none.
    pub duration: Duration,
    /// The share of each limit that holds meanwhile.
    pub percent: u32,
}

/// Who is notified, and how often at most: `[alerts]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// Who is told of an alert; the keyword stands for the admins of whose alert it is.
    pub recipients: Vec<String>,
    /// How many alerts of one alert policy are mailed on one day; none: no limit.
    pub daily_notification_limit: Option<u32>,
    /// Whether the owner of a restricted account is told.
    pub notify_owner: bool,
    /// After how long a restriction that nobody has released is overdue; zero: never.
    pub release_overdue: Duration,
    /// `[[alert_policy]]`: what the file says of alert policies.
    pub policies: Vec<AlertPolicy>,
}

/// How the log is written: `[log]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
    /// What is logged, as a `tracing` filter.
    pub filter: String,
}

/// A recipient of alerts: an address, or the keyword for the organization's admins.
///
/// # Errors
/// It is neither.
pub fn checked_recipient(text: &str) -> Result<String, String> {
    if text == TENANT_ADMINS {
        return Ok(text.to_owned());
    }
    let expected = "expected an address such as \"postmaster@example.com\"";
    let parsed = Address::parse(text, "").map(|address| address.to_string());
    parsed.map_err(|why| format!("{why}; {expected} or the keyword \"{TENANT_ADMINS}\""))
}

#[cfg(test)]
impl Settings {
    /// What a file says that has only an organization, for tests of what works with settings.
    pub fn of(organization: Organization, portal_url: &str) -> Self {
        let default_domain = organization.domains[0].clone();
        let rules = postern_domain::address::AddressRules { recipient_delimiter: "+".into(), default_domain };
        let minute = Duration::from_secs(60);
        Self {
            file: PathBuf::from("postern.toml"),
            data: PathBuf::from("data"),
            own_directory: Directory {
                rules,
                domains: organization.domains.iter().cloned().collect(),
                connectors: Vec::new(),
                trust_envelope_sender: false,
                escape_lane: organization.escape_lane().collect(),
                tenants: postern_domain::entity::Tenants::default(),
                groups: hashbrown::HashMap::default(),
            },
            organization: Arc::new(organization),
            directories: Vec::new(),
            policy_door: PolicyDoor {
                listen: Vec::new(),
                max_connections: 1,
                limits: RequestLimits::default(),
                request_timeout: minute,
                idle_timeout: minute,
                reservation_timeout: minute,
                contention_wait: minute,
            },
            portal: Portal {
                listen: Listen::Systemd("portal".into()),
                url: Some(portal_url.into()),
                trusted_proxies: Vec::new(),
            },
            countries: None,
            sign_in: SignIn { idle: minute, session: minute, invitation: minute },
            single_sign_on: None,
            smtp: Smtp {
                server: SmtpServer::local(),
                from: Mailbox { name: "Postern".into(), address: "postern@example.com".into() },
                tls: Tls::None,
                login: None,
            },
            outbound_policy: OutboundPolicy::built_in(),
            probation: Probation { duration: Duration::from_secs(24 * 3600), percent: 50 },
            alerts: Alerts {
                recipients: vec![TENANT_ADMINS.into()],
                daily_notification_limit: None,
                notify_owner: true,
                release_overdue: Duration::ZERO,
                policies: Vec::new(),
            },
            webhooks: Vec::new(),
            log: Log { format: LogFormat::Text, filter: "info".into() },
        }
    }
}
