//! `[[door]]`, its short form `[policy_door]`, and `[gate]`.

use std::time::Duration;

use postern_services::settings::{Door, DoorKind, GateSettings};
use postern_wire::policy::RequestLimits;

use super::super::reader::Section;
use super::super::values;

/// Timeouts of `[gate]` that were keys of `[policy_door]` before.
#[derive(Default)]
struct Timeouts {
    reservation: Option<u32>,
    contention: Option<u32>,
}

/// Reads every door and what the gate does, and adds advice about keys that have moved.
pub(super) fn doors(root: &mut Section<'_>, advice: &mut Vec<String>) -> (Vec<Door>, GateSettings) {
    let mut moved = Timeouts::default();
    let short = root.optional_section("policy_door").map(|section| policy_door(section, &mut moved));
    let mut doors: Vec<Door> = short.into_iter().chain(root.sections("door", door)).collect();
    if doors.is_empty() {
        doors.push(Door::policy());
    }
    let gate = gate(root.section("gate"), &moved);
    for (key, value) in
        [("reservation_timeout_seconds", moved.reservation), ("contention_wait_seconds", moved.contention)]
    {
        if let Some(value) = value {
            advice.push(format!(
                "policy_door.{key} still works, but applies to all doors: write it as {key} = {value} under [gate]"
            ));
        }
    }
    (doors, gate)
}

fn policy_door(mut s: Section<'_>, moved: &mut Timeouts) -> Door {
    moved.reservation = s.number("reservation_timeout_seconds", 1..=86_400);
    moved.contention = s.number("contention_wait_seconds", 0..=60);
    let door = common(&mut s, DoorKind::Policy);
    s.finish();
    door
}

fn door(mut s: Section<'_>) -> Option<Door> {
    let kind = s.text("kind", |text| match text {
        "policy" => Ok(DoorKind::Policy),
        _ => Err("expected \"policy\", for Postfix's policy delegation"),
    });
    if kind.is_none() {
        s.missing("kind", "name the protocol, for example \"policy\" for Postfix's policy delegation");
    }
    let door = common(&mut s, kind.unwrap_or(DoorKind::Policy));
    s.finish();
    kind.map(|_| door)
}

fn common(s: &mut Section<'_>, kind: DoorKind) -> Door {
    let default = Door::policy();
    let bytes = |n: Option<u32>, default: usize| n.map_or(default, |n| n as usize);
    Door {
        kind,
        listen: s.list("listen", values::listen).unwrap_or(default.listen),
        max_connections: s.number("max_connections", 1..=65_536).unwrap_or(default.max_connections),
        limits: RequestLimits {
            line: bytes(s.number("max_line_bytes", 1024..=1_048_576), default.limits.line),
            request: bytes(s.number("max_request_bytes", 4096..=4_194_304), default.limits.request),
        },
        request_timeout: seconds(s.number("request_timeout_seconds", 1..=600), default.request_timeout),
        idle_timeout: seconds(s.number("idle_timeout_seconds", 1..=86_400), default.idle_timeout),
    }
}

fn gate(mut s: Section<'_>, moved: &Timeouts) -> GateSettings {
    let reservation = s.number("reservation_timeout_seconds", 1..=86_400).or(moved.reservation);
    let contention = s.number("contention_wait_seconds", 0..=60).or(moved.contention);
    s.finish();
    GateSettings {
        // A client that names recipients and falls silent must not keep the account's other mail waiting. A message
        // that takes longer is reserved again when it ends.
        reservation_timeout: seconds(reservation, Duration::from_secs(25)),
        contention_wait: seconds(contention, Duration::from_secs(5)),
    }
}

fn seconds(number: Option<u32>, default: Duration) -> Duration {
    number.map_or(default, |number| Duration::from_secs(number.into()))
}
