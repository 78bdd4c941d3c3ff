//! Parsers for single values: text from the file to types, with errors that state what would be correct.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;
use postern_domain::EntityId;
use postern_domain::address::{Address, Domain};
use postern_domain::alert::{AlertPolicy, Severity, Trigger};
use postern_domain::policy::{Action, Mode};

use postern_services::built_with;
use postern_services::countries::Countries;
use postern_services::settings::{Listen, LogFormat, Mailbox, SmtpServer, Tls, WebhookFormat};
use postern_services::vault::KeySource;

type Parsed<T> = Result<T, String>;

pub(super) fn any(text: &str) -> Parsed<String> {
    if text.trim().is_empty() { Err("expected a text that is not empty".into()) } else { Ok(text.trim().to_owned()) }
}

pub(super) fn path(text: &str) -> Parsed<PathBuf> {
    any(text).map(PathBuf::from)
}

pub(super) fn countries(text: &str) -> Parsed<Arc<Countries>> {
    Countries::open(&path(text)?)
        .map(Arc::new)
        .map_err(|why| format!("{why}; expected a MaxMind country or city database"))
}

pub(super) fn domain(text: &str) -> Parsed<Domain> {
    Domain::parse(text.trim()).map_err(|why| format!("{why}; expected a domain such as \"example.com\""))
}

pub(super) fn delimiter(text: &str) -> Parsed<String> {
    let valid = text.chars().all(|c| c.is_ascii_punctuation() && c != '@');
    if valid {
        Ok(text.to_owned())
    } else {
        Err("expected punctuation as in Postfix's recipient_delimiter, such as \"+\"".into())
    }
}

pub(super) fn address(text: &str, delimiter: &str) -> Parsed<Address> {
    Address::parse(text, delimiter)
        .map_err(|why| format!("{why}; expected an address such as \"postmaster@example.com\""))
}

pub(super) fn connector_name(text: &str) -> Parsed<String> {
    let name = any(text)?;
    let valid = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.:".contains(c));
    if valid { Ok(name) } else { Err("expected letters, digits and - _ . : only".into()) }
}

pub(super) fn network(text: &str) -> Parsed<IpNet> {
    let text = text.trim();
    if let Ok(net) = text.parse::<IpNet>() {
        return Ok(net.trunc());
    }
    let ip: IpAddr =
        text.parse().map_err(|_| "expected an address or a network such as \"192.0.2.0/24\"".to_owned())?;
    Ok(IpNet::from(ip))
}

pub(super) fn listen(text: &str) -> Parsed<Listen> {
    if let Some(path) = text.strip_prefix("unix:") {
        if !path.starts_with('/') && !path.starts_with("./") {
            return Err("expected an absolute path after unix:".into());
        }
        return Ok(Listen::Unix(path.into()));
    }
    if let Some(name) = text.strip_prefix("systemd:") {
        return any(name).map(Listen::Systemd);
    }
    text.parse().map(Listen::Tcp).map_err(|_| {
        "expected an address and a port such as \"127.0.0.1:10040\", \"unix:/run/postern/policy.sock\" or \
         \"systemd:NAME\""
            .into()
    })
}

pub(super) fn url(text: &str) -> Parsed<String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    match rest {
        Some(rest) if !rest.is_empty() && !rest.contains(char::is_whitespace) => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        _ => Err("expected an address such as \"https://postern.example.com\"".into()),
    }
}

/// Whether what is sent to this address can be read on the way: it is neither HTTPS nor this machine's.
pub(super) fn is_unprotected(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let uri: Result<axum::http::Uri, _> = format!("http://{rest}").parse();
    let host = uri.ok().and_then(|uri| uri.host().map(str::to_lowercase)).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_loopback = bare.parse().is_ok_and(|ip: std::net::IpAddr| ip.to_canonical().is_loopback());
    !(is_loopback || host == "localhost" || host.ends_with(".localhost"))
}

pub(super) fn smtp_server(text: &str) -> Parsed<SmtpServer> {
    let expected = || "expected host and port such as \"127.0.0.1:25\" or \"[::1]:25\"".to_owned();
    let (host, port) = text.trim().rsplit_once(':').ok_or_else(expected)?;
    let host = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    let port = port.parse().map_err(|_| expected())?;
    if host.is_empty() || port == 0 {
        return Err(expected());
    }
    Ok(SmtpServer { host: host.to_owned(), port })
}

pub(super) fn mailbox(text: &str) -> Parsed<Mailbox> {
    let (name, address) = match text.split_once('<') {
        Some((name, rest)) => (name.trim().trim_matches('"'), rest.trim_end().strip_suffix('>').unwrap_or("")),
        None => ("Postern", text),
    };
    // The address appears in mails exactly as written here; it only has to be valid.
    Address::parse(address, "")
        .map(|_| Mailbox { name: name.to_owned(), address: address.trim().to_owned() })
        .map_err(|why| format!("the address {why}; expected \"Postern <postern@example.com>\""))
}

pub(super) fn tls(text: &str) -> Parsed<Tls> {
    match text {
        "none" => Ok(Tls::None),
        "opportunistic" => Ok(Tls::Opportunistic),
        "starttls" => Ok(Tls::Required),
        "tls" => Ok(Tls::Implicit),
        _ => Err("expected \"none\", \"opportunistic\", \"starttls\" or \"tls\"".into()),
    }
}

pub(super) fn secret_file(text: &str) -> Parsed<String> {
    let secret = std::fs::read_to_string(Path::new(text)).map_err(|error| format!("can't be read: {error}"))?;
    any(&secret).map_err(|_| "the file is empty".into())
}

/// Where a key comes from; it is read when Postern starts.
pub(super) fn key_source(text: &str) -> Parsed<KeySource> {
    let expected =
        || "expected file:/path, credential:NAME (of systemd) or command:/path/of/program ARGUMENT…".to_owned();
    let (kind, rest) = text.trim().split_once(':').ok_or_else(expected)?;
    match kind {
        "file" if rest.starts_with('/') => Ok(KeySource::File(rest.into())),
        "credential" if !rest.is_empty() && !rest.contains('/') => Ok(KeySource::Credential(rest.to_owned())),
        "command" if rest.trim_start().starts_with('/') => {
            Ok(KeySource::Command(rest.split_whitespace().map(str::to_owned).collect()))
        }
        _ => Err(expected()),
    }
}

pub(super) fn action(text: &str) -> Parsed<Action> {
    let names = || Action::ALL.map(|action| format!("\"{}\"", action.key())).join(", ");
    let found = Action::ALL.into_iter().find(|action| action.key() == text);
    found.ok_or_else(|| format!("expected one of {}", names()))
}

pub(super) fn mode(text: &str) -> Parsed<Mode> {
    match text {
        "enforce" => Ok(Mode::Enforce),
        "report-only" => Ok(Mode::ReportOnly),
        _ => Err("expected \"enforce\" or \"report-only\"".into()),
    }
}

pub(super) fn copy_to(text: &str) -> Parsed<String> {
    address(text, "").map(|address| address.to_string())
}

pub(super) fn log_format(text: &str) -> Parsed<LogFormat> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err("expected \"text\" or \"json\"".into()),
    }
}

pub(super) fn log_filter(text: &str) -> Parsed<String> {
    let parsed = text.parse::<tracing_subscriber::filter::Targets>();
    parsed.map(|_| text.to_owned()).map_err(|_| "expected error, warn, info, debug or trace".into())
}

pub(super) fn webhook_format(text: &str) -> Parsed<WebhookFormat> {
    match text {
        "standard" => Ok(WebhookFormat::Standard),
        "slack" => Ok(WebhookFormat::Slack),
        "teams" => Ok(WebhookFormat::Teams),
        _ => Err("expected \"standard\", \"slack\" or \"teams\"".into()),
    }
}

/// The location of a directory.
pub(super) enum DirectoryUrl {
    Sqlite(PathBuf),
    Postgresql(String),
    Mysql(String),
    Ldap(String),
}

pub(super) fn directory_url(text: &str) -> Parsed<DirectoryUrl> {
    let url = any_directory_url(text)?;
    match url {
        DirectoryUrl::Mysql(_) if !built_with::MYSQL => Err(built_with::left_out("MySQL", "mysql")),
        DirectoryUrl::Ldap(_) if !built_with::LDAP => Err(built_with::left_out("LDAP", "ldap")),
        url => Ok(url),
    }
}

fn any_directory_url(text: &str) -> Parsed<DirectoryUrl> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        return self::path(path).map(DirectoryUrl::Sqlite);
    }
    match text.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgresql" | "postgres") => Ok(DirectoryUrl::Postgresql(text.into())),
        Some("mysql") => Ok(DirectoryUrl::Mysql(text.into())),
        Some("mariadb") => Ok(DirectoryUrl::Mysql(text.replacen("mariadb", "mysql", 1))),
        Some("ldap" | "ldaps" | "ldapi") => Ok(DirectoryUrl::Ldap(text.into())),
        _ => Err("expected sqlite:/path, postgresql://…, mysql://…, ldap://… or ldaps://…".into()),
    }
}

/// Whether a connection to this URL stays on this machine.
pub(super) fn is_loopback_url(url: &str) -> bool {
    let host = url.split_once("://").map_or("", |(_, rest)| rest.split(['/', '?']).next().unwrap_or(""));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let name =
        host.rsplit_once(':').filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit())).map_or(host, |(n, _)| n);
    let name = name.trim_start_matches('[').trim_end_matches(']');
    url.starts_with("ldapi:") || name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback())
}

/// A name that becomes part of a file name.
pub(super) fn file_name(text: &str) -> Parsed<String> {
    let name = any(text)?;
    let valid = name.len() <= 64 && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if valid { Ok(name) } else { Err("expected up to 64 letters, digits, - and _".into()) }
}

/// A URL with TLS, or on this machine.
pub(super) fn web_url(text: &str) -> Parsed<String> {
    let expected = || "expected an address such as \"https://hooks.example.com/postern\"".to_owned();
    let uri: axum::http::Uri = text.parse().map_err(|_| expected())?;
    let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(expected)?;
    match uri.scheme_str() {
        Some("https") => Ok(text.to_owned()),
        Some("http") if matches!(host, "localhost" | "127.0.0.1" | "[::1]") => Ok(text.to_owned()),
        Some("http") => Err("what is sent there would be unprotected; use https".into()),
        _ => Err(expected()),
    }
}

/// A signing secret: `whsec_` and 24 to 64 bytes in base64 (Standard Webhooks, "Signature scheme").
pub(super) fn webhook_secret(file: &str) -> Parsed<Vec<u8>> {
    use base64::Engine;
    let text = secret_file(file)?;
    let expected = || "the file holds no secret; expected whsec_ and 24 to 64 bytes in base64".to_owned();
    let encoded = text.trim().strip_prefix("whsec_").ok_or_else(expected)?;
    let secret = base64::prelude::BASE64_STANDARD.decode(encoded).map_err(|_| expected())?;
    if (24..=64).contains(&secret.len()) { Ok(secret) } else { Err(expected()) }
}

/// The name of a built-in alert policy, or of a custom one in the file.
pub(super) fn alert_policy(text: &str, known: &[AlertPolicy]) -> Parsed<String> {
    let names = Trigger::ALL.into_iter().map(|trigger| trigger.name()).chain(known.iter().map(|p| p.name.as_str()));
    let mut names: Vec<_> = names.collect();
    names.dedup();
    let found = names.iter().find(|name| name.eq_ignore_ascii_case(text));
    let expected = || names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    found.map(|name| (*name).to_owned()).ok_or_else(|| format!("expected one of {}", expected()))
}

pub(super) fn trigger(text: &str) -> Parsed<Trigger> {
    let names = || Trigger::ALL.map(|trigger| format!("\"{trigger}\"")).join(", ");
    Trigger::from_name(text).ok_or_else(|| format!("expected one of {}", names()))
}

/// An account by its complete address, or `connector:NAME`.
pub(super) fn entity(text: &str) -> Parsed<EntityId> {
    match text.strip_prefix("connector:") {
        Some(name) => connector_name(name).map(EntityId::connector),
        None => address(text, "").map(EntityId::account),
    }
}

pub(super) fn domain_text(text: &str) -> Parsed<String> {
    domain(text).map(|domain| domain.to_string())
}

pub(super) fn severity(text: &str) -> Parsed<Severity> {
    let known = Severity::ALL;
    let names = || known.map(|severity| format!("\"{}\"", severity.key())).join(", ");
    known.into_iter().find(|severity| severity.key() == text).ok_or_else(|| format!("expected one of {}", names()))
}
