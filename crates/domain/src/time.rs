//! Points in time and time zones. The domain never reads the clock: the current time is passed in.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const MS_PER_MINUTE: i64 = 60_000;
const MS_PER_DAY: i64 = 86_400_000;

/// A point in time: milliseconds since 1970-01-01T00:00:00Z.
///
/// Always written as RFC 3339 in UTC with millisecond precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The time that is `ms` milliseconds after the Unix epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Whole minutes since the Unix epoch (0 for times before it).
    pub fn minute(self) -> u32 {
        u32::try_from(self.0.max(0) / MS_PER_MINUTE).unwrap_or(u32::MAX)
    }

    /// The start of a minute, counted as in [`Timestamp::minute`].
    pub fn from_minute(minute: u32) -> Self {
        Self(i64::from(minute) * MS_PER_MINUTE)
    }

    /// The midnight (UTC) at which this day began.
    pub fn start_of_day(self) -> Self {
        Self(self.0.div_euclid(MS_PER_DAY) * MS_PER_DAY)
    }

    /// This time plus `duration`.
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The time elapsed since `earlier`; zero if this is not later.
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Parses an RFC 3339 time with any offset.
    ///
    /// # Errors
    /// The text is not an RFC 3339 time.
    pub fn parse(text: &str) -> Result<Self, InvalidTime> {
        text.parse::<jiff::Timestamp>().map(|t| Self(t.as_millisecond())).map_err(|_| InvalidTime(text.to_owned()))
    }
}

/// A time zone, which determines where days begin and end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Zone(jiff::tz::TimeZone);

impl Zone {
    /// UTC, which Exchange uses for "until the following day".
    pub fn utc() -> Self {
        Self(jiff::tz::TimeZone::UTC)
    }

    /// Looks up a zone by its name in the IANA time zone database, such as `Europe/Berlin`.
    ///
    /// # Errors
    /// There is no zone with this name.
    pub fn parse(name: &str) -> Result<Self, UnknownZone> {
        jiff::tz::TimeZone::get(name).map(Self).map_err(|_| UnknownZone(name.to_owned()))
    }

    /// The IANA name of the zone.
    pub fn name(&self) -> &str {
        self.0.iana_name().unwrap_or("UTC")
    }

    /// The midnight at which the day that contains `at` began.
    pub fn start_of_day(&self, at: Timestamp) -> Timestamp {
        let start = jiff::Timestamp::from_millisecond(at.0)
            .map(|at| at.to_zoned_datetime(self.0.clone()))
            .and_then(|at| at.start_of_day());
        start.map_or_else(|_| at.start_of_day(), |start| Timestamp(start.timestamp().as_millisecond()))
    }

    /// The local time of day, such as `14:30`.
    pub fn time_of_day(&self, at: Timestamp) -> String {
        let there = jiff::Timestamp::from_millisecond(at.0).map(|at| at.to_zoned_datetime(self.0.clone()));
        there.map_or_else(|_| String::new(), |there| format!("{:02}:{:02}", there.hour(), there.minute()))
    }

    /// The midnight at which the day that contains `at` ends.
    pub fn next_day(&self, at: Timestamp) -> Timestamp {
        let next = jiff::Timestamp::from_millisecond(at.0)
            .map(|at| at.to_zoned_datetime(self.0.clone()))
            .and_then(|at| at.tomorrow())
            .and_then(|tomorrow| tomorrow.start_of_day());
        // Outside the calendar's range, a day has 24 hours.
        let utc = || (at.0.div_euclid(MS_PER_DAY) + 1) * MS_PER_DAY;
        Timestamp(next.map_or_else(|_| utc(), |next| next.timestamp().as_millisecond()))
    }
}

/// The error for a text that does not name a time zone.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no time zone; expected a name such as Europe/Berlin or UTC")]
pub struct UnknownZone(String);

/// The error for a text that is not an RFC 3339 time.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no time; expected RFC 3339, for example 2026-11-25T18:00:00Z")]
pub struct InvalidTime(String);

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_following_day_starts_at_midnight_utc() {
        let evening = Timestamp::parse("2026-11-25T23:59:59.999Z").unwrap();
        let midnight = Timestamp::parse("2026-11-26T00:00:00Z").unwrap();
        assert_eq!(Zone::utc().next_day(evening), midnight);
        assert_eq!(Zone::utc().start_of_day(evening), Timestamp::parse("2026-11-25T00:00:00Z").unwrap());
        assert_eq!(
            Zone::parse("Europe/Berlin").unwrap().start_of_day(evening).plus(Duration::from_secs(3600)),
            midnight
        );
        assert_eq!(Zone::parse("Asia/Kolkata").unwrap().time_of_day(midnight), "05:30");
        assert_eq!(Zone::utc().next_day(midnight), Timestamp::parse("2026-11-27T00:00:00Z").unwrap());
    }

    #[test]
    fn is_written_in_rfc_3339_with_milliseconds() {
        let t = Timestamp::from_millis(1_795_629_600_005);
        assert_eq!(t.to_string(), "2026-11-25T18:00:00.005Z");
        assert_eq!(Timestamp::parse(&t.to_string()).unwrap(), t);
    }

    #[test]
    fn other_offsets_are_read() {
        let utc = Timestamp::parse("2026-11-25T18:00:00Z").unwrap();
        assert_eq!(Timestamp::parse("2026-11-25T19:00:00+01:00").unwrap(), utc);
        assert!(Timestamp::parse("yesterday").is_err());
    }
}
