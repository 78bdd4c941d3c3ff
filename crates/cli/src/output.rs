//! How results are printed: tables for people, JSON for programs.

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use postern_api::types::{AttemptRecord, Evidence, WindowCount};
use postern_domain::Timestamp;
use serde::Serialize;

use super::CliError;
use postern_services::clock::{Clock, SystemClock};
use postern_services::present;
use postern_services::quoting::visible_json;

/// The style of headings.
pub const BOLD: Style = Style::new().bold();
/// The style of less important text.
pub const DIM: Style = Style::new().dimmed();
/// The style of what is as it should be.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// The style of what deserves attention.
pub const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// The style of what is wrong.
pub const BAD: Style = AnsiColor::Red.on_default().bold();

/// Text in a style; the output stream drops the style where it can't be shown.
pub fn styled(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}

/// Prints a value as JSON.
pub fn json(value: &impl Serialize) -> Result<(), CliError> {
    let text = serde_json::to_string_pretty(value).map_err(|error| CliError::Failed(error.into()))?;
    anstream::println!("{}", visible_json(&text));
    Ok(())
}

/// Prints a table without lines; columns wrap to the terminal's width.
pub fn table(heads: &[&str], rows: Vec<Vec<String>>) {
    table_aligned(heads, &[], rows);
}

/// Prints a table with the columns `right` aligned to the right, as numbers are.
pub fn table_aligned(heads: &[&str], right: &[usize], rows: Vec<Vec<String>>) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heads.iter().map(|head| head.to_uppercase()));
    for row in rows {
        table.add_row(row);
    }
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if right.contains(&at) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let text = table.to_string();
    let mut lines = text.lines();
    if let Some(head) = lines.next() {
        anstream::println!("{}", styled(BOLD, head.trim_end()));
    }
    for line in lines {
        anstream::println!("{}", line.trim_end());
    }
}

/// Prints names and values, with the values aligned.
pub fn facts(facts: &[(&str, String)]) {
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, value) in facts {
        anstream::println!("{DIM}{name:<width$}{DIM:#}  {value}");
    }
}

/// How long ago, and the time itself.
pub fn ago(at: Timestamp) -> String {
    let now = SystemClock.now();
    format!("{} ({} ago)", present::time(at), present::duration(now.since(at)))
}

/// The time itself, and how long until then.
pub fn ahead(at: Timestamp) -> String {
    let now = SystemClock.now();
    format!("{} (in {})", present::time(at), present::duration(at.since(now)))
}

/// How full a window is, as a bar of ten characters; empty without a limit.
pub fn bar(count: u32, limit: Option<u32>) -> String {
    let Some(limit) = limit.filter(|limit| *limit > 0) else { return String::new() };
    let filled = (u64::from(count) * 10).div_ceil(u64::from(limit)).min(10);
    let filled = usize::try_from(filled).unwrap_or(10);
    format!("{}{}", "█".repeat(filled), "░".repeat(10 - filled))
}

/// A limit, or the text for no limit.
pub fn number_or(limit: Option<u32>, none: &str) -> String {
    limit.map_or_else(|| none.to_owned(), |limit| limit.to_string())
}

/// Evidence in one cell: how much, and from where.
pub fn evidence_summary(evidence: &Evidence) -> String {
    let mut addresses: Vec<String> =
        evidence.attempts.iter().filter_map(|a| a.client_address).map(|ip| ip.to_string()).collect();
    addresses.sort();
    addresses.dedup();
    let attempts = match evidence.attempts.len() {
        0 => "no attempts recorded".to_owned(),
        1 => "1 attempt".to_owned(),
        n => format!("last {n} attempts"),
    };
    match addresses.as_slice() {
        [] => attempts,
        [one] => format!("{attempts} from {one}"),
        [first, rest @ ..] => format!("{attempts} from {first} and {} more", rest.len()),
    }
}

/// Evidence in full.
pub fn evidence(evidence: &Evidence) {
    if !evidence.windows.is_empty() {
        anstream::println!("\n{}", styled(BOLD, "Counts at the time"));
        table(&["Window", "Count", "Limit", ""], evidence.windows.iter().map(window_row).collect());
    }
    if evidence.attempts.is_empty() {
        anstream::println!("\nNo earlier attempts were recorded.");
        return;
    }
    anstream::println!("\n{}", styled(BOLD, "Last attempts, newest last"));
    let heads = [
        "When (UTC)",
        "From",
        "HELO",
        "SASL method",
        "Envelope sender",
        "Recipients",
        "External",
        "Size",
        "Queue ID",
        "Outcome",
    ];
    table(&heads, evidence.attempts.iter().map(attempt_row).collect());
}

fn window_row(window: &WindowCount) -> Vec<String> {
    let limit = number_or(window.limit, "none");
    vec![window.window.to_string(), window.count.to_string(), limit, bar(window.count, window.limit)]
}

fn attempt_row(attempt: &AttemptRecord) -> Vec<String> {
    let or_dash = |text: &str| if text.is_empty() { "-".to_owned() } else { text.to_owned() };
    vec![
        present::time(attempt.at).trim_end_matches(" UTC").to_owned(),
        attempt.client_address.map_or_else(|| "-".into(), |ip| ip.to_string()),
        or_dash(&attempt.helo_name),
        or_dash(&attempt.sasl_method),
        format!("<{}>", attempt.sender),
        attempt.recipients.to_string(),
        attempt.external.to_string(),
        if attempt.size == 0 { "-".into() } else { attempt.size.to_string() },
        or_dash(&attempt.queue_id),
        present::outcome(attempt.outcome).to_owned(),
    ]
}
