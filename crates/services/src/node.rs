//! One node: the gate and the use cases over a store and a ledger, put together in one way for whoever runs them.

use std::sync::Arc;

use anyhow::Context;
use postern_ledger::memory::MemoryLedger;
use postern_store::Store;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::desk::{self, Desk, WiringCheck};
use crate::directory::Roster;
use crate::events::Events;
use crate::gate::{
    Acquaintances, AlertPolicies, Gate, IncidentParts, Incidents, OpenAlerts, Parts, Policies, Projector, Recents,
    Standings, TrafficMeter, Views, Wiring,
};
use crate::health::Health;
use crate::in_force::SettingsInForce;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbox::{Courier, OwnMail};
use crate::randomness::Randomness;
use crate::settings::Settings;
use crate::sign_in::SignIn;

/// What a node is made from.
pub struct NodeParts {
    /// What the configuration file says.
    pub settings: Settings,
    /// Durable state.
    pub store: Arc<dyn Store>,
    /// Usage.
    pub ledger: Arc<MemoryLedger>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Random bytes.
    pub randomness: Arc<dyn Randomness>,
    /// Looks at how this machine's mail server is wired.
    pub wiring_check: Arc<dyn WiringCheck>,
    /// Turns true when everything is to end.
    pub closing: watch::Receiver<bool>,
}

/// A node, which nobody asks yet.
pub struct Node {
    /// The use cases.
    pub desk: Arc<Desk>,
    /// What mail servers ask.
    pub gate: Arc<Gate<MemoryLedger>>,
    /// Wakes the outbox.
    pub new_mail: watch::Sender<()>,
}

impl Node {
    /// Puts a node together, with what the store holds in force.
    ///
    /// # Errors
    /// The store can't be read, or this machine's certificates can't.
    pub async fn new(parts: NodeParts) -> anyhow::Result<Self> {
        let NodeParts { settings, store, ledger, clock, randomness, wiring_check, closing } = parts;
        let started = clock.now();
        let metrics = Arc::new(Metrics::default());
        let standings = Arc::new(Standings::default());
        let recents = Arc::new(Recents::default());
        let wiring = Arc::new(Wiring::default());
        let own_mail = Arc::new(OwnMail::default());
        let (new_mail, _) = watch::channel(());
        let events = Events::new(Arc::clone(&store), closing);
        let courier = Arc::new(Courier::new(Arc::clone(&own_mail)).context("sending webhooks")?);
        desk::organizations::check_settings(&settings, &store.organizations().await?)?;
        let settings = Arc::new(SettingsInForce::new(settings));
        let links = Links::new(store.key("links", &randomness.bytes()).await?);
        let sign_in = Arc::new(SignIn::new(&*randomness)?);
        let roster = Arc::new(Roster::open(&settings.load().data, &settings.load()));
        let alert_policies = Arc::new(AlertPolicies::default());
        let policies = Arc::new(Policies::default());
        let open_alerts = Arc::new(OpenAlerts::default());
        let health = Arc::new(Health::default());
        let views = Views {
            standings: Arc::clone(&standings),
            policies: Arc::clone(&policies),
            alert_policies: Arc::clone(&alert_policies),
            open_alerts: Arc::clone(&open_alerts),
            settings: Arc::clone(&settings),
            events: events.clone(),
            health: Arc::clone(&health),
        };
        let projector = Arc::new(Projector::new(Arc::clone(&store), views));
        projector.restore(started).await?;
        let incidents = Arc::new(Incidents::new(IncidentParts {
            settings: Arc::clone(&settings),
            store: Arc::clone(&store),
            standings: Arc::clone(&standings),
            projector: Arc::clone(&projector),
            alert_policies: Arc::clone(&alert_policies),
            open_alerts: Arc::clone(&open_alerts),
            roster: Arc::clone(&roster),
            metrics: Arc::clone(&metrics),
            new_mail: new_mail.clone(),
            randomness: Arc::clone(&randomness),
            links: links.clone(),
        }));
        let acquaintances = Arc::new(Acquaintances::default());
        acquaintances.restore(&*store).await?;
        let traffic = Arc::new(TrafficMeter::default());
        let gate = Arc::new(Gate::new(Parts {
            settings: Arc::clone(&settings),
            ledger: Arc::clone(&ledger),
            standings: Arc::clone(&standings),
            policies: Arc::clone(&policies),
            incidents: Arc::clone(&incidents),
            recents: Arc::clone(&recents),
            own_mail,
            wiring: Arc::clone(&wiring),
            clock: Arc::clone(&clock),
            metrics: Arc::clone(&metrics),
            links: links.clone(),
            roster: Arc::clone(&roster),
            acquaintances: Arc::clone(&acquaintances),
            traffic: Arc::clone(&traffic),
        }));
        let desk = Arc::new(Desk {
            settings,
            ledger,
            store,
            standings,
            projector,
            policies,
            sign_in,
            links,
            roster,
            acquaintances,
            traffic,
            courier,
            alert_policies,
            incidents,
            recents,
            wiring,
            wiring_check,
            clock,
            randomness,
            events,
            metrics,
            health,
            started,
            busiest_known: desk::BusiestKnown::default(),
        });
        desk.take_over(desk.settings.load_full().settings()).await?;
        Ok(Self { desk, gate, new_mail })
    }
}

#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
