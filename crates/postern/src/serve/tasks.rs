//! Background tasks, which run beside the doors.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use postern_ledger::memory::MemoryLedger;
use postern_ledger::{Ledger, LedgerError};
use tokio::sync::watch;

use super::notify;
use postern_services::health::{Health, Part};
use postern_services::metrics::Metrics;
use postern_services::node::{Node, Shared};

/// Interval at which usage is written…
const FLUSH: Duration = Duration::from_millis(250);
/// …and every this many times it is made durable (fsync).
const DURABLE_EVERY: u32 = 4;
const SWEEP: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_secs(1);
/// Interval at which the store is checked.
const STORE_EVERY: Duration = Duration::from_secs(5);
/// How often the audit trail's head is logged.
const AUDIT_HEAD_EVERY: Duration = Duration::from_secs(3600);
/// Less urgent work is done every this many ticks.
const SLOW_EVERY: u64 = 5;

/// The thread that writes usage after the answers are sent. It has a thread of its own because it waits for the disk.
pub(super) struct JournalWriter {
    stop: Sender<()>,
    thread: JoinHandle<Result<(), LedgerError>>,
}

impl JournalWriter {
    pub(super) fn start(
        ledger: Arc<MemoryLedger>,
        health: Arc<Health>,
        metrics: Arc<Metrics>,
    ) -> std::io::Result<Self> {
        let (stop, stopped) = channel();
        let thread = std::thread::Builder::new().name("usage-journal".into()).spawn(move || {
            let mut round = 0u32;
            while stopped.recv_timeout(FLUSH) == Err(RecvTimeoutError::Timeout) {
                round = round.wrapping_add(1);
                note(&health, &metrics, ledger.maintain(round.is_multiple_of(DURABLE_EVERY)));
            }
            ledger.maintain(true)
        })?;
        Ok(Self { stop, thread })
    }

    /// Writes the last usage and ends the thread.
    pub(super) fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        match self.thread.join() {
            Ok(flushed) => Ok(flushed?),
            Err(_) => anyhow::bail!("the journal thread had ended early"),
        }
    }
}

fn note(health: &Health, metrics: &Metrics, done: Result<(), LedgerError>) {
    let state = done.map_err(|error| error.to_string());
    if state.is_err() {
        metrics.journal_errors.inc();
    }
    let text = state.clone().err();
    if health.note(Part::Journal, state) {
        match text {
            Some(error) => tracing::error!(error, "usage can't be written; counting goes on in memory"),
            None => tracing::info!("usage is being written again"),
        }
    }
}

/// Ends whatever has expired, and writes pending data.
pub(super) async fn housekeeping(node: Arc<Node>, mut closing: watch::Receiver<bool>) {
    let Node { services, gate, shared } = &*node;
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut count = 0u64;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        gate.sweep().await;
        services.restrictions.release_expired().await;
        if count.is_multiple_of(SLOW_EVERY) {
            shared.incidents.raise_overdue(shared.clock.now()).await;
            services.restrictions.write_refusals().await;
            shared.known_recipients.write(&*shared.store, shared.clock.now()).await;
            services.traffic.write().await;
            // What can't be stored now is tried again, and health says that the store is away.
            let _ = shared.mail_servers.write(&*shared.store).await;
            shared.standings.sweep(shared.clock.now());
            services.access.sweep_access().await;
            gauges(shared).await;
        }
        count += 1;
    }
}

/// Watches the store; a task of its own, since notifying people takes time.
pub(super) async fn store_watch(node: Arc<Node>, mut closing: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(STORE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut outage = None;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        node.services.outages.watch(&mut outage).await;
    }
}

/// Logs where the audit trail ends, if that has changed. Logs are usually sent to another machine: whoever rewrites the
/// database, chain and all, can't rewrite them.
pub(super) async fn audit_heads(node: Arc<Node>, mut closing: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(AUDIT_HEAD_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut logged = 0;
    loop {
        let is_last = tokio::select! {
            _ = ticks.tick() => false,
            _ = closing.wait_for(|closing| *closing) => true,
        };
        // The store's failures are reported by those who need it.
        if let Ok(Some((entry, head))) = node.services.audit.head().await
            && entry != logged
        {
            tracing::info!(entry, head, "the audit trail ends here; postern audit verify --head compares");
            logged = entry;
        }
        if is_last {
            return;
        }
    }
}

/// Deletes old data; a task of its own, since it may be a lot.
pub(super) async fn forgetting(node: Arc<Node>, mut closing: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(SWEEP);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        tokio::select! {
            () = node.shared.meter.forget(&*node.shared.store, node.shared.clock.now()) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
    }
}

/// Reads the directory sources when they are due.
pub(super) async fn directory(node: Arc<Node>, mut closing: watch::Receiver<bool>) {
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
        let settings = node.shared.settings.load_full();
        while let Some(source) = node.shared.directory_cache.due(&settings, node.shared.clock.now()) {
            // In parallel: a slow source delays no other.
            let node = Arc::clone(&node);
            tokio::spawn(async move { node.services.accounts.read(&source).await });
        }
    }
}

async fn gauges(shared: &Shared) {
    let (restricted, on_probation) = shared.standings.counts();
    let metrics = &shared.metrics;
    metrics.restricted.set(i64::try_from(restricted).unwrap_or(i64::MAX));
    metrics.on_probation.set(i64::try_from(on_probation).unwrap_or(i64::MAX));
    let entities = shared.ledger.entity_count().await.unwrap_or_default();
    metrics.entities.set(i64::try_from(entities).unwrap_or(i64::MAX));
    if let Ok((state, _)) = shared.store.outbox().await {
        metrics.mails_waiting.set(i64::from(state.waiting));
    }
}

/// Notifies systemd's watchdog, if there is one, that the runtime is alive.
pub(super) async fn watchdog(mut closing: watch::Receiver<bool>) {
    let Some(limit) = sd_notify::watchdog_enabled() else { return };
    loop {
        tokio::select! {
            () = tokio::time::sleep(limit / 2) => notify(&[sd_notify::NotifyState::Watchdog]),
            _ = closing.wait_for(|closing| *closing) => return,
        }
    }
}
