//! Encodes and decodes the journal's records; see `README.md` in this folder.

use postern_domain::window::{Charge, Slot, Window};
use postern_domain::{EntityId, EntityKind};

/// A change to usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// Messages were accepted.
    Counted { entity: EntityId, minute: u32, charge: Charge, messages: u32, message: u64 },
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

impl Record {
    /// Reads one record from the front of `bytes`; `None` if there is no valid record.
    pub(super) fn decode(bytes: &mut &[u8]) -> Option<Record> {
        Some(match take_byte(bytes)? {
            kind @ (COUNTED | COUNTED_MORE) => {
                let entity = take_entity(bytes)?;
                let minute = take(bytes)?;
                let (external, internal, lane) = (take(bytes)?, take(bytes)?, take(bytes)?);
                let messages = take(bytes)?;
                let mut more = || if kind == COUNTED_MORE { take(bytes) } else { Some(0) };
                // A record stores the number of messages separately.
                let (first_time, unknown) = (more()?, more()?);
                let charge = Charge { external, internal, lane, messages: 0, first_time, unknown };
                Record::Counted { entity, minute, charge, messages, message: take_u64(bytes)? }
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
            _ => return None,
        })
    }
}

/// Encodes an accepted message. It is encoded in place, since this runs for every message.
pub(super) fn encode_counted(
    out: &mut Vec<u8>,
    entity: &EntityId,
    minute: u32,
    charge: Charge,
    messages: u32,
    message: u64,
) {
    let more = charge.first_time > 0 || charge.unknown > 0;
    out.push(if more { COUNTED_MORE } else { COUNTED });
    put_entity(out, entity);
    for n in [minute, charge.external, charge.internal, charge.lane, messages] {
        put(out, n);
    }
    if more {
        put(out, charge.first_time);
        put(out, charge.unknown);
    }
    out.extend_from_slice(&message.to_le_bytes());
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
    put(out, u32::try_from(entity.name().len()).unwrap_or(u32::MAX));
    out.extend_from_slice(entity.name().as_bytes());
}

fn put(out: &mut Vec<u8>, mut n: u32) {
    while n >= 0x80 {
        out.push((n & 0x7f) as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn take_entity(bytes: &mut &[u8]) -> Option<EntityId> {
    let kind = take_byte(bytes)?;
    let length = take(bytes)? as usize;
    let (name, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    let name = std::str::from_utf8(name).ok()?;
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

fn take(bytes: &mut &[u8]) -> Option<u32> {
    let mut n = 0u32;
    for shift in (0..35).step_by(7) {
        let byte = take_byte(bytes)?;
        n |= u32::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(n);
        }
    }
    None
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (&first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(first)
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    let (number, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(u64::from_le_bytes(*number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entity() -> impl Strategy<Value = EntityId> {
        (any::<bool>(), "\\PC{0,30}")
            .prop_map(|(account, name)| if account { EntityId::account_named(name) } else { EntityId::connector(name) })
    }

    fn record() -> impl Strategy<Value = Record> {
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
            (entity(), any::<u32>(), charge, any::<u32>(), any::<u64>()).prop_map(
                |(entity, minute, charge, messages, message)| Record::Counted {
                    entity,
                    minute,
                    charge,
                    messages,
                    message
                }
            ),
            (entity(), proptest::collection::vec(slot, 0..5))
                .prop_map(|(entity, slots)| Record::Slots { entity, slots }),
            (entity(), proptest::sample::subsequence(Window::ALL.to_vec(), 0..=Window::ALL.len()))
                .prop_map(|(entity, windows)| Record::Reset { entity, windows }),
        ]
    }

    fn encode(record: &Record, out: &mut Vec<u8>) {
        match record {
            Record::Counted { entity, minute, charge, messages, message } => {
                encode_counted(out, entity, *minute, *charge, *messages, *message);
            }
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
