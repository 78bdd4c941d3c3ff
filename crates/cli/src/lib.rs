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

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use postern_config as config;

use args::{Cli, Command, ConfigCommand};
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
    let named = config.as_deref();
    let load = || -> Result<Settings, CliError> { Ok(config::load(&config::find(named)?)?) };
    let client = || -> Result<Client, CliError> {
        let client = match &server {
            Some(server) => Client::remote(server, token_file.as_deref())?,
            None => Client::local(&load()?),
        };
        Ok(client.of(organization.clone()))
    };
    match command {
        Command::Serve => {
            let settings = load()?;
            logging::start(&settings.log);
            (programs.serve)(settings)
        }
        Command::Restricted { command } => with_client(client()?, async |c| restricted::run(c, command, json).await),
        Command::Usage { account } => with_client(client()?, async |c| usage::run(c, &account, json).await),
        Command::Explain { reference } => with_client(client()?, async |c| explain::run(c, &reference, json).await),
        Command::Policy { command } => with_client(client()?, async |c| policy::run(c, command, json).await),
        Command::Allowance { command } => with_client(client()?, async |c| allowance::run(c, command, json).await),
        Command::Alerts { command, status, limit } => {
            with_client(client()?, async |c| alerts::run(c, command, status, limit, json).await)
        }
        Command::Audit { command, limit, search } => {
            with_client(client()?, async |c| audit::run(c, command, limit, search.as_deref(), json).await)
        }
        Command::Token { command } => with_client(client()?, async |c| token::run(c, command, json).await),
        Command::Cmdlet { name, arguments, list, table } => {
            if cmdlet::help(&name, &arguments)? {
                return Ok(());
            }
            let shown = match (json, list, table) {
                (true, ..) => cmdlet::Shown::Json,
                (_, true, _) => cmdlet::Shown::List,
                (.., true) => cmdlet::Shown::Table,
                _ => cmdlet::Shown::ByItself,
            };
            with_client(client()?, async |c| cmdlet::run(c, &name, &arguments, shown).await)
        }
        Command::Directory { command } => with_client(client()?, async |c| directory::run(c, command, json).await),
        Command::Organization { command } => {
            with_client(client()?, async |c| organization::run(c, command, json).await)
        }
        Command::Person { command } => with_client(client()?, async |c| person::run(c, command, json).await),
        Command::Session { command } => with_client(client()?, async |c| person::sessions(c, command, json).await),
        Command::Status => with_client(client()?, async |c| status::run(c, json).await),
        Command::Doctor { postfix_config } => {
            let settings = load()?;
            local_runtime()?.block_on(doctor::run(&settings, postfix_config.as_deref(), json))
        }
        Command::Wiring { mail_server } => {
            let settings = load()?;
            let args::MailServer::Postfix = mail_server;
            local_runtime()?.block_on(doctor::wiring(&settings));
            Ok(())
        }
        Command::Replay { policy, report, logs } => {
            (programs.replay)(ReplayRequest { settings: load()?, policy, report, logs, json })
        }
        Command::Demo { fast } => (programs.demo)(if fast { Duration::ZERO } else { Duration::from_millis(60) }),
        Command::Config { command: ConfigCommand::Check } => check_config(config::find(named)?),
        Command::Completions { shell } => {
            manual::completions(shell);
            Ok(())
        }
        Command::Powershell { folder } => {
            let settings = config::find(named).ok().and_then(|file| config::load(&file).ok());
            let portal = settings.map(|settings| settings.portal.base_url());
            powershell::write(&folder, portal.as_deref())
        }
        Command::Man { folder } => manual::write(folder.as_deref()),
    }
}

fn check_config(path: PathBuf) -> Result<(), CliError> {
    let settings = config::load(&path)?;
    println!("{} is valid: {} accepts mail for {}", path.display(), settings.organization.name, domains(&settings));
    Ok(())
}

fn domains(settings: &Settings) -> String {
    settings.organization.domains.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn with_client(client: Client, command: impl AsyncFnOnce(&Client) -> Result<(), CliError>) -> Result<(), CliError> {
    local_runtime()?.block_on(command(&client))
}

/// A runtime for programs with many tasks.
pub fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|e| CliError::Failed(e.into()))
}

/// A runtime for commands that call the daemon.
pub fn local_runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| CliError::Failed(e.into()))
}
