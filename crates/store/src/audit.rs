//! The audit trail: a chain in which every entry contains the hash of the one before it, so that no entry can be
//! changed or removed without changing all later hashes.

use postern_domain::filter::AuditFilter;
use std::collections::HashMap;

use async_trait::async_trait;
use postern_domain::fact::FactColumns;
use postern_domain::{Fact, OrganizationId, Timestamp};
use serde::Serialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::error::StoreError;

/// A SHA-256 hash.
pub type Hash = [u8; 32];

/// The previous hash of the first entry.
pub const GENESIS: Hash = [0; 32];

/// An entry to be added to the trail.
#[derive(Debug, Clone, PartialEq)]
pub struct NewAuditEntry {
    /// When it was done.
    pub at: Timestamp,
    /// The organization it is about; none if it is about all of them.
    pub organization: Option<OrganizationId>,
    /// Who did it: a person, a token, a user of the machine, or `system`.
    pub actor: String,
    /// What was done, typed.
    pub fact: Fact,
}

/// An entry of the trail.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AuditEntry {
    /// Its number, from 1, without gaps.
    pub seq: i64,
    /// Its number among the entries about its organization, from 1, without gaps; none if it is about all of them.
    pub organization_seq: Option<i64>,
    /// When it was done.
    pub at: Timestamp,
    /// The organization it is about; none if it is about all of them.
    pub organization: Option<OrganizationId>,
    /// Who did it: a person, a token, a user of the machine, or `system`.
    pub actor: String,
    /// What was done, for example `restriction.release`.
    pub action: String,
    /// What it was done to.
    pub target: String,
    /// Details: an object whose keys depend on the action.
    pub detail: Value,
    /// The hash of the entry before it, in hexadecimal digits.
    #[serde(serialize_with = "as_hex")]
    pub previous: Hash,
    /// The entry's own hash, in hexadecimal digits.
    #[serde(serialize_with = "as_hex")]
    pub hash: Hash,
}

impl AuditEntry {
    /// What was done, typed.
    ///
    /// # Errors
    /// Another version wrote the entry, and this one can't read it.
    pub fn fact(&self) -> Result<Fact, serde_json::Error> {
        let Self { action, target, detail, .. } = self.clone();
        Fact::read(FactColumns { action, target, detail })
    }
}

/// The result of checking the whole trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditReport {
    /// The number of entries checked.
    pub entries: u64,
    /// The hash of the last entry, in hexadecimal digits.
    #[serde(serialize_with = "as_hex")]
    pub head: Hash,
    /// The first fault; none if the chain is intact.
    pub broken: Option<Break>,
}

/// Where a chain is broken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Break {
    /// The entry at fault.
    pub seq: i64,
    /// What is wrong with it.
    pub why: String,
}

/// An entry as it is stored, with its details as exactly the text that was hashed.
#[derive(Debug, Clone)]
pub struct RawEntry<'a> {
    /// Its number in the whole trail, from 1, without gaps.
    pub seq: i64,
    /// When it was done, in milliseconds since the Unix epoch.
    pub at: i64,
    /// The organization it is about; none if it is about all of them, or was written before there were several.
    pub organization: Option<&'a str>,
    /// Who did it: a person, a token, a user of the machine, or `system`.
    pub actor: &'a str,
    /// What was done, for example `restriction.release`.
    pub action: &'a str,
    /// What it was done to.
    pub target: &'a str,
    /// Details as JSON text.
    pub detail: &'a str,
}

impl RawEntry<'_> {
    /// SHA-256 over the previous hash and every field. Each text is preceded by its length, so that no two entries have
    /// the same bytes.
    pub fn hash(&self, previous: &Hash) -> Hash {
        let mut hasher = Sha256::new();
        hasher.update(previous);
        for field in [&self.seq.to_le_bytes(), &self.at.to_le_bytes()] {
            hasher.update(field);
        }
        let texts = [self.actor, self.action, self.target, self.detail];
        for text in texts.into_iter().chain(self.organization) {
            hasher.update((text.len() as u64).to_le_bytes());
            hasher.update(text.as_bytes());
        }
        hasher.finalize().into()
    }
}

/// Where a trail ends, as it is stored beside the entries: the number and the hash of the last entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry.
    pub seq: i64,
    /// The hash of the last entry.
    pub hash: Hash,
}

/// Where the whole trail ends, and where the part about each organization ends.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heads {
    /// The last entry of the whole trail; none if it is empty.
    pub trail: Option<Head>,
    /// The last entry about each organization, by organization id; numbered within the organization.
    pub organizations: HashMap<String, Head>,
}

/// Checks a chain entry by entry.
#[derive(Debug)]
pub struct Verifier {
    report: AuditReport,
    must_hold: Option<Hash>,
    stored: Heads,
    found: Heads,
}

impl Verifier {
    /// Starts at the first entry. With `must_hold`, one of the entries has to have that hash. The trail has to end as
    /// stated by `kept`.
    pub fn new(must_hold: Option<Hash>, stored: Heads) -> Self {
        let must_hold = must_hold.filter(|hash| *hash != GENESIS);
        let report = AuditReport { entries: 0, head: GENESIS, broken: None };
        Self { report, must_hold, stored, found: Heads::default() }
    }

    /// Takes the next entry, with the number within its organization and the hashes that are stored for it.
    pub fn next(&mut self, entry: &RawEntry<'_>, organization_seq: Option<i64>, previous: &[u8], hash: &[u8]) {
        let expected_seq = i64::try_from(self.report.entries).unwrap_or(i64::MAX) + 1;
        let computed = entry.hash(&self.report.head);
        let before = entry.organization.and_then(|id| self.found.organizations.get(id)).map_or(0, |head| head.seq);
        let expected_own = entry.organization.map(|_| before + 1);
        let why = if entry.seq != expected_seq {
            Some(format!("entry {expected_seq} is missing"))
        } else if previous != self.report.head {
            Some("it does not follow the entry before it".to_owned())
        } else if hash != computed {
            Some("it was changed after it was written".to_owned())
        } else if organization_seq != expected_own {
            Some("its number among those of its organization was changed".to_owned())
        } else {
            None
        };
        if let Some(why) = why {
            self.broken(entry.seq, why);
        }
        self.report.entries += 1;
        self.report.head = hash.try_into().unwrap_or(computed);
        let head = |seq| Head { seq, hash: self.report.head };
        self.found.trail = Some(head(entry.seq));
        if let (Some(id), Some(seq)) = (entry.organization, organization_seq) {
            self.found.organizations.insert(id.to_owned(), head(seq));
        }
        if self.must_hold == Some(self.report.head) {
            self.must_hold = None;
        }
    }

    /// The result, once every entry has been taken.
    pub fn finish(mut self) -> AuditReport {
        let last = i64::try_from(self.report.entries).unwrap_or(i64::MAX);
        if self.found != self.stored {
            let seq = |head: Option<Head>| head.map_or(0, |head| head.seq);
            let (found, stored) = (seq(self.found.trail), seq(self.stored.trail));
            let why = if found < stored {
                missing(found + 1, stored)
            } else {
                "the trail does not end with the entry that was written last".to_owned()
            };
            self.broken(last, why);
        }
        if let Some(hash) = self.must_hold {
            self.broken(last, format!("no entry has the hash {}: entries at the end are missing", hex(&hash)));
        }
        self.report
    }

    /// Only the first fault is reported.
    fn broken(&mut self, seq: i64, why: String) {
        self.report.broken.get_or_insert(Break { seq, why });
    }
}

fn missing(from: i64, to: i64) -> String {
    if from == to {
        format!("entry {to} at the end is missing")
    } else {
        format!("entries {from} to {to} at the end are missing")
    }
}

/// Bytes in hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Parses a hash written as 64 hexadecimal digits; none if the text is not one.
pub fn parse_hash(text: &str) -> Option<Hash> {
    let digits = text.trim().as_bytes();
    if digits.len() != 64 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let mut hash = GENESIS;
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

fn as_hex<S: serde::Serializer>(hash: &Hash, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(hash))
}

/// The audit trail, which also serves as the change feed.
#[async_trait]
pub trait Trail: Send + Sync {
    /// Adds an entry to the audit trail; returns it with its numbers and hashes.
    ///
    /// # Errors
    /// The database fails.
    async fn record(&self, entry: &NewAuditEntry) -> Result<AuditEntry, StoreError>;

    /// The audit entries after number `seq` of the whole trail, oldest first, at most `limit`; with `only`, just those
    /// about that organization.
    ///
    /// # Errors
    /// The database fails.
    async fn changes_after(
        &self,
        only: Option<&OrganizationId>,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError>;

    /// The number in the whole trail of the organization's entry number `own`; none if there is no such entry.
    ///
    /// # Errors
    /// The database fails.
    async fn seq_of(&self, organization: &OrganizationId, own: i64) -> Result<Option<i64>, StoreError>;

    /// The number of the newest audit entry that this process knows of; 0 if there is none. It changes only after the
    /// entry's transaction is committed.
    fn newest_change(&self) -> watch::Receiver<i64>;

    /// Audit entries, newest first.
    ///
    /// # Errors
    /// The database fails.
    async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, StoreError>;

    /// Checks the whole chain of audit entries; with `must_hold`, also that it contains an entry with that hash.
    ///
    /// # Errors
    /// The database fails. A broken chain is not an error; the report states it.
    async fn verify_audit(&self, must_hold: Option<[u8; 32]>) -> Result<AuditReport, StoreError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_read_as_written() {
        let hash: Hash = Sha256::digest(b"x").into();
        assert_eq!(parse_hash(&hex(&hash)), Some(hash));
        assert_eq!(parse_hash("ab"), None);
        assert_eq!(parse_hash(&"é".repeat(32)), None);
    }

    #[test]
    fn fields_cannot_flow_into_each_other() {
        let entry =
            |actor, action| RawEntry { seq: 1, at: 1, organization: None, actor, action, target: "", detail: "{}" };
        assert_ne!(entry("ab", "c").hash(&GENESIS), entry("a", "bc").hash(&GENESIS));
    }
}
