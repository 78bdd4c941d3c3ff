//! The command line: one definition for parsing, `--help`, man pages and completions.

mod alert_policies;
mod alerts;
mod allowance;
mod args;
mod audit;
pub mod client;
mod cmdlet;
mod directory;
pub mod doctor;
mod error;
mod explain;
mod logging;
mod manual;
mod organization;
pub mod output;
mod person;
pub mod policy;
mod powershell;
mod restricted;
mod status;
mod token;
mod usage;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use postern_config as config;

use args::{Cli, Command, ConfigCommand, DaemonCommand};
use client::Client;
pub use error::CliError;
use postern_services::settings::Settings;
pub use restricted::print as print_restriction;

/// Programs that the command line starts; the binary supplies them.
#[derive(Debug, Clone, Copy)]
pub struct Programs {
    /// `postern serve`, until it is stopped.
    pub serve: fn(Settings) -> Result<(), CliError>,
    /// `postern replay`.
    pub replay: fn(ReplayRequest) -> Result<(), CliError>,
    /// `postern demo`, with the real time that a simulated step takes.
    pub demo: fn(Duration) -> Result<(), CliError>,
}

/// The arguments of `postern replay`.
#[derive(Debug)]
pub struct ReplayRequest {
    /// The settings of the configuration file.
    pub settings: Settings,
    /// A file of policies to compare with the current ones.
    pub policy: Option<PathBuf>,
    /// Where to write a page with charts.
    pub report: Option<PathBuf>,
    /// Log files; empty for standard input.
    pub logs: Vec<PathBuf>,
    /// Whether to print JSON instead of tables.
    pub json: bool,
}

/// Parses the command line and runs the command.
pub fn run(programs: Programs) -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli, programs) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.print();
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: Cli, programs: Programs) -> Result<(), CliError> {
    let Cli { config, server, token_file, organization, json, command } = cli;
    let config = config.as_deref();
    match command {
        Command::Serve => {
            let settings = settings(config)?;
            logging::start(&settings.log);
            (programs.serve)(settings)
        }
        Command::Daemon(DaemonCommand::Cmdlet { ref name, ref arguments, .. }) if cmdlet::help(name, arguments)? => {
            Ok(())
        }
        Command::Daemon(command) => {
            let client = match server {
                Some(server) => Client::remote(&server, token_file.as_deref())?,
                None => Client::local(&settings(config)?),
            };
            local_runtime()?.block_on(call_daemon(&client.of(organization).for_programs(json), command, json))
        }
        Command::Doctor { postfix_config } => {
            let settings = settings(config)?;
            local_runtime()?.block_on(doctor::run(&settings, postfix_config.as_deref(), json))
        }
        Command::Wiring { mail_server } => {
            let settings = settings(config)?;
            let args::MailServer::Postfix = mail_server;
            local_runtime()?.block_on(doctor::wiring(&settings));
            Ok(())
        }
        Command::Replay { policy, report, logs } => {
            (programs.replay)(ReplayRequest { settings: settings(config)?, policy, report, logs, json })
        }
        Command::Demo { fast } => (programs.demo)(if fast { Duration::ZERO } else { Duration::from_millis(60) }),
        Command::Config { command: ConfigCommand::Check } => check_config(config::find(config)?),
        Command::Completions { shell } => {
            manual::completions(shell);
            Ok(())
        }
        Command::Powershell { folder } => {
            let portal = settings(config).ok().map(|settings| settings.portal.base_url());
            powershell::write(&folder, portal.as_deref())
        }
        Command::Man { folder } => manual::write(folder.as_deref()),
    }
}

async fn call_daemon(client: &Client, command: DaemonCommand, json: bool) -> Result<(), CliError> {
    match command {
        DaemonCommand::Restricted { command } => restricted::run(client, command, json).await,
        DaemonCommand::Usage { account } => usage::run(client, &account, json).await,
        DaemonCommand::Explain { reference } => explain::run(client, &reference, json).await,
        DaemonCommand::Policy { command } => policy::run(client, command, json).await,
        DaemonCommand::Allowance { command } => allowance::run(client, command, json).await,
        DaemonCommand::Alerts { command, status, limit } => alerts::run(client, command, status, limit, json).await,
        DaemonCommand::Audit { command, limit, search } => {
            audit::run(client, command, limit, search.as_deref(), json).await
        }
        DaemonCommand::Token { command } => token::run(client, command, json).await,
        DaemonCommand::Directory { command } => directory::run(client, command, json).await,
        DaemonCommand::Organization { command } => organization::run(client, command, json).await,
        DaemonCommand::Person { command } => person::run(client, command, json).await,
        DaemonCommand::Session { command } => person::sessions(client, command, json).await,
        DaemonCommand::Cmdlet { name, arguments, list, table } => {
            let format = cmdlet::Format::of(json, list, table);
            cmdlet::run(client, &name, &arguments, format).await
        }
        DaemonCommand::Status => status::run(client, json).await,
    }
}

/// The settings of the configuration file `named`, or of the one in the usual place.
fn settings(named: Option<&Path>) -> Result<Settings, CliError> {
    Ok(config::load(&config::find(named)?)?)
}

fn check_config(path: PathBuf) -> Result<(), CliError> {
    let settings = config::load(&path)?;
    anstream::println!(
        "{} is valid: {} accepts mail for {}",
        path.display(),
        settings.organization.name,
        domains(&settings)
    );
    for line in &settings.advice {
        anstream::println!("{}", output::styled(output::DIM, format!("→ {line}")));
    }
    Ok(())
}

fn domains(settings: &Settings) -> String {
    settings.organization.domains.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// A runtime for programs with many tasks.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| CliError::Failed(e.into()))
}

/// A runtime for commands that call the daemon.
pub fn local_runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| CliError::Failed(e.into()))
}
