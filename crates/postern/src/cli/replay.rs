//! `postern replay`

use std::path::{Path, PathBuf};

use postern_domain::policy::PolicyBook;

use super::client::Client;
use super::{CliError, output, policy};
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::desk::DeskError;
use crate::desk::policy_file;
use crate::replay::Replay;

pub(super) async fn run(
    settings: &Settings,
    proposed: Option<&Path>,
    report: Option<&Path>,
    logs: Vec<PathBuf>,
    json: bool,
) -> Result<(), CliError> {
    let proposed = proposed.map(|file| read_policies(settings, file)).transpose()?;
    let today = today(settings).await?;
    let outcome = Replay { settings, today, proposed, logs, now: SystemClock.now() }.run()?;
    if let Some(file) = report {
        outcome.write_page(file)?;
    }
    if json {
        return output::json(&outcome);
    }
    outcome.print();
    if let Some(file) = report {
        println!("\nWith charts: {}", file.display());
    }
    Ok(())
}

/// The policies in force, or, while no Postern runs here, what the configuration file says.
async fn today(settings: &Settings) -> Result<PolicyBook, CliError> {
    match Client::local(settings).get("/policy-file").await {
        Ok(book) => Ok(book),
        Err(CliError::Refused(why)) => Err(CliError::Refused(why)),
        Err(_) => {
            eprintln!("Postern does not run here: today's policy is [outbound_policy] of {}.", settings.file.display());
            Ok(PolicyBook { default: settings.outbound_policy.clone(), custom: Vec::new() })
        }
    }
}

fn read_policies(settings: &Settings, file: &Path) -> Result<PolicyBook, CliError> {
    policy_file::read(settings, &postern_domain::OrganizationId::first(), &policy::read_file(file)?)
        .map_err(|error: DeskError| CliError::Usage(format!("{}: {error}", file.display())))
}
