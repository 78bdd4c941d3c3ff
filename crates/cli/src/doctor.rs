//! `postern doctor`: what is wrong, and how to fix it. Also `postern wiring postfix`.

use std::path::Path;

use super::client::Client;
use super::{CliError, output};
use postern_api::types::StatusView;
use postern_domain::finding::{Finding, Level};
use postern_domain::policy::CopyAlias;
use postern_services::in_force::InForce;
use postern_services::settings::Settings;

use postern_doctor::{self as doctor, Daemon};

/// The daemon's status as far as the doctor needs it.
pub fn daemon_of(status: &StatusView) -> Daemon {
    Daemon {
        version: status.version.clone(),
        pid: status.pid,
        problems: status.problems.clone(),
        retrying: status.outbox.retrying,
        smtp_server: status.smtp_server.clone(),
        servers: status.servers.iter().cloned().map(Into::into).collect(),
        copy_aliases: copy_aliases(status),
    }
}

fn copy_aliases(status: &StatusView) -> Vec<CopyAlias> {
    status.copy_aliases.iter().cloned().map(Into::into).collect()
}

pub(super) async fn run(settings: &Settings, postfix_config: Option<&Path>, json: bool) -> Result<(), CliError> {
    let status: Result<StatusView, _> = Client::local(settings).get("/status").await;
    let daemon = status.as_ref().map(daemon_of).map_err(ToString::to_string);
    let in_force = InForce::new(settings.clone(), []);
    let findings = doctor::check(&in_force, daemon.as_ref().map_err(Clone::clone), postfix_config).await;
    if json {
        output::json(&findings)?;
    } else {
        print(&findings);
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    if worst == Some(Level::Error) { Err(CliError::Reported) } else { Ok(()) }
}

/// `postern wiring postfix`. If the daemon can't be reached, its part is left out with a note.
pub(super) async fn wiring(settings: &Settings) {
    let status: Result<StatusView, _> = Client::local(settings).get("/status").await;
    let aliases = status.as_ref().map_or_else(|_| Vec::new(), copy_aliases);
    anstream::print!("{}", doctor::lines::postfix(settings, &aliases));
    let has_run = settings.data.join("postern.db").exists();
    if status.is_err() && has_run {
        anstream::println!(
            "\n# postern is not running: aliases for copies to several addresses, if any, are not shown."
        );
    }
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
    anstream::println!("\n{} errors, {} warnings", count(Level::Error), count(Level::Warning));
}
