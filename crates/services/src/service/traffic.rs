//! What was sent over days, and who sends most now.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use postern_domain::access::Permission;
use postern_domain::traffic::{self, BUCKETS_PER_HOUR, Traffic};
use postern_domain::window::Window;
use postern_domain::{OrganizationId, Timestamp};
use postern_ledger::memory::MemoryLedger;
use postern_store::TrafficHistory;

use super::views::{UsageView, WindowView};
use super::{Caller, ServiceError, UsageService};
use crate::clock::Clock;
use crate::gate::{HOURS_DAYS, TrafficMeter};
use crate::in_force::SettingsInForce;

/// Days that have to be known before anything is called usual.
const USUAL_FROM: usize = 2;
/// How long it is good to know who sends most, in milliseconds: finding out looks at everybody.
const BUSIEST_FRESH_MS: i64 = 5_000;
/// A chart may be so much behind.
const PATIENCE: Duration = Duration::from_millis(300);
/// So many that send most in a window are compared by how much of their limits that is.
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
    /// What a clock shows there when each hour of the whole day begins, and when the last one ends.
    pub clock: Vec<String>,
    /// Recipients that are usual in each hour of the whole day; none before enough days are known.
    pub usual: Option<Vec<u32>>,
}

/// Somebody who sends a lot, and the fullest of its windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusyView {
    /// What the entity has sent, and what it may.
    pub usage: UsageView,
    /// The window that is fullest.
    pub window: WindowView,
}

impl BusyView {
    /// Percent of the window that are used.
    pub fn percent(&self) -> u32 {
        let limit = u64::from(self.window.limit.unwrap_or(0).max(1));
        u32::try_from(u64::from(self.window.count) * 100 / limit).unwrap_or(u32::MAX)
    }
}

/// How much of a window is used.
fn share(window: &WindowView) -> f64 {
    f64::from(window.count) / f64::from(window.limit.unwrap_or(0).max(1))
}

/// Who sent most, and when that was found out, by organization.
pub type BusiestKnown = Mutex<Busiest>;
type Busiest = BTreeMap<Option<OrganizationId>, (Timestamp, Vec<BusyView>)>;

/// Says what was sent over days, and who sends most now.
pub struct TrafficService {
    /// Settings in force.
    pub(crate) settings: Arc<SettingsInForce>,
    /// Stored traffic of the last days.
    pub(crate) store: Arc<dyn TrafficHistory>,
    /// What was sent.
    pub(crate) ledger: Arc<MemoryLedger>,
    /// What was sent and is not written down yet.
    pub(crate) meter: Arc<TrafficMeter>,
    /// What entities have sent.
    pub(crate) usage: Arc<UsageService>,
    /// Tells the time; tests move it.
    pub(crate) clock: Arc<dyn Clock>,
    /// Who sent most, for a moment.
    pub(crate) busiest_known: BusiestKnown,
}

impl TrafficService {
    /// Writes down what was sent and is only in memory yet, so that charts are up to date.
    pub async fn write(&self) {
        let (traffic, store, settings) = (self.meter.clone(), self.store.clone(), self.settings.load_full());
        // In a task of its own: whoever asked may go away meanwhile, and half of it must not.
        let written = tokio::spawn(async move { traffic.write(&*store, &settings.directory).await });
        if let Err(error) = written.await {
            tracing::error!(%error, "what was sent was not written down");
        }
    }

    /// The same for somebody who waits: where a lot is to be written, not until all of it is.
    pub(super) async fn catch_up(&self) {
        let _ = tokio::time::timeout(PATIENCE, self.write()).await;
    }

    /// What an entity sent in the last hours, hour by hour: the hour that is now comes last, hours
    /// without anything are there too.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
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

    /// What was sent today by everybody the caller looks after, and what is usual.
    ///
    /// # Errors
    /// The caller may not look, or the store fails.
    pub async fn today(&self, caller: &Caller) -> Result<DayView, ServiceError> {
        caller.may(Permission::Look)?;
        self.catch_up().await;
        let now = self.clock.now();
        let settings = self.settings.load_full();
        let organization = caller.organization.as_ref();
        let zone = organization.and_then(|id| settings.organization(id)).unwrap_or(&settings.organization);
        let zone = &zone.time_zone;
        // The first whole hour of a day: where midnight is at half past, the half hour before it is
        // the day before's.
        let first_of = |start: Timestamp| start.minute().div_ceil(60);
        let start = zone.start_of_day(now);
        let (first, end) = (first_of(start), first_of(zone.next_day(now)));
        let last = traffic::bucket(now) / BUCKETS_PER_HOUR;
        let since = first.saturating_sub(HOURS_DAYS * 24);
        let known: BTreeMap<u32, Traffic> =
            self.store.traffic_by_hour(organization, since).await?.into_iter().collect();
        let known_from = known.keys().next().copied().unwrap_or(last);
        // A day that is known only in part would say that little is usual.
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

    /// Who of those the caller looks after uses most of its limits, the fullest first; what was
    /// found out in the last seconds serves again.
    ///
    /// # Errors
    /// The caller may not look.
    pub async fn busiest(&self, caller: &Caller, most: usize) -> Result<Vec<BusyView>, ServiceError> {
        caller.may(Permission::Look)?;
        let now = self.clock.now();
        if let Some(busiest) = self.busiest_now(caller, now) {
            return Ok(busiest.into_iter().take(most).collect());
        }
        let (ledger, settings, organization) =
            (self.ledger.clone(), self.settings.load_full(), caller.organization.clone());
        let find = move || {
            let wanted =
                |entity: &_| organization.as_ref().is_none_or(|own| settings.directory.organization_of(entity) == *own);
            ledger.busiest(&[Window::ExternalPerHour, Window::InternalPerHour, Window::PerDay], CANDIDATES, now, wanted)
        };
        let candidates = tokio::task::spawn_blocking(find).await.unwrap_or_default();
        let mut busiest = Vec::new();
        for entity in candidates {
            let usage = self.usage.of_entity(&entity).await;
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

    /// What was found out in the last seconds.
    fn busiest_now(&self, caller: &Caller, now: Timestamp) -> Option<Vec<BusyView>> {
        let known = self.lock_busiest();
        let (at, busiest) = known.get(&caller.organization)?;
        (now.as_millis() - at.as_millis() < BUSIEST_FRESH_MS).then(|| busiest.clone())
    }

    fn lock_busiest(&self) -> MutexGuard<'_, Busiest> {
        self.busiest_known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
