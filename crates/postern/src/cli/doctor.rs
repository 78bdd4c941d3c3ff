//! `postern doctor`: what is wrong, and what to do about it.

mod postfix;
mod wired;

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde::Serialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};

use super::client::Client;
use super::wiring::service_name;
use super::{CliError, output};
use crate::config::Listen;
use crate::config::Settings;
use crate::desk::views::StatusView;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// As it should be.
    Ok,
    /// Worth knowing.
    Info,
    /// Works, but not as well as it could.
    Warning,
    /// Does not work.
    Error,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    /// Its name, for programs.
    pub(super) check: &'static str,
    /// How bad it is.
    pub(super) level: Level,
    /// What was found.
    pub(super) message: String,
    /// What to do about it.
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, level: Level::Ok, message: message.into(), advice: None }
    }

    pub(super) fn new(
        check: &'static str,
        level: Level,
        message: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { check, level, message: message.into(), advice: Some(advice.into()) }
    }
}

/// How long the door may take to answer a question.
const PROBE: Duration = Duration::from_secs(5);

pub(super) async fn run(settings: &Settings, postfix_config: Option<&Path>, json: bool) -> Result<(), CliError> {
    let client = Client::local(settings);
    let mut findings = Vec::new();
    let status = daemon(&client, &mut findings).await;
    door(settings, &mut findings).await;
    let services: Vec<_> = settings.policy_door.listen.iter().map(service_name).collect();
    let servers = status.as_ref().map(|status| status.servers.as_slice());
    match postfix::read(postfix_config) {
        Ok(Some(config)) => {
            let domains: Vec<_> = settings.organization.domains.iter().map(ToString::to_string).collect();
            findings.extend(wired::check(&config, &services, &domains, servers));
        }
        Ok(None) => findings.push(Finding::new(
            "postfix",
            Level::Info,
            "Postfix is not on this machine (no postconf), so its wiring was not looked at",
            "if it is elsewhere, run postern wiring postfix and put the lines into its main.cf",
        )),
        Err(error) => findings.push(Finding::new(
            "postfix",
            Level::Error,
            format!("Postfix's configuration can't be read: {error:#}"),
            "run this as root, or name the folder with --postfix-config DIR",
        )),
    }
    if json {
        output::json(&findings)?;
    } else {
        print(&findings);
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    if worst == Some(Level::Error) { Err(CliError::Reported) } else { Ok(()) }
}

async fn daemon(client: &Client, findings: &mut Vec<Finding>) -> Option<StatusView> {
    let status: StatusView = match client.get("/status").await {
        Ok(status) => status,
        Err(error) => {
            let advice = "start it: systemctl start postern, or postern serve in a terminal, and read what it says";
            findings.push(Finding::new("daemon", Level::Error, error.to_string(), advice));
            return None;
        }
    };
    findings.push(Finding::ok("daemon", format!("postern {} is running (process {})", status.version, status.pid)));
    for problem in &status.problems {
        let advice = "postern's log says more: journalctl -u postern";
        findings.push(Finding::new("health", Level::Error, problem.clone(), advice));
    }
    if status.outbox.retrying > 0 {
        findings.push(Finding::new(
            "outbox",
            Level::Warning,
            format!("{} mails could not be delivered yet by {}", status.outbox.retrying, status.smtp_server),
            "postern alerts shows the last error; check [smtp] in the configuration",
        ));
    }
    Some(status)
}

async fn door(settings: &Settings, findings: &mut Vec<Finding>) {
    for listen in &settings.policy_door.listen {
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

/// Asks a question that is answered without counting anything.
async fn probe(listen: &Listen) -> anyhow::Result<()> {
    match listen {
        Listen::Tcp(address) => ask(TcpStream::connect(address).await?).await,
        Listen::Unix(path) => ask(UnixStream::connect(path).await?).await,
        // Where systemd listens is in its unit, which only systemd knows.
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

fn print(findings: &[Finding]) {
    for finding in findings {
        let mark = match finding.level {
            Level::Ok => output::styled(output::GOOD, "ok     "),
            Level::Info => output::styled(output::DIM, "info   "),
            Level::Warning => output::styled(output::WARN, "warning"),
            Level::Error => output::styled(output::BAD, "error  "),
        };
        anstream::println!("{mark}  {}", finding.message);
        if let Some(advice) = &finding.advice {
            anstream::println!("         {}", output::styled(output::DIM, format!("→ {advice}")));
        }
    }
    let count = |level| findings.iter().filter(|finding| finding.level == level).count();
    println!("\n{} errors, {} warnings", count(Level::Error), count(Level::Warning));
}
