//! The last attempts of one entity, encoded compactly: most entities send a few messages a day, and there may be a
//! million of them.

use std::net::IpAddr;

use postern_domain::Timestamp;
use postern_domain::evidence::{AttemptRecord, MAX_ATTEMPTS, Outcome};

use crate::AttemptRef;

use crate::encoding::{put, put_bytes, take, take_array, take_byte, take_bytes};

/// Longer texts are cut; clients choose them.
const MAX_TEXT: usize = 255;

/// The last attempts of one entity: encoded, oldest first, each after its length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RecentAttempts {
    bytes: Vec<u8>,
    count: usize,
    /// When the newest ended; looked at for every entity when the ledger is swept.
    newest: Option<Timestamp>,
}

impl RecentAttempts {
    /// Restores attempts that [`RecentAttempts::bytes`] returned.
    pub(crate) fn restore(bytes: Vec<u8>) -> Self {
        let mut rest = bytes.as_slice();
        let (mut count, mut newest) = (0, None);
        while let Some(attempt) = take_bytes(&mut rest) {
            (count, newest) = (count + 1, ended(attempt));
        }
        Self { bytes, count, newest }
    }

    /// The encoded attempts.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The memory in bytes that they take.
    pub(crate) fn size(&self) -> usize {
        self.bytes.capacity()
    }

    /// Adds an encoded attempt, and drops the oldest beyond [`MAX_ATTEMPTS`].
    pub(crate) fn push(&mut self, attempt: &[u8]) {
        if self.count >= MAX_ATTEMPTS {
            let mut rest = self.bytes.as_slice();
            let first = take_bytes(&mut rest).map_or(self.bytes.len(), |_| self.bytes.len() - rest.len());
            self.bytes.drain(..first);
            self.count -= 1;
        }
        let needs = self.bytes.len() + attempt.len() + 2;
        if needs > self.bytes.capacity() {
            // Most entities send a few messages a day, so the first takes no more than it needs; those that send more
            // must not move their attempts for each message.
            let spare = if self.count == 0 { 0 } else { needs / 2 };
            self.bytes.reserve_exact(needs - self.bytes.len() + spare);
        }
        put_bytes(&mut self.bytes, attempt);
        self.count += 1;
        self.newest = ended(attempt);
    }

    /// The attempts, oldest first; any that can't be decoded are left out.
    pub fn iter(&self) -> impl Iterator<Item = AttemptRef<'_>> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || take_bytes(&mut rest)).filter_map(decode)
    }

    /// The same, owned.
    pub fn records(&self) -> Vec<AttemptRecord> {
        self.iter().map(AttemptRecord::from).collect()
    }

    /// When the newest attempt ended.
    pub(crate) fn newest(&self) -> Option<Timestamp> {
        self.newest
    }
}

/// When an encoded attempt ended.
fn ended(attempt: &[u8]) -> Option<Timestamp> {
    Some(Timestamp::from_millis(i64::from_le_bytes(*attempt.first_chunk()?)))
}

/// Encodes an attempt.
pub(crate) fn encode(record: &AttemptRef<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(&record.at.as_millis().to_le_bytes());
    match record.client_address {
        None => out.push(0),
        Some(IpAddr::V4(address)) => {
            out.push(4);
            out.extend_from_slice(&address.octets());
        }
        Some(IpAddr::V6(address)) => {
            out.push(6);
            out.extend_from_slice(&address.octets());
        }
    }
    for text in [record.helo_name, record.sasl_method, record.sender, record.queue_id] {
        put_bytes(out, cut(text).as_bytes());
    }
    put(out, record.recipients);
    put(out, record.external);
    out.extend_from_slice(&record.size.to_le_bytes());
    out.push(match record.outcome {
        Outcome::Accepted => 0,
        Outcome::Refused => 1,
    });
}

fn decode(mut bytes: &[u8]) -> Option<AttemptRef<'_>> {
    let rest = &mut bytes;
    let at = Timestamp::from_millis(i64::from_le_bytes(take_array(rest)?));
    let client_address = match take_byte(rest)? {
        0 => None,
        4 => Some(IpAddr::from(take_array::<4>(rest)?)),
        6 => Some(IpAddr::from(take_array::<16>(rest)?)),
        _ => return None,
    };
    let mut text = || std::str::from_utf8(take_bytes(rest)?).ok();
    let (helo_name, sasl_method, sender, queue_id) = (text()?, text()?, text()?, text()?);
    let (recipients, external) = (take(rest)?, take(rest)?);
    let size = u64::from_le_bytes(take_array(rest)?);
    let outcome = match take_byte(rest)? {
        0 => Outcome::Accepted,
        1 => Outcome::Refused,
        _ => return None,
    };
    Some(AttemptRef {
        at,
        client_address,
        helo_name,
        sasl_method,
        sender,
        queue_id,
        recipients,
        external,
        size,
        outcome,
    })
}

fn cut(text: &str) -> &str {
    let end = (0..=MAX_TEXT.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record() -> impl Strategy<Value = AttemptRecord> {
        let text = || "\\PC{0,60}".prop_map(String::into_boxed_str);
        let texts = (text(), text(), text(), text());
        let numbers = (any::<i64>(), any::<u32>(), any::<u32>(), any::<u64>(), any::<bool>());
        (proptest::option::of(any::<IpAddr>()), texts, numbers).prop_map(
            |(
                client_address,
                (helo_name, sasl_method, sender, queue_id),
                (at, recipients, external, size, refused),
            )| {
                AttemptRecord {
                    at: Timestamp::from_millis(at),
                    client_address,
                    helo_name,
                    sasl_method,
                    sender,
                    queue_id,
                    recipients,
                    external,
                    size,
                    outcome: if refused { Outcome::Refused } else { Outcome::Accepted },
                }
            },
        )
    }

    proptest! {
        #[test]
        fn the_last_attempts_come_back_as_they_were(records in proptest::collection::vec(record(), 0..50)) {
            let mut recent = RecentAttempts::default();
            for record in &records {
                let mut bytes = Vec::new();
                encode(&record.into(), &mut bytes);
                recent.push(&bytes);
            }
            let last = &records[records.len().saturating_sub(MAX_ATTEMPTS)..];
            prop_assert_eq!(recent.records(), last);
            prop_assert_eq!(recent.newest(), last.last().map(|record| record.at));
        }

        #[test]
        fn any_bytes_are_read_or_left_out(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let recent = RecentAttempts::restore(bytes);
            let _ = (recent.records(), recent.newest());
        }
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        assert_eq!(cut(&"ä".repeat(200)).len(), 254);
    }
}
