//! `postern policy`: outbound policies.

use std::path::Path;

use anyhow::Context;
use postern_api::types::{
    EffectView, OutboundPolicy, PolicyBook, PolicyChangeView, PolicyChoiceView, PolicyView, PreviewView, Scope,
};
use serde_json::{Map, Value, json};

use super::args::PolicyCommand;
use super::client::{Client, segment};
use super::{CliError, output};
use postern_services::present;
use postern_services::service::PREVIEW_DAYS;

pub(super) async fn run(client: &Client, command: PolicyCommand, as_json: bool) -> Result<(), CliError> {
    match command {
        PolicyCommand::List => list(client, as_json).await,
        PolicyCommand::Show { name } => show(client, name.as_deref(), as_json).await,
        PolicyCommand::Explain { account } => explain(client, &account, as_json).await,
        PolicyCommand::Add { name, settings } => {
            let mut body = read_settings(&json!(OutboundPolicy::default()), &settings)?;
            body.insert("name".into(), json!(name));
            let made: PolicyView = client.post("/policies", &body).await?;
            print_change(&made, "added", as_json)
        }
        PolicyCommand::Set { name, settings } => {
            let body = read_settings(&json!(OutboundPolicy::default()), &settings)?;
            let changed: PolicyView = client.patch(&format!("/policies/{}", segment(&name)), &body).await?;
            print_change(&changed, "changed", as_json)
        }
        PolicyCommand::Preview { name, settings } => {
            let body = read_settings(&json!(OutboundPolicy::default()), &settings)?;
            preview(client, &name, &body, as_json).await
        }
        PolicyCommand::Remove { name } => {
            client.delete(&format!("/policies/{}", segment(&name))).await?;
            if !as_json {
                anstream::println!("The outbound policy {name} is removed.");
            }
            Ok(())
        }
        PolicyCommand::Export { file } => export(client, file.as_deref(), as_json).await,
        PolicyCommand::Apply { file, dry_run } => apply(client, &file, dry_run, as_json).await,
    }
}

async fn preview(client: &Client, name: &str, body: &Map<String, Value>, as_json: bool) -> Result<(), CliError> {
    let found: PreviewView = client.post(&format!("/policies/{}/preview", segment(name)), body).await?;
    if as_json {
        return output::json(&found);
    }
    let entities = match found.count {
        0 => "nobody".to_owned(),
        1 => "one entity".to_owned(),
        count => format!("{count} entities"),
    };
    anstream::println!("With the mail of the last {PREVIEW_DAYS} days, {name} would have acted on {entities}.");
    if !found.entities.is_empty() {
        anstream::println!();
    }
    let row = |effect: &EffectView| {
        let excess = &effect.excess;
        vec![
            effect.entity.to_string(),
            present::time(effect.at),
            format!("{} {}, the limit is {}", excess.count, excess.window, excess.limit),
            if effect.also_now { "yes" } else { "no" }.into(),
        ]
    };
    if !found.entities.is_empty() {
        output::table(&["Entity", "About when", "Reason", "Also now"], found.entities.iter().map(row).collect());
    }
    if found.count > found.entities.len() {
        anstream::println!("… and {} more.", found.count - found.entities.len());
    }
    Ok(())
}

fn print_change(policy: &PolicyView, what: &str, as_json: bool) -> Result<(), CliError> {
    if as_json {
        return output::json(policy);
    }
    anstream::println!("The outbound policy {} is {what}; it is in force now.", policy.policy.name);
    facts(policy);
    Ok(())
}

async fn list(client: &Client, as_json: bool) -> Result<(), CliError> {
    let policies: Vec<PolicyView> = client.get("/policies").await?;
    if as_json {
        return output::json(&policies);
    }
    let rows = policies.iter().map(|view| {
        let limit = |key: &str| view.limits.get(key).map_or_else(|| "-".into(), ToString::to_string);
        vec![
            view.policy.name.clone(),
            status(view).into(),
            priority(view),
            scope(&view.policy),
            limit("external_per_hour"),
            limit("internal_per_hour"),
            limit("per_day"),
            view.policy.action.key().into(),
        ]
    });
    let heads = ["Name", "Status", "Priority", "For", "External/h", "Internal/h", "Per day", "Action"];
    output::table(&heads, rows.collect());
    Ok(())
}

async fn show(client: &Client, name: Option<&str>, as_json: bool) -> Result<(), CliError> {
    let policies: Vec<PolicyView> = match name {
        None => client.get("/policies").await?,
        Some(name) => vec![client.get(&format!("/policies/{}", segment(name))).await?],
    };
    if as_json {
        return output::json(&policies);
    }
    for (number, policy) in policies.iter().enumerate() {
        if number > 0 {
            anstream::println!();
        }
        facts(policy);
    }
    Ok(())
}

fn facts(view: &PolicyView) {
    let policy = &view.policy;
    let mut facts = vec![("Policy", policy.name.clone())];
    if !policy.description.is_empty() {
        facts.push(("Description", policy.description.clone()));
    }
    facts.push(("Status", status(view).into()));
    facts.push(("Priority", priority(view)));
    facts.push(("For", scope(policy)));
    let limits = [
        ("External per hour", "external_per_hour", "recipients"),
        ("Internal per hour", "internal_per_hour", "recipients"),
        ("Per day", "per_day", "recipients"),
        ("Escape lane per hour", "escape_lane_per_hour", "recipients"),
        ("Messages per minute", "messages_per_minute", "messages"),
        ("Messages per day", "messages_per_day", "messages"),
        ("First-time per day", "first_time_recipients_per_day", "recipients"),
        ("Unknown per hour", "unknown_recipients_per_hour", "recipients"),
    ];
    for (name, key, what) in limits {
        if let Some(limit) = view.limits.get(key) {
            facts.push((name, format!("{limit} {what}")));
        }
    }
    if policy.recipients_per_message > 0 {
        facts.push(("Recipients per message", policy.recipients_per_message.to_string()));
    }
    facts.push(("Action", format!("{} ({})", policy.action.key(), policy.action)));
    if policy.warn_at_percent > 0 {
        facts.push(("Warning", format!("at {}% of a limit", policy.warn_at_percent)));
    }
    if !policy.notify.is_empty() {
        facts.push(("Notify", policy.notify.join(", ")));
    }
    if !policy.copy_to.is_empty() {
        facts.push(("Copy of mail over a limit", policy.copy_to.join(", ")));
    }
    let probation = match view.probation_hours {
        0 => "none".into(),
        hours => format!("{hours} hours at {}% of the limits after a release", view.probation_percent),
    };
    facts.push(("Probation", probation));
    output::facts(&facts);
}

fn status(view: &PolicyView) -> &'static str {
    match (view.is_default, view.policy.enabled, view.policy.mode) {
        (_, true, postern_domain::policy::Mode::ReportOnly) => "Report only",
        (true, ..) => "Always on",
        (_, true, _) => "On",
        _ => "Off",
    }
}

fn priority(view: &PolicyView) -> String {
    view.priority.map_or_else(|| "Lowest".into(), |priority| priority.to_string())
}

/// All conditions must match; the values of one condition are alternatives.
fn scope(policy: &OutboundPolicy) -> String {
    let text = scope_text(&policy.scope);
    if policy.scope == Scope::default() { "everyone else".into() } else { text }
}

/// The scope of a policy, in words.
pub(super) fn scope_text(scope: &Scope) -> String {
    let users =
        |users: &[postern_domain::EntityId]| users.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
    let parts = |users: String, groups: &[String], domains: &[String], and: &str| {
        let groups = groups.iter().map(|group| format!("group {group}")).collect::<Vec<_>>().join(" or ");
        let domains = domains.iter().map(|domain| format!("@{domain}")).collect::<Vec<_>>().join(" or ");
        let all: Vec<_> = [users, groups, domains].into_iter().filter(|part| !part.is_empty()).collect();
        all.join(and)
    };
    let with = parts(users(&scope.users), &scope.groups, &scope.domains, " and ");
    let without = parts(users(&scope.except_users), &scope.except_groups, &scope.except_domains, " or ");
    let with = if with.is_empty() { "everyone".into() } else { with };
    if without.is_empty() { with } else { format!("{with}, except {without}") }
}

async fn explain(client: &Client, account: &str, as_json: bool) -> Result<(), CliError> {
    let choice: PolicyChoiceView = client.get(&format!("/accounts/{}/policy", segment(account))).await?;
    if as_json {
        return output::json(&choice);
    }
    let groups = if choice.groups.is_empty() { "none".into() } else { choice.groups.join(", ") };
    let mut facts =
        vec![("Account", choice.entity.to_string()), ("Groups", groups), ("Standing", choice.standing.clone())];
    if let Some(name) = &choice.name {
        facts.insert(1, ("Name", name.clone()));
    }
    if choice.in_directory == Some(false) {
        facts.push(("Directory", "not listed; counted anyway".into()));
    }
    for skipped in &choice.skipped {
        facts.push(("Not", format!("{} (priority {}): {}", skipped.policy, skipped.priority, because(&skipped.why))));
    }
    let why = match choice.policy.priority {
        None => "applies to everyone without another policy".into(),
        Some(_) => format!("applies to {}", scope(&choice.policy.policy)),
    };
    facts.push(("Applies", format!("{} (priority {}): {why}", choice.policy.policy.name, priority(&choice.policy))));
    if let Some(allowance) = &choice.allowance {
        let until = output::ahead(allowance.until);
        facts.push(("Allowance", format!("until {until}, by {}: {}", allowance.granted_by, allowance.reason)));
    }
    for (window, limit) in &choice.limits {
        facts.push(("Limit", format!("{limit} {}", window.replace('_', " "))));
    }
    output::facts(&facts);
    Ok(())
}

fn because(why: &str) -> String {
    if why.starts_with("is off") { why.to_owned() } else { format!("the account {why}") }
}

async fn export(client: &Client, file: Option<&Path>, as_json: bool) -> Result<(), CliError> {
    let book: PolicyBook = client.get("/policy-file").await?;
    if as_json {
        return output::json(&book);
    }
    let text = toml::to_string_pretty(&book).context("the policies can't be written as TOML")?;
    match file {
        None => anstream::print!("{text}"),
        Some(file) => {
            std::fs::write(file, text).with_context(|| format!("{} can't be written", file.display()))?;
            anstream::println!("{} now contains {} outbound policies.", file.display(), book.custom.len() + 1);
        }
    }
    Ok(())
}

/// Reads a file of policies as export writes it; the server checks its content.
pub fn read_file(file: &Path) -> Result<Value, CliError> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} can't be read", file.display()))?;
    toml::from_str(&text).map_err(|error| CliError::Usage(format!("{}: {error}", file.display())))
}

async fn apply(client: &Client, file: &Path, dry_run: bool, as_json: bool) -> Result<(), CliError> {
    let book = read_file(file)?;
    let changes: Vec<PolicyChangeView> = client.put(&format!("/policy-file?dry_run={dry_run}"), &book).await?;
    if as_json {
        return output::json(&changes);
    }
    if changes.is_empty() {
        anstream::println!("Nothing changes.");
        return Ok(());
    }
    for change in &changes {
        let (from, to) = (&change.from, &change.to);
        let line = match (change.setting.as_str(), from.is_null()) {
            ("", true) => format!("{} {}", output::styled(output::GOOD, "+"), change.policy),
            ("", false) => format!("{} {}", output::styled(output::BAD, "-"), change.policy),
            (setting, _) => {
                format!("{} {}: {setting}: {from} → {to}", output::styled(output::WARN, "~"), change.policy)
            }
        };
        anstream::println!("{line}");
    }
    anstream::println!("{}", if dry_run { "Nothing was changed: this was a dry run." } else { "In force now." });
    Ok(())
}

/// Parses `KEY=VALUE` settings, by the kind of value that each key takes.
pub(super) fn read_settings(known: &Value, settings: &[String]) -> Result<Map<String, Value>, CliError> {
    let mut read = Map::new();
    for setting in settings {
        let (key, text) = setting
            .split_once('=')
            .ok_or_else(|| CliError::Usage(format!("{setting:?}: expected KEY=VALUE, such as per_day=2000")))?;
        let number = |text: &str| text.parse::<u64>().map(Value::from).map_err(|_| "a whole number");
        let value = match known.get(key) {
            _ if key == "priority" => number(text),
            Some(Value::Number(_)) => number(text),
            Some(Value::Bool(_)) => text.parse::<bool>().map(Value::from).map_err(|_| "true or false"),
            Some(Value::Array(_)) => {
                Ok(Value::from(text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect::<Vec<_>>()))
            }
            _ => Ok(Value::from(text)),
        };
        let value = value.map_err(|expected| CliError::Usage(format!("{key}: is {text:?}, expected {expected}")))?;
        read.insert(key.to_owned(), value);
    }
    Ok(read)
}
