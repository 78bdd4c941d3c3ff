//! Reads log files of every kind: plain, gz, zst, the journal's export format; each line with its time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use indicatif::ProgressBar;
use jiff::civil;
use jiff::tz::TimeZone;
use postern_domain::Timestamp;
use postern_wire::maillog::Line;

const BUFFER: usize = 256 * 1024;
const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Opens a log, `-` for standard input, and detects its format from its content. `progress` advances by the bytes
/// that are read.
pub(super) fn open(path: &Path, progress: &ProgressBar) -> io::Result<Box<dyn BufRead>> {
    let raw: Box<dyn Read> = if path == Path::new("-") { Box::new(io::stdin()) } else { Box::new(File::open(path)?) };
    let mut raw = BufReader::with_capacity(BUFFER, progress.wrap_read(raw));
    let start = raw.fill_buf()?;
    if start.starts_with(&GZIP) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, flate2::bufread::MultiGzDecoder::new(raw))));
    }
    if start.starts_with(&ZSTD) {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, zstd::stream::read::Decoder::with_buffer(raw)?)));
    }
    Ok(Box::new(raw))
}

/// Passes on every line with its time; returns the number of lines. Lines that are not log lines are skipped.
pub(super) fn lines(
    input: &mut dyn BufRead,
    times: &mut Times,
    mut each: impl FnMut(Timestamp, &Line<'_>),
) -> io::Result<u64> {
    if input.fill_buf()?.starts_with(b"__") {
        return journal(input, each);
    }
    let (mut bytes, mut count) = (Vec::with_capacity(1024), 0);
    while input.read_until(b'\n', &mut bytes)? > 0 {
        count += 1;
        let text = String::from_utf8_lossy(bytes.trim_ascii_end());
        if let Some(line) = Line::parse(&text)
            && let Some(at) = times.read(line.time)
        {
            each(at, &line);
        }
        bytes.clear();
    }
    Ok(count)
}

/// Parses `journalctl -o export`: one field per line, entries separated by an empty line
/// (<https://systemd.io/JOURNAL_EXPORT_FORMATS/>). Fields in the binary form are skipped.
fn journal(input: &mut dyn BufRead, mut each: impl FnMut(Timestamp, &Line<'_>)) -> io::Result<u64> {
    let mut count = 0;
    let mut entry = JournalEntry::default();
    let mut bytes = Vec::with_capacity(1024);
    loop {
        bytes.clear();
        let read = input.read_until(b'\n', &mut bytes)?;
        let field = bytes.trim_ascii_end();
        if field.is_empty() {
            if let Some(at) = entry.at.take() {
                count += 1;
                let line = Line { time: "", program: &entry.program, pid: &entry.pid, message: &entry.message };
                each(at, &line);
            }
            entry = JournalEntry::default();
            if read == 0 {
                return Ok(count);
            }
        } else if let Some(equals) = memchr::memchr(b'=', field) {
            entry.set(&field[..equals], &field[equals + 1..]);
        } else {
            // A length in 8 bytes, the value, and a newline.
            let mut length = [0; 8];
            input.read_exact(&mut length)?;
            io::copy(&mut input.take(u64::from_le_bytes(length).saturating_add(1)), &mut io::sink())?;
        }
    }
}

#[derive(Default)]
struct JournalEntry {
    at: Option<Timestamp>,
    program: String,
    pid: String,
    message: String,
}

impl JournalEntry {
    fn set(&mut self, name: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).into_owned();
        match name {
            b"__REALTIME_TIMESTAMP" => {
                self.at = text().parse::<i64>().ok().map(|micros| Timestamp::from_millis(micros / 1000));
            }
            b"SYSLOG_IDENTIFIER" => self.program = text(),
            b"_PID" | b"SYSLOG_PID" => self.pid = text(),
            b"MESSAGE" => self.message = text(),
            _ => {}
        }
    }
}

/// Parses times. The traditional format has no year and is in local time: the year is the latest that does not put
/// the time in the future.
pub(super) struct Times {
    now: jiff::Timestamp,
    zone: TimeZone,
    /// Many lines share a second.
    last: (String, Option<Timestamp>),
}

impl Times {
    pub(super) fn new(now: Timestamp, zone: TimeZone) -> Self {
        let now = jiff::Timestamp::from_millisecond(now.as_millis()).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        Self { now, zone, last: Default::default() }
    }

    pub(super) fn read(&mut self, text: &str) -> Option<Timestamp> {
        if self.last.0 != text {
            let read =
                if text.starts_with(|c: char| c.is_ascii_digit()) { rfc3339(text) } else { self.traditional(text) };
            self.last = (text.to_owned(), read);
        }
        self.last.1
    }

    fn traditional(&self, text: &str) -> Option<Timestamp> {
        let mut parts = text.split_ascii_whitespace();
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
        let month = parts.next()?;
        let month = i8::try_from(months.iter().position(|name| *name == month)? + 1).ok()?;
        let day: i8 = parts.next()?.parse().ok()?;
        let mut clock = parts.next()?.splitn(3, ':').map(|part| part.parse::<i8>().ok());
        let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
        let year = self.now.to_zoned_datetime(self.zone.clone()).year();
        let tomorrow = self.now.as_millisecond() + 24 * 3600 * 1000;
        [year, year - 1].into_iter().find_map(|year| {
            let at = civil::DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
            let at = self.zone.to_timestamp(at).ok()?.as_millisecond();
            (at <= tomorrow).then(|| Timestamp::from_millis(at))
        })
    }
}

fn rfc3339(text: &str) -> Option<Timestamp> {
    Timestamp::parse(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> Vec<(String, String)> {
        let now = Timestamp::parse("2026-01-02T00:00:00Z").unwrap();
        let mut read = Vec::new();
        let mut times = Times::new(now, TimeZone::UTC);
        lines(&mut &bytes[..], &mut times, |at, line| read.push((at.to_string(), line.message.to_owned()))).unwrap();
        read
    }

    #[test]
    fn times_without_a_year_are_the_last_that_could_be_meant() {
        let log = b"Dec 31 23:59:59 mail postfix/qmgr[1]: A: removed\nnot a line\nJan  1 00:00:01 mail postfix/qmgr[1]: B: removed\n";
        let expected = [("2025-12-31T23:59:59.000Z", "A: removed"), ("2026-01-01T00:00:01.000Z", "B: removed")];
        assert_eq!(read(log), expected.map(|(at, message)| (at.to_owned(), message.to_owned())));
        let rfc3339 = b"2026-01-01T02:00:00.5+02:00 mail postfix/qmgr[1]: A: removed\n";
        assert_eq!(read(rfc3339)[0].0, "2026-01-01T00:00:00.500Z");
    }

    #[test]
    fn the_journal_is_read_with_its_binary_fields() {
        let mut log =
            b"__CURSOR=x\n__REALTIME_TIMESTAMP=1767225600000000\nSYSLOG_IDENTIFIER=postfix/qmgr\nBLOB\n".to_vec();
        log.extend_from_slice(&4u64.to_le_bytes());
        log.extend_from_slice(
            b"a\n\nb\nMESSAGE=A: removed\n\n__REALTIME_TIMESTAMP=1767225601000000\nMESSAGE=B: removed\n",
        );
        let expected = [("2026-01-01T00:00:00.000Z", "A: removed"), ("2026-01-01T00:00:01.000Z", "B: removed")];
        assert_eq!(read(&log), expected.map(|(at, message)| (at.to_owned(), message.to_owned())));
    }
}
