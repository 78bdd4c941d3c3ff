//! Man pages and completions, generated from the same definition as `--help`.

use std::path::Path;

use anyhow::Context;
use clap::CommandFactory;

use super::CliError;
use super::args::Cli;

pub(super) fn completions(shell: clap_complete::Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "postern", &mut script);
    anstream::print!("{}", String::from_utf8_lossy(&script));
}

/// Prints `postern(1)`, or writes a page for each command into `folder`.
pub(super) fn write(folder: Option<&Path>) -> Result<(), CliError> {
    let Some(folder) = folder else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page).context("the manual page can't be rendered")?;
        anstream::print!("{}", String::from_utf8_lossy(&page));
        return Ok(());
    };
    if !folder.is_dir() {
        return Err(CliError::NotFound(format!("{} is not a directory", folder.display())));
    }
    let written = clap_mangen::generate_to(Cli::command(), folder);
    Ok(written.with_context(|| format!("the manual pages can't be written to {}", folder.display()))?)
}
