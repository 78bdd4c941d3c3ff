use super::*;

fn at(minute: u32) -> Timestamp {
    Timestamp::from_minute(minute)
}

fn external(n: u32) -> Charge {
    Charge { external: n, ..Charge::NONE }
}

#[test]
fn counts_leave_after_the_window_and_one_bucket() {
    let mut usage = Usage::default();
    usage.accept(external(3), at(10_000));
    assert_eq!(usage.count(Window::ExternalPerHour, at(10_060)), 3);
    assert_eq!(usage.count(Window::ExternalPerHour, at(10_061)), 0);
    assert_eq!(usage.count(Window::PerDay, at(11_440 + 9)), 3);
    assert_eq!(usage.count(Window::PerDay, at(11_440 + 10)), 0);
}

#[test]
fn large_counts_spread_over_slots() {
    let mut usage = Usage::default();
    usage.accept(external(200_000), at(5));
    usage.accept(external(200_000), at(5));
    assert_eq!(usage.count(Window::ExternalPerHour, at(5)), 400_000);
    assert_eq!(usage.count(Window::MessagesPerHour, at(5)), 2);
    usage.roll(120);
    assert_eq!(usage.count(Window::PerDay, at(120)), 400_000);
}

#[test]
fn first_time_and_unknown_recipients_have_windows_of_their_own() {
    let mut usage = Usage::default();
    usage.accept(Charge { external: 700, first_time: 600, unknown: 300, ..Charge::NONE }, at(10_000));
    let count = |usage: &Usage, window, minute| usage.count(window, at(minute));
    assert_eq!(count(&usage, Window::FirstTimeRecipientsPerDay, 10_000), 600);
    assert_eq!(count(&usage, Window::UnknownRecipientsPerHour, 10_060), 300);
    assert_eq!(count(&usage, Window::UnknownRecipientsPerHour, 10_061), 0);
    assert_eq!(count(&usage, Window::PerDay, 10_000), 700, "what was refused was not sent");
    usage.roll(10_200);
    assert_eq!(count(&usage, Window::FirstTimeRecipientsPerDay, 10_200), 600);
    usage.reset(&[Window::FirstTimeRecipientsPerDay]);
    assert_eq!(count(&usage, Window::FirstTimeRecipientsPerDay, 10_200), 0);
    assert_eq!(std::mem::size_of::<Slot>(), 16);
}

#[test]
fn a_steady_sender_keeps_few_slots() {
    let mut usage = Usage::default();
    for minute in 0..5 * DAY {
        usage.accept(external(1), at(minute));
    }
    assert!(usage.slots().len() <= 61 + 145, "{}", usage.slots().len());
    let now = at(5 * DAY - 1);
    assert_eq!(usage.count(Window::ExternalPerHour, now), 61);
    assert!((1440..=1450).contains(&usage.count(Window::PerDay, now)));
}

#[test]
fn a_clock_that_was_ahead_does_not_keep_counts_forever() {
    let mut usage = Usage::default();
    usage.accept(external(7), at(1_000_000));
    usage.accept(external(1), at(10_000));
    assert_eq!(usage.count(Window::ExternalPerHour, at(10_000)), 8);
    assert_eq!(usage.count(Window::ExternalPerHour, at(10_061)), 0);
}

#[test]
fn a_reset_empties_only_what_it_names() {
    let mut usage = Usage::default();
    usage.accept(Charge { external: 4, internal: 2, ..Charge::NONE }, at(100));
    usage.reset(&[Window::ExternalPerHour]);
    assert_eq!(usage.count(Window::ExternalPerHour, at(100)), 0);
    assert_eq!(usage.count(Window::InternalPerHour, at(100)), 2);
    assert_eq!(usage.count(Window::PerDay, at(100)), 6);
}

#[test]
fn free_at_names_the_minute_the_next_recipient_fits() {
    let mut usage = Usage::default();
    usage.accept(external(3), at(100));
    usage.accept(external(2), at(110));
    assert_eq!(usage.free_at(Window::ExternalPerHour, 6, at(120)), None);
    assert_eq!(usage.free_at(Window::ExternalPerHour, 5, at(120)), Some(at(161)));
    assert_eq!(usage.free_at(Window::ExternalPerHour, 2, at(120)), Some(at(171)));
}

#[test]
fn other_messages_under_way_contend_but_do_not_exceed() {
    let limits = Limits {
        external_per_hour: 10,
        internal_per_hour: 10,
        per_day: 10,
        escape_lane_per_hour: 1,
        ..Limits::DEFAULT
    };
    let mut usage = Usage::default();
    usage.reserve(external(9));
    assert_eq!(usage.fit(Charge::NONE, external(1), &limits, false, at(0)), Fit::Fits);
    assert_eq!(usage.fit(Charge::NONE, external(2), &limits, false, at(0)), Fit::Contended(Window::ExternalPerHour));
    let excess = Excess { window: Window::ExternalPerHour, limit: 10, count: 11 };
    assert_eq!(usage.fit(Charge::NONE, external(2), &limits, true, at(0)), Fit::Exceeds(excess));
    assert_eq!(usage.fit(external(9), external(2), &limits, false, at(0)), Fit::Exceeds(excess));
}
