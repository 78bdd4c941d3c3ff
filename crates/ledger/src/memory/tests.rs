use postern_domain::policy::Limits;
use proptest::prelude::*;

use super::*;

fn now() -> Timestamp {
    Timestamp::parse("2026-11-25T18:00:00Z").unwrap()
}

fn entity(name: &str) -> EntityId {
    EntityId::account_named(name)
}

fn external(n: u32) -> Charge {
    Charge { external: n, ..Charge::NONE }
}

/// The result of a future of the memory ledger, which is always ready at once.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    match future.as_mut().poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => panic!("the memory ledger never waits"),
    }
}

fn count(ledger: &MemoryLedger, name: &str) -> u32 {
    ready(ledger.usage(&entity(name))).count(Window::ExternalPerHour, now())
}

fn send(ledger: &MemoryLedger, name: &str, message: &str, n: u32) {
    ready(ledger.commit(&entity(name), message, Charge::NONE, external(n), now()));
}

#[test]
fn what_was_flushed_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    send(&ledger, "a", "1", 3);
    send(&ledger, "a", "2", 4);
    ledger.flush(false).unwrap();
    send(&ledger, "a", "3", 100);
    let again = MemoryLedger::open(folder.path(), now()).unwrap();
    assert_eq!(count(&again, "a"), 7);
    assert!(ready(again.was_committed(&entity("a"), "2")));
    assert!(!ready(again.was_committed(&entity("a"), "3")));
}

#[test]
fn reservations_do_not_survive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let limits = Limits::DEFAULT;
    let a = entity("a");
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    let claim =
        Claim { entity: &a, held: Charge::NONE, more: external(5), limits: &limits, reserved_is_certain: false };
    assert_eq!(ready(ledger.reserve(claim, now())), Fit::Fits);
    assert_eq!(ready(ledger.usage(&a)).reserved(), external(5));
    ledger.flush(true).unwrap();
    assert!(MemoryLedger::open(folder.path(), now()).unwrap().is_empty());
}

#[test]
fn a_reset_is_durable_when_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    send(&ledger, "a", "1", 3);
    ready(ledger.reset(&entity("a"), &[Window::ExternalPerHour])).unwrap();
    let again = MemoryLedger::open(folder.path(), now()).unwrap();
    assert_eq!(count(&again, "a"), 0);
    assert_eq!(ready(again.usage(&entity("a"))).count(Window::PerDay, now()), 3);
}

#[test]
fn compaction_keeps_every_count_and_removes_old_files() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    for i in 0..1000 {
        send(&ledger, &format!("user{i}"), "1", i % 7 + 1);
    }
    ledger.compact(now()).unwrap();
    send(&ledger, "user1", "2", 1);
    ledger.flush(false).unwrap();
    ledger.compact(now()).unwrap();
    send(&ledger, "user1", "3", 1);
    ledger.flush(false).unwrap();
    let again = MemoryLedger::open(folder.path(), now()).unwrap();
    assert_eq!(again.len(), 1000);
    assert_eq!(count(&again, "user1"), 4);
    assert_eq!(count(&again, "user6"), 7);
    let mut files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|f| f.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["3.journal", "3.snapshot"]);
}

#[test]
fn a_torn_end_is_cut_off_and_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    send(&ledger, "a", "1", 3);
    ledger.flush(false).unwrap();
    send(&ledger, "a", "2", 4);
    ledger.flush(false).unwrap();
    let path = folder.path().join("1.journal");
    let bytes = std::fs::read(&path).unwrap();
    for cut in 0..bytes.len() {
        std::fs::write(&path, &bytes[..cut]).unwrap();
        let torn = MemoryLedger::open(folder.path(), now()).unwrap();
        assert!([0, 3].contains(&count(&torn, "a")), "cut at {cut}");
        send(&torn, "b", "9", 1);
        torn.flush(false).unwrap();
        assert_eq!(count(&MemoryLedger::open(folder.path(), now()).unwrap(), "b"), 1, "cut at {cut}");
    }
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.journal");
    std::fs::write(&path, b"something else entirely").unwrap();
    let error = MemoryLedger::open(folder.path(), now()).unwrap_err().to_string();
    assert!(error.contains("1.journal") && error.contains("no usage journal"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), b"something else entirely");
}

#[test]
fn old_entities_are_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    send(&ledger, "a", "1", 3);
    ledger.sweep(now().plus(Duration::from_secs(23 * 3600)));
    assert_eq!(ledger.len(), 1);
    ledger.sweep(now().plus(Duration::from_secs(25 * 3600)));
    assert!(ledger.is_empty());
}

#[test]
fn many_threads_do_not_overshoot() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    let limits = Limits { external_per_hour: 500, ..Limits::DEFAULT };
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let (ledger, limits) = (&ledger, &limits);
            scope.spawn(move || {
                let a = entity("a");
                for i in 0..200 {
                    let claim =
                        Claim { entity: &a, held: Charge::NONE, more: external(1), limits, reserved_is_certain: false };
                    if ready(ledger.reserve(claim, now())) == Fit::Fits {
                        ready(ledger.commit(&a, &format!("{thread}.{i}"), external(1), external(1), now()));
                    }
                }
            });
        }
    });
    assert_eq!(count(&ledger, "a"), 500);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever is counted, reset, flushed and compacted, a restart right after a flush or a compaction
    /// restores the same usage.
    #[test]
    fn a_restart_changes_nothing(steps in proptest::collection::vec((0u8..6, 0u8..5, 1u32..90_000), 1..40)) {
        let folder = tempfile::tempdir().unwrap();
        let mut ledger = MemoryLedger::open(folder.path(), now()).unwrap();
        for (i, (step, who, n)) in steps.into_iter().enumerate() {
            let name = format!("user{who}");
            match step {
                0..=2 => send(&ledger, &name, &i.to_string(), n),
                3 => ready(ledger.reset(&entity(&name), &[Window::PerDay])).unwrap(),
                4 => ledger.compact(now()).unwrap(),
                _ => {
                    ledger.flush(false).unwrap();
                    let before: Vec<_> = (0..5).map(|w| ready(ledger.usage(&entity(&format!("user{w}"))))).collect();
                    ledger = MemoryLedger::open(folder.path(), now()).unwrap();
                    for (w, before) in before.into_iter().enumerate() {
                        let after = ready(ledger.usage(&entity(&format!("user{w}"))));
                        for window in Window::ALL {
                            prop_assert_eq!(after.count(window, now()), before.count(window, now()));
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_busiest_are_found_in_any_shard_and_in_each_window() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = MemoryLedger::open(folder.path(), now()).unwrap();
    for n in 1..=300 {
        send(&ledger, &format!("u{n}"), "1", n);
    }
    let charge = Charge { internal: 1000, ..Charge::NONE };
    ready(ledger.commit(&entity("inside"), "1", Charge::NONE, charge, now()));
    let names = |windows: &[Window], wanted: fn(&EntityId) -> bool| -> Vec<String> {
        let found = ledger.busiest(windows, 2, now(), wanted);
        found.iter().map(|entity| entity.name().to_owned()).collect()
    };
    assert_eq!(names(&[Window::ExternalPerHour], |_| true), ["u300", "u299"]);
    assert_eq!(names(&[Window::ExternalPerHour, Window::PerDay], |_| true), ["u300", "u299", "inside"]);
    assert_eq!(names(&[Window::PerDay], |entity| entity.name() != "inside"), ["u300", "u299"]);
}
