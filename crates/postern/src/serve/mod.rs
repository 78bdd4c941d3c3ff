//! Wires the parts together, starts them, and stops them in order.

mod data_folder;
mod tasks;
mod wiring_check;

use std::io;
use std::marker::PhantomData;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use axum::middleware::from_fn;
use postern_ledger::Ledger;
use postern_ledger::memory::MemoryLedger;
use postern_store::sqlite::SqliteStore;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use postern_services::clock::Clock;
use postern_services::randomness::Randomness;
use postern_services::service::Services;
use postern_services::settings::{Door as DoorSettings, DoorKind, Listen, Settings};
use wiring_check::PostfixCheck;

use crate::doors::connections::accept_all;
use crate::doors::conversation::Door;
use crate::doors::http::Portal;
use crate::doors::listen::{Listener, Passed, bind_unix};
use crate::doors::policy::Policy;
use crate::doors::workers::Workers;
use data_folder::DataFolder;
use postern_api::finish::finish;
use postern_services::health::Part;
use postern_services::node::{Node, NodeParts};
use postern_services::outbox::Outbox;
use postern_services::present;

/// A running Postern.
pub struct Running {
    node: Arc<Node>,
    closing: watch::Sender<bool>,
    parts: JoinSet<()>,
    journal: tasks::JournalWriter,
    sockets: Vec<PathBuf>,
    // Holds the lock until the end: no other process may use the folder meanwhile.
    _folder: DataFolder,
}

/// Runs until SIGTERM or SIGINT; SIGHUP reloads the settings.
///
/// # Errors
/// Something that is needed for the start is not available.
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
/// Something that is needed is not available: the data folder, a database of this version, or a free port. The error
/// names it in one line.
pub async fn start(
    settings: Settings,
    clock: Arc<dyn Clock>,
    randomness: Arc<dyn Randomness>,
) -> anyhow::Result<Running> {
    // Everything that this process writes is its own; sockets get the rights that they need.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let folder = DataFolder::open(&settings.data)?;
    let (store, ledger) = {
        let (database, usage, clock) = (folder.database(), folder.usage(), Arc::clone(&clock));
        let opened = tokio::task::spawn_blocking(move || {
            let store = SqliteStore::open(&database)?;
            let ledger = MemoryLedger::open(&usage, Arc::new(move || clock.now()))?;
            anyhow::Ok((store, ledger))
        });
        opened.await.context("opening the data folder")??
    };
    let (closing, is_closing) = watch::channel(false);
    let node = Node::new(NodeParts {
        settings,
        store: Arc::new(store),
        ledger: Arc::new(ledger),
        clock: Arc::clone(&clock),
        randomness,
        wiring_check: Arc::new(PostfixCheck),
        closing: is_closing.clone(),
    })
    .await?;
    let node = Arc::new(node);
    first_admin(&node.services).await;
    let mut parts = JoinSet::new();
    let now = node.shared.settings.load_full();
    for line in &now.advice {
        tracing::warn!("{line}");
    }
    let sockets = listen(&now, &folder, &node, &is_closing, &mut parts).await?;
    let journal = beside_the_doors(&node, &is_closing, &mut parts)?;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        config = %now.file.display(),
        data = %now.data.display(),
        policy_door = now.policy_listen().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        portal = %now.portal.listen,
        entities = node.shared.ledger.entity_count().await.unwrap_or_default(),
        "ready"
    );
    Ok(Running { node, closing, parts, journal, sockets, _folder: folder })
}

/// Starts the background tasks.
fn beside_the_doors(
    node: &Arc<Node>,
    is_closing: &watch::Receiver<bool>,
    parts: &mut JoinSet<()>,
) -> anyhow::Result<tasks::JournalWriter> {
    let shared = &node.shared;
    let outbox = Outbox {
        settings: Arc::clone(&shared.settings),
        store: Arc::clone(&shared.store),
        delivery: Arc::clone(&shared.delivery),
        new_mail: shared.new_mail.clone(),
        clock: Arc::clone(&shared.clock),
        metrics: Arc::clone(&shared.metrics),
    };
    // In two tasks, so that a slow webhook delays no mail.
    parts.spawn(outbox.clone().run(false, is_closing.clone()));
    parts.spawn(outbox.run(true, is_closing.clone()));
    let (projector, ends) = (Arc::clone(&shared.projector), is_closing.clone());
    parts.spawn(async move { projector.follow(ends).await });
    parts.spawn(tasks::store_watch(Arc::clone(node), is_closing.clone()));
    parts.spawn(tasks::forgetting(Arc::clone(node), is_closing.clone()));
    parts.spawn(tasks::audit_heads(Arc::clone(node), is_closing.clone()));
    parts.spawn(tasks::directory(Arc::clone(node), is_closing.clone()));
    parts.spawn(tasks::housekeeping(Arc::clone(node), is_closing.clone()));
    parts.spawn(tasks::watchdog(is_closing.clone()));
    let ledger = Arc::clone(&shared.ledger);
    Ok(tasks::JournalWriter::start(ledger, Arc::clone(&shared.health), Arc::clone(&shared.metrics))?)
}

/// While nobody can sign in yet, logs the link for the first admin.
async fn first_admin(services: &Services) {
    match services.access.first_admin_link().await {
        Ok(Some(made)) => {
            let until = present::time(made.expires_at);
            tracing::warn!(link = made.link, until, "nobody can sign in yet: open this link to make the first admin");
        }
        Ok(None) => {}
        Err(error) => tracing::error!(%error, "no link for a first admin can be made"),
    }
}

/// Opens every socket; returns the paths of those to remove at the end.
async fn listen(
    settings: &Settings,
    folder: &DataFolder,
    node: &Arc<Node>,
    closing: &watch::Receiver<bool>,
    parts: &mut JoinSet<()>,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut passed = Passed::from_env();
    let mut sockets = vec![folder.admin_socket()];
    let workers = Workers::start().context("starting the doors' threads")?;
    let door = |number: usize| Door {
        gate: Arc::clone(&node.gate),
        settings: Arc::clone(&node.shared.settings),
        number,
        metrics: Arc::clone(&node.shared.metrics),
        workers: workers.clone(),
        protocol: PhantomData::<Policy>,
    };
    let all = settings.doors.iter().flat_map(|door| &door.listen).chain([&settings.portal.listen]);
    sockets.extend(all.filter_map(|listen| match listen {
        Listen::Unix(path) => Some(path.clone()),
        _ => None,
    }));
    // Everything is bound before anything is served, so that a port in use does not leave Postern half started.
    let mut doors = Vec::new();
    for (number, DoorSettings { kind: DoorKind::Policy, listen, .. }) in settings.doors.iter().enumerate() {
        for at in listen {
            doors.push((number, Listener::bind(at, "policy_door.listen", 0o666, &mut passed).await?));
        }
    }
    let portal_listener = Listener::bind(&settings.portal.listen, "portal.listen", 0o660, &mut passed).await?;
    let admin = bind_unix(&folder.admin_socket(), 0o660)
        .with_context(|| format!("can't listen on the admin socket {}", folder.admin_socket().display()))?;
    for (number, listener) in doors {
        parts.spawn(accept_all(door(number), listener, closing.clone()));
    }
    let services = &node.services;
    let public = postern_api::portal_routes(services).merge(postern_portal::routes(services)).layer(from_fn(finish));
    let portal = Portal { routes: public, settings: Arc::clone(&node.shared.settings) };
    parts.spawn(accept_all(portal, portal_listener, closing.clone()));
    let (services, closing) = (Arc::clone(services), closing.clone());
    parts
        .spawn(async move { log_end("admin socket", postern_api::serve_admin_socket(admin, services, closing).await) });
    Ok(sockets)
}

fn log_end(part: &str, served: io::Result<()>) {
    if let Err(error) = served {
        tracing::error!(part, %error, "stopped");
    }
}

impl Running {
    /// The node with its use cases, for callers in the same process.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Reloads the settings. A file with errors is refused as a whole, and the old settings stay in force.
    pub async fn reload(&self) {
        if let Ok(now) = sd_notify::NotifyState::monotonic_usec_now() {
            notify(&[sd_notify::NotifyState::Reloading, now]);
        }
        let current = self.node.shared.settings.load_full();
        let loaded = match postern_config::load(&current.file) {
            Ok(new) => self.checked(new).await,
            Err(error) => Err(error.into()),
        };
        match loaded {
            Ok(new) => {
                for key in needs_restart(&current, &new) {
                    tracing::warn!(key, "the new value requires a restart; the old one stays in force until then");
                }
                // Addresses and the data folder can't change in a running process.
                let stored = Settings {
                    data: current.data.clone(),
                    portal: postern_services::settings::Portal {
                        listen: current.portal.listen.clone(),
                        url: current.portal.url.clone(),
                        ..new.portal.clone()
                    },
                    doors: with_listeners_of(&current.doors, &new.doors),
                    ..new
                };
                let shared = &self.node.shared;
                if let Err(error) = self.node.services.configuration.take_over(&stored).await {
                    tracing::error!(%error, "the file's policies can't be taken over; send SIGHUP again later");
                }
                shared.settings.replace_settings(stored);
                shared.directory_cache.put_together(&shared.settings.load());
                self.node.shared.metrics.reloads.inc();
                self.node.shared.health.note(Part::Configuration, Ok(()));
                tracing::info!(config = %current.file.display(), "configuration reloaded");
            }
            Err(error) => {
                self.node.shared.metrics.reloads_refused.inc();
                for line in error.to_string().lines() {
                    tracing::error!("configuration refused, the old one stays in force: {line}");
                }
                let why = format!("the new one was refused: {error}");
                self.node.shared.health.note(Part::Configuration, Err(why.replace('\n', "; ")));
            }
        }
        notify(&[sd_notify::NotifyState::Ready]);
    }

    /// Checks that the settings are compatible with the organizations in the store.
    async fn checked(&self, settings: Settings) -> anyhow::Result<Settings> {
        let stored = self.node.shared.store.organizations().await?;
        postern_services::service::organizations::check_settings(&settings, &stored)?;
        Ok(settings)
    }

    /// Drains the doors, writes pending data, and stops.
    ///
    /// # Errors
    /// The last usage could not be written.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        tracing::info!("stopping: requests that have begun are answered, then everything is written out");
        let _ = self.closing.send(true);
        while self.parts.join_next().await.is_some() {}
        let Node { services, shared, .. } = &*self.node;
        services.restrictions.write_refusals().await;
        shared.known_recipients.write(&*shared.store, shared.clock.now()).await;
        services.traffic.write().await;
        if let Err(error) = shared.mail_servers.write(&*shared.store).await {
            tracing::warn!(%error, "what mail servers report could not be stored");
        }
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
    if listeners(&old.doors) != listeners(&new.doors) {
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

/// Where each door listens.
fn listeners(doors: &[DoorSettings]) -> Vec<&[Listen]> {
    doors.iter().map(|door| door.listen.as_slice()).collect()
}

/// The doors that are open, each with the limits and timeouts that the new settings have for it.
fn with_listeners_of(current: &[DoorSettings], new: &[DoorSettings]) -> Vec<DoorSettings> {
    let with = |(number, open): (usize, &DoorSettings)| match new.get(number) {
        Some(new) => DoorSettings { kind: open.kind, listen: open.listen.clone(), ..new.clone() },
        None => open.clone(),
    };
    current.iter().enumerate().map(with).collect()
}

/// Notifies systemd; does nothing without it.
fn notify(state: &[sd_notify::NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!(%error, "systemd could not be notified");
    }
}
