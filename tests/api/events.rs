//! The stream of events: as they happen, and those that a client missed.

use std::io::BufRead;

use serde_json::{Value, json};

use super::token;
use crate::harness::http::{begin, begin_with, call};
use crate::harness::postern::Postern;

#[test]
fn events_are_sent_as_they_happen() {
    let mut postern = Postern::start("[outbound_policy]\nexternal_per_hour = 1\n");
    let token = token(&postern, "screen", "security-reader");
    let (status, mut stream) = begin(postern.portal_port, "/api/v1/events", Some(&token));
    assert_eq!(status, 200);
    let mut next = || {
        let mut kind = String::new();
        loop {
            let mut line = String::new();
            assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
            if let Some(name) = line.strip_prefix("event: ") {
                kind = name.trim().to_owned();
            }
            if let Some(data) = line.strip_prefix("data: ") {
                let event: Value = serde_json::from_str(data).unwrap();
                assert_eq!(event["type"], kind);
                return event;
            }
        }
    };
    let mut door = postern.door();
    door.whole("alice", "1", &["a@x.example"]);
    door.whole("alice", "2", &["b@x.example"]);
    let made = next();
    assert_eq!((&made["type"], &made["data"]["entity"]), (&json!("restriction.made"), &json!("alice@example.com")));
    postern.ok(&["restricted", "release", "alice", "--reason", "done"]);
    let released = next();
    assert_eq!(
        (&released["type"], &released["data"]["reference"]),
        (&json!("restriction.released"), &made["data"]["reference"])
    );
    postern.ok(&["policy", "set", "Default", "per_day=5"]);
    assert_eq!(next()["type"], "policies.changed");
    // Whoever watches does not keep Postern from ending.
    postern.process().signal("TERM");
    assert!(postern.process().wait(std::time::Duration::from_secs(10)).success());
}

/// The next events of a stream: the id that stands beside each, and the event.
fn next_events(stream: &mut impl BufRead, count: usize) -> Vec<(i64, Value)> {
    let (mut events, mut id) = (Vec::new(), 0);
    while events.len() < count {
        let mut line = String::new();
        assert!(stream.read_line(&mut line).unwrap() > 0, "the stream ended");
        if let Some(number) = line.strip_prefix("id: ") {
            id = number.trim().parse().unwrap();
        }
        if let Some(data) = line.strip_prefix("data: ") {
            events.push((id, serde_json::from_str(data).unwrap()));
        }
    }
    events
}

#[test]
fn a_client_that_reconnects_receives_what_it_missed() {
    let postern = Postern::start("");
    let (token, admin) =
        (token(&postern, "screen", "security-reader"), token(&postern, "admin", "security-administrator"));
    let after =
        |id: &str| begin_with(postern.portal_port, "/api/v1/events", Some(&token), &format!("Last-Event-ID: {id}\r\n"));
    postern.ok(&["restricted", "add", "alice", "--reason", "phished"]);
    postern.ok(&["restricted", "release", "alice", "--reason", "done"]);
    postern.ok(&["restricted", "undo-release", "alice", "--reason", "not yet"]);
    let of = |events: &[(i64, Value)]| -> Vec<String> {
        events.iter().map(|(_, event)| event["type"].as_str().unwrap().to_owned()).collect()
    };
    let all = next_events(&mut after("0").1, 3);
    assert_eq!(of(&all), ["restriction.made", "restriction.released", "restriction.restored"]);
    assert!(all.iter().all(|(id, event)| event["id"] == *id));
    let reference = |at: usize| all[at].1["data"]["reference"].clone();
    assert_eq!((reference(1), reference(2)), (reference(0), reference(0)));
    // What comes after the one that was seen, and then what happens.
    let (_, mut stream) = after(&all[0].0.to_string());
    assert_eq!(next_events(&mut stream, 2), all[1..]);
    postern.ok(&["policy", "set", "Default", "per_day=5"]);
    assert_eq!(of(&next_events(&mut stream, 1)), ["policies.changed"]);
    // More than memory holds comes from the trail.
    for number in 0..300 {
        let path = "/api/v1/restrictions";
        let body = json!({ "entity": format!("user{number}"), "reason": "x" });
        assert_eq!(call(postern.portal_port, "POST", path, Some(&admin), Some(&body)).0, 201);
    }
    let late = next_events(&mut after(&all[2].0.to_string()).1, 301);
    assert!(late.windows(2).all(|pair| pair[0].0 < pair[1].0));
    // One that there is not yet: from now on.
    let (status, mut ahead) = after("999999");
    assert_eq!(status, 200);
    postern.ok(&["restricted", "release", "alice", "--reason", "done"]);
    assert_eq!(of(&next_events(&mut ahead, 1)), ["restriction.released"]);
    assert_eq!(after("yesterday").0, 422);
}
