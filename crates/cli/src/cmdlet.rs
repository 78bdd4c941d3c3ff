//! `postern cmdlet`: Exchange's cmdlets from any shell.

use std::io::IsTerminal;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::{Client, segment};
use super::{CliError, output};
use postern_cmdlets::table::{self, Cmdlet, Column, Kind};

/// With this many properties or more, PowerShell shows a list instead of a table.
const LIST_FROM: usize = 5;

/// The format of results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// As PowerShell does: a table if there is a view or there are few properties, otherwise a list.
    Automatic,
    List,
    Table,
    Json,
}

impl Format {
    /// The format that the options ask for; `--json` takes precedence.
    pub(super) fn of(json: bool, list: bool, table: bool) -> Self {
        match (json, list, table) {
            (true, ..) => Self::Json,
            (_, true, _) => Self::List,
            (.., true) => Self::Table,
            _ => Self::Automatic,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Returned {
    value: Vec<Map<String, Value>>,
    warnings: Vec<String>,
}

/// Prints the help if that is what the command asks for; returns whether it was. Needs no daemon.
pub(super) fn help(name: &str, arguments: &[String]) -> Result<bool, CliError> {
    let about = |name: &str| table::find(name).ok_or_else(|| CliError::Usage(unknown(name)));
    if name.eq_ignore_ascii_case("Get-Help") {
        let named = arguments.iter().find(|argument| !argument.starts_with('-'));
        match named {
            Some(name) => print_help(about(name)?),
            None => print_all(),
        }
        return Ok(true);
    }
    if name.eq_ignore_ascii_case("Get-Command") {
        print_all();
        return Ok(true);
    }
    let cmdlet = about(name)?;
    let asks = arguments.iter().any(|argument| argument == "-?" || argument.eq_ignore_ascii_case("-Help"));
    if asks {
        print_help(cmdlet);
    }
    Ok(asks)
}

pub(super) async fn run(client: &Client, name: &str, arguments: &[String], format: Format) -> Result<(), CliError> {
    let cmdlet = table::find(name).ok_or_else(|| CliError::Usage(unknown(name)))?;
    let mut parameters = parameters(cmdlet, arguments)?;
    if parameters.remove("Confirm").is_some_and(|wanted| wanted != json!("$false")) && !confirmed(cmdlet, &parameters)?
    {
        return Ok(());
    }
    let path = format!("/cmdlets/{}", segment(&cmdlet.name));
    let Returned { value, warnings } = client.post(&path, &parameters).await?;
    for warning in &warnings {
        anstream::eprintln!("{}", output::styled(output::WARN, format!("WARNING: {warning}")));
    }
    match format {
        Format::Json => print_json(cmdlet, &value),
        Format::List => print_list(cmdlet, &value),
        Format::Table => print_table(cmdlet, &value),
        Format::Automatic if !cmdlet.view().is_empty() => print_table(cmdlet, &value),
        Format::Automatic if properties(cmdlet, &value).len() < LIST_FROM => print_table(cmdlet, &value),
        Format::Automatic => print_list(cmdlet, &value),
    }
    Ok(())
}

/// Asks for confirmation before anything is done, as -Confirm requires.
fn confirmed(cmdlet: &Cmdlet, parameters: &Map<String, Value>) -> Result<bool, CliError> {
    if !std::io::stdin().is_terminal() {
        return Err(CliError::Usage("-Confirm prompts, but there is no terminal; omit it".into()));
    }
    let shown = |name: &str| parameters.get(name).map(|value| text(Some(value)));
    let question = format!("{}? [y/N] ", cmdlet.sentence(shown));
    anstream::eprint!("{}", output::styled(output::BOLD, question));
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).map_err(|error| CliError::Failed(error.into()))?;
    Ok(["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()))
}

fn unknown(name: &str) -> String {
    let close = table::all().iter().map(|cmdlet| (strsim::jaro_winkler(&cmdlet.name, name), &cmdlet.name));
    let close = close.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(close, _)| *close > 0.8);
    let meant = close.map(|(_, name)| format!("; did you mean {name}?")).unwrap_or_default();
    format!("there is no cmdlet {name}{meant} (postern cmdlet Get-Command lists all cmdlets)")
}

/// Parses `-Name value`, `-Name:value`, switches, and positional values.
fn parameters(cmdlet: &Cmdlet, arguments: &[String]) -> Result<Map<String, Value>, CliError> {
    let mut given = Map::new();
    let mut arguments = arguments.iter().peekable();
    let is_name = |text: &str| {
        text.len() > 1 && text.starts_with('-') && text[1..].starts_with(|c: char| c.is_ascii_alphabetic())
    };
    while let Some(argument) = arguments.next() {
        let (name, inline) = if is_name(argument) {
            let (name, value) = argument[1..].split_once(':').map_or((&argument[1..], None), |(n, v)| (n, Some(v)));
            (full_name(cmdlet, name)?, value.map(str::to_owned))
        } else {
            (by_position(cmdlet, &given, argument)?, Some(argument.clone()))
        };
        let kind = cmdlet.parameter(&name).map_or(Kind::Switch, |parameter| parameter.kind);
        let mut value = match inline {
            Some(value) => value,
            None if kind == Kind::Switch => "$true".into(),
            None => arguments
                .next_if(|next| !is_name(next))
                .cloned()
                .ok_or_else(|| CliError::Usage(format!("Missing an argument for parameter '{name}'.")))?,
        };
        // As in PowerShell, `a, b` is one list.
        while kind == Kind::List && (value.ends_with(',') || arguments.peek().is_some_and(|next| next.starts_with(',')))
        {
            let Some(next) = arguments.next() else { break };
            value.push_str(next);
        }
        if given.contains_key(&name) {
            return Err(CliError::Usage(format!("parameter '{name}' is given more than once")));
        }
        given.insert(name, read(kind, &value));
    }
    Ok(given)
}

fn read(kind: Kind, value: &str) -> Value {
    if value.eq_ignore_ascii_case("$null") {
        return Value::Null;
    }
    match kind {
        Kind::List => json!(value.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>()),
        _ => json!(value),
    }
}

/// Finds a parameter by its name or an unambiguous prefix.
fn full_name(cmdlet: &Cmdlet, name: &str) -> Result<String, CliError> {
    let common = if cmdlet.changes() { ["Confirm", "WhatIf"].as_slice() } else { &[] };
    let names = || cmdlet.parameters.iter().map(|parameter| parameter.name.as_str()).chain(common.iter().copied());
    if let Some(known) = names().find(|known| known.eq_ignore_ascii_case(name)) {
        return Ok(known.to_owned());
    }
    let begins = |known: &&str| known.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
    match names().filter(begins).collect::<Vec<_>>().as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => Err(CliError::Usage(format!("A parameter cannot be found that matches parameter name '{name}'."))),
        several => Err(CliError::Usage(format!(
            "Parameter cannot be processed because the parameter name '{name}' is ambiguous. Possible matches include: -{}.",
            several.join(" -")
        ))),
    }
}

fn by_position(cmdlet: &Cmdlet, given: &Map<String, Value>, argument: &str) -> Result<String, CliError> {
    let mut free: Vec<_> = cmdlet
        .parameters
        .iter()
        .filter(|parameter| parameter.position.is_some() && !given.contains_key(&parameter.name))
        .collect();
    free.sort_by_key(|parameter| parameter.position);
    free.first().map(|parameter| parameter.name.clone()).ok_or_else(|| {
        CliError::Usage(format!("A positional parameter cannot be found that accepts argument '{argument}'."))
    })
}

/// The properties to show, in the table's order.
fn properties<'a>(cmdlet: &'a Cmdlet, value: &[Map<String, Value>]) -> Vec<&'a str> {
    let known = |name: &&str| value.iter().any(|object| object.contains_key(*name));
    let all = cmdlet.returns().iter().map(String::as_str);
    // Connectors are also returned by cmdlets whose view is for accounts.
    let more =
        ["ConnectorId", "ConnectorName"].into_iter().filter(|name| !cmdlet.returns().iter().any(|own| own == name));
    more.chain(all).filter(known).collect()
}

fn text(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => {
            text.strip_suffix(".0000000Z").map_or_else(|| text.clone(), |text| format!("{text}Z"))
        }
        Some(Value::Bool(flag)) => if *flag { "True" } else { "False" }.into(),
        Some(Value::Array(items)) => {
            let items: Vec<_> = items.iter().map(|item| text(Some(item))).collect();
            format!("{{{}}}", items.join(", "))
        }
        Some(other) => other.to_string(),
    }
}

/// The text of a column for an object.
fn cell(column: &Column, object: &Map<String, Value>) -> String {
    let value = object.get(&column.property);
    let whole = text(value);
    if let Some(key) = &column.key {
        let mut pairs = whole.split(';').filter_map(|pair| pair.split_once('='));
        return pairs.find(|(name, _)| name == key).map(|(_, value)| value.to_owned()).unwrap_or_default();
    }
    // 2026-11-25T09:14:02.0000000Z, shortened to the minute.
    if column.time && whole.len() > 16 && whole.is_ascii() {
        return format!("{}Z", whole[..16].replace('T', " "));
    }
    whole
}

fn print_table(cmdlet: &Cmdlet, value: &[Map<String, Value>]) {
    if value.is_empty() {
        return;
    }
    // Block-PosternSender and similar cmdlets return connectors too, which have a view of their own.
    let is_connector = value.iter().all(|object| object.contains_key("ConnectorId"));
    let of = if is_connector { table::find("Get-BlockedConnector").unwrap_or(cmdlet) } else { cmdlet };
    if of.view().is_empty() {
        let names = properties(of, value);
        let row = |object: &Map<String, Value>| names.iter().map(|name| text(object.get(*name))).collect();
        output::table(&names, value.iter().map(row).collect());
        return;
    }
    let labels: Vec<&str> = of.view().iter().map(|column| column.label.as_str()).collect();
    let right: Vec<usize> = of.view().iter().enumerate().filter(|(_, column)| column.right).map(|(at, _)| at).collect();
    let row = |object: &Map<String, Value>| of.view().iter().map(|column| cell(column, object)).collect();
    output::table_aligned(&labels, &right, value.iter().map(row).collect());
}

fn print_list(cmdlet: &Cmdlet, value: &[Map<String, Value>]) {
    let names = properties(cmdlet, value);
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    for (number, object) in value.iter().enumerate() {
        if number > 0 {
            anstream::println!();
        }
        for name in &names {
            anstream::println!(
                "{} : {}",
                output::styled(output::BOLD, format!("{name:<width$}")),
                text(object.get(*name))
            );
        }
    }
}

/// Objects with their properties in order, which a map of JSON values would lose.
fn print_json(cmdlet: &Cmdlet, value: &[Map<String, Value>]) {
    let names = properties(cmdlet, value);
    let object = |object: &Map<String, Value>| {
        let of = |name: &&str| format!("    {}: {}", json!(name), object.get(*name).unwrap_or(&Value::Null));
        format!("  {{\n{}\n  }}", names.iter().map(of).collect::<Vec<_>>().join(",\n"))
    };
    match value {
        [] => anstream::println!("[]"),
        all => anstream::println!("[\n{}\n]", all.iter().map(object).collect::<Vec<_>>().join(",\n")),
    }
}

fn print_all() {
    let rows = table::all().iter().map(|cmdlet| vec![cmdlet.name.clone(), cmdlet.synopsis.clone()]);
    output::table(&["Cmdlet", "What it does"], rows.collect());
}

fn print_help(cmdlet: &Cmdlet) {
    let heading = |text: &str| anstream::println!("\n{}", output::styled(output::BOLD, text));
    anstream::println!("{}", output::styled(output::BOLD, &cmdlet.name));
    anstream::println!("    {}\n\n    {}", cmdlet.synopsis, cmdlet.description);
    heading("PARAMETERS");
    for parameter in &cmdlet.parameters {
        let mandatory = if parameter.mandatory { ", mandatory" } else { "" };
        let position = parameter.position.map(|at| format!(", position {at}")).unwrap_or_default();
        anstream::println!("    -{} <{}>{mandatory}{position}", parameter.name, parameter.kind.powershell());
        let values = if parameter.values.is_empty() {
            String::new()
        } else {
            format!(" One of {}.", parameter.values.join(", "))
        };
        anstream::println!("        {}{values}", parameter.about);
    }
    if cmdlet.changes() {
        anstream::println!("    -WhatIf\n        Shows what would be done, without doing it.");
    }
    if !cmdlet.returns().is_empty() {
        heading("RETURNS");
        anstream::println!("    {}", cmdlet.returns().join(", "));
    }
    heading("EXAMPLES");
    for example in &cmdlet.examples {
        // Pipelines and hash tables exist only in PowerShell.
        let run = example.run.trim_end_matches(" | Format-List");
        if !run.contains('|') && !run.contains("@{") {
            anstream::println!("    postern cmdlet {run}\n        {}", example.about);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cmdlet: &str, arguments: &[&str]) -> Result<Value, String> {
        let arguments: Vec<_> = arguments.iter().map(|text| (*text).to_owned()).collect();
        parameters(table::find(cmdlet).unwrap(), &arguments).map(Value::Object).map_err(|error| format!("{error:?}"))
    }

    #[test]
    fn parameters_are_read_as_powershell_does() {
        let rule = "New-HostedOutboundSpamFilterRule";
        let arguments =
            ["Execs", "-hostedoutbound", "Execs", "-From", "a@x.example,", "b@x.example", "-Enabled:$false"];
        let expected = json!({ "Name": "Execs", "HostedOutboundSpamFilterPolicy": "Execs", "From": ["a@x.example", "b@x.example"], "Enabled": "$false" });
        assert_eq!(read(rule, &arguments), Ok(expected));
        let remove = read("Remove-HostedOutboundSpamFilterPolicy", &["-Force", "-WhatIf", "Execs"]);
        assert_eq!(remove, Ok(json!({ "Force": "$true", "WhatIf": "$true", "Identity": "Execs" })));
        let limit = read("Set-ProtectionAlert", &["X", "-NotifyUserThrottleThreshold", "$null"]);
        assert_eq!(limit, Ok(json!({ "Identity": "X", "NotifyUserThrottleThreshold": null })));
    }

    #[test]
    fn what_can_t_be_is_told() {
        let rule = "Set-HostedOutboundSpamFilterRule";
        assert!(read(rule, &["R", "-ExceptIf", "x"]).unwrap_err().contains("ambiguous"));
        assert!(read(rule, &["R", "-Nope", "x"]).unwrap_err().contains("'Nope'"));
        assert!(read(rule, &["R", "S"]).unwrap_err().contains("positional"));
        assert!(read(rule, &["R", "-From"]).unwrap_err().contains("Missing an argument"));
        assert!(read("Get-BlockedSenderAddress", &["-WhatIf"]).is_err());
    }
}
