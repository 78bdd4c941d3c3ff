//! A node: the gate and the use cases over a store and a ledger, wired in one place for every program that runs them.

use std::sync::{Arc, Mutex};

use anyhow::Context;
use postern_domain::Timestamp;
use postern_ledger::NodeId;
use postern_ledger::memory::MemoryLedger;
use postern_store::Store;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::directory::DirectoryCache;
use crate::events::Events;
use crate::gate::{
    AlertPolicies, Gate, IncidentParts, Incidents, KnownRecipients, MailServers, Parts, Policies, Projector, Standings,
    TrafficMeter, Views,
};
use crate::health::Health;
use crate::in_force::SettingsInForce;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::outbox::{Delivery, OwnMail};
use crate::present;
use crate::randomness::Randomness;
use crate::service::{
    self, AccessService, AccountService, AlertPolicyService, AlertService, AllowanceService, AuditService, BookEditor,
    ConfigurationService, LimitsInForce, OrganizationService, OutageService, PolicyService, RestrictionService,
    Services, StatusService, TokenService, TrafficService, UsageService, WiringCheck,
};
use crate::settings::Settings;
use crate::sign_in::SignIn;
use crate::vault::Vault;

/// What a node is made from.
pub struct NodeParts {
    /// The settings from the configuration file.
    pub settings: Settings,
    /// The durable store.
    pub store: Arc<dyn Store>,
    /// Counts what each entity sends, by sliding windows.
    pub ledger: Arc<MemoryLedger>,
    /// The clock; tests move it.
    pub clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub randomness: Arc<dyn Randomness>,
    /// Checks the configuration of this machine's mail server.
    pub wiring_check: Arc<dyn WiringCheck>,
    /// Turns true when the node shuts down.
    pub closing: watch::Receiver<bool>,
}

/// State shared by a node's gate and services.
#[derive(Clone)]
pub struct Shared {
    /// Settings in force.
    pub settings: Arc<SettingsInForce>,
    /// The durable store.
    pub store: Arc<dyn Store>,
    /// Counts what each entity sends, by sliding windows.
    pub ledger: Arc<MemoryLedger>,
    /// The clock; tests move it.
    pub clock: Arc<dyn Clock>,
    /// The source of references, secrets and salts; tests seed it.
    pub randomness: Arc<dyn Randomness>,
    /// The metrics that `/metrics` reports.
    pub metrics: Arc<Metrics>,
    /// Which parts have failed, for `/healthz` and `postern status`.
    pub health: Arc<Health>,
    /// The standing of each entity: free, on probation or restricted.
    pub standings: Arc<Standings>,
    /// Outbound policies and allowances in force.
    pub policies: Arc<Policies>,
    /// Alert policies in force.
    pub alert_policies: Arc<AlertPolicies>,
    /// Puts written changes in force.
    pub projector: Arc<Projector>,
    /// Writes restrictions and alerts.
    pub incidents: Arc<Incidents>,
    /// Which accounts exist, and in which groups they are.
    pub directory_cache: Arc<DirectoryCache>,
    /// The recipients that entities have written to before.
    pub known_recipients: Arc<KnownRecipients>,
    /// Traffic that has not been written to the store yet.
    pub meter: Arc<TrafficMeter>,
    /// Counts of the requests of each mail server.
    pub mail_servers: Arc<MailServers>,
    /// Checks the configuration of this machine's mail server.
    pub wiring_check: Arc<dyn WiringCheck>,
    /// Makes signed links to the page about a restriction.
    pub links: Links,
    /// Authenticates people.
    pub sign_in: Arc<SignIn>,
    /// Sends mails and webhooks.
    pub delivery: Arc<Delivery>,
    /// Postern's own mail in transit, which the gate does not count.
    pub own_mail: Arc<OwnMail>,
    /// The event stream for watchers.
    pub events: Events,
    /// Wakes the outbox.
    pub new_mail: watch::Sender<()>,
    /// When this process started.
    pub started: Timestamp,
    /// This node, the owner of its reservations.
    pub node: NodeId,
}

/// A complete node that does not serve any requests yet.
pub struct Node {
    /// The use cases.
    pub services: Arc<Services>,
    /// Answers mail servers.
    pub gate: Arc<Gate<MemoryLedger>>,
    /// The state they share, for background tasks.
    pub shared: Shared,
}

impl Node {
    /// Creates a node and puts the stored state in force.
    ///
    /// # Errors
    /// The store or this machine's certificates can't be read, or the settings conflict with the stored organizations.
    pub async fn new(parts: NodeParts) -> anyhow::Result<Self> {
        let shared = Shared::open(parts).await?;
        let (services, gate) = (Arc::new(shared.services()), Arc::new(shared.gate()));
        services.configuration.take_over(services.settings.load_full().settings()).await?;
        Ok(Self { services, gate, shared })
    }
}

/// Builds a struct whose fields are clones of the same-named fields of `$shared`, except those given with a value.
macro_rules! of {
    ($shared:ident, $name:ident { $($field:ident),* $(; $($other:ident: $value:expr),*)? }) => {
        $name { $($field: $shared.$field.clone(),)* $($($other: $value,)*)? }
    };
}

/// The views of the store before anything is restored.
pub(super) fn empty_views(settings: Settings, events: Events) -> Views {
    Views {
        standings: Arc::default(),
        policies: Arc::default(),
        alert_policies: Arc::default(),
        open_alerts: Arc::default(),
        settings: Arc::new(SettingsInForce::new(settings)),
        events,
        health: Arc::default(),
    }
}

impl Shared {
    async fn open(parts: NodeParts) -> anyhow::Result<Self> {
        let NodeParts { settings, store, ledger, clock, randomness, wiring_check, closing } = parts;
        let started = clock.now();
        service::organizations::check_settings(&settings, &store.organizations().await?)?;
        let events = Events::new(Arc::clone(&store), closing);
        let views = empty_views(settings, events);
        let projector = Arc::new(Projector::new(Arc::clone(&store), views.clone()));
        projector.restore(started).await?;
        let Views { standings, policies, alert_policies, open_alerts, settings, events, health } = views;
        let directory_cache = Arc::new(DirectoryCache::open(&settings.load().data, &settings.load()));
        let (metrics, own_mail) = (Arc::new(Metrics::default()), Arc::new(OwnMail::default()));
        let sources = settings.load().secrets.clone();
        let vault = tokio::task::spawn_blocking(move || Vault::open(&sources)).await??;
        vault.seal_again(&*store, &*randomness).await?;
        let links = Links::new(vault.own_key(&*store, "links", &*randomness).await?);
        let (new_mail, _) = watch::channel(());
        let incidents = Arc::new(Incidents::new(IncidentParts {
            settings: Arc::clone(&settings),
            store: Arc::clone(&store),
            standings: Arc::clone(&standings),
            projector: Arc::clone(&projector),
            alert_policies: Arc::clone(&alert_policies),
            open_alerts,
            directory_cache: Arc::clone(&directory_cache),
            metrics: Arc::clone(&metrics),
            new_mail: new_mail.clone(),
            randomness: Arc::clone(&randomness),
            links: links.clone(),
        }));
        let known_recipients = Arc::new(KnownRecipients::default());
        known_recipients.restore(&*store).await?;
        let sign_in_key = vault.own_key(&*store, "sign-in", &*randomness).await?;
        let sign_in = Arc::new(SignIn::new(&*randomness, &sign_in_key, vault)?);
        let delivery = Arc::new(Delivery::new(Arc::clone(&own_mail)).context("sending webhooks")?);
        let node = NodeId::of(&present::host_name());
        let mail_servers = Arc::new(MailServers::default());
        mail_servers.restore(&*store).await?;
        let meter = Arc::default();
        Ok(Self {
            settings,
            store,
            ledger,
            clock,
            randomness,
            metrics,
            health,
            standings,
            policies,
            alert_policies,
            projector,
            incidents,
            directory_cache,
            known_recipients,
            meter,
            mail_servers,
            wiring_check,
            links,
            sign_in,
            delivery,
            own_mail,
            events,
            new_mail,
            started,
            node,
        })
    }

    fn gate(&self) -> Gate<MemoryLedger> {
        Gate::new(of!(self, Parts {
            settings, ledger, standings, policies, incidents, own_mail, mail_servers, clock, metrics, health, links,
            directory_cache, known_recipients; traffic: Arc::clone(&self.meter), node: self.node
        }))
    }

    fn services(&self) -> Services {
        let limits = Arc::new(of!(self, LimitsInForce { settings, policies, directory_cache }));
        let usage = of!(self, UsageService {
            settings, ledger, standings, policies, clock; limits: Arc::clone(&limits)
        });
        let usage = Arc::new(usage);
        let traffic = of!(self, TrafficService {
            settings, store, ledger, meter, clock; usage: Arc::clone(&usage), busiest_known: Mutex::default()
        });
        let traffic = Arc::new(traffic);
        let books = || Arc::clone(&self.alert_policies);
        let editor = Arc::new(of!(self, BookEditor { store, projector, policies, clock; books: books() }));
        Services {
            restrictions: of!(self, RestrictionService {
                settings, store, projector, ledger, standings, incidents, links, clock, metrics;
                limits: Arc::clone(&limits), usage: Arc::clone(&usage)
            }),
            policies: of!(self, PolicyService {
                settings, store, standings, policies, directory_cache, clock;
                limits: limits, editor: Arc::clone(&editor), traffic: Arc::clone(&traffic)
            }),
            allowances: of!(self, AllowanceService { settings, store, projector, clock, randomness }),
            alerts: of!(self, AlertService { settings, store, projector, clock }),
            alert_policies: of!(self, AlertPolicyService {
                settings, store, delivery, clock, randomness; books: books(), editor: Arc::clone(&editor)
            }),
            organizations: of!(self, OrganizationService { settings, store, projector, clock }),
            access: of!(self, AccessService { settings, store, projector, sign_in, clock, randomness, metrics }),
            tokens: of!(self, TokenService { store, projector, clock, randomness }),
            audit: of!(self, AuditService { store, events }),
            accounts: of!(self, AccountService { settings, ledger, standings, directory_cache, clock }),
            usage,
            traffic,
            status: of!(
                self,
                StatusService {
                    settings,
                    store,
                    ledger,
                    standings,
                    policies,
                    mail_servers,
                    wiring_check,
                    metrics,
                    health,
                    started
                }
            ),
            configuration: of!(self, ConfigurationService { store; editor: editor }),
            outages: of!(self, OutageService {
                settings, store, projector, delivery, clock, randomness, metrics, health; books: books()
            }),
            requests: self.store.clone(),
            streams: Arc::default(),
            settings: self.settings.clone(),
            clock: self.clock.clone(),
            randomness: self.randomness.clone(),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
        }
    }
}

#[cfg(test)]
mod door;
#[cfg(test)]
mod door_model;
#[cfg(test)]
mod ending_tests;
#[cfg(test)]
mod gate_tests;
#[cfg(test)]
mod ledger_tests;
#[cfg(test)]
mod model;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
