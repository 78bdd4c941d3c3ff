//! The outbox: delivers what the store holds, at least once, with back-off.

pub mod mails;
pub mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use backon::{BackoffBuilder, ExponentialBuilder};
use lettre::address::Envelope;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as LettreTls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use postern_store::{Delivery, QueuedMail, Store};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{Settings, Smtp, Tls};
use crate::gate::OwnMail;
use crate::metrics::Metrics;

/// How long one conversation with the mail server may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How often the store is looked at when nobody wakes the outbox.
const LOOK: Duration = Duration::from_secs(5);
/// Mails taken from the store at once.
const BATCH: u32 = 20;
/// A mail that can't be delivered for so long is given up, as a mail queue would.
const GIVE_UP: Duration = Duration::from_secs(5 * 24 * 3600);
/// A mail that the server refuses for good is given up sooner, though not at once: the refusal
/// may be a setting that somebody is about to mend.
const GIVE_UP_REFUSED: Duration = Duration::from_secs(24 * 3600);

/// Delivers mails and webhooks.
#[derive(Clone)]
pub struct Outbox {
    /// Settings in force.
    pub settings: Arc<ArcSwap<Settings>>,
    /// Where the mails are.
    pub store: Arc<dyn Store>,
    /// Where they are announced while they are sent.
    pub own_mail: Arc<OwnMail>,
    /// Wakes the outbox.
    pub new_mail: watch::Sender<()>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is measured.
    pub metrics: Arc<Metrics>,
}

/// Why a mail was not delivered.
#[derive(Debug)]
struct Failure {
    error: String,
    /// The server said that trying again is no use.
    refused: bool,
    /// The server could not be talked to, so the next mail would fare no better.
    unreachable: bool,
}

impl Outbox {
    /// Delivers until `closing` turns true: webhooks with a sender for them, mails without.
    pub async fn run(self, webhooks: Option<webhooks::Sender>, mut closing: watch::Receiver<bool>) {
        let mut new_mail = self.new_mail.subscribe();
        loop {
            if *closing.borrow() {
                return;
            }
            let delivered = tokio::select! {
                delivered = self.round(webhooks.as_ref()) => delivered,
                _ = closing.wait_for(|closing| *closing) => return,
            };
            if delivered == BATCH as usize {
                continue;
            }
            tokio::select! {
                // The sender is our own, so it is never gone.
                _ = new_mail.changed() => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// Tries what is due; how many were delivered.
    async fn round(&self, webhooks: Option<&webhooks::Sender>) -> usize {
        let due = match self.store.due_mails(self.clock.now(), webhooks.is_some(), BATCH).await {
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
            let result = match webhooks {
                None => self.deliver(&settings.smtp, &queued).await,
                Some(sender) => sender.deliver(&settings, &queued, self.clock.now()).await.map(|_| ()),
            };
            let unreachable = result.as_ref().err().is_some_and(|failure| failure.unreachable);
            let delivery = self.judge(&queued, result);
            delivered += usize::from(delivery == Delivery::Delivered);
            if let Err(error) = self.store.tried(queued.id, &delivery, self.clock.now()).await {
                // It will be sent once more: at least once, not at most once.
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

    async fn deliver(&self, smtp: &Smtp, queued: &QueuedMail) -> Result<(), Failure> {
        let mail = &queued.mail;
        let unusable = |error: String| Failure { error, refused: true, unreachable: false };
        let parse = |address: &str| address.parse().map_err(|e| unusable(format!("<{address}>: {e}")));
        let sender = if mail.sender.is_empty() { None } else { Some(parse(&mail.sender)?) };
        let envelope = Envelope::new(sender, vec![parse(&mail.recipient)?]).map_err(|e| unusable(e.to_string()))?;
        let transport = transport(smtp).map_err(unusable)?;
        let _expected = self.own_mail.expect(&mail.sender, &mail.recipient);
        match transport.send_raw(&envelope, &mail.message).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Failure {
                refused: error.is_permanent(),
                unreachable: !error.is_permanent() && !error.is_transient(),
                error: with_sources(&error),
            }),
        }
    }

    fn judge(&self, queued: &QueuedMail, result: Result<(), Failure>) -> Delivery {
        let (id, reference, recipient) = (queued.id, &queued.reference, &queued.mail.recipient);
        let Err(Failure { error, refused, .. }) = result else {
            self.metrics.mails_delivered.inc();
            tracing::info!(id, %reference, recipient, kind = queued.mail.kind.key(), "delivered");
            return Delivery::Delivered;
        };
        let now = self.clock.now();
        let patience = if refused { GIVE_UP_REFUSED } else { GIVE_UP };
        if now.since(queued.created_at) >= patience {
            self.metrics.mails_given_up.inc();
            tracing::error!(id, %reference, recipient, error, kind = queued.mail.kind.key(), "given up");
            return Delivery::GivenUp { error };
        }
        let wait = back_off(queued.attempts);
        self.metrics.mails_retried.inc();
        tracing::warn!(id, %reference, recipient, error, retry_in = ?wait, kind = queued.mail.kind.key(), "not delivered, will be tried again");
        Delivery::Retry { at: now.plus(wait), error }
    }
}

/// 5 s, 10 s, 20 s … up to an hour, each a little longer by chance.
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

fn transport(smtp: &Smtp) -> Result<AsyncSmtpTransport<Tokio1Executor>, String> {
    let parameters = || {
        let builder = TlsParameters::builder(smtp.server.host.clone());
        // A certificate for a public name says nothing about 127.0.0.1, and nobody is between.
        let here = smtp.server.is_loopback();
        let builder = builder.dangerous_accept_invalid_certs(here).dangerous_accept_invalid_hostnames(here);
        builder.build_rustls().map_err(|error| with_sources(&error))
    };
    let tls = match smtp.tls {
        Tls::None => LettreTls::None,
        Tls::Opportunistic => LettreTls::Opportunistic(parameters()?),
        Tls::Required => LettreTls::Required(parameters()?),
        Tls::Implicit => LettreTls::Wrapper(parameters()?),
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&smtp.server.host)
        .port(smtp.server.port)
        .hello_name(ClientId::Domain(mails::host_name()))
        .timeout(Some(TIMEOUT))
        .tls(tls);
    if let Some((username, password)) = &smtp.login {
        builder = builder.credentials(Credentials::new(username.clone(), password.clone()));
    }
    Ok(builder.build())
}

/// An error and what is behind it, in one line.
fn with_sources(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text = format!("{text}: {inner_text}");
        }
        source = inner.source();
    }
    text
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
