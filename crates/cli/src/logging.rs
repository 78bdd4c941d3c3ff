//! Logging of the daemon.

use std::io::{self, IsTerminal, Write};

use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use postern_services::quoting::{visible, visible_json};
use postern_services::settings::{Log, LogFormat};

/// Starts logging to standard error. The journal adds the time itself.
pub(super) fn start(log: &Log) {
    // The settings have been checked, so the filter parses.
    let filter: Targets = log.filter.parse().unwrap_or_default();
    // It would add a span of its own to every line that a page causes.
    let filter = filter.with_target("tower_sessions", LevelFilter::WARN);
    let layer = match log.format {
        LogFormat::Json => {
            fmt::layer().json().flatten_event(true).with_writer(|| VisibleJson(std::io::stderr())).boxed()
        }
        LogFormat::Text => {
            let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            // A field's text may come from a stranger, and must not end the line or move the cursor.
            let fields = fmt::format::debug_fn(|writer, field, value| {
                let text = format!("{value:?}");
                match field.name() {
                    "message" => write!(writer, "{}", visible(&text)),
                    name => write!(writer, "{name}={}", visible(&text)),
                }
            });
            let fields = fields.delimited(" ");
            let text =
                fmt::layer().fmt_fields(fields).with_target(false).with_ansi(colours).with_writer(std::io::stderr);
            if std::env::var_os("JOURNAL_STREAM").is_some() { text.without_time().boxed() } else { text.boxed() }
        }
    };
    tracing_subscriber::registry().with(layer.with_filter(filter)).init();
}

/// Writes lines of JSON with the unseen characters of their texts escaped.
struct VisibleJson<W>(W);

impl<W: Write> Write for VisibleJson<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        // The subscriber writes each event, which is valid UTF-8, in one call.
        self.0.write_all(visible_json(&String::from_utf8_lossy(line)).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
