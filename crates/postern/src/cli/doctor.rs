//! `postern doctor`: what is wrong, and what to do about it.

use std::path::Path;

use super::client::Client;
use super::{CliError, output};
use crate::config::Settings;
use crate::desk::views::StatusView;
use crate::doctor::{self, Finding, Level};

pub(super) async fn run(settings: &Settings, postfix_config: Option<&Path>, json: bool) -> Result<(), CliError> {
    let status: Result<StatusView, _> = Client::local(settings).get("/status").await;
    let status = status.as_ref().map_err(ToString::to_string);
    let findings = doctor::check(settings, status, postfix_config).await;
    if json {
        output::json(&findings)?;
    } else {
        print(&findings);
    }
    let worst = findings.iter().map(|finding| finding.level).max();
    if worst == Some(Level::Error) { Err(CliError::Reported) } else { Ok(()) }
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
