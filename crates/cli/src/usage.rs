//! `postern usage ACCOUNT`: what an account or connector has sent, against its limits.

use postern_domain::window::Window;

use super::client::{Client, segment};
use super::{CliError, output};
use postern_api::types::{UsageView, WindowView};
use postern_services::present;

pub(super) async fn run(client: &Client, account: &str, json: bool) -> Result<(), CliError> {
    let usage: UsageView = client.get(&format!("/usage/{}", segment(account))).await?;
    if json {
        return output::json(&usage);
    }
    print(&usage);
    Ok(())
}

pub(super) fn print(usage: &UsageView) {
    output::facts(&[
        ("Entity", usage.entity.to_string()),
        ("Standing", standing(usage)),
        ("Policy", usage.policy.clone()),
    ]);
    anstream::println!();
    let heads = ["Window", "Count", "In progress", "Limit", "", "Free again"];
    let restricted = usage.standing == "restricted";
    output::table(&heads, usage.windows.iter().map(|window| row(window, restricted)).collect());
}

fn standing(usage: &UsageView) -> String {
    let until = usage.until.map(|until| format!(" until {}", present::time(until))).unwrap_or_default();
    match (usage.standing.as_str(), &usage.reference) {
        ("restricted", Some(reference)) => {
            format!("{}{until} ({reference})", output::styled(output::BAD, "restricted"))
        }
        ("probation", _) => format!("{}{until}", output::styled(output::WARN, "on probation")),
        _ => output::styled(output::GOOD, "free"),
    }
}

fn row(window: &WindowView, restricted: bool) -> Vec<String> {
    let free = match (window.limit, window.free_at) {
        (None, _) => String::new(),
        // A restricted entity can use only the escape lane.
        (Some(_), _) if restricted && window.window != Window::EscapeLanePerHour => "once released".into(),
        (Some(_), Some(at)) => output::ahead(at),
        (Some(limit), None) => {
            let room = limit.saturating_sub(window.count.saturating_add(window.reserved));
            format!("now, {room} more")
        }
    };
    vec![
        window.window.to_string(),
        window.count.to_string(),
        window.reserved.to_string(),
        output::number_or(window.limit, "none"),
        output::bar(window.count, window.limit),
        free,
    ]
}
