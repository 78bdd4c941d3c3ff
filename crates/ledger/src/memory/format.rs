//! Encodes and decodes the journal's records; see `README.md` in this folder.

use postern_domain::window::{Charge, Slot, Window};
use postern_domain::{EntityId, EntityKind};

use crate::encoding::{put, put_bytes, take, take_array, take_byte, take_bytes};

/// A change to usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record<'a> {
    /// Messages were accepted.
    Counted {
        entity: EntityId,
        minute: u32,
        charge: Charge,
        messages: u32,
        message: u64,
        /// The encoded attempt; earlier versions did not store it here.
        attempt: &'a [u8],
    },
    /// An attempt was refused; it is encoded.
    Attempt { entity: EntityId, attempt: &'a [u8] },
    /// The encoded last attempts of an entity, in a snapshot.
    Recent { entity: EntityId, attempts: &'a [u8] },
    /// The profile of an entity.
    Profile { entity: EntityId, profile: &'a [u8] },
    /// The complete usage of an entity, in a snapshot.
    Slots { entity: EntityId, slots: Vec<Slot> },
    /// Windows were emptied.
    Reset { entity: EntityId, windows: Vec<Window> },
}

const COUNTED: u8 = 1;
const SLOTS: u8 = 2;
const RESET: u8 = 3;
/// The first two records with first-time and unknown recipients added. They are written only if there
/// are such recipients, so that earlier versions can read all other records.
const COUNTED_MORE: u8 = 4;
const SLOTS_MORE: u8 = 5;
/// As [`COUNTED_MORE`], with the attempt at the end.
const COUNTED_ATTEMPT: u8 = 6;
const ATTEMPT: u8 = 7;
const RECENT: u8 = 8;
const PROFILE: u8 = 9;

impl<'a> Record<'a> {
    /// Reads one record from the front of `bytes`; `None` if there is no valid record.
    pub(super) fn decode(bytes: &mut &'a [u8]) -> Option<Self> {
        Some(match take_byte(bytes)? {
            kind @ (COUNTED | COUNTED_MORE | COUNTED_ATTEMPT) => {
                let entity = take_entity(bytes)?;
                let minute = take(bytes)?;
                let (external, internal, lane) = (take(bytes)?, take(bytes)?, take(bytes)?);
                let messages = take(bytes)?;
                let mut more = || if kind == COUNTED { Some(0) } else { take(bytes) };
                // A record stores the number of messages separately.
                let (first_time, unknown) = (more()?, more()?);
                let charge = Charge { external, internal, lane, messages: 0, first_time, unknown };
                let message = take_array(bytes).map(u64::from_le_bytes)?;
                let attempt = if kind == COUNTED_ATTEMPT { take_bytes(bytes)? } else { &[] };
                Record::Counted { entity, minute, charge, messages, message, attempt }
            }
            kind @ (SLOTS | SLOTS_MORE) => {
                let entity = take_entity(bytes)?;
                let count = take(bytes)?;
                let slots = (0..count).map(|_| take_slot(bytes, kind == SLOTS_MORE)).collect::<Option<_>>()?;
                Record::Slots { entity, slots }
            }
            RESET => {
                let entity = take_entity(bytes)?;
                let mask = take(bytes)?;
                let windows = Window::ALL.into_iter().enumerate();
                let windows = windows.filter(|(bit, _)| mask & (1 << bit) != 0).map(|(_, w)| w).collect();
                Record::Reset { entity, windows }
            }
            ATTEMPT => Record::Attempt { entity: take_entity(bytes)?, attempt: take_bytes(bytes)? },
            RECENT => Record::Recent { entity: take_entity(bytes)?, attempts: take_bytes(bytes)? },
            PROFILE => Record::Profile { entity: take_entity(bytes)?, profile: take_bytes(bytes)? },
            _ => return None,
        })
    }
}

/// Encodes an accepted message, with the encoded `attempt` unless it is empty. It is encoded in place, since this runs
/// for every message.
pub(super) fn encode_counted(
    out: &mut Vec<u8>,
    entity: &EntityId,
    minute: u32,
    charge: Charge,
    messages: u32,
    message: u64,
    attempt: &[u8],
) {
    let more = charge.first_time > 0 || charge.unknown > 0 || !attempt.is_empty();
    out.push(match (attempt.is_empty(), more) {
        (false, _) => COUNTED_ATTEMPT,
        (true, true) => COUNTED_MORE,
        (true, false) => COUNTED,
    });
    put_entity(out, entity);
    for n in [minute, charge.external, charge.internal, charge.lane, messages] {
        put(out, n);
    }
    if more {
        put(out, charge.first_time);
        put(out, charge.unknown);
    }
    out.extend_from_slice(&message.to_le_bytes());
    if !attempt.is_empty() {
        put_bytes(out, attempt);
    }
}

pub(super) fn encode_attempt(out: &mut Vec<u8>, entity: &EntityId, attempt: &[u8]) {
    encode_bytes(out, ATTEMPT, entity, attempt);
}

pub(super) fn encode_recent(out: &mut Vec<u8>, entity: &EntityId, attempts: &[u8]) {
    encode_bytes(out, RECENT, entity, attempts);
}

pub(super) fn encode_profile(out: &mut Vec<u8>, entity: &EntityId, profile: &[u8]) {
    encode_bytes(out, PROFILE, entity, profile);
}

fn encode_bytes(out: &mut Vec<u8>, kind: u8, entity: &EntityId, bytes: &[u8]) {
    out.push(kind);
    put_entity(out, entity);
    put_bytes(out, bytes);
}

pub(super) fn encode_reset(out: &mut Vec<u8>, entity: &EntityId, windows: &[Window]) {
    out.push(RESET);
    put_entity(out, entity);
    put(out, mask(windows));
}

pub(super) fn encode_slots(out: &mut Vec<u8>, entity: &EntityId, slots: &[Slot]) {
    let more = slots.iter().any(|slot| slot.first_time > 0 || slot.unknown > 0);
    out.push(if more { SLOTS_MORE } else { SLOTS });
    put_entity(out, entity);
    put(out, u32::try_from(slots.len()).unwrap_or(u32::MAX));
    for slot in slots {
        put(out, slot.minute);
        for n in [slot.external, slot.internal, slot.total, slot.messages, slot.lane] {
            put(out, u32::from(n));
        }
        if more {
            put(out, u32::from(slot.first_time));
            put(out, u32::from(slot.unknown));
        }
    }
}

fn mask(windows: &[Window]) -> u32 {
    let bits = Window::ALL.into_iter().enumerate();
    bits.filter(|(_, w)| windows.contains(w)).fold(0, |mask, (bit, _)| mask | (1 << bit))
}

fn put_entity(out: &mut Vec<u8>, entity: &EntityId) {
    out.push(match entity.kind() {
        EntityKind::Account => 0,
        EntityKind::Connector => 1,
    });
    put_bytes(out, entity.name().as_bytes());
}

fn take_entity(bytes: &mut &[u8]) -> Option<EntityId> {
    let kind = take_byte(bytes)?;
    let name = std::str::from_utf8(take_bytes(bytes)?).ok()?;
    match kind {
        0 => Some(EntityId::account_named(name)),
        1 => Some(EntityId::connector(name)),
        _ => None,
    }
}

fn take_slot(bytes: &mut &[u8], more: bool) -> Option<Slot> {
    let minute = take(bytes)?;
    let mut small = || take(bytes).and_then(|n| u16::try_from(n).ok());
    let (external, internal, total, messages, lane) = (small()?, small()?, small()?, small()?, small()?);
    let mut few = || if more { take(bytes).and_then(|n| u8::try_from(n).ok()) } else { Some(0) };
    Some(Slot { minute, external, internal, total, messages, lane, first_time: few()?, unknown: few()? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entity() -> impl Strategy<Value = EntityId> {
        (any::<bool>(), "\\PC{0,30}")
            .prop_map(|(account, name)| if account { EntityId::account_named(name) } else { EntityId::connector(name) })
    }

    /// Leaked, since a record borrows its bytes.
    fn bytes() -> impl Strategy<Value = &'static [u8]> {
        proptest::collection::vec(any::<u8>(), 0..20).prop_map(|bytes| &*bytes.leak())
    }

    fn record() -> impl Strategy<Value = Record<'static>> {
        let slot = (any::<u32>(), any::<[u16; 5]>(), any::<[u8; 2]>()).prop_map(|(minute, [a, b, c, d, e], [f, g])| {
            Slot { minute, external: a, internal: b, total: c, messages: d, lane: e, first_time: f, unknown: g }
        });
        let charge = any::<[u32; 5]>().prop_map(|[external, internal, lane, first_time, unknown]| Charge {
            external,
            internal,
            lane,
            messages: 0,
            first_time,
            unknown,
        });
        prop_oneof![
            (entity(), any::<u32>(), charge, any::<u32>(), any::<u64>(), bytes()).prop_map(
                |(entity, minute, charge, messages, message, attempt)| Record::Counted {
                    entity,
                    minute,
                    charge,
                    messages,
                    message,
                    attempt
                }
            ),
            (entity(), bytes()).prop_map(|(entity, attempt)| Record::Attempt { entity, attempt }),
            (entity(), bytes()).prop_map(|(entity, attempts)| Record::Recent { entity, attempts }),
            (entity(), bytes()).prop_map(|(entity, profile)| Record::Profile { entity, profile }),
            (entity(), proptest::collection::vec(slot, 0..5))
                .prop_map(|(entity, slots)| Record::Slots { entity, slots }),
            (entity(), proptest::sample::subsequence(Window::ALL.to_vec(), 0..=Window::ALL.len()))
                .prop_map(|(entity, windows)| Record::Reset { entity, windows }),
        ]
    }

    fn encode(record: &Record, out: &mut Vec<u8>) {
        match record {
            Record::Counted { entity, minute, charge, messages, message, attempt } => {
                encode_counted(out, entity, *minute, *charge, *messages, *message, attempt);
            }
            Record::Attempt { entity, attempt } => encode_attempt(out, entity, attempt),
            Record::Recent { entity, attempts } => encode_recent(out, entity, attempts),
            Record::Profile { entity, profile } => encode_profile(out, entity, profile),
            Record::Slots { entity, slots } => encode_slots(out, entity, slots),
            Record::Reset { entity, windows } => encode_reset(out, entity, windows),
        }
    }

    proptest! {
        #[test]
        fn round_trips(records in proptest::collection::vec(record(), 0..8)) {
            let mut bytes = Vec::new();
            records.iter().for_each(|record| encode(record, &mut bytes));
            let mut rest = bytes.as_slice();
            for record in &records {
                let read = Record::decode(&mut rest);
                prop_assert_eq!(read.as_ref(), Some(record));
            }
            prop_assert!(rest.is_empty());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut rest = bytes.as_slice();
            while Record::decode(&mut rest).is_some() {}
        }
    }
}
