//! The outbox: delivers the mails and webhooks queued in the store at least once, retrying with back-off.

mod delivery;
pub mod mails;
mod own_mail;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use postern_store::{DeliveryOutcome, QueuedMail, Store};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::in_force::SettingsInForce;
use crate::metrics::Metrics;

pub use delivery::{Delivery, Failure};
pub use own_mail::OwnMail;

/// How often the store is checked when nothing wakes the outbox.
const LOOK: Duration = Duration::from_secs(5);
/// Mails taken from the store at once.
const BATCH: u32 = 20;
/// After this long, an undelivered mail is given up, as in a mail queue.
const GIVE_UP: Duration = Duration::from_secs(5 * 24 * 3600);
/// A mail that the server refuses permanently is given up sooner, though not at once: an admin may
/// be about to fix the setting that causes the refusal.
const GIVE_UP_REFUSED: Duration = Duration::from_secs(24 * 3600);

/// Delivers mails and webhooks.
#[derive(Clone)]
pub struct Outbox {
    /// Settings in force.
    pub settings: Arc<SettingsInForce>,
    /// Where mails and webhooks are queued.
    pub store: Arc<dyn Store>,
    /// Delivers mails and webhooks.
    pub delivery: Arc<Delivery>,
    /// Wakes the outbox.
    pub new_mail: watch::Sender<()>,
    /// Tells the time; tests move it.
    pub clock: Arc<dyn Clock>,
    /// Metrics.
    pub metrics: Arc<Metrics>,
}

impl Outbox {
    /// Delivers mails, or `webhooks`, until `closing` turns true.
    pub async fn run(self, webhooks: bool, mut closing: watch::Receiver<bool>) {
        let mut new_mail = self.new_mail.subscribe();
        loop {
            if *closing.borrow() {
                return;
            }
            let delivered = tokio::select! {
                delivered = self.round(webhooks) => delivered,
                _ = closing.wait_for(|closing| *closing) => return,
            };
            if delivered == BATCH as usize {
                continue;
            }
            tokio::select! {
                // We own the sender, so the channel is never closed.
                _ = new_mail.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// Tries what is due, and returns how many were delivered.
    async fn round(&self, webhooks: bool) -> usize {
        let due = match self.store.due_mails(self.clock.now(), webhooks, BATCH).await {
            Ok(due) => due,
            Err(error) => {
                self.metrics.store_errors.inc();
                tracing::error!(%error, "the outbox can't be read");
                return 0;
            }
        };
        let settings = self.settings.load_full();
        let mut delivered = 0;
        for queued in due {
            let result = self.delivery.deliver(&settings, &queued, self.clock.now()).await;
            let unreachable = result.as_ref().err().is_some_and(|failure| failure.unreachable);
            let delivery = self.judge(&queued, result);
            delivered += usize::from(delivery == DeliveryOutcome::Delivered);
            if let Err(error) = self.store.tried(queued.id, &delivery, self.clock.now()).await {
                // It will be sent again: delivery is at least once, not at most once.
                self.metrics.store_errors.inc();
                tracing::error!(%error, "the outbox can't be written");
                return 0;
            }
            if unreachable {
                break;
            }
        }
        delivered
    }

    fn judge(&self, queued: &QueuedMail, result: Result<String, Failure>) -> DeliveryOutcome {
        let (id, reference, recipient) = (queued.id, &queued.reference, &queued.mail.recipient);
        let Err(Failure { error, refused, .. }) = result else {
            self.metrics.mails_delivered.inc();
            tracing::info!(id, %reference, recipient, kind = queued.mail.kind.key(), "delivered");
            return DeliveryOutcome::Delivered;
        };
        let now = self.clock.now();
        let patience = if refused { GIVE_UP_REFUSED } else { GIVE_UP };
        if now.since(queued.created_at) >= patience {
            self.metrics.mails_given_up.inc();
            tracing::error!(id, %reference, recipient, error, kind = queued.mail.kind.key(), "given up");
            return DeliveryOutcome::GivenUp { error };
        }
        let wait = back_off(queued.attempts);
        self.metrics.mails_retried.inc();
        tracing::warn!(id, %reference, recipient, error, retry_in = ?wait, kind = queued.mail.kind.key(), "not delivered, will be tried again");
        DeliveryOutcome::Retry { at: now.plus(wait), error }
    }
}

/// The wait before the next try: 5 s, 10 s, 20 s … up to an hour, plus a random delay of up to as much again.
fn back_off(attempts: u32) -> Duration {
    let most = Duration::from_secs(3600);
    let schedule = ExponentialBuilder::default()
        .with_min_delay(Duration::from_secs(5))
        .with_max_delay(most)
        .with_factor(2.0)
        .with_jitter()
        .without_max_times()
        .build();
    schedule.into_iter().nth(attempts.min(32) as usize).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn back_off_grows_to_an_hour() {
        assert!((5..=10).contains(&back_off(0).as_secs()));
        assert!(back_off(3) >= Duration::from_secs(40));
        assert!(back_off(40) <= Duration::from_secs(2 * 3600));
    }
}
