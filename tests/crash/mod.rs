//! kill -9, again and again: what was answered is there, and the audit chain is whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::harness::policy_client::PolicyClient;
use crate::harness::postern::Postern;

/// Rounds without being told otherwise by `POSTERN_CRASH_ROUNDS`.
const ROUNDS: usize = 200;

#[test]
fn an_answered_restriction_survives_kill_9() {
    let rounds = std::env::var("POSTERN_CRASH_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut postern = Postern::start("[outbound_policy]\nexternal_per_hour = 1\n");
    let answered: Arc<Mutex<HashMap<String, String>>> = Arc::default();
    for round in 0..rounds {
        let stop = Arc::new(AtomicBool::new(false));
        let port = postern.door_port;
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let (stop, answered) = (Arc::clone(&stop), Arc::clone(&answered));
                std::thread::spawn(move || spam(port, &format!("u{round}.{sender}"), &stop, &answered))
            })
            .collect();
        // Somewhere in the middle of writing; where, changes from round to round.
        std::thread::sleep(Duration::from_micros(2_000 + (round as u64 * 7_919) % 40_000));
        postern.kill_9();
        stop.store(true, Ordering::Relaxed);
        senders.into_iter().for_each(|sender| sender.join().unwrap());
        postern.run();
        let mut door = postern.door();
        for (account, reference) in answered.lock().unwrap().drain() {
            let answer = door.rcpt(&account, "after", "a@x.example");
            assert!(answer.contains(&reference), "round {round}: {account} was {reference}, then {answer}");
        }
    }
    let report = postern.json(&["audit", "verify"]);
    assert!(report["broken_at"].is_null(), "{report}");
    let restricted = postern.restricted().len() as u64;
    assert!(restricted > rounds as u64 / 4, "only {restricted} restrictions in {rounds} rounds");
    // And the default policy, taken over from the file.
    assert_eq!(report["entries"], restricted + 1);
    assert_eq!(postern.json(&["alerts", "--limit", "1000000"]).as_array().unwrap().len() as u64, restricted);
}

/// Sends from one new account after the other until the daemon is gone, and notes which
/// restrictions were answered.
fn spam(port: u16, name: &str, stop: &AtomicBool, answered: &Mutex<HashMap<String, String>>) {
    let Ok(mut door) = std::panic::catch_unwind(|| PolicyClient::connect(port)) else { return };
    for n in 0.. {
        let account = format!("{name}.{n}");
        for instance in ["1", "2"] {
            let sent = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                door.whole(&account, &format!("{account}.{instance}"), &["a@x.example"])
            }));
            let Ok(answer) = sent else { return };
            if let Some((_, rest)) = answer.split_once('(') {
                let reference = rest.split(')').next().unwrap().to_owned();
                answered.lock().unwrap().insert(account.clone(), reference);
            }
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}
