//! Man pages and completions, generated from the same definition as `--help`.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::CliError;
use super::args::Cli;

pub(super) fn completions(shell: clap_complete::Shell) {
    clap_complete::generate(shell, &mut Cli::command(), "postern", &mut std::io::stdout());
}

/// Prints `postern(1)`, or writes a page for each command into `folder`.
pub(super) fn write(folder: Option<&Path>) -> Result<(), CliError> {
    let Some(folder) = folder else {
        let printed = clap_mangen::Man::new(Cli::command()).render(&mut std::io::stdout());
        return printed.context("the manual page can't be printed").map_err(CliError::Failed);
    };
    if !folder.is_dir() {
        return Err(CliError::NotFound(format!("{} is not a directory", folder.display())));
    }
    let written = clap_mangen::generate_to(Cli::command(), folder);
    Ok(written.with_context(|| format!("the manual pages can't be written to {}", folder.display()))?)
}
