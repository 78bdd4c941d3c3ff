//! The module's manifest: PowerShell finds functions by it before it loads the module, and the gallery
//! lists the module by it.

use super::super::table::all;
use super::{HOME, quoted};

/// Functions of the module that are no cmdlets of the table.
const CONNECTION: [&str; 3] = ["Connect-Postern", "Disconnect-Postern", "Get-PosternConnection"];

pub(super) fn manifest() -> String {
    let names = CONNECTION.into_iter().chain(all().iter().map(|cmdlet| cmdlet.name.as_str()));
    let names: Vec<_> = names.map(|name| format!("        {}", quoted(name))).collect();
    let (version, licence) = (env!("CARGO_PKG_VERSION"), "https://www.apache.org/licenses/LICENSE-2.0");
    let notes = format!(
        "What changed: {HOME}/CHANGELOG.md. Version {version} of the module is for version {version} of the server."
    );
    let entries = [
        ("RootModule", quoted("Postern.psm1")),
        ("ModuleVersion", quoted(version)),
        ("CompatiblePSEditions", "@('Desktop', 'Core')".into()),
        ("GUID", quoted("6d0c7a3e-5b0e-4c52-9a8c-1f6f0e5a9b71")),
        ("Author", quoted("Postern")),
        ("CompanyName", quoted("Postern")),
        ("Copyright", quoted("(c) The Postern authors. Licensed under the Apache License 2.0.")),
        (
            "Description",
            quoted(
                "Exchange Online's cmdlets for blocked senders, outbound spam policies and alert policies, for mail servers \
                 that Postern guards: list and release restricted senders, set limits, see usage and reasons.",
            ),
        ),
        ("PowerShellVersion", quoted("5.1")),
        ("DotNetFrameworkVersion", quoted("4.7.2")),
        ("FormatsToProcess", "@('Postern.Format.ps1xml')".into()),
        ("FunctionsToExport", format!("@(\n{}\n    )", names.join(",\n"))),
        ("CmdletsToExport", "@()".into()),
        ("VariablesToExport", "@()".into()),
        ("AliasesToExport", "@()".into()),
    ];
    let mut text = "# Made from integrations/cmdlets.toml by `make cmdlets`.\n@{\n".to_owned();
    for (key, value) in entries {
        text += &format!("    {key:<22} = {value}\n");
    }
    let data = [
        ("Tags", "@('Exchange', 'Postfix', 'Mail', 'Email', 'OutboundSpam', 'AntiSpam', 'Postern', 'Windows', 'Linux', 'MacOS')".into()),
        ("LicenseUri", quoted(licence)),
        ("ProjectUri", quoted(HOME)),
        ("ReleaseNotes", quoted(&notes)),
    ];
    text += "    PrivateData            = @{\n        PSData = @{\n";
    for (key, value) in data {
        text += &format!("            {key:<12} = {value}\n");
    }
    text + "        }\n    }\n}\n"
}
