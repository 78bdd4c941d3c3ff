//! Logging of the daemon.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use postern_services::settings::{Log, LogFormat};

/// Starts logging to standard error. The journal adds the time itself.
pub(super) fn start(log: &Log) {
    // The settings have been checked, so the filter parses.
    let filter: Targets = log.filter.parse().unwrap_or_default();
    // It would add a span of its own to every line that a page causes.
    let filter = filter.with_target("tower_sessions", LevelFilter::WARN);
    let layer = match log.format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(std::io::stderr).boxed(),
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let text = fmt::layer().with_target(false).with_ansi(colours).with_writer(std::io::stderr);
            if std::env::var_os("JOURNAL_STREAM").is_some() { text.without_time().boxed() } else { text.boxed() }
        }
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}
