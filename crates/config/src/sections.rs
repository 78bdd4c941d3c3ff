//! The sections of the configuration file, each read and checked; errors are collected in the document.

mod access;
mod directories;
mod doors;
mod notifications;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use postern_domain::address::{Address, AddressRules, Domain};
use postern_domain::entity::{ConnectorRule, Directory, Tenants};
use postern_domain::policy::{MAX_LIMIT, OutboundPolicy};
use postern_domain::time::Zone;
use postern_domain::{Organization, OrganizationId};

use super::reader::Section;
use super::values;
use access::{sign_in, single_sign_on};
use directories::directory;
use notifications::{alert_policy, alerts, webhook};
use postern_services::countries::Countries;
use postern_services::settings::{
    self, Listen, Log, LogFormat, Mailbox, Portal, Probation, Settings, Smtp, SmtpServer, Tls,
};
use postern_services::vault::KeySource;

/// Reads every section; none if something that all others depend on is wrong.
pub(super) fn read(file: &Path, mut root: Section<'_>) -> Option<Settings> {
    let data = root.text("data", values::path).unwrap_or_else(|| PathBuf::from("/var/lib/postern"));
    let connectors = root.sections("connector", connector);
    let groups = root.sections("group", group);
    let directories = root.sections("directory", directory);
    let organization = organization(root.section("organization"), connectors, groups);
    let mut advice = Vec::new();
    let (doors, gate) = doors::doors(&mut root, &mut advice);
    let portal = portal(root.section("portal"), &mut advice);
    let countries = geoip(root.section("geoip"));
    let secrets = secrets(root.section("secrets"));
    let sign_in = sign_in(root.section("sign_in"));
    let single_sign_on = single_sign_on(root.optional_section("single_sign_on"));
    let default_domain = organization.as_ref().map_or("localhost", |(o, _)| o.domains[0].as_str()).to_owned();
    let smtp = smtp(root.section("smtp"), &default_domain);
    let outbound_policy = outbound_policy(root.section("outbound_policy"));
    let probation = probation(root.section("probation"));
    let mut alerts = alerts(root.section("alerts"));
    alerts.policies = root.sections("alert_policy", alert_policy);
    let webhooks = root.sections("webhook", |s| webhook(s, &alerts.policies));
    let log = log(root.section("log"));
    root.finish();
    let (organization, directory) = organization?;
    Some(Settings {
        file: file.to_owned(),
        data,
        organization: Arc::new(organization),
        own_directory: directory,
        directories,
        doors,
        gate,
        portal,
        countries,
        secrets,
        sign_in,
        single_sign_on,
        smtp: smtp?,
        outbound_policy,
        probation,
        alerts,
        webhooks,
        log,
        advice,
    })
}

fn organization(
    mut s: Section<'_>,
    connectors: Vec<ConnectorRule>,
    groups: Vec<(String, Vec<String>)>,
) -> Option<(Organization, Directory)> {
    let name = s.text("name", values::any);
    let recipient_delimiter = s.text("recipient_delimiter", values::delimiter).unwrap_or_else(|| "+".into());
    let domains = s.list("domains", values::domain);
    let default_domain = s.text("default_domain", values::domain);
    let address = |text: &str| values::address(text, &recipient_delimiter);
    let admins = s.list("admins", address);
    let helpdesk = s.list("helpdesk", address).unwrap_or_default();
    let time_zone = s.text("time_zone", Zone::parse);
    let trust_envelope_sender = s.boolean("trust_envelope_sender").unwrap_or(false);
    match &domains {
        None => {
            s.missing("domains", "list the domains this organization receives mail for, for example [\"example.com\"]")
        }
        Some(domains) if domains.is_empty() => s.invalid("domains", "expected at least one domain"),
        Some(_) => {}
    }
    s.finish();
    let mut domains = domains.filter(|domains| !domains.is_empty())?;
    if let Some(default) = default_domain {
        domains.retain(|domain| *domain != default);
        domains.insert(0, default);
    }
    let default = domains[0].clone();
    let postmaster = |domain: &Domain| Address::parse(&format!("postmaster@{domain}"), "").ok();
    let admins = admins.unwrap_or_else(|| postmaster(&default).into_iter().collect());
    let organization = Organization {
        id: OrganizationId::first(),
        helpdesk,
        name: name.unwrap_or_else(|| default.to_string()),
        domains: domains.clone(),
        admins: admins.iter().map(ToString::to_string).collect(),
        time_zone: time_zone.unwrap_or_else(Zone::utc),
    };
    let mut directory = Directory {
        rules: AddressRules { recipient_delimiter, default_domain: default },
        domains: domains.into_iter().collect(),
        connectors,
        trust_envelope_sender,
        escape_lane: organization.escape_lane().collect(),
        tenants: Tenants::default(),
        groups: HashMap::new(),
    };
    for (name, members) in groups {
        for member in members {
            let entity = directory.entity_from_admin(&member);
            directory.groups.entry(entity).or_default().push(name.clone());
        }
    }
    Some((organization, directory))
}

fn group(mut s: Section<'_>) -> Option<(String, Vec<String>)> {
    let name = s.text("name", values::any);
    let members = s.list("members", values::any);
    if name.is_none() {
        s.missing("name", "name the group, for example \"sales\"");
    }
    if members.is_none() {
        s.missing("members", "list its accounts, for example [\"alice@example.com\"]");
    }
    s.finish();
    Some((name?, members?))
}

fn connector(mut s: Section<'_>) -> Option<ConnectorRule> {
    let name = s.text("name", values::connector_name);
    let networks = s.list("networks", values::network);
    if networks.is_none() {
        s.missing("networks", "list addresses or networks, for example [\"192.0.2.10\", \"198.51.100.0/24\"]");
    }
    s.finish();
    Some(ConnectorRule { name, networks: networks? })
}

fn portal(mut s: Section<'_>, advice: &mut Vec<String>) -> Portal {
    let listen = s.text("listen", values::listen).unwrap_or_else(|| Listen::Tcp(([127, 0, 0, 1], 8040).into()));
    let url = s.text("url", values::url);
    let insecure_http = s.boolean("insecure_http").unwrap_or(false);
    if let Some(url) = url.as_ref().filter(|url| values::is_unprotected(url)) {
        if insecure_http {
            advice
                .push(format!("portal.url is {url}: everybody on the way reads passwords and sessions; use https://"));
        } else {
            let what = "everybody on the way could read passwords and sessions; use https:// (a reverse proxy does \
                        TLS), or set insecure_http = true if nobody can be on the way";
            s.invalid("url", what);
        }
    }
    let trusted_proxies = s.list("trusted_proxies", values::network).unwrap_or_default();
    let loopback = || ["127.0.0.0/8", "::1/128"].iter().filter_map(|network| network.parse().ok()).collect();
    let metrics_networks = s.list("metrics_networks", values::network).unwrap_or_else(loopback);
    let max_connections = s.number("max_connections", 1..=65_536).unwrap_or(1024);
    let request_timeout = Duration::from_secs(s.number("request_timeout_seconds", 1..=600).unwrap_or(60).into());
    s.finish();
    Portal { listen, url, trusted_proxies, metrics_networks, max_connections, request_timeout }
}

fn secrets(mut s: Section<'_>) -> Vec<KeySource> {
    let keys = s.list("keys", values::key_source).unwrap_or_default();
    s.finish();
    keys
}

fn geoip(mut s: Section<'_>) -> Option<Arc<Countries>> {
    let countries = s.text("database", values::countries);
    s.finish();
    countries
}

fn smtp(mut s: Section<'_>, default_domain: &str) -> Option<Smtp> {
    let server = s.text("server", values::smtp_server).unwrap_or_else(SmtpServer::local);
    let from = s
        .text("from", values::mailbox)
        .unwrap_or_else(|| Mailbox { name: "Postern".into(), address: format!("postern@{default_domain}") });
    let tls = s.text("tls", values::tls).unwrap_or(Tls::Opportunistic);
    let username = s.text("username", values::any);
    let password = s.text("password_file", values::secret_file);
    let login = match (username, password) {
        (Some(username), Some(password)) => Some((username, password)),
        (Some(_), None) => {
            s.missing("password_file", "a username needs the file that holds its password");
            None
        }
        _ => None,
    };
    if login.is_some() && tls == Tls::None && !server.is_loopback() {
        s.invalid("tls", "a password would be sent unprotected; set tls to \"starttls\" or \"tls\"");
    }
    s.finish();
    Some(Smtp { server, from, tls, login })
}

fn outbound_policy(mut s: Section<'_>) -> OutboundPolicy {
    let mut limit = |key| s.number(key, 0..=MAX_LIMIT).unwrap_or(0);
    let policy = OutboundPolicy {
        external_per_hour: limit("external_per_hour"),
        internal_per_hour: limit("internal_per_hour"),
        per_day: limit("per_day"),
        messages_per_minute: limit("messages_per_minute"),
        messages_per_day: limit("messages_per_day"),
        first_time_recipients_per_day: limit("first_time_recipients_per_day"),
        unknown_recipients_per_hour: limit("unknown_recipients_per_hour"),
        escape_lane_per_hour: limit("escape_lane_per_hour"),
        recipients_per_message: s.number("recipients_per_message", 0..=1000).unwrap_or(0),
        action: s.text("action", values::action).unwrap_or_default(),
        mode: s.text("mode", values::mode).unwrap_or_default(),
        warn_at_percent: s.number("warn_at_percent", 0..=99).unwrap_or(0),
        notify: s.list("notify", settings::checked_recipient).unwrap_or_default(),
        copy_to: s.list("copy_to", values::copy_to).unwrap_or_default(),
        ..OutboundPolicy::built_in()
    };
    s.finish();
    policy
}

fn probation(mut s: Section<'_>) -> Probation {
    let hours = s.number("hours", 0..=8760).unwrap_or(24);
    let percent = s.number("percent", 1..=100).unwrap_or(50);
    s.finish();
    Probation { duration: Duration::from_secs(u64::from(hours) * 3600), percent }
}

fn log(mut s: Section<'_>) -> Log {
    let format = s.text("format", values::log_format).unwrap_or(LogFormat::Text);
    let filter = s.text("level", values::log_filter).unwrap_or_else(|| "info".into());
    s.finish();
    Log { format, filter }
}
