//! `postern replay`: what policies would have done with the mail in a log.

use std::path::Path;

use postern_domain::policy::PolicyBook;

use super::Replay;
use postern_cli::client::Client;
use postern_cli::{self as cli, CliError, ReplayRequest, output, policy};
use postern_services::clock::{Clock, SystemClock};
use postern_services::in_force::InForce;
use postern_services::service::ServiceError;
use postern_services::service::policies::file;
use postern_services::settings::Settings;

/// Reads the logs and prints or writes the result.
///
/// # Errors
/// A file can't be read or written, or is not valid.
pub fn run(request: ReplayRequest) -> Result<(), CliError> {
    cli::local_runtime()?.block_on(replay(&request))
}

async fn replay(request: &ReplayRequest) -> Result<(), CliError> {
    let ReplayRequest { settings, policy, report, logs, json } = request;
    let proposed = policy.as_deref().map(|file| read_policies(settings, file)).transpose()?;
    let today = today(settings).await?;
    let outcome = Replay { settings, today, proposed, logs: logs.clone(), now: SystemClock.now() }.run()?;
    if let Some(file) = report {
        outcome.write_page(file)?;
    }
    if *json {
        return output::json(&outcome);
    }
    outcome.print();
    if let Some(file) = report {
        anstream::println!("\nWith charts: {}", file.display());
    }
    Ok(())
}

/// The policies in force or, if Postern does not run here, those of the configuration file.
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
    file::read(&InForce::new(settings.clone(), []), &postern_domain::OrganizationId::first(), &policy::read_file(file)?)
        .map_err(|error: ServiceError| CliError::Usage(format!("{}: {error}", file.display())))
}
