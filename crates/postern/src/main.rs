//! Postern: outbound-mail abuse control for any mail server.

mod demo;
mod doors;
mod replay;
mod serve;

use std::process::ExitCode;
use std::sync::Arc;

use postern_cli::{self as cli, Programs};
use postern_services::clock::SystemClock;
use postern_services::randomness::SystemRandomness;

fn main() -> ExitCode {
    cli::run(Programs {
        serve: |settings| {
            Ok(cli::runtime()?.block_on(serve::run(settings, Arc::new(SystemClock), Arc::new(SystemRandomness)))?)
        },
        replay: replay::command::run,
        demo: |pace| Ok(cli::runtime()?.block_on(demo::run(pace))?),
    })
}
