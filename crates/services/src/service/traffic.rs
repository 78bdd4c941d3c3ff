//! Traffic of the last days, and who sends the most now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postern_domain::access::Permission;
use postern_domain::traffic::{self, BUCKETS_PER_HOUR, Traffic};
use postern_domain::window::Window;
use postern_domain::{OrganizationId, Timestamp};
use postern_ledger::Ledger;
use postern_ledger::memory::MemoryLedger;
use postern_store::TrafficHistory;

use super::views::{UsageView, WindowView};
use super::{Caller, ServiceError, UsageService};
use crate::clock::Clock;
use crate::gate::{HOURS_DAYS, TrafficMeter};
use crate::in_force::SettingsInForce;

/// The number of days that must be known before an amount is called usual.
const USUAL_FROM: usize = 2;
/// How long a list of the busiest entities is reused, in milliseconds: making it scans every entity.
const BUSIEST_FRESH_MS: i64 = 5_000;
/// How long a chart waits for traffic to be written before it shows older figures.
const PATIENCE: Duration = Duration::from_millis(300);
/// How many of the busiest entities in a window are compared by their share of the limit.
const CANDIDATES: usize = 50;

/// What was sent on one day, hour by hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayView {
    /// When its first whole hour begins, in the organization's time zone.
    pub start: Timestamp,
    /// The time zone's name.
    pub zone: String,
    /// Every hour from then to now.
    pub hours: Vec<Traffic>,
    /// The local time at which each hour of the whole day begins, and at which the last one ends.
    pub clock: Vec<String>,
    /// The usual number of recipients in each hour of the whole day; none until enough days are known.
    pub usual: Option<Vec<u32>>,
}

/// An entity that sends a lot, and the fullest of its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyView {
    /// What the entity has sent, and its limits.
    pub usage: UsageView,
    /// The window that is fullest.
    pub window: WindowView,
}

impl BusyView {
    /// The share of the window's limit that is used, in percent.
    pub fn percent(&self) -> u32 {
        let limit = u64::from(self.window.limit.unwrap_or(0).max(1));
        u32::try_from(u64::from(self.window.count) * 100 / limit).unwrap_or(u32::MAX)
    }
}

/// The share of a window's limit that is used.
fn share(window: &WindowView) -> f64 {
    f64::from(window.count) / f64::from(window.limit.unwrap_or(0).max(1))
}

/// The busiest entities and when they were determined, by organization.
pub type BusiestKnown = Mutex<Busiest>;
type Busiest = BTreeMap<Option<OrganizationId>, (Timestamp, Vec<BusyView>)>;

/// Reports traffic of the last days, and who sends the most now.
pub struct TrafficService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Stored traffic of the last days.
    pub(crate) store: Arc<dyn TrafficHistory>,
    /// Counts of what was sent.
    pub(crate) ledger: Arc<MemoryLedger>,
    /// What was sent and has not been written to the store yet.
    pub(crate) meter: Arc<TrafficMeter>,
    /// What entities have sent.
    pub(crate) usage: Arc<UsageService>,
    /// The clock; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// The busiest entities, reused for a few seconds.
    pub(crate) busiest_known: BusiestKnown,
}

impl TrafficService {
    /// Writes what is only in memory to the store, so that charts are up to date.
    pub async fn write(&self) {
        let (traffic, store, settings) = (self.meter.clone(), self.store.clone(), self.settings.load_full());
        // In a separate task: the caller may be cancelled meanwhile, and the write must not stop halfway.
        let written = tokio::spawn(async move { traffic.write(&*store, &settings.directory).await });
        if let Err(error) = written.await {
            tracing::error!(%error, "what was sent was not written down");
        }
    }

    /// Like [`TrafficService::write`], for a caller that waits: if there is a lot to write, returns before all of it is
    /// written.
    pub(super) async fn catch_up(&self) {
        let _ = tokio::time::timeout(PATIENCE, self.write()).await;
    }

    /// What an entity sent in the last `hours` hours, hour by hour: the current hour comes last, and hours without
    /// traffic are included.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn hours_of(&self, caller: &Caller, entity: &str, hours: u32) -> Result<Vec<Traffic>, ServiceError> {
        caller.may(Permission::Look)?;
        let entity = caller.entity(&self.settings.load(), entity)?;
        self.catch_up().await;
        let last = traffic::bucket(self.clock.now()) / BUCKETS_PER_HOUR;
        let first = (last + 1).saturating_sub(hours);
        let mut sent = vec![Traffic::default(); (last + 1 - first) as usize];
        for (bucket, more) in self.store.traffic_of(&entity, first * BUCKETS_PER_HOUR).await? {
            let at = (bucket / BUCKETS_PER_HOUR).saturating_sub(first) as usize;
            if let Some(hour) = sent.get_mut(at) {
                *hour = hour.plus(more);
            }
        }
        Ok(sent)
    }

    /// What was sent today by all entities that the caller looks after, and what is usual.
    ///
    /// # Errors
    /// The caller may not view this, or the store fails.
    pub async fn today(&self, caller: &Caller) -> Result<DayView, ServiceError> {
        caller.may(Permission::Look)?;
        self.catch_up().await;
        let now = self.clock.now();
        let settings = self.settings.load_full();
        let organization = caller.organization.as_ref();
        let zone = organization.and_then(|id| settings.organization(id)).unwrap_or(&settings.organization);
        let zone = &zone.time_zone;
        // The first whole hour of a day: where midnight is at half past, the half hour before it belongs to the day
        // before.
        let first_of = |start: Timestamp| start.minute().div_ceil(60);
        let start = zone.start_of_day(now);
        let (first, end) = (first_of(start), first_of(zone.next_day(now)));
        let last = traffic::bucket(now) / BUCKETS_PER_HOUR;
        let since = first.saturating_sub(HOURS_DAYS * 24);
        let known: BTreeMap<u32, Traffic> =
            self.store.traffic_by_hour(organization, since).await?.into_iter().collect();
        let known_from = known.keys().next().copied().unwrap_or(last);
        // A partly known day would make the usual amount look too small.
        let before = |day: &Timestamp| Some(zone.start_of_day(Timestamp::from_millis(day.as_millis() - 1)));
        let earlier = std::iter::successors(before(&start), before).map(first_of);
        let earlier: Vec<u32> = earlier.take_while(|day| *day >= known_from.max(1)).collect();
        Ok(DayView {
            start: Timestamp::from_minute(first * 60),
            zone: zone.name().to_owned(),
            hours: (first..=last).map(|hour| known.get(&hour).copied().unwrap_or_default()).collect(),
            usual: traffic::usual(&known, end - first, &earlier, USUAL_FROM),
            clock: (first..=end).map(|hour| zone.time_of_day(Timestamp::from_minute(hour * 60))).collect(),
        })
    }

    /// The entities that use the most of their limits, among those that the caller looks after, fullest first, at most
    /// `most`. Results of the last few seconds are reused.
    ///
    /// # Errors
    /// The caller may not view this.
    pub async fn busiest(&self, caller: &Caller, most: usize) -> Result<Vec<BusyView>, ServiceError> {
        caller.may(Permission::Look)?;
        let now = self.clock.now();
        if let Some(busiest) = self.busiest_now(caller, now) {
            return Ok(busiest.into_iter().take(most).collect());
        }
        let (ledger, settings, organization) =
            (self.ledger.clone(), self.settings.load_full(), caller.organization.clone());
        // Reading all usage takes a while; nothing else on this thread has to wait for it.
        let runtime = tokio::runtime::Handle::current();
        let find = move || {
            let wanted =
                |entity: &_| organization.as_ref().is_none_or(|own| settings.directory.organization_of(entity) == *own);
            let windows = [Window::ExternalPerHour, Window::InternalPerHour, Window::PerDay];
            runtime.block_on(ledger.busiest(&windows, CANDIDATES, wanted))
        };
        let candidates = tokio::task::spawn_blocking(find).await.unwrap_or_else(|_| Ok(Vec::new()))?;
        let mut busiest = Vec::new();
        for entity in candidates {
            let usage = self.usage.of_entity(&entity).await?;
            let used = usage.windows.iter().filter(|window| window.count > 0 && window.limit.is_some());
            if let Some(window) = used.max_by(|a, b| share(a).total_cmp(&share(b))).copied() {
                busiest.push(BusyView { usage, window });
            }
        }
        busiest.sort_by(|a, b| share(&b.window).total_cmp(&share(&a.window)));
        let shown = busiest.iter().take(most).cloned().collect();
        self.lock_busiest().insert(caller.organization.clone(), (now, busiest));
        Ok(shown)
    }

    /// The result of the last few seconds, if there is one.
    fn busiest_now(&self, caller: &Caller, now: Timestamp) -> Option<Vec<BusyView>> {
        let known = self.lock_busiest();
        let (at, busiest) = known.get(&caller.organization)?;
        (now.as_millis() - at.as_millis() < BUSIEST_FRESH_MS).then(|| busiest.clone())
    }

    fn lock_busiest(&self) -> MutexGuard<'_, Busiest> {
        self.busiest_known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
