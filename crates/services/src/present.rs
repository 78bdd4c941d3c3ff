//! Formats times, outcomes and errors for people, in mails, logs and the terminal.

use std::time::Duration;

use postern_domain::Timestamp;
use postern_domain::evidence::Outcome;

/// A time in UTC, such as `2026-11-25 18:00:05 UTC`.
pub fn time(at: Timestamp) -> String {
    format!("{} UTC", format(at, "%Y-%m-%d %H:%M:%S"))
}

/// A time of day in UTC, such as `18:00:05`.
pub fn time_of_day(at: Timestamp) -> String {
    format(at, "%H:%M:%S")
}

fn format(at: Timestamp, pattern: &str) -> String {
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(timestamp) => timestamp.strftime(pattern).to_string(),
        Err(_) => at.to_string(),
    }
}

/// A duration, such as `3 d 4 h`, `2 h`, `5 min` or `40 s`: at most the two largest units.
pub fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(86_400, "d"), (3600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut shown = Vec::new();
    for (length, unit) in parts {
        let count = left / length;
        left %= length;
        if count > 0 {
            shown.push(format!("{count} {unit}"));
        } else if !shown.is_empty() {
            break;
        }
    }
    shown.truncate(2);
    if shown.is_empty() { "0 s".into() } else { shown.join(" ") }
}

/// This machine's host name.
pub fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// What became of an attempt, in one word: `accepted` or `refused`.
pub fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Refused => "refused",
    }
}

/// An error and its sources, in one line.
pub fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_show_their_two_largest_parts() {
        for (seconds, text) in
            [(0, "0 s"), (40, "40 s"), (300, "5 min"), (86_400, "1 d"), (100_000, "1 d 3 h"), (3605, "1 h")]
        {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
