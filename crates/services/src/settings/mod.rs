//! The settings as typed values: the configuration reader makes them, and everything else receives them.
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
use crate::vault::KeySource;
pub use directories::{LdapReader, Queries, Reader, Source};
pub use values::{Listen, LogFormat, Mailbox, SmtpServer, Tls, WebhookFormat};

/// The content of the configuration file, typed and checked.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file they were read from.
    pub file: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The first organization, as configured in the file.
    pub organization: Arc<Organization>,
    /// Identifies entities and recipients of the file's organization and connectors, without the store's organizations.
    pub own_directory: Directory,
    /// Where accounts and groups are read from.
    pub directories: Vec<Source>,
    /// The endpoints for mail servers.
    pub doors: Vec<Door>,
    /// How messages in progress are treated.
    pub gate: GateSettings,
    /// Portal, API, health and metrics.
    pub portal: Portal,
    /// The countries of IP addresses, if a database is configured.
    pub countries: Option<Arc<Countries>>,
    /// The keys that secrets in the store are sealed under, the newest first.
    pub secrets: Vec<KeySource>,
    /// How long people stay signed in.
    pub sign_in: SignIn,
    /// The single sign-on provider, if there is one.
    pub single_sign_on: Option<SingleSignOn>,
    /// How Postern's own mail is sent.
    pub smtp: Smtp,
    /// The default outbound policy, as configured in the file.
    pub outbound_policy: OutboundPolicy,
    /// What follows a release.
    pub probation: Probation,
    /// Who is notified.
    pub alerts: Alerts,
    /// Programs that are notified of alerts.
    pub webhooks: Vec<Webhook>,
    /// How logs are written.
    pub log: Log,
    /// What could be written better in the file, in one line each.
    pub advice: Vec<String>,
}

impl Settings {
    /// Where the doors for Postfix's policy delegation listen.
    pub fn policy_listen(&self) -> impl Iterator<Item = &Listen> {
        self.doors.iter().filter(|door| door.kind == DoorKind::Policy).flat_map(|door| &door.listen)
    }
}

/// A program that is notified of alerts: `[[webhook]]`.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name, unique among its kind.
    pub name: String,
    /// Where requests go.
    pub url: String,
    /// The format of its requests.
    pub format: WebhookFormat,
    /// The key that requests are signed with.
    pub secret: Option<Vec<u8>>,
    /// The alert policies it subscribes to; `None` for the built-in ones that notify people.
    pub alert_policies: Option<Vec<String>>,
}

impl Webhook {
    /// Whether it subscribes to the alerts of `policy`.
    pub fn wants(&self, policy: &AlertPolicy) -> bool {
        match &self.alert_policies {
            Some(named) => named.iter().any(|name| name.eq_ignore_ascii_case(&policy.name)),
            None => policy.is_built_in() && policy.trigger.notifies_by_default(),
        }
    }
}

impl std::fmt::Debug for Webhook {
    /// Omits the secret, and the address, which is a secret as well for Slack and Teams.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhook").field("name", &self.name).field("format", &self.format).finish_non_exhaustive()
    }
}

/// The protocol of a door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DoorKind {
    /// Postfix's policy delegation (SMTPD_POLICY_README).
    Policy,
}

/// An endpoint for mail servers: `[policy_door]` or `[[door]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Door {
    /// The protocol.
    pub kind: DoorKind,
    /// Where it listens.
    pub listen: Vec<Listen>,
    /// The most simultaneous connections.
    pub max_connections: u32,
    /// The longest line and request.
    pub limits: RequestLimits,
    /// How long one request may take to arrive.
    pub request_timeout: Duration,
    /// How long a connection may be silent between requests.
    pub idle_timeout: Duration,
}

impl Door {
    /// A door for Postfix's policy delegation with the default settings.
    pub fn policy() -> Self {
        Self {
            kind: DoorKind::Policy,
            listen: vec![Listen::Tcp(([127, 0, 0, 1], 10040).into())],
            max_connections: 4096,
            limits: RequestLimits::default(),
            request_timeout: Duration::from_secs(10),
            // Postfix itself closes after smtpd_policy_service_max_ttl, 1000 s.
            idle_timeout: Duration::from_secs(1200),
        }
    }
}

/// How messages in progress are treated: `[gate]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GateSettings {
    /// How long a message may be silent before its reservation ends.
    pub reservation_timeout: Duration,
    /// How long a recipient waits for other messages in progress to end before it is deferred.
    pub contention_wait: Duration,
}

/// The endpoint for people and programs: `[portal]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portal {
    /// Where it listens.
    pub listen: Listen,
    /// Its public address, for links.
    pub url: Option<String>,
    /// Reverse proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Networks from which `/metrics` is read without a token.
    pub metrics_networks: Vec<IpNet>,
    /// The most simultaneous connections.
    pub max_connections: u32,
    /// How long a request's header may take to arrive, and a connection may be silent before it and between requests.
    pub request_timeout: Duration,
}

impl Portal {
    /// Its public address: the configured one, or else one derived from where it listens.
    pub fn base_url(&self) -> String {
        match (&self.url, &self.listen) {
            (Some(url), _) => url.clone(),
            // A passkey belongs to a host name, never to an IP address (WebAuthn section 5.1.2).
            (None, Listen::Tcp(at)) if at.ip().is_loopback() || at.ip().is_unspecified() => {
                format!("http://localhost:{}", at.port())
            }
            (None, Listen::Tcp(at)) => format!("http://{at}"),
            (None, _) => "http://localhost".into(),
        }
    }

    /// Whether its public address uses TLS.
    pub fn is_secure(&self) -> bool {
        self.url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// How long sessions and sign-up links last: `[sign_in]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    /// A session ends after this long without use.
    pub idle: Duration,
    /// The longest that a session may last.
    pub session: Duration,
    /// How long a sign-up link is valid.
    pub invitation: Duration,
}

/// The OpenID Connect provider: `[single_sign_on]`.
#[derive(Clone, PartialEq, Eq)]
pub struct SingleSignOn {
    /// Its name on the sign-in button.
    pub name: String,
    /// The provider's issuer (OpenID Connect Discovery section 3).
    pub issuer: String,
    /// Postern's client ID at the provider.
    pub client_id: String,
    /// Postern's client secret at the provider.
    pub client_secret: String,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// The scopes to request in addition to `openid`.
    pub scopes: Vec<String>,
    /// After this long, a session asks the provider again whether the person may still sign in, and as what.
    pub recheck: Duration,
    /// Roles and the groups that grant each; the most powerful role applies.
    pub roles: Vec<(Role, Vec<String>)>,
}

impl SingleSignOn {
    /// The role of a person in these groups; `None` if they may not sign in.
    pub fn role(&self, groups: &[String]) -> Option<Role> {
        let gives = |named: &[String]| named.iter().any(|group| groups.contains(group));
        self.roles.iter().find(|(_, named)| gives(named)).map(|(role, _)| *role)
    }
}

impl std::fmt::Debug for SingleSignOn {
    /// Omits the secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SingleSignOn").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// How Postern's own mail is sent: `[smtp]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Smtp {
    /// The server that accepts Postern's mail.
    pub server: SmtpServer,
    /// The sender of the mail.
    pub from: Mailbox,
    /// How the connection is protected.
    pub tls: Tls,
    /// User name and password, if the server requires a login.
    pub login: Option<(String, String)>,
}

/// What follows a release: `[probation]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probation {
    /// How long it lasts; zero for no probation.
    pub duration: Duration,
    /// The percentage of each limit that applies meanwhile.
    pub percent: u32,
}

/// Who is notified, and how often at most: `[alerts]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alerts {
    /// Who is notified of an alert; the keyword stands for the admins of the alert's organization.
    pub recipients: Vec<String>,
    /// How many alerts of one alert policy send notifications on one day; `None` for no limit.
    pub daily_notification_limit: Option<u32>,
    /// Whether the owner of a restricted account is notified.
    pub notify_owner: bool,
    /// After how long a restriction that has not been released is overdue; zero for never.
    pub release_overdue: Duration,
    /// The alert policies configured in the file: `[[alert_policy]]`.
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

/// Checks a recipient of alerts: an address, or the keyword for the organization's admins.
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
    /// The settings of a file that configures only an organization; for tests.
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
            doors: Vec::new(),
            gate: GateSettings { reservation_timeout: minute, contention_wait: minute },
            portal: Portal {
                listen: Listen::Systemd("portal".into()),
                url: Some(portal_url.into()),
                trusted_proxies: Vec::new(),
                metrics_networks: Vec::new(),
                max_connections: 1,
                request_timeout: minute,
            },
            countries: None,
            secrets: Vec::new(),
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
            advice: Vec::new(),
        }
    }
}
