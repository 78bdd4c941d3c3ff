//! Diagnoses how Postern runs and how it is connected to Postfix, with advice on every problem.

mod copies;
mod judgement;
pub mod lines;
mod postfix;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use lines::service_name;
use postern_domain::finding::{Finding, Level};
use postern_domain::policy::CopyAlias;
use postern_services::gate::ServerReport;
use postern_services::in_force::InForce;
use postern_services::settings::{Listen, Settings};

/// What the daemon reports about itself.
#[derive(Debug, Clone)]
pub struct Daemon {
    /// The version that is running.
    pub version: String,
    /// Its process ID.
    pub pid: u32,
    /// Problems, one line each.
    pub problems: Vec<String>,
    /// Number of mails still waiting for another delivery attempt.
    pub retrying: u32,
    /// The SMTP server for Postern's own mail.
    pub smtp_server: String,
    /// The mail servers that have called Postern, with counts of their requests.
    pub servers: Vec<ServerReport>,
    /// The aliases needed for copies to several addresses.
    pub copy_aliases: Vec<CopyAlias>,
}

/// How long the door may take to answer the probe.
const PROBE: Duration = Duration::from_secs(5);

/// Checks the daemon by its own report (or the reason there is none), its doors, and the configuration of this
/// machine's Postfix.
pub async fn check(settings: &InForce, status: Result<&Daemon, String>, postfix_config: Option<&Path>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let servers = status.as_ref().ok().map(|status| status.servers.as_slice());
    match &status {
        Ok(status) => daemon(status, &mut findings),
        Err(error) => {
            let advice = "start it: systemctl start postern, or postern serve in a terminal, and read its output";
            findings.push(Finding::new("daemon", Level::Error, error.clone(), advice));
        }
    }
    door(settings, &mut findings).await;
    let services: Vec<_> = settings.policy_listen().map(service_name).collect();
    let folder = postfix_config.map(Path::to_owned);
    let aliases = status.as_ref().map(|status| status.copy_aliases.clone()).unwrap_or_default();
    // The check runs postconf and postmap and waits for them, so it blocks.
    let read = tokio::task::spawn_blocking(move || {
        let config = postfix::read(folder.as_deref())?;
        anyhow::Ok(config.map(|config| (copies::check(&config, folder.as_deref(), &aliases), config)))
    });
    match read.await.unwrap_or_else(|error| Err(error.into())) {
        Ok(Some((copies, config))) => {
            findings.extend(copies);
            let tenants = settings.tenants().flat_map(|tenant| &tenant.domains);
            let domains: Vec<_> =
                settings.organization.domains.iter().chain(tenants).map(ToString::to_string).collect();
            findings.extend(judgement::check(&config, &services, &domains, servers));
        }
        Ok(None) => findings.push(Finding::new(
            "postfix",
            Level::Info,
            "Postfix is not installed on this machine (no postconf), so its wiring was not checked",
            "if it is elsewhere, run postern wiring postfix and put the lines into its main.cf",
        )),
        Err(error) => findings.push(Finding::new(
            "postfix",
            Level::Error,
            format!("Postfix's configuration can't be read: {error:#}"),
            "run postern doctor as root, or name the folder with --postfix-config DIR",
        )),
    }
    findings
}

fn daemon(status: &Daemon, findings: &mut Vec<Finding>) {
    findings.push(Finding::ok("daemon", format!("postern {} is running (process {})", status.version, status.pid)));
    for problem in &status.problems {
        let advice = "postern's log says more: journalctl -u postern";
        findings.push(Finding::new("health", Level::Error, problem.clone(), advice));
    }
    if status.retrying > 0 {
        findings.push(Finding::new(
            "outbox",
            Level::Warning,
            format!("{} mails could not be delivered yet by {}", status.retrying, status.smtp_server),
            "postern alerts shows the last error; check [smtp] in the configuration",
        ));
    }
}

async fn door(settings: &Settings, findings: &mut Vec<Finding>) {
    for listen in settings.policy_listen() {
        let finding = match tokio::time::timeout(PROBE, probe(listen)).await {
            Ok(Ok(())) => Finding::ok("policy-door", format!("the policy door answers at {listen}")),
            Ok(Err(error)) => Finding::new(
                "policy-door",
                Level::Error,
                format!("the policy door does not answer at {listen}: {error:#}"),
                "check policy_door.listen in the configuration and whether postern is running with it",
            ),
            Err(_) => Finding::new(
                "policy-door",
                Level::Error,
                format!("the policy door at {listen} took longer than {} s", PROBE.as_secs()),
                "the machine may be overloaded; postern's log says more",
            ),
        };
        findings.push(finding);
    }
}

/// Sends a request that is answered without counting anything.
async fn probe(listen: &Listen) -> anyhow::Result<()> {
    match listen {
        Listen::Tcp(address) => ask(TcpStream::connect(address).await?).await,
        Listen::Unix(path) => ask(UnixStream::connect(path).await?).await,
        // The address that systemd listens on is in the socket unit, which only systemd knows.
        Listen::Systemd(_) => Ok(()),
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> anyhow::Result<()> {
    stream.write_all(b"request=smtpd_access_policy\nprotocol_state=CONNECT\n\n").await?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer).await.context("no answer")?;
    if answer[..length] != *b"action=DUNNO\n\n" {
        bail!("something else is listening there: it said {:?}", String::from_utf8_lossy(&answer[..length]));
    }
    Ok(())
}
