//! `postern replay`: yesterday's log through a policy, before the policy touches today's mail.
//!
//! [`reader`] opens files of every kind, [`messages`] builds messages from the log entries of Postfix's programs,
//! [`simulate`] runs the same domain code as the gate, [`report`] shows the result.

pub mod command;
mod messages;
mod reader;
mod report;
mod simulate;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::tz::TimeZone;
use postern_domain::Timestamp;
use postern_domain::policy::PolicyBook;
use serde::Serialize;

use messages::{Collector, Message};
use postern_services::directory::DirectoryCache;
use postern_services::settings::Settings;
use simulate::Finding;

/// The input of a replay.
pub struct Replay<'a> {
    /// Accounts, connectors and domains.
    pub settings: &'a Settings,
    /// The current policies.
    pub today: PolicyBook,
    /// Policies to compare with them.
    pub proposed: Option<PolicyBook>,
    /// The logs, in any order.
    pub logs: Vec<PathBuf>,
    /// The current time: times in logs may lack a year.
    pub now: Timestamp,
}

/// The result of a replay.
#[derive(Debug, Serialize)]
pub struct Outcome {
    lines: u64,
    messages: usize,
    recipients: usize,
    entities: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    lines_per_second: u64,
    today: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proposed: Option<Vec<Finding>>,
    #[serde(skip)]
    sent: Vec<Message>,
}

impl Replay<'_> {
    /// Reads the logs and applies the policies.
    ///
    /// # Errors
    /// A log can't be read.
    pub fn run(self) -> anyhow::Result<Outcome> {
        let began = Instant::now();
        let progress = progress(&self.logs);
        let mut collector = Collector::new(&self.settings.own_directory);
        let mut times = reader::Times::new(self.now, TimeZone::system());
        let mut lines = 0;
        for path in &self.logs {
            let failed = || format!("{} can't be read", path.display());
            let mut input = reader::open(path, &progress).with_context(failed)?;
            lines +=
                reader::lines(&mut *input, &mut times, |at, line| collector.line(at, line)).with_context(failed)?;
        }
        let read_for = began.elapsed();
        progress.finish_and_clear();
        let sent = collector.into_messages();
        // The state that the running Postern read last, if it runs here.
        let directory_cache = DirectoryCache::open(&self.settings.data, self.settings).load().clone();
        let simulate = |book: &PolicyBook| simulate::simulate(&sent, book, self.settings, &directory_cache);
        let entities = sent.iter().map(|message| &message.entity).collect::<hashbrown::HashSet<_>>().len();
        let (today, proposed) = (simulate(&self.today), self.proposed.as_ref().map(simulate));
        Ok(Outcome {
            lines,
            messages: sent.len(),
            recipients: sent.iter().map(|message| message.recipients.len()).sum(),
            entities,
            first: sent.first().map(|message| message.at),
            last: sent.last().map(|message| message.at),
            lines_per_second: per_second(lines, read_for),
            today,
            proposed,
            sent,
        })
    }
}

impl Outcome {
    /// The result for people in a terminal.
    pub fn print(&self) {
        report::print(self);
    }

    /// The result as a page with charts.
    ///
    /// # Errors
    /// The file can't be written.
    pub fn write_page(&self, file: &Path) -> anyhow::Result<()> {
        let page = report::page(self)?;
        std::fs::write(file, page).with_context(|| format!("{} can't be written", file.display()))
    }
}

fn per_second(lines: u64, time: Duration) -> u64 {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX).max(1);
    lines.saturating_mul(1_000_000) / micros
}

/// Progress by bytes of the files as stored on the disk; hidden if the output is not a terminal.
fn progress(logs: &[PathBuf]) -> ProgressBar {
    let length = logs.iter().filter_map(|path| std::fs::metadata(path).ok()).map(|about| about.len()).sum();
    let style = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left");
    let progress = ProgressBar::new(length);
    style.map_or(progress.clone(), |style| progress.with_style(style))
}
