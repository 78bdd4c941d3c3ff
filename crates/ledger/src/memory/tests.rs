use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use postern_domain::evidence::{AttemptRecord, Outcome};
use proptest::prelude::*;

use super::*;

fn noon() -> Timestamp {
    Timestamp::parse("2026-11-25T18:00:00Z").unwrap()
}

fn still() -> Now {
    Arc::new(noon)
}

fn open(folder: &Path) -> MemoryLedger {
    MemoryLedger::open(folder, still()).unwrap()
}

fn entity(name: &str) -> EntityId {
    EntityId::account_named(name)
}

fn external(n: u32) -> Charge {
    Charge { external: n, ..Charge::NONE }
}

fn record() -> AttemptRecord {
    AttemptRecord {
        at: noon(),
        client_address: None,
        helo_name: "client".into(),
        sasl_method: "PLAIN".into(),
        sender: "a@example.com".into(),
        queue_id: "1".into(),
        recipients: 1,
        external: 1,
        size: 0,
        outcome: Outcome::Accepted,
    }
}

/// The result of a future of the memory ledger, which is always ready at once.
fn ready<T>(future: impl Future<Output = Result<T, LedgerError>>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value.unwrap(),
        std::task::Poll::Pending => panic!("the memory ledger never waits"),
    }
}

fn count(ledger: &MemoryLedger, name: &str) -> u32 {
    ready(ledger.usage(&entity(name))).count(Window::ExternalPerHour, noon())
}

fn send(ledger: &MemoryLedger, name: &str, message: &str, n: u32) -> Committed {
    let entity = entity(name);
    let message = MessageId::of(&entity, message, 0);
    ready(ledger.commit(Accepted {
        entity: &entity,
        message,
        charge: external(n),
        record: (&record()).into(),
        profile: None,
    }))
}

#[test]
fn what_was_flushed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    send(&ledger, "a", "1", 3);
    send(&ledger, "a", "2", 4);
    let refused = AttemptRecord { outcome: Outcome::Refused, ..record() };
    ready(ledger.refused(&entity("a"), (&refused).into()));
    ledger.flush(false).unwrap();
    send(&ledger, "a", "3", 100);
    let again = open(folder.path());
    assert_eq!(count(&again, "a"), 7);
    let outcomes: Vec<_> = ready(again.recent(&entity("a"))).iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Accepted, Outcome::Accepted, Outcome::Refused]);
    assert_eq!(send(&again, "a", "2", 4), Committed::CountedAlready);
    assert!(matches!(send(&again, "a", "3", 1), Committed::Counted(_)));
}

#[test]
fn a_reset_is_durable_when_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    send(&ledger, "a", "1", 3);
    ready(ledger.reset(&entity("a"), &[Window::ExternalPerHour]));
    let again = open(folder.path());
    assert_eq!(count(&again, "a"), 0);
    assert_eq!(ready(again.usage(&entity("a"))).count(Window::PerDay, noon()), 3);
}

#[test]
fn compaction_keeps_every_count_and_removes_old_files() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let profile = Profile::new(*b"how it sends").unwrap();
    for i in 0..1000 {
        send(&ledger, &format!("user{i}"), "1", i % 7 + 1);
    }
    let user2 = entity("user2");
    let message = MessageId::of(&user2, "profile", 0);
    let charge = Charge::NONE;
    ready(ledger.commit(Accepted {
        entity: &user2,
        message,
        charge,
        record: (&record()).into(),
        profile: Some(profile.clone()),
    }));
    ledger.compact().unwrap();
    send(&ledger, "user1", "2", 1);
    ledger.flush(false).unwrap();
    ledger.compact().unwrap();
    send(&ledger, "user1", "3", 1);
    ledger.flush(false).unwrap();
    let again = open(folder.path());
    assert_eq!(ready(again.entity_count()), 1000);
    assert_eq!((count(&again, "user1"), count(&again, "user6")), (4, 7));
    assert_eq!(ready(again.recent(&entity("user1"))).len(), 3);
    let (mut shard, hash) = again.shard(&user2);
    assert_eq!(shard.find(&user2, hash).unwrap().profile(), Some(&profile));
    let mut files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["3.journal", "3.snapshot"]);
}

/// Each access to the disk fails once, in turn; afterwards, and after a restart at any moment, everything is counted
/// once.
#[test]
fn whatever_fails_while_compacting_nothing_is_forgotten_or_counted_twice() {
    let counts = |ledger: &MemoryLedger| -> Vec<u32> { (0..5).map(|n| count(ledger, &format!("user{n}"))).collect() };
    for fault in 0.. {
        let folder = tempfile::tempdir().unwrap();
        let ledger = open(folder.path());
        let mut message = 0;
        let mut more = |ledger: &MemoryLedger| {
            for n in 0..5 {
                message += 1;
                send(ledger, &format!("user{n}"), &message.to_string(), n + 1);
            }
        };
        more(&ledger);
        ledger.flush(true).unwrap();
        ledger.compact().unwrap();
        more(&ledger);
        lock(&ledger.journal).faults.fail_after(fault);
        let compacted = ledger.compact();
        let happened = lock(&ledger.journal).faults.repair();
        assert_eq!(compacted.is_err(), happened, "step {fault}");
        more(&ledger);
        ledger.flush(true).unwrap();
        assert_eq!(counts(&ledger), [3, 6, 9, 12, 15]);
        assert_eq!(counts(&open(folder.path())), [3, 6, 9, 12, 15], "a restart after step {fault} failed");
        let ledger = open(folder.path());
        ledger.compact().unwrap();
        more(&ledger);
        ledger.flush(true).unwrap();
        assert_eq!(counts(&open(folder.path())), [4, 8, 12, 16, 20], "a compaction after step {fault} failed");
        if !happened {
            assert!(fault > 8, "only {fault} steps were tried");
            break;
        }
    }
}

#[test]
fn a_torn_end_is_cut_off_and_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    send(&ledger, "a", "1", 3);
    ledger.flush(false).unwrap();
    send(&ledger, "a", "2", 4);
    ledger.flush(false).unwrap();
    let path = folder.path().join("1.journal");
    let bytes = std::fs::read(&path).unwrap();
    for cut in 0..bytes.len() {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let torn = open(folder.path());
        assert!([0, 3].contains(&count(&torn, "a")), "cut at {cut}");
        send(&torn, "b", "9", 1);
        torn.flush(false).unwrap();
        assert_eq!(count(&open(folder.path()), "b"), 1, "cut at {cut}");
    }
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.journal");
    std::fs::write(&path, b"something else entirely").unwrap();
    let error = MemoryLedger::open(folder.path(), still()).err().unwrap().to_string();
    assert!(error.contains("1.journal") && error.contains("no usage journal"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"something else entirely");
}

#[test]
fn entities_and_their_attempts_are_forgotten_after_a_day() {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(AtomicI64::new(noon().as_millis()));
    let reader = Arc::clone(&clock);
    let ledger =
        MemoryLedger::open(folder.path(), Arc::new(move || Timestamp::from_millis(reader.load(Ordering::Relaxed))))
            .unwrap();
    send(&ledger, "a", "1", 3);
    let with_attempts = || ledger.shards.iter().map(|cell| lock(&cell.shard).with_attempts()).sum::<usize>();
    assert_eq!(with_attempts(), 1);
    let hours = |hours: i64| clock.store(noon().as_millis() + hours * 3_600_000, Ordering::Relaxed);
    hours(23);
    ledger.maintain(false).unwrap();
    assert_eq!(ready(ledger.entity_count()), 1);
    hours(25);
    ledger.maintain(false).unwrap();
    assert_eq!((ready(ledger.entity_count()), ready(ledger.recent(&entity("a"))).len()), (0, 0));
    assert_eq!(with_attempts(), 0);
}

/// The memory for attempts has a bound; those that sent last keep theirs.
#[test]
fn attempts_take_no_more_memory_than_allowed() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path());
    let long = "x".repeat(250);
    for number in 0..60_000 {
        // One sends again and again, between many who send once.
        let name = if number % 500 == 1 { "steady".into() } else { format!("user{number}") };
        let entity = entity(&name);
        let at = Timestamp::from_millis(noon().as_millis() + number);
        let record = AttemptRecord {
            at,
            sender: long.clone().into(),
            helo_name: long.clone().into(),
            queue_id: long.clone().into(),
            ..record()
        };
        let message = MessageId::of(&entity, &number.to_string(), 0);
        ready(ledger.commit(Accepted {
            entity: &entity,
            message,
            charge: external(1),
            record: (&record).into(),
            profile: None,
        }));
    }
    assert_eq!(ready(ledger.recent(&entity("steady"))).len(), crate::MAX_ATTEMPTS);
    let with = |number: u32| !ready(ledger.recent(&entity(&format!("user{number}")))).is_empty();
    assert!(with(59_999) && !with(0));
    let kept: usize = (0..60_000).filter(|number| with(*number)).count();
    assert!((20_000..60_000).contains(&kept), "{kept}");
    assert_eq!(ready(ledger.entity_count()), 60_000 - 120 + 1, "their counts stay");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is counted, reset, flushed and compacted, a restart right after a flush or a compaction
    /// restores the same usage.
    #[test]
    fn a_restart_changes_nothing(steps in proptest::collection::vec((0u8..6, 0u8..5, 1u32..90_000), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = open(folder.path());
        for (i, (step, who, n)) in steps.into_iter().enumerate() {
            let name = format!("user{who}");
            match step {
                0..=2 => {
                    send(&ledger, &name, &i.to_string(), n);
                }
                3 => ready(ledger.reset(&entity(&name), &[Window::PerDay])),
                4 => ledger.compact().unwrap(),
                _ => {
                    ledger.flush(false).unwrap();
                    let all = |ledger: &MemoryLedger| -> Vec<_> {
                        let name = |who| entity(&format!("user{who}"));
                        (0..5).map(|who| (ready(ledger.usage(&name(who))), ready(ledger.recent(&name(who))))).collect()
                    };
                    let before = all(&ledger);
                    ledger = open(folder.path());
                    for ((before, attempts_before), (after, attempts)) in before.into_iter().zip(all(&ledger)) {
                        for window in Window::ALL {
                            prop_assert_eq!(after.count(window, noon()), before.count(window, noon()));
                        }
                        prop_assert_eq!(attempts, attempts_before);
                    }
                }
            }
        }
    }
}
