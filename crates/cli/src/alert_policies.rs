//! `postern alerts policies`: who is notified about what.

use postern_api::types::{AlertPolicy, AlertPolicyView};
use serde_json::{Value, json};

use super::args::AlertPolicyCommand;
use super::client::{Client, segment};
use super::policy::{read_settings, scope_text};
use super::{CliError, output};

pub(super) async fn run(client: &Client, command: Option<AlertPolicyCommand>, json: bool) -> Result<(), CliError> {
    let path = |name: &str| format!("/alert-policies/{}", segment(name));
    let view: AlertPolicyView = match command {
        None | Some(AlertPolicyCommand::List) => return list(client, json).await,
        Some(AlertPolicyCommand::Show { name }) => client.get(&path(&name)).await?,
        Some(AlertPolicyCommand::Add { name, settings }) => {
            let mut body = settings_of(&settings)?;
            body["name"] = json!(name);
            client.post("/alert-policies", &body).await?
        }
        Some(AlertPolicyCommand::Set { name, settings }) => {
            client.patch(&path(&name), &settings_of(&settings)?).await?
        }
        Some(AlertPolicyCommand::Remove { name }) => {
            client.delete(&path(&name)).await?;
            if !json {
                anstream::println!("The alert policy {name} is removed.");
            }
            return Ok(());
        }
    };
    if json {
        return output::json(&view);
    }
    facts(&view);
    Ok(())
}

/// Parses settings against an example with a value for every key, since that value shows the key's type.
fn settings_of(settings: &[String]) -> Result<Value, CliError> {
    let example =
        AlertPolicy { recipients: Some(Vec::new()), daily_notification_limit: Some(0), ..AlertPolicy::default() };
    read_settings(&json!(example), settings).map(Value::Object)
}

fn or_nobody(list: &[String]) -> String {
    if list.is_empty() { "nobody".into() } else { list.join(", ") }
}

fn status(view: &AlertPolicyView) -> &'static str {
    if view.policy.enabled { "On" } else { "Off" }
}

async fn list(client: &Client, json: bool) -> Result<(), CliError> {
    let policies: Vec<AlertPolicyView> = client.get("/alert-policies").await?;
    if json {
        return output::json(&policies);
    }
    let rows = policies.iter().map(|view| {
        vec![
            view.policy.name.clone(),
            status(view).to_owned(),
            view.policy.severity.to_string(),
            or_nobody(&view.mails_to),
            output::number_or(view.per_day, "no limit"),
            or_nobody(&view.tells),
        ]
    });
    output::table(&["Alert policy", "Status", "Severity", "Email to", "Per day", "Webhooks"], rows.collect());
    Ok(())
}

fn facts(view: &AlertPolicyView) {
    let policy = &view.policy;
    let mut facts = vec![("Alert policy", policy.name.clone())];
    if !policy.description.is_empty() {
        facts.push(("Description", policy.description.clone()));
    }
    facts.extend([
        ("Status", status(view).into()),
        ("Raised by", policy.trigger.to_string()),
        ("Severity", policy.severity.to_string()),
        ("Applies to", scope_text(&policy.scope)),
        ("Email to", or_nobody(&view.mails_to)),
        ("Per day", output::number_or(view.per_day, "no limit")),
        ("Webhooks", or_nobody(&view.tells)),
    ]);
    output::facts(&facts);
}
