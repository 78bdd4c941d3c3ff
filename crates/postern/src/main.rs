//! Postern: outbound-mail abuse control for any mail server.

mod api;
mod cli;
mod clock;
mod cmdlets;
mod config;
mod countries;
mod demo;
mod desk;
mod directory;
mod doctor;
mod doors;
mod events;
mod finish;
mod gate;
mod health;
mod https;
mod links;
mod metrics;
mod outbox;
mod portal;
mod powershell;
mod present;
mod replay;
mod serve;
mod sign_in;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
