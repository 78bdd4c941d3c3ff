//! `postern alerts`: list and show alerts, set their status, test channels.

use postern_domain::alert::AlertStatus;

use super::args::{AlertStatusArg, AlertsCommand};
use super::client::{Client, segment};
use super::{CliError, alert_policies, output};
use postern_api::types::{AlertDetailView, AlertNote, AlertRequest, AlertView, ChannelTestView};
use postern_services::present;

pub(super) async fn run(
    client: &Client,
    command: Option<AlertsCommand>,
    status: Option<AlertStatusArg>,
    limit: u32,
    json: bool,
) -> Result<(), CliError> {
    let detail = match command {
        None | Some(AlertsCommand::List) => return list(client, status.map(Into::into), limit, json).await,
        Some(AlertsCommand::Policies { command }) => return alert_policies::run(client, command, json).await,
        Some(AlertsCommand::Test { policy }) => return test(client, &policy, json).await,
        Some(AlertsCommand::Show { reference }) => client.get(&format!("/alerts/{}", segment(&reference))).await?,
        Some(AlertsCommand::Set { reference, new_status, comment }) => {
            let request = AlertRequest { status: new_status.map(Into::into), comment: comment.unwrap_or_default() };
            client.patch(&format!("/alerts/{}", segment(&reference)), &request).await?
        }
    };
    if json {
        return output::json(&detail);
    }
    let AlertDetailView { alert, notes } = &detail;
    print(alert);
    if !notes.is_empty() {
        anstream::println!();
        let row = |note: &AlertNote| {
            let status = note.status.map_or("", AlertStatus::key);
            vec![present::time(note.at), note.by.clone(), status.to_owned(), note.comment.clone()]
        };
        output::table(&["When", "Who", "Status", "Comment"], notes.iter().map(row).collect());
    }
    Ok(())
}

async fn test(client: &Client, policy: &str, json: bool) -> Result<(), CliError> {
    let tests: Vec<ChannelTestView> =
        client.post(&format!("/alert-policies/{}/test", segment(policy)), &serde_json::json!({})).await?;
    if json {
        output::json(&tests)?;
    } else if tests.is_empty() {
        anstream::println!("No one is notified: the alert policy is off, or has neither recipients nor webhooks.");
    } else {
        let row = |test: &ChannelTestView| {
            let mark = if test.delivered { "accepted" } else { "failed" };
            vec![test.channel.clone(), test.recipient.clone(), mark.to_owned(), test.answer.clone()]
        };
        output::table(&["Channel", "To", "Result", "Response"], tests.iter().map(row).collect());
    }
    if tests.iter().all(|test| test.delivered) { Ok(()) } else { Err(CliError::Reported) }
}

async fn list(client: &Client, status: Option<AlertStatus>, limit: u32, json: bool) -> Result<(), CliError> {
    let filter = status.map(|status| format!("&status={}", status.key())).unwrap_or_default();
    let alerts: Vec<AlertView> = client.get(&format!("/alerts?limit={limit}{filter}")).await?;
    if json {
        return output::json(&alerts);
    }
    if alerts.is_empty() {
        anstream::println!("There are no alerts{}.", if status.is_some() { " with that status" } else { "" });
        return Ok(());
    }
    let row = |a: &AlertView| {
        vec![
            present::time(a.raised_at),
            a.severity.to_string(),
            a.trigger.to_string(),
            entity(a),
            a.status.key().to_owned(),
            mails(a),
            a.reference.to_string(),
        ]
    };
    let heads = ["Raised", "Severity", "Alert policy", "Entity", "Status", "Notified", "Reference"];
    output::table(&heads, alerts.iter().map(row).collect());
    Ok(())
}

/// One alert in full.
pub(super) fn print(alert: &AlertView) {
    let mut facts = vec![
        ("Alert policy", alert.trigger.to_string()),
        ("Severity", alert.severity.to_string()),
        ("Status", alert.status.key().to_owned()),
        ("Entity", entity(alert)),
        ("Reference", alert.reference.to_string()),
        ("Reason", alert.reason.clone()),
        ("Raised", output::ago(alert.raised_at)),
        ("Notified", mails(alert)),
    ];
    if let Some(error) = &alert.last_error {
        facts.push(("Last error", error.clone()));
    }
    output::facts(&facts);
}

fn entity(alert: &AlertView) -> String {
    alert.entity.as_ref().map_or_else(|| "Postern itself".into(), ToString::to_string)
}

fn mails(alert: &AlertView) -> String {
    let counts = [
        (alert.notifications_delivered, "delivered"),
        (alert.notifications_waiting, "waiting"),
        (alert.notifications_given_up, "given up"),
    ];
    let shown: Vec<_> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if shown.is_empty() { "none".into() } else { shown.join(", ") }
}

impl From<AlertStatusArg> for AlertStatus {
    fn from(status: AlertStatusArg) -> Self {
        match status {
            AlertStatusArg::Active => AlertStatus::Active,
            AlertStatusArg::Investigating => AlertStatus::Investigating,
            AlertStatusArg::Resolved => AlertStatus::Resolved,
            AlertStatusArg::Dismissed => AlertStatus::Dismissed,
        }
    }
}
