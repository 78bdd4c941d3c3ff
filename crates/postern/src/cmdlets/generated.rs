//! What is made from the table: the PowerShell module's functions and the docs page. `make cmdlets`
//! writes them; otherwise this finds out whether they are as the table says.

use std::fmt::Write;
use std::path::Path;

use super::table::{Cmdlet, Kind, Parameter, all};

const FUNCTIONS: &str = "integrations/powershell/Postern/Cmdlets.ps1";
const MANIFEST: &str = "integrations/powershell/Postern/Postern.psd1";
const FORMAT: &str = "integrations/powershell/Postern/Postern.Format.ps1xml";
const REFERENCE: &str = "docs/cmdlets.md";

/// A cmdlet as a PowerShell function with its help.
fn function(cmdlet: &Cmdlet) -> String {
    let mut text = format!("function {} {{\n<#\n.SYNOPSIS\n{}\n", cmdlet.name, cmdlet.synopsis);
    for parameter in &cmdlet.parameters {
        let _ = write!(text, ".PARAMETER {}\n{}\n", parameter.name, parameter.about);
    }
    for example in &cmdlet.examples {
        let _ = write!(text, ".EXAMPLE\n{example}\n");
    }
    text += "#>\n";
    let supports = if cmdlet.changes {
        let impact =
            if cmdlet.name.starts_with("Remove-") && !cmdlet.name.contains("Blocked") { "High" } else { "Medium" };
        format!("SupportsShouldProcess = $true, ConfirmImpact = '{impact}', PositionalBinding = $false")
    } else {
        "PositionalBinding = $false".into()
    };
    let _ = write!(text, "    [CmdletBinding({supports})]\n    param(\n");
    let parameters: Vec<_> = cmdlet.parameters.iter().map(declaration).collect();
    text += &parameters.join(",\n\n");
    text +=
        "\n    )\n    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }\n    process {\n";
    let invoke = format!("Invoke-PosternCmdlet -Name '{}' -Parameters $PSBoundParameters", cmdlet.name);
    if cmdlet.changes {
        let target = cmdlet.subject().map_or("Identity", |subject| subject.name.as_str());
        if cmdlet.parameter("Force").is_some() {
            text += "        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference = 'None' }\n";
        }
        let asks = format!("$PSCmdlet.ShouldProcess(${target}, '{}')", cmdlet.name);
        let _ = write!(text, "        if ({asks}) {{\n            {invoke}\n        }}\n");
    } else {
        let _ = writeln!(text, "        {invoke}");
    }
    text += "    }\n}\n";
    text
}

fn declaration(parameter: &Parameter) -> String {
    let mut settings = Vec::new();
    if parameter.mandatory {
        settings.push("Mandatory = $true".to_owned());
    }
    if let Some(position) = parameter.position {
        settings.push(format!("Position = {position}"));
    }
    if parameter.pipeline.contains("value") {
        settings.push("ValueFromPipeline = $true".into());
    }
    if parameter.pipeline.contains("name") {
        settings.push("ValueFromPipelineByPropertyName = $true".into());
    }
    let mut text = format!("        [Parameter({})]\n", settings.join(", "));
    if !parameter.values.is_empty() {
        let values: Vec<_> = parameter.values.iter().map(|value| format!("'{value}'")).collect();
        let _ = writeln!(text, "        [ValidateSet({})]", values.join(", "));
    }
    if let (Kind::Text, Some(length)) = (parameter.kind, parameter.length) {
        let _ = writeln!(text, "        [ValidateLength(0, {length})]");
    }
    // A limit of $null is no limit; a type of numbers would make 0 of it, which is the same.
    if let Some(max) = parameter.max {
        let _ = writeln!(text, "        [ValidateRange(0, {max})]");
    }
    let empty = matches!(parameter.kind, Kind::List) && !parameter.mandatory;
    if empty {
        text += "        [AllowEmptyCollection()]\n        [AllowNull()]\n";
    }
    let _ = write!(text, "        [{}]${}", parameter.kind.powershell(), parameter.name);
    text
}

fn functions() -> String {
    let head = "# Made from integrations/cmdlets.toml by `make cmdlets`; change it there.\n\n";
    head.to_owned() + &all().iter().map(function).collect::<Vec<_>>().join("\n")
}

/// The module's manifest: PowerShell finds functions by it before it loads the module.
fn manifest() -> String {
    let own = ["Connect-Postern", "Disconnect-Postern"].into_iter();
    let names = own.chain(all().iter().map(|cmdlet| cmdlet.name.as_str()));
    let names: Vec<_> = names.map(|name| format!("        '{name}'")).collect();
    format!(
        "# Made from integrations/cmdlets.toml by `make cmdlets`.\n@{{\n    RootModule        = 'Postern.psm1'\n    \
         ModuleVersion     = '{}'\n    GUID              = '6d0c7a3e-5b0e-4c52-9a8c-1f6f0e5a9b71'\n    \
         Author            = 'Postern'\n    Description       = 'Exchange''s cmdlets for outbound spam, against Postern.'\n    \
         PowerShellVersion = '5.1'\n    FormatsToProcess  = @('Postern.Format.ps1xml')\n    FunctionsToExport = @(\n{}\n    )\n    \
         CmdletsToExport   = @()\n    VariablesToExport = @()\n    AliasesToExport   = @()\n}}\n",
        env!("CARGO_PKG_VERSION"),
        names.join(",\n")
    )
}

/// How PowerShell shows objects for which the table has a view.
fn format() -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<!-- Made from integrations/cmdlets.toml by `make cmdlets`. -->\n\
         <Configuration>\n  <ViewDefinitions>\n",
    );
    for cmdlet in all().iter().filter(|cmdlet| !cmdlet.view().is_empty() && cmdlet.name.starts_with("Get-")) {
        let name = format!("Postern.{}", cmdlet.name.trim_start_matches("Get-"));
        let heads = "            <TableColumnHeader />\n".repeat(cmdlet.view().len());
        let items = cmdlet.view().iter().map(|property| {
            format!("                <TableColumnItem><PropertyName>{property}</PropertyName></TableColumnItem>\n")
        });
        let items: String = items.collect();
        let _ = write!(
            text,
            "    <View>\n      <Name>{name}</Name>\n      <ViewSelectedBy><TypeName>{name}</TypeName></ViewSelectedBy>\n      \
             <TableControl>\n          <TableHeaders>\n{heads}          </TableHeaders>\n          <TableRowEntries>\n            \
             <TableRowEntry>\n              <TableColumnItems>\n{items}              </TableColumnItems>\n            \
             </TableRowEntry>\n          </TableRowEntries>\n      </TableControl>\n    </View>\n"
        );
    }
    text + "  </ViewDefinitions>\n</Configuration>\n"
}

fn reference() -> String {
    let mut text = String::from(
        "# Cmdlets\n\n<!-- Made from integrations/cmdlets.toml by `make cmdlets`; change it there. -->\n\n\
         The same names and parameters over [the wire](exchange.md#the-wire), in the PowerShell module and as\n\
         `postern cmdlet`. Those that change something also take `-WhatIf` and `-Confirm`.\n",
    );
    for (own, heading) in [(false, "Exchange's"), (true, "Postern's own")] {
        let _ = write!(text, "\n## {heading}\n");
        for cmdlet in all().iter().filter(|cmdlet| cmdlet.own == own) {
            let _ = write!(
                text,
                "\n### {}\n\n{} Takes {}.\n\n",
                cmdlet.name,
                cmdlet.synopsis,
                match cmdlet.changes {
                    true => "a role that may manage",
                    false => "any role",
                }
            );
            text += "| parameter | type | |\n| --- | --- | --- |\n";
            for parameter in &cmdlet.parameters {
                let mut about = Vec::new();
                if parameter.mandatory {
                    about.push("**required**".to_owned());
                }
                if let Some(position) = parameter.position {
                    about.push(format!("position {position}"));
                }
                about.push(parameter.about.clone());
                if !parameter.values.is_empty() {
                    about.push(format!("`{}`", parameter.values.join("`, `")));
                }
                let _ = writeln!(
                    text,
                    "| `-{}` | {} | {} |",
                    parameter.name,
                    parameter.kind.powershell(),
                    about.join("; ")
                );
            }
            if !cmdlet.returns().is_empty() {
                let _ = write!(text, "\nReturns `{}`.\n", cmdlet.returns().join("`, `"));
            }
            let _ = write!(text, "\n    {}\n", cmdlet.examples.join("\n    "));
        }
    }
    text
}

#[test]
fn module_and_docs_are_as_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for (file, text) in [(FUNCTIONS, functions()), (MANIFEST, manifest()), (FORMAT, format()), (REFERENCE, reference())]
    {
        if std::env::var_os("POSTERN_WRITE_CMDLETS").is_some() {
            std::fs::write(root.join(file), &text).unwrap();
        }
        let there = std::fs::read_to_string(root.join(file)).unwrap_or_default();
        assert!(there == text, "{file} is not as integrations/cmdlets.toml says: run make cmdlets");
    }
}
