//! Wires the parts together, starts them, and ends them in order.

mod data_folder;
mod tasks;
mod wiring_check;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum::middleware::from_fn;
use postern_ledger::memory::MemoryLedger;
use postern_store::sqlite::SqliteStore;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use postern_services::clock::Clock;
use postern_services::desk::Desk;
use postern_services::randomness::Randomness;
use postern_services::settings::{Listen, Settings};
use wiring_check::PostfixCheck;

use crate::doors::listen::{Listener, Passed, bind_unix};
use crate::doors::policy::Door;
use crate::doors::workers::Workers;
use data_folder::DataFolder;
use postern_api::finish::finish;
use postern_services::gate::Gate;
use postern_services::health::{Health, Part};
use postern_services::in_force::SettingsInForce;
use postern_services::metrics::Metrics;
use postern_services::node::{Node, NodeParts};
use postern_services::outbox::Outbox;
use postern_services::present;

/// Postern while it runs.
pub struct Running {
    settings: Arc<SettingsInForce>,
    health: Arc<Health>,
    metrics: Arc<Metrics>,
    desk: Arc<Desk>,
    closing: watch::Sender<bool>,
    parts: JoinSet<()>,
    journal: tasks::JournalWriter,
    sockets: Vec<PathBuf>,
    // Held until the end: another process may not use the folder meanwhile.
    _folder: DataFolder,
}

/// Runs until SIGTERM or SIGINT; SIGHUP reads the settings again.
///
/// # Errors
/// Something that is needed from the start can't be had.
pub async fn run(settings: Settings, clock: Arc<dyn Clock>, randomness: Arc<dyn Randomness>) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM can't be handled")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT can't be handled")?;
    let mut hangup = signal(SignalKind::hangup()).context("SIGHUP can't be handled")?;
    let running = start(settings, clock, randomness).await?;
    notify(&[sd_notify::NotifyState::Ready]);
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hangup.recv() => running.reload().await,
        }
    }
    notify(&[sd_notify::NotifyState::Stopping]);
    running.stop().await
}

/// Starts every part.
///
/// # Errors
/// Something that is needed can't be had: the data folder, a database of this version, a free
/// port. The error is one line that says which.
pub async fn start(
    settings: Settings,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
) -> anyhow::Result<Running> {
    let folder = DataFolder::open(&settings.data)?;
    let started = clock.now();
    let (store, ledger) = {
        let (database, usage) = (folder.database(), folder.usage());
        let opened = tokio::task::spawn_blocking(move || {
            let store = SqliteStore::open(&database)?;
            let ledger = MemoryLedger::open(&usage, started)?;
            anyhow::Ok((store, ledger))
        });
        opened.await.context("opening the data folder")??
    };
    let (closing, is_closing) = watch::channel(false);
    let Node { desk, gate, new_mail } = Node::new(NodeParts {
        settings,
        store: Arc::new(store),
        ledger: Arc::new(ledger),
        clock: Arc::clone(&clock),
        randomness,
        wiring_check: Arc::new(PostfixCheck),
        closing: is_closing.clone(),
    })
    .await?;
    let settings = Arc::clone(&desk.settings);
    let (health, metrics) = (Arc::clone(&desk.health), Arc::clone(&desk.metrics));

    first_admin(&desk).await;
    let mut parts = JoinSet::new();
    let sockets = listen(&settings.load(), &folder, &desk, &gate, &is_closing, &mut parts).await?;
    let outbox = Outbox {
        settings: Arc::clone(&settings),
        store: Arc::clone(&desk.store),
        courier: Arc::clone(&desk.courier),
        new_mail,
        clock: Arc::clone(&clock),
        metrics: Arc::clone(&metrics),
    };
    // Each at its own pace: a webhook that takes its time keeps no mail waiting.
    parts.spawn(outbox.clone().run(false, is_closing.clone()));
    parts.spawn(outbox.run(true, is_closing.clone()));
    let journal =
        tasks::JournalWriter::start(Arc::clone(&desk.ledger), clock, Arc::clone(&health), Arc::clone(&metrics))?;
    let (projector, ends) = (Arc::clone(&desk.projector), is_closing.clone());
    parts.spawn(async move { projector.follow(ends).await });
    parts.spawn(tasks::store_watch(Arc::clone(&desk), is_closing.clone()));
    parts.spawn(tasks::forgetting(Arc::clone(&desk), is_closing.clone()));
    parts.spawn(tasks::directory(Arc::clone(&desk), is_closing.clone()));
    parts.spawn(tasks::housekeeping(Arc::clone(&desk), gate, is_closing.clone()));
    parts.spawn(tasks::watchdog(is_closing));
    let now = settings.load();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = %now.file.display(),
        data = %now.data.display(),
        policy_door = now.policy_door.listen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        portal = %now.portal.listen,
        entities = desk.ledger.len(),
        "ready"
    );
    drop(now);
    Ok(Running { settings, health, metrics, desk, closing, parts, journal, sockets, _folder: folder })
}

/// While nobody may sign in, says how the first admin does.
async fn first_admin(desk: &Desk) {
    match desk.first_admin_link().await {
        Ok(Some(made)) => {
            let until = present::time(made.expires_at);
            tracing::warn!(link = made.link, until, "nobody can sign in yet: open this link to make the first admin");
        }
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "no link for a first admin can be made"),
    }
}

/// Opens every socket; the paths of those that are to be removed at the end.
async fn listen(
    settings: &Settings,
    folder: &DataFolder,
    desk: &Arc<Desk>,
    gate: &Arc<Gate<MemoryLedger>>,
    closing: &watch::Receiver<bool>,
    parts: &mut JoinSet<()>,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut passed = Passed::from_env();
    let mut sockets = vec![folder.admin_socket()];
    let door = Door {
        gate: Arc::clone(gate),
        settings: Arc::clone(&desk.settings),
        metrics: Arc::clone(&desk.metrics),
        workers: Workers::start().context("starting the policy door's threads")?,
    };
    let all = settings.policy_door.listen.iter().chain([&settings.portal.listen]);
    sockets.extend(all.filter_map(|listen| match listen {
        Listen::Unix(path) => Some(path.clone()),
        _ => None,
    }));
    // Everything is bound before anything is served: a port in use is no half start.
    let mut doors = Vec::new();
    for at in &settings.policy_door.listen {
        doors.push(Listener::bind(at, "policy_door.listen", 0o666, &mut passed).await?);
    }
    let portal_listener = Listener::bind(&settings.portal.listen, "portal.listen", 0o660, &mut passed).await?;
    let admin = bind_unix(&folder.admin_socket(), 0o660)
        .with_context(|| format!("can't listen on the admin socket {}", folder.admin_socket().display()))?;
    for listener in doors {
        parts.spawn(door.clone().serve(listener, closing.clone()));
    }
    let public = postern_api::portal_routes(desk).merge(postern_portal::routes(desk)).layer(from_fn(finish));
    let public = public.into_make_service_with_connect_info::<postern_portal::Peer>();
    let mut end = closing.clone();
    parts.spawn(async move {
        let ended = async move {
            let _ = end.wait_for(|closing| *closing).await;
        };
        let served = match portal_listener {
            Listener::Tcp(listener) => axum::serve(listener, public).with_graceful_shutdown(ended).await,
            Listener::Unix(listener) => axum::serve(listener, public).with_graceful_shutdown(ended).await,
        };
        log_end("portal", served);
    });
    let (desk, closing) = (Arc::clone(desk), closing.clone());
    parts.spawn(async move { log_end("admin socket", postern_api::serve_admin_socket(admin, desk, closing).await) });
    Ok(sockets)
}

fn log_end(part: &str, served: io::Result<()>) {
    if let Err(error) = served {
        tracing::error!(part, %error, "stopped");
    }
}

impl Running {
    /// The use cases, for those inside the same process.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    /// Reads the settings again. A file with mistakes is refused whole, and what is in force
    /// stays so.
    pub async fn reload(&self) {
        if let Ok(now) = sd_notify::NotifyState::monotonic_usec_now() {
            notify(&[sd_notify::NotifyState::Reloading, now]);
        }
        let current = self.settings.load_full();
        let loaded = match postern_config::load(&current.file) {
            Ok(new) => self.checked(new).await,
            Err(error) => Err(error.into()),
        };
        match loaded {
            Ok(new) => {
                for key in needs_restart(&current, &new) {
                    tracing::warn!(key, "the new value takes a restart; the old one stays in force until then");
                }
                // Where things listen and live can't change under a running process.
                let kept = Settings {
                    data: current.data.clone(),
                    portal: postern_services::settings::Portal {
                        listen: current.portal.listen.clone(),
                        url: current.portal.url.clone(),
                        ..new.portal.clone()
                    },
                    policy_door: postern_services::settings::PolicyDoor {
                        listen: current.policy_door.listen.clone(),
                        ..new.policy_door.clone()
                    },
                    ..new
                };
                let desk = &self.desk;
                if let Err(error) = desk.take_over(&kept).await {
                    tracing::error!(%error, "the file's policies can't be taken over; send SIGHUP again later");
                }
                self.settings.replace_settings(kept);
                desk.roster.put_together(&self.settings.load());
                self.metrics.reloads.inc();
                self.health.note(Part::Configuration, Ok(()));
                tracing::info!(config = %current.file.display(), "configuration reloaded");
            }
            Err(error) => {
                self.metrics.reloads_refused.inc();
                for line in error.to_string().lines() {
                    tracing::error!("configuration refused, the old one stays in force: {line}");
                }
                let why = format!("the new one was refused: {error}");
                self.health.note(Part::Configuration, Err(why.replace('\n', "; ")));
            }
        }
        notify(&[sd_notify::NotifyState::Ready]);
    }

    /// Settings that go with the organizations of the store.
    async fn checked(&self, settings: Settings) -> anyhow::Result<Settings> {
        let kept = self.desk.store.organizations().await?;
        postern_services::desk::organizations::check_settings(&settings, &kept)?;
        Ok(settings)
    }

    /// Drains the doors, writes out what is pending, and ends.
    ///
    /// # Errors
    /// Usage could not be written out at the end.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        tracing::info!("stopping: requests that have begun are answered, then everything is written out");
        let _ = self.closing.send(true);
        while self.parts.join_next().await.is_some() {}
        self.desk.write_refusals().await;
        self.desk.acquaintances.write(&*self.desk.store, self.desk.clock.now()).await;
        self.desk.write_traffic().await;
        for path in &self.sockets {
            let _ = std::fs::remove_file(path);
        }
        self.journal.stop().context("the last usage could not be written")?;
        tracing::info!("stopped");
        Ok(())
    }
}

fn needs_restart(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let mut keys = Vec::new();
    if old.data != new.data {
        keys.push("data");
    }
    if old.policy_door.listen != new.policy_door.listen {
        keys.push("policy_door.listen");
    }
    if old.portal.listen != new.portal.listen {
        keys.push("portal.listen");
    }
    if old.portal.url != new.portal.url {
        keys.push("portal.url");
    }
    if old.sign_in.idle != new.sign_in.idle {
        keys.push("sign_in.idle_minutes");
    }
    if old.log != new.log {
        keys.push("log");
    }
    keys
}

/// Tells systemd; without it, nothing.
fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
