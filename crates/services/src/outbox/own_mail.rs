//! Recognises Postern's own mail, which is never counted.
//!
//! The outbox registers what it is sending; only a message with exactly that envelope sender and
//! recipient passes uncounted, and only while it is being sent. A sender address alone could be forged.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Mail that Postern is sending right now.
#[derive(Debug, Default)]
pub struct OwnMail {
    sending: Mutex<HashMap<(String, String), usize>>,
    /// How many there are. Usually none, so that the gate can skip the look-up.
    count: AtomicUsize,
}

/// A mail is expected until this is dropped.
#[derive(Debug)]
pub struct Expected {
    own_mail: Arc<OwnMail>,
    key: (String, String),
}

impl OwnMail {
    /// Expects a mail from `sender` to `recipient` until the result is dropped.
    pub fn expect(self: &Arc<Self>, sender: &str, recipient: &str) -> Expected {
        let key = (sender.to_lowercase(), recipient.to_lowercase());
        *self.lock().entry(key.clone()).or_default() += 1;
        self.count.fetch_add(1, Ordering::Release);
        Expected { own_mail: Arc::clone(self), key }
    }

    /// Whether Postern is sending a mail with this envelope sender and recipient.
    pub fn is_expected(&self, sender: &str, recipient: &str) -> bool {
        self.count.load(Ordering::Acquire) > 0
            && self.lock().contains_key(&(sender.to_lowercase(), recipient.to_lowercase()))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<(String, String), usize>> {
        self.sending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Expected {
    fn drop(&mut self) {
        let mut sending = self.own_mail.lock();
        if let Some(n) = sending.get_mut(&self.key) {
            *n -= 1;
            if *n == 0 {
                sending.remove(&self.key);
            }
        }
        self.own_mail.count.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_that_mail_and_only_meanwhile() {
        let own = Arc::new(OwnMail::default());
        let expected = own.expect("Postern@example.com", "admin@example.com");
        assert!(own.is_expected("postern@example.com", "Admin@example.com"));
        assert!(!own.is_expected("postern@example.com", "victim@example.net"));
        assert!(!own.is_expected("", "admin@example.com"));
        drop(expected);
        assert!(!own.is_expected("postern@example.com", "admin@example.com"));
    }
}
