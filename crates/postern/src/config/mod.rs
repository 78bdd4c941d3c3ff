//! Settings: one file, typed and checked as a whole before anything starts.
//!
//! `docs/configuration.md` describes every key; `packaging/postern.toml` is the file to start from.

mod reader;
mod sections;
mod values;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use ipnet::IpNet;
use postern_domain::access::Role;
use postern_domain::alert::AlertPolicy;
use postern_domain::entity::{Directory, Tenants};
pub use postern_domain::organization::TENANT_ADMINS;
use postern_domain::policy::OutboundPolicy;
use postern_domain::{EntityId, Organization, OrganizationId};
use postern_wire::policy::RequestLimits;

use crate::countries::Countries;
use crate::directory::Source;
use reader::Document;
pub use reader::Problem;
pub use values::alert_recipient as checked_recipient;
pub use values::{Listen, LogFormat, Mailbox, SmtpServer, Tls, WebhookFormat};

/// Where settings are looked for, in this order, when nobody says.
pub const DEFAULT_FILES: [&str; 2] = ["./postern.toml", "/etc/postern/postern.toml"];

/// All settings.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The file they came from.
    pub file: PathBuf,
    /// The data folder.
    pub data: PathBuf,
    /// The first organization, as the file has it.
    pub organization: Arc<Organization>,
    /// The others, as the store has them; put in when they are known.
    pub tenants: Arc<HashMap<OrganizationId, Arc<Organization>>>,
    /// Who is who; made of the organization and the connectors.
    pub directory: Directory,
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

/// `[[webhook]]`
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// Its name.
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

/// `[policy_door]`
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

/// `[portal]`
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

/// `[sign_in]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignIn {
    /// A session that is not used for so long ends.
    pub idle: Duration,
    /// No session lasts longer.
    pub session: Duration,
    /// How long a sign-up link opens.
    pub invitation: Duration,
}

/// `[single_sign_on]`
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

/// `[smtp]`
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

/// `[probation]`
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probation {
    /// How long it lasts; zero: there is none.
    pub duration: Duration,
    /// The share of each limit that holds meanwhile.
    pub percent: u32,
}

/// `[alerts]`
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

/// `[log]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Log {
    /// For people or for programs.
    pub format: LogFormat,
    /// What is logged, as a `tracing` filter.
    pub filter: String,
}

/// Why settings can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no file.
    #[error(
        "no configuration file: looked for {}; name one with --config FILE or POSTERN_CONFIG",
        DEFAULT_FILES.join(" and ")
    )]
    NotFound,
    /// The file can't be read.
    #[error("{path}: {source}")]
    Unreadable {
        /// The file.
        path: String,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file says something wrong.
    #[error("{}", lines(.0))]
    Invalid(Vec<Problem>),
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The file to read: the one named, or the first of the default ones that exists.
///
/// # Errors
/// None was named and none of the default ones exists.
pub fn find(named: Option<&Path>) -> Result<PathBuf, ConfigError> {
    match named {
        Some(path) => Ok(path.to_owned()),
        None => DEFAULT_FILES.iter().map(PathBuf::from).find(|path| path.exists()).ok_or(ConfigError::NotFound),
    }
}

impl Settings {
    /// The same with these organizations besides the first one.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = Organization>) -> Self {
        let tenants = tenants.into_iter().map(|tenant| (tenant.id.clone(), Arc::new(tenant)));
        self.tenants = Arc::new(tenants.collect());
        self.directory.tenants = Tenants::new(self.tenants.values().map(|tenant| &**tenant));
        self
    }

    /// An organization; none if there is none of that id.
    pub fn organization(&self, id: &OrganizationId) -> Option<&Arc<Organization>> {
        if id.is_first() { Some(&self.organization) } else { self.tenants.get(id) }
    }

    /// The organization that an entity is of.
    pub fn organization_of(&self, entity: &EntityId) -> &Arc<Organization> {
        self.organization(&self.directory.organization_of(entity)).unwrap_or(&self.organization)
    }

    /// Reads and checks a file, and the environment's overrides.
    ///
    /// # Errors
    /// The file can't be read, or something in it is wrong; every wrong thing is named.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.display().to_string(), source })?;
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Self::parse(path, &text, env)
    }

    /// Checks settings given as text.
    ///
    /// # Errors
    /// Something is wrong; every wrong thing is named.
    pub fn parse(path: &Path, text: &str, env: impl Iterator<Item = (String, String)>) -> Result<Self, ConfigError> {
        let mut document = Document::parse(path, text, env);
        let settings = sections::read(path, document.root());
        let problems = document.into_problems();
        match settings {
            Some(settings) if problems.is_empty() => Ok(settings),
            _ => Err(ConfigError::Invalid(problems)),
        }
    }
}

#[cfg(test)]
mod tests;
