//! What is made from the table: the PowerShell module's functions, manifest and views, and the docs
//! page. `make cmdlets` writes them; otherwise this finds out whether they are as the table says.

mod docs;
mod functions;
mod manifest;
mod views;

use std::path::Path;

use super::table::Cmdlet;

/// Where what the project publishes is found.
const HOME: &str = env!("CARGO_PKG_HOMEPAGE");

/// The address of a cmdlet's paragraph in the docs.
fn help_address(cmdlet: &Cmdlet) -> String {
    format!("{HOME}/docs/cmdlets.md#{}", cmdlet.name.to_lowercase())
}

/// Text in single quotes, as PowerShell and its manifests have it.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

#[test]
fn module_and_docs_are_as_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (file, text) in [
        ("integrations/powershell/Postern/Cmdlets.ps1", functions::all_functions()),
        ("integrations/powershell/Postern/Postern.psd1", manifest::manifest()),
        ("integrations/powershell/Postern/Postern.Format.ps1xml", views::views()),
        ("docs/cmdlets.md", docs::reference()),
    ] {
        if std::env::var_os("POSTERN_WRITE_CMDLETS").is_some() {
            std::fs::write(root.join(file), &text).unwrap();
        }
        let there = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(there == text, "{file} is not as integrations/cmdlets.toml says: run make cmdlets");
    }
}
