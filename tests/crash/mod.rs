//! kill -9, again and again: what was answered is there, and the audit chain is whole.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use crate::harness::policy_client::PolicyClient;
use crate::harness::postern::Postern;

/// Rounds unless `POSTERN_CRASH_ROUNDS` says otherwise; `make crash` takes thousands.
const ROUNDS: usize = 50;

#[test]
fn an_answered_restriction_survives_kill_9() {
    let rounds = std::env::var("POSTERN_CRASH_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut postern = Postern::start("[outbound_policy]\nexternal_per_hour = 1\n");
    let answered: Arc<Mutex<HashMap<String, String>>> = Arc::default();
    for round in 0..rounds {
        let stop = Arc::new(AtomicBool::new(false));
        let (begun, first_answers) = mpsc::channel();
        let port = postern.door_port;
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let (stop, answered, begun) = (Arc::clone(&stop), Arc::clone(&answered), begun.clone());
                std::thread::spawn(move || spam(port, &format!("u{round}.{sender}"), &stop, &answered, &begun))
            })
            .collect();
        for _ in &senders {
            first_answers.recv_timeout(Duration::from_secs(20)).expect("each sender has an answer");
        }
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
    assert!(restricted >= 2 * rounds as u64, "only {restricted} restrictions in {rounds} rounds");
    // And the default policy, taken over from the file.
    assert_eq!(report["entries"], restricted + 1);
    assert_eq!(postern.json(&["alerts", "--limit", "1000000"]).as_array().unwrap().len() as u64, restricted);
}

/// Sends from one new account after the other until the daemon is gone, says when the first answer
/// was there, and notes which restrictions were answered.
fn spam(port: u16, name: &str, stop: &AtomicBool, answered: &Mutex<HashMap<String, String>>, begun: &mpsc::Sender<()>) {
    let mut door = PolicyClient::connect(port);
    for n in 0.. {
        let account = format!("{name}.{n}");
        for instance in ["1", "2"] {
            let Some(answer) = try_send(&mut door, &account, &format!("{account}.{instance}")) else { return };
            if let Some((_, rest)) = answer.split_once('(') {
                let reference = rest.split(')').next().unwrap().to_owned();
                answered.lock().unwrap().insert(account.clone(), reference);
            }
        }
        if n == 0 {
            begun.send(()).unwrap();
        }
        if stop.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// One message; the first answer that is not DUNNO, or DUNNO. None once the daemon is gone.
fn try_send(door: &mut PolicyClient, login: &str, instance: &str) -> Option<String> {
    let recipient = [("protocol_state", "RCPT"), ("recipient", "a@x.example")];
    let end = [("protocol_state", "END-OF-MESSAGE"), ("recipient_count", "1")];
    let first = door.try_message(login, instance, &recipient)?;
    if first == "DUNNO" { door.try_message(login, instance, &end) } else { Some(first) }
}
