//! `postern audit`: list and verify the audit trail.

use super::args::AuditCommand;
use super::client::{Client, segment};
use super::{CliError, output};
use postern_api::types::{AuditReportView, AuditView};
use postern_services::present;

pub(super) async fn run(
    client: &Client,
    command: Option<AuditCommand>,
    limit: u32,
    search: Option<&str>,
    json: bool,
) -> Result<(), CliError> {
    match command.unwrap_or(AuditCommand::List) {
        AuditCommand::List => list(client, limit, search, json).await,
        AuditCommand::Verify { head } => verify(client, head, json).await,
    }
}

async fn list(client: &Client, limit: u32, search: Option<&str>, json: bool) -> Result<(), CliError> {
    let search_for = search.map(|text| format!("&q={}", segment(text))).unwrap_or_default();
    let entries: Vec<AuditView> = client.get(&format!("/audit?limit={limit}{search_for}")).await?;
    if json {
        return output::json(&entries);
    }
    if entries.is_empty() {
        match search {
            Some(text) => anstream::println!("No entry of the audit trail contains \"{text}\"."),
            None => anstream::println!("The audit trail is empty."),
        }
        return Ok(());
    }
    let row = |entry: &AuditView| {
        let reference = entry.detail.get("reference").and_then(|reference| reference.as_str()).unwrap_or("");
        vec![
            entry.seq.to_string(),
            present::time(entry.at),
            entry.actor.clone(),
            entry.action.clone(),
            entry.target.clone(),
            why(&entry.detail),
            reference.to_owned(),
        ]
    };
    let heads = ["No.", "When", "Who", "What", "Whom", "Why", "Reference"];
    output::table(&heads, entries.iter().map(row).collect());
    Ok(())
}

/// The reason or comment that was given, otherwise the change itself.
fn why(detail: &serde_json::Value) -> String {
    let text = |key: &str| detail.get(key).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    if let Some(reason) = text("reason").or_else(|| text("comment")).or_else(|| text("status")).or_else(|| text("role"))
    {
        return reason.to_owned();
    }
    let changed =
        detail.as_object().into_iter().flatten().filter_map(|(setting, change)| {
            Some(format!("{setting}: {} → {}", change.get("from")?, change.get("to")?))
        });
    changed.collect::<Vec<_>>().join(", ")
}

async fn verify(client: &Client, head: Option<String>, json: bool) -> Result<(), CliError> {
    let query = head.map(|head| format!("?head={}", segment(&head))).unwrap_or_default();
    let report: AuditReportView = client.get(&format!("/audit/verify{query}")).await?;
    if json {
        output::json(&report)?;
    }
    match (report.broken_at, &report.why) {
        (Some(seq), Some(why)) => {
            if !json {
                anstream::println!("{}: entry {seq}: {why}.", output::styled(output::BAD, "The audit trail is broken"));
            }
            Err(CliError::Reported)
        }
        _ => {
            if !json {
                let whole = output::styled(output::GOOD, "The audit trail is whole");
                let entries = if report.entries == 1 { "entry" } else { "entries" };
                anstream::println!("{whole}: {} {entries}.", report.entries);
                anstream::println!("Head: {}", report.head);
                anstream::println!(
                    "Save the head elsewhere; audit verify --head HASH can then show that nothing up to it was removed."
                );
            }
            Ok(())
        }
    }
}
