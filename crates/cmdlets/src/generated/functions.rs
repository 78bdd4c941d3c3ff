//! Each cmdlet as a PowerShell function with its help, and what the Tab key offers.

use std::fmt::Write;

use super::super::table::{Cmdlet, Completes, Kind, Parameter, all};
use super::{help_address, quoted};

pub(super) fn all_functions() -> String {
    let mut text =
        "# Made from integrations/cmdlets.toml by `make cmdlets`; change it there.\n\n# What the Tab key offers.\n\
         $script:Completions = @{\n"
            .to_owned();
    for cmdlet in all() {
        for parameter in &cmdlet.parameters {
            if let Some(completes) = parameter.completes {
                let _ = writeln!(text, "    '{} -{}' = '{}'", cmdlet.name, parameter.name, kind(completes));
            }
        }
    }
    text += "}\n\n";
    text + &all().iter().map(function).collect::<Vec<_>>().join("\n")
}

fn kind(completes: Completes) -> &'static str {
    match completes {
        Completes::Senders => "senders",
        Completes::BlockedSenders => "blocked-senders",
        Completes::BlockedConnectors => "blocked-connectors",
        Completes::Policies => "policies",
        Completes::Rules => "rules",
        Completes::Alerts => "alerts",
    }
}

fn function(cmdlet: &Cmdlet) -> String {
    let name = &cmdlet.name;
    let mut text = format!("function {name} {{\n{}", help(cmdlet));
    let mut binding = Vec::new();
    if cmdlet.changes() {
        let removes = name.starts_with("Remove-") && !name.contains("Blocked");
        let impact = if removes { "High" } else { "Medium" };
        binding.push(format!("SupportsShouldProcess = $true, ConfirmImpact = '{impact}'"));
    }
    binding.push("PositionalBinding = $false".into());
    binding.push(format!("HelpUri = {}", quoted(&help_address(cmdlet))));
    let _ = writeln!(text, "    [CmdletBinding({})]", binding.join(", "));
    if let Some(type_name) = cmdlet.type_name() {
        let _ = writeln!(text, "    [OutputType('{type_name}')]");
    }
    let parameters: Vec<_> = cmdlet.parameters.iter().map(declaration).collect();
    let _ = write!(text, "    param(\n{}\n    )\n", parameters.join(",\n\n"));
    text += "    begin { Import-PosternPreference -Cmdlet $PSCmdlet -Bound $PSBoundParameters }\n    process {\n";
    text += &body(cmdlet);
    text += "    }\n}\n";
    text
}

fn body(cmdlet: &Cmdlet) -> String {
    let mut text = String::new();
    if cmdlet.parameter("Force").is_some() {
        text +=
            "        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference = 'None' }\n";
    }
    let subject = cmdlet.subject().map_or("Identity", |subject| subject.name.as_str());
    let call = format!("-Cmdlet $PSCmdlet -Name '{}' -Parameters $PSBoundParameters -Subject '{subject}'", cmdlet.name);
    let mut asks = call.clone();
    if let Some(does) = &cmdlet.does {
        let (template, values) = template(cmdlet, does);
        let _ = writeln!(text, "        $does = {} -f {}", quoted(&template), values.join(", "));
        asks += " -Does $does";
    }
    let type_name = cmdlet.type_name().map(|name| format!(" -Type '{name}'")).unwrap_or_default();
    let _ = write!(
        text,
        "        if (Confirm-PosternCall {asks}) {{\n            Invoke-PosternCmdlet {call}{type_name}\n        }}\n"
    );
    text
}

/// A sentence as .NET formats it: places with numbers, and what stands there.
fn template(cmdlet: &Cmdlet, does: &str) -> (String, Vec<String>) {
    let (mut template, mut values) = (does.to_owned(), Vec::new());
    for parameter in &cmdlet.parameters {
        let place = format!("{{{}}}", parameter.name);
        if template.contains(&place) {
            template = template.replace(&place, &format!("{{{}}}", values.len()));
            values.push(format!("${}", parameter.name));
        }
    }
    (template, values)
}

fn help(cmdlet: &Cmdlet) -> String {
    let mut text = format!("<#\n.SYNOPSIS\n{}\n.DESCRIPTION\n{}\n", cmdlet.synopsis, cmdlet.description);
    for parameter in &cmdlet.parameters {
        let _ = write!(text, ".PARAMETER {}\n{}\n", parameter.name, parameter.about);
    }
    for example in &cmdlet.examples {
        let _ = write!(text, ".EXAMPLE\n{}\n\n{}\n", example.run, example.about);
    }
    let piped: Vec<_> = cmdlet.parameters.iter().filter(|parameter| parameter.pipeline.contains("value")).collect();
    match piped.first() {
        Some(parameter) => {
            let names: Vec<_> = parameter.input_names().map(str::to_owned).collect();
            let _ = write!(
                text,
                ".INPUTS\nSystem.String, or an object with one of these properties: {}.\n",
                names.join(", ")
            );
        }
        None => text += ".INPUTS\nNone by value; parameters are taken by property name.\n",
    }
    let returns = cmdlet.type_name().unwrap_or_else(|| "None.".into());
    let role = if cmdlet.changes() { "the role organization-management or security-administrator" } else { "any role" };
    let origin =
        if cmdlet.own { "Postern's own; Exchange Online has no such cmdlet." } else { "Named as in Exchange Online." };
    let notes = cmdlet.notes.as_ref().map(|notes| format!("{notes}\n")).unwrap_or_default();
    let _ = write!(text, ".OUTPUTS\n{returns}\n.NOTES\n{notes}Needs {role}. {origin}\n");
    let noun = |name: &str| name.split_once('-').map(|(_, noun)| noun.to_owned());
    let related = all().iter().filter(|other| other.name != cmdlet.name && noun(&other.name) == noun(&cmdlet.name));
    let links = std::iter::once(help_address(cmdlet)).chain(related.map(|other| other.name.clone()));
    for link in links.chain(["about_Postern".to_owned()]) {
        let _ = write!(text, ".LINK\n{link}\n");
    }
    text + "#>\n"
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
    if !parameter.alias.is_empty() {
        let names: Vec<_> = parameter.alias.iter().map(|name| quoted(name)).collect();
        let _ = writeln!(text, "        [Alias({})]", names.join(", "));
    }
    if parameter.pipeline.contains("value") {
        let names: Vec<_> = parameter.input_names().collect();
        // What is empty is refused by the function: an error of binding is in no -ErrorVariable.
        text += "        [AllowNull()]\n        [AllowEmptyString()]\n";
        let _ = writeln!(text, "        [PosternIdentity('{}')]", names.join(","));
    }
    if !parameter.values.is_empty() {
        let values: Vec<_> = parameter.values.iter().map(|value| quoted(value)).collect();
        let _ = writeln!(text, "        [ValidateSet({})]", values.join(", "));
    }
    if let (Kind::Text, Some(length)) = (parameter.kind, parameter.length) {
        let _ = writeln!(text, "        [ValidateLength(0, {length})]");
    }
    // A limit of $null is no limit; a type of numbers would make 0 of it, which is the same.
    if let Some(max) = parameter.max {
        let _ = writeln!(text, "        [ValidateRange(0, {max})]");
    }
    if matches!(parameter.kind, Kind::List) && !parameter.mandatory {
        text += "        [AllowEmptyCollection()]\n        [AllowNull()]\n";
    }
    let _ = write!(text, "        [{}]${}", parameter.kind.powershell(), parameter.name);
    text
}
