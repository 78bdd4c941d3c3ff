//! The reference page of the docs.

use std::fmt::Write;

use super::super::table::{Cmdlet, Parameter, all};

pub(super) fn reference() -> String {
    let mut text = String::from(
        "# Cmdlets\n\n<!-- Made from integrations/cmdlets.toml by `make cmdlets`; change it there. -->\n\n\
         The same names and parameters work over [the protocol](exchange.md#the-protocol), in the PowerShell module and with\n\
         `postern cmdlet`. Those that change something also take `-WhatIf` and `-Confirm`.\n",
    );
    for (own, heading) in [(false, "Exchange's"), (true, "Postern's own")] {
        let _ = write!(text, "\n## {heading}\n");
        for cmdlet in all().iter().filter(|cmdlet| cmdlet.own == own) {
            text += &about(cmdlet);
        }
    }
    text
}

fn about(cmdlet: &Cmdlet) -> String {
    let role = if cmdlet.changes() { "the role organization-management or security-administrator" } else { "any role" };
    let mut text = format!("\n### {}\n\n{} Needs {role}.\n\n{}\n\n", cmdlet.name, cmdlet.synopsis, cmdlet.description);
    if let Some(notes) = &cmdlet.notes {
        let _ = write!(text, "{notes}\n\n");
    }
    text += "| parameter | type | pipeline | |\n| --- | --- | --- | --- |\n";
    for parameter in &cmdlet.parameters {
        let _ = writeln!(
            text,
            "| `-{}` | {} | {} | {} |",
            parameter.name,
            parameter.kind.powershell(),
            match parameter.pipeline.as_str() {
                "" => "",
                "value and name" => "by value, by name",
                "value" => "by value",
                _ => "by name",
            },
            remarks(parameter)
        );
    }
    if !cmdlet.returns().is_empty() {
        let _ = write!(text, "\nReturns `{}`.\n", cmdlet.returns().join("`, `"));
    }
    for example in &cmdlet.examples {
        let _ = write!(text, "\n{}\n\n    {}\n", example.about, example.run);
    }
    text
}

fn remarks(parameter: &Parameter) -> String {
    let mut about = Vec::new();
    if parameter.mandatory {
        about.push("**required**".to_owned());
    }
    if let Some(position) = parameter.position {
        about.push(format!("position {position}"));
    }
    if !parameter.alias.is_empty() {
        about.push(format!("or `-{}`", parameter.alias.join("`, `-")));
    }
    about.push(parameter.about.replace('|', "\\|"));
    if !parameter.values.is_empty() {
        about.push(format!("`{}`", parameter.values.join("`, `")));
    }
    about.join("; ")
}
