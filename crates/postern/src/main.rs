//! Postern: outbound-mail abuse control for any mail server.

mod cli;
mod config;
mod demo;
mod doctor;
mod doors;
mod replay;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(cli::Programs {
        replay: replay::command::run,
        demo: |pace| Ok(cli::runtime()?.block_on(demo::run(pace))?),
    })
}
