//! The recipients that entities have written to before, to recognise first-time recipients. Cached in
//! memory and written to the store after the answer; only for entities whose policy limits first-time
//! recipients.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;
use postern_domain::{EntityId, Timestamp};
use postern_store::known_recipients::KnownRecipient;
use postern_store::{Store, StoreError};
use sha2::{Digest, Sha256};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// How long an entity's recipients are learned before any of them counts as a first-time recipient.
const LEARNING: Duration = Duration::from_secs(7 * 24 * 3600);
/// A recipient that the entity has not written to for this many days is forgotten.
const FORGET_DAYS: u32 = 180;
/// The most recipients remembered per entity; beyond that, no new ones are.
const MOST: usize = 20_000;

#[derive(Debug)]
struct Known {
    since: Timestamp,
    /// Hashed recipients, and the day (since 1970) each was last written to.
    days: HashMap<i64, u32>,
}

#[derive(Debug, Default)]
struct State {
    known: HashMap<EntityId, Known>,
    /// What is still to be written to the store.
    noted: Vec<KnownRecipient>,
    /// The last day on which old entries were forgotten.
    forgotten: u32,
}

/// The recipients that entities have written to.
#[derive(Debug, Default)]
pub struct KnownRecipients(Mutex<State>);

impl KnownRecipients {
    /// Loads what the store has.
    ///
    /// # Errors
    /// The store can't be read.
    pub async fn restore(&self, store: &dyn Store) -> Result<(), StoreError> {
        let (since, noted) = store.known_recipients().await?;
        let mut state = self.lock();
        state.known =
            since.into_iter().map(|(entity, since)| (entity, Known { since, days: HashMap::new() })).collect();
        for KnownRecipient { entity, recipient, day } in noted {
            if let Some(known) = state.known.get_mut(&entity) {
                known.days.insert(recipient, day);
            }
        }
        Ok(())
    }

    /// Whether the entity has never written to this address, as far as is remembered. Always false
    /// during the week in which its recipients are learned.
    pub fn is_first_time(&self, entity: &EntityId, address: &str, now: Timestamp) -> bool {
        let state = self.lock();
        let Some(known) = state.known.get(entity) else { return false };
        now.since(known.since) >= LEARNING && !known.days.contains_key(&hash(address))
    }

    /// Remembers the recipients that the entity wrote to.
    pub fn learn<'a>(&self, entity: &EntityId, addresses: impl Iterator<Item = &'a str>, now: Timestamp) {
        let today = day(now);
        let mut state = self.lock();
        let State { known, noted, .. } = &mut *state;
        let known = known.entry(entity.clone()).or_insert_with(|| Known { since: now, days: HashMap::new() });
        for address in addresses {
            let recipient = hash(address);
            let is_new = !known.days.contains_key(&recipient);
            if is_new && known.days.len() >= MOST {
                continue;
            }
            if known.days.insert(recipient, today) != Some(today) {
                noted.push(KnownRecipient { entity: entity.clone(), recipient, day: today });
            }
        }
    }

    /// Writes new recipients to the store and, once a day, forgets old ones. What can't be written is
    /// retried next time.
    pub async fn write(&self, store: &dyn Store, now: Timestamp) {
        let (noted, forget) = {
            let mut state = self.lock();
            let today = day(now);
            let forget = state.forgotten != today;
            state.forgotten = today;
            (std::mem::take(&mut state.noted), forget)
        };
        if !noted.is_empty()
            && let Err(error) = store.note_known_recipients(&noted, now).await
        {
            tracing::warn!(%error, "whom accounts wrote to can't be written down yet");
            self.lock().noted.extend(noted);
        }
        if forget {
            let before = day(now).saturating_sub(FORGET_DAYS);
            for known in self.lock().known.values_mut() {
                known.days.retain(|_, day| *day >= before);
            }
            if let Err(error) = store.forget_known_recipients(before).await {
                tracing::debug!(%error, "old known recipients can't be forgotten yet");
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn day(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis() / i64::try_from(DAY.as_millis()).unwrap_or(i64::MAX)).unwrap_or(0)
}

/// Hashes the address, so that stored data does not reveal who writes to whom.
fn hash(address: &str) -> i64 {
    let hash: [u8; 32] = Sha256::digest(address.as_bytes()).into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    i64::from_le_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipient_is_new_once_and_only_after_a_week_of_learning() {
        let known_recipients = KnownRecipients::default();
        let alice = EntityId::account_named("alice@example.com");
        let at = |days: u64| Timestamp::from_millis(0).plus(DAY * u32::try_from(days).unwrap());
        let is_new = |address: &str, days| known_recipients.is_first_time(&alice, address, at(days));
        assert!(!is_new("a@x.example", 0), "nothing is known of alice");
        known_recipients.learn(&alice, ["a@x.example"].into_iter(), at(0));
        assert!(!is_new("b@x.example", 6), "still learning");
        assert!(is_new("b@x.example", 7) && !is_new("a@x.example", 7));
        known_recipients.learn(&alice, ["b@x.example", "b@x.example"].into_iter(), at(7));
        assert!(!is_new("b@x.example", 8));
        assert_eq!(known_recipients.lock().noted.len(), 2);
    }
}
