//! `postern powershell`: the PowerShell module that belongs to this version.

use std::path::Path;

use anyhow::Context;

use super::CliError;
use postern_services::powershell;

/// Writes the module, and prints the next steps. `portal` is the portal's address, if it is known.
pub(super) fn write(folder: &Path, portal: Option<&str>) -> Result<(), CliError> {
    let written = powershell::write_into(folder)
        .with_context(|| format!("the module can't be written to {}", folder.display()))?;
    anstream::println!("Wrote the PowerShell module {} to {}.", env!("CARGO_PKG_VERSION"), written.display());
    anstream::println!("\nIn PowerShell:");
    for line in powershell::first_lines(&written.display().to_string(), portal.unwrap_or("https://postern.example.com"))
    {
        anstream::println!("  {line}");
    }
    anstream::println!("\nTo create a token: postern token add NAME --role security-administrator");
    Ok(())
}
