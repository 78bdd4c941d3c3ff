//! Failures of the disk that a test orders.

use std::cell::Cell;
use std::io;

/// Fails one step of what it is asked about; never, unless a test says so.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The steps until one fails.
    until: Cell<Option<u32>>,
}

impl Faults {
    /// Called before each access to the disk.
    ///
    /// # Errors
    /// The test has ordered this step to fail.
    pub(super) fn step(&self) -> io::Result<()> {
        match self.until.get() {
            None => Ok(()),
            Some(0) => {
                self.until.set(None);
                Err(io::Error::other("ordered by a test"))
            }
            Some(more) => {
                self.until.set(Some(more - 1));
                Ok(())
            }
        }
    }

    /// Has the step after this many fail, once.
    #[cfg(test)]
    pub(super) fn fail_after(&self, steps: u32) {
        self.until.set(Some(steps));
    }

    /// Has nothing fail any more. Returns whether the ordered failure has happened.
    #[cfg(test)]
    pub(super) fn repair(&self) -> bool {
        self.until.take().is_none()
    }
}
