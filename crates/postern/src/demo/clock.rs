//! A clock that the demonstration moves.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use postern_domain::Timestamp;

use postern_services::clock::{Clock, SystemClock};

/// Stands still until it is moved.
#[derive(Debug)]
pub(super) struct QuickClock(AtomicI64);

impl QuickClock {
    /// Nine o'clock (UTC) this morning.
    pub(super) fn starting_at_nine() -> Self {
        let nine = SystemClock.now().start_of_day().plus(Duration::from_secs(9 * 3600));
        Self(AtomicI64::new(nine.as_millis()))
    }

    pub(super) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_millis()).unwrap_or(0), Ordering::Relaxed);
    }
}

impl Clock for QuickClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::Relaxed))
    }
}
