//! Time zones: from an instant to what the clock on the wall shows, and back.

use chrono::{DateTime, FixedOffset, LocalResult, NaiveDateTime, Offset, TimeZone};
use chrono_tz::Tz;

/// A time zone of a session: of the tz database, or an offset from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    /// By its name.
    Named(Tz),
    /// `GMT+2`, `+02:00`
    Fixed(FixedOffset),
}

/// The zone called `name`; `None` when there is none.
pub(in crate::expr) fn named(name: &str) -> Option<Zone> {
    if let Ok(zone) = name.parse::<Tz>() {
        return Some(Zone::Named(zone));
    }
    let offset = ["UTC", "GMT", "UT"].iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = digits.split_once(':').unwrap_or((digits, "0"));
    let number = |text: &str| text.parse::<i32>().ok().filter(|number| (0..60).contains(number));
    let (hours, minutes) = (number(hours).filter(|hours| *hours <= 18)?, number(minutes)?);
    FixedOffset::east_opt(sign * (hours * 3_600 + minutes * 60)).map(Zone::Fixed)
}

impl Default for Zone {
    fn default() -> Self {
        Self::Named(Tz::UTC)
    }
}

impl From<Tz> for Zone {
    fn from(zone: Tz) -> Self {
        Self::Named(zone)
    }
}

impl Zone {
    /// The zone called `name`; `None` when there is none.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        named(name)
    }

    /// Whether clocks show UTC.
    pub(in crate::expr) fn is_utc(self) -> bool {
        self == Self::default()
    }

    /// What the clock on the wall shows at an instant, both in milliseconds since the epoch.
    pub(in crate::expr) fn wall(self, instant: i64) -> i64 {
        let Some(utc) = DateTime::from_timestamp_millis(instant) else { return instant };
        let offset = match self {
            Self::Named(zone) => zone.offset_from_utc_datetime(&utc.naive_utc()).fix(),
            Self::Fixed(offset) => offset,
        };
        instant.saturating_add(i64::from(offset.local_minus_utc()) * 1_000)
    }

    /// The instant at which the clock on the wall shows this: the first of two, and behind a gap as far as it was wide, as
    /// Java has it.
    pub(in crate::expr) fn instant(self, wall: i64) -> i64 {
        let Some(local) = DateTime::from_timestamp_millis(wall).map(|at| at.naive_utc()) else { return wall };
        let offset = |found: LocalResult<FixedOffset>| match found {
            LocalResult::Single(offset) | LocalResult::Ambiguous(offset, _) => Some(offset),
            LocalResult::None => None,
        };
        let found = |local: &NaiveDateTime| match self {
            Self::Named(zone) => offset(zone.offset_from_local_datetime(local).map(|offset| offset.fix())),
            Self::Fixed(offset) => Some(offset),
        };
        // In a gap the offset from before it counts. None is wider than a day.
        let before = || found(&local.checked_sub_signed(chrono::TimeDelta::days(1))?);
        match found(&local).or_else(before) {
            Some(offset) => wall.saturating_sub(i64::from(offset.local_minus_utc()) * 1_000),
            None => wall,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_timestamp;
    use super::named;

    #[test]
    fn gaps_and_overlaps_are_as_in_java() {
        let ms = |text: &str| parse_timestamp(text).expect(text);
        let berlin = named("Europe/Berlin").expect("a zone");
        for (wall, instant) in [
            ("2020-07-01 12:00:00", "2020-07-01 10:00:00"),
            ("2020-03-29 02:30:00", "2020-03-29 01:30:00"),
            ("2020-10-25 02:30:00", "2020-10-25 00:30:00"),
            ("2020-01-01 00:00:00.5", "2019-12-31 23:00:00.5"),
        ] {
            assert_eq!(berlin.instant(ms(wall)), ms(instant), "{wall}");
        }
        assert_eq!(berlin.wall(ms("2020-03-29 01:00:00")), ms("2020-03-29 03:00:00"));
        assert_eq!(named("GMT+02:00").expect("an offset").wall(0), 7_200_000);
        assert!(named("Nope/Zone").is_none() && named("+99").is_none());
    }
}
