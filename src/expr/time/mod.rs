//! Calendar arithmetic on the numbers that date and time columns hold. All of it is proleptic Gregorian and total: any
//! `i64` of milliseconds has a date.

mod pattern;
mod text;
mod zone;

pub(super) use pattern::{Pattern, Resolve};
pub(super) use text::{
    parse_date, parse_sql_timestamp, parse_time, parse_timestamp, write_date, write_time, write_timestamp,
};
pub use zone::Zone;
pub(super) use zone::named as zone_named;

/// Milliseconds a day.
pub(super) const DAY_MS: i64 = 86_400_000;

/// A point in time in calendar fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Civil {
    pub(super) year: i64,
    /// 1 to 12
    pub(super) month: u32,
    /// 1 to 31
    pub(super) day: u32,
    /// Milliseconds since midnight
    pub(super) ms: i64,
}

impl Civil {
    /// The date of a day number since 1970-01-01. After Howard Hinnant, "chrono-compatible low-level date algorithms".
    pub(super) fn from_days(days: i64) -> Self {
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Self { year, month: small(month), day: small(day), ms: 0 }
    }

    /// The fields of an instant or wall-clock time in milliseconds since the epoch.
    pub(super) fn from_ms(ms: i64) -> Self {
        Self { ms: ms.rem_euclid(DAY_MS), ..Self::from_days(ms.div_euclid(DAY_MS)) }
    }

    /// Days since 1970-01-01.
    pub(super) fn days(self) -> i64 {
        let year = self.year - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month = i64::from(self.month);
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let day_of_year = (153 * shifted_month + 2) / 5 + i64::from(self.day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    /// Milliseconds since the epoch; wraps outside of what 64 bits hold.
    pub(super) fn to_ms(self) -> i64 {
        self.days().wrapping_mul(DAY_MS).wrapping_add(self.ms)
    }

    /// The same day and time of day, `months` later; a day that the month does not have becomes its last.
    pub(super) fn plus_months(self, months: i64) -> Self {
        let total = self.year * 12 + i64::from(self.month) - 1 + months;
        let (year, month) = (total.div_euclid(12), small(total.rem_euclid(12)) + 1);
        Self { year, month, day: self.day.min(days_in_month(year, month)), ms: self.ms }
    }

    /// 1 to 366
    pub(super) fn day_of_year(self) -> i64 {
        self.days() - Self { month: 1, day: 1, ..self }.days() + 1
    }

    /// 1 (Monday) to 7
    pub(super) fn iso_weekday(self) -> i64 {
        (self.days() + 3).rem_euclid(7) + 1
    }

    /// The ISO 8601 year and week.
    pub(super) fn iso_week(self) -> (i64, i64) {
        let thursday = Self::from_days(self.days() + 4 - self.iso_weekday());
        (thursday.year, (thursday.day_of_year() - 1) / 7 + 1)
    }

    /// 1 to 4
    pub(super) const fn quarter(self) -> u32 {
        (self.month - 1) / 3 + 1
    }
}

fn small(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// The length of a month.
pub(super) const fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// A unit of `extract`, `timestampadd`, `floor … to`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Microsecond,
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Epoch,
}

impl Unit {
    /// Every name, in the order of listings.
    pub(super) const NAMES: [(&'static str, Self); 18] = [
        ("microsecond", Self::Microsecond),
        ("millisecond", Self::Millisecond),
        ("second", Self::Second),
        ("minute", Self::Minute),
        ("hour", Self::Hour),
        ("day", Self::Day),
        ("week", Self::Week),
        ("month", Self::Month),
        ("quarter", Self::Quarter),
        ("year", Self::Year),
        ("decade", Self::Decade),
        ("century", Self::Century),
        ("millennium", Self::Millennium),
        ("dow", Self::DayOfWeek),
        ("isodow", Self::IsoDayOfWeek),
        ("doy", Self::DayOfYear),
        ("isoyear", Self::IsoYear),
        ("epoch", Self::Epoch),
    ];

    /// The unit called `name`, in any case.
    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|&(_, unit)| unit)
    }

    /// The unit's name.
    pub(super) fn name(self) -> &'static str {
        Self::NAMES.iter().find(|&&(_, unit)| unit == self).map_or("", |&(name, _)| name)
    }

    /// The unit's length, milliseconds, when every one is as long.
    pub(super) const fn fixed_ms(self) -> Option<i64> {
        match self {
            Self::Millisecond => Some(1),
            Self::Second => Some(1_000),
            Self::Minute => Some(60_000),
            Self::Hour => Some(3_600_000),
            Self::Day => Some(DAY_MS),
            Self::Week => Some(7 * DAY_MS),
            Self::Month
            | Self::Quarter
            | Self::Year
            | Self::Decade
            | Self::Century
            | Self::Millennium
            | Self::DayOfWeek
            | Self::IsoDayOfWeek
            | Self::DayOfYear
            | Self::IsoYear
            | Self::Epoch
            | Self::Microsecond => None,
        }
    }

    /// The unit's length in months, when it has one.
    pub(super) const fn months(self) -> Option<i64> {
        match self {
            Self::Month => Some(1),
            Self::Quarter => Some(3),
            Self::Year => Some(12),
            Self::Decade => Some(120),
            Self::Century => Some(1_200),
            Self::Millennium => Some(12_000),
            Self::Millisecond
            | Self::Second
            | Self::Minute
            | Self::Hour
            | Self::Day
            | Self::Week
            | Self::DayOfWeek
            | Self::IsoDayOfWeek
            | Self::DayOfYear
            | Self::IsoYear
            | Self::Epoch
            | Self::Microsecond => None,
        }
    }

    /// The value of the field in a wall-clock time.
    pub(super) fn extract(self, ms: i64) -> i64 {
        // The fields of the time of day need no calendar.
        match self {
            Self::Microsecond => return ms.rem_euclid(1_000) * 1_000,
            Self::Millisecond => return ms.rem_euclid(1_000),
            Self::Second => return ms.div_euclid(1_000).rem_euclid(60),
            Self::Minute => return ms.div_euclid(60_000).rem_euclid(60),
            Self::Hour => return ms.div_euclid(3_600_000).rem_euclid(24),
            Self::Epoch => return ms.div_euclid(1_000),
            Self::Day
            | Self::Week
            | Self::Month
            | Self::Quarter
            | Self::Year
            | Self::Decade
            | Self::Century
            | Self::Millennium
            | Self::DayOfWeek
            | Self::IsoDayOfWeek
            | Self::DayOfYear
            | Self::IsoYear => {}
        }
        let civil = Civil::from_ms(ms);
        match self {
            Self::Day => i64::from(civil.day),
            Self::Week => civil.iso_week().1,
            Self::Month => i64::from(civil.month),
            Self::Quarter => i64::from(civil.quarter()),
            Self::Year => civil.year,
            Self::Decade => civil.year.div_euclid(10),
            Self::Century => (civil.year - 1).div_euclid(100) + 1,
            Self::Millennium => (civil.year - 1).div_euclid(1_000) + 1,
            // Sunday is 1.
            Self::DayOfWeek => civil.iso_weekday() % 7 + 1,
            Self::IsoDayOfWeek => civil.iso_weekday(),
            Self::DayOfYear => civil.day_of_year(),
            Self::IsoYear => civil.iso_week().0,
            Self::Microsecond | Self::Millisecond | Self::Second | Self::Minute | Self::Hour | Self::Epoch => 0,
        }
    }

    /// The start of the unit that `ms` is in. Weeks begin on Sunday.
    pub(super) fn floor(self, ms: i64) -> i64 {
        if self == Self::Week {
            let days = ms.div_euclid(DAY_MS);
            return (days - (days + 4).rem_euclid(7)).wrapping_mul(DAY_MS);
        }
        if let Some(length) = self.fixed_ms() {
            return ms.wrapping_sub(ms.rem_euclid(length));
        }
        let civil = Civil::from_ms(ms);
        let (year, month) = match self {
            Self::Month => (civil.year, civil.month),
            Self::Quarter => (civil.year, civil.quarter() * 3 - 2),
            Self::Decade => (civil.year.div_euclid(10) * 10, 1),
            Self::Century => ((civil.year - 1).div_euclid(100) * 100 + 1, 1),
            Self::Millennium => ((civil.year - 1).div_euclid(1_000) * 1_000 + 1, 1),
            Self::Year
            | Self::Microsecond
            | Self::Millisecond
            | Self::Second
            | Self::Minute
            | Self::Hour
            | Self::Day
            | Self::Week
            | Self::DayOfWeek
            | Self::IsoDayOfWeek
            | Self::DayOfYear
            | Self::IsoYear
            | Self::Epoch => (civil.year, 1),
        };
        Civil { year, month, day: 1, ms: 0 }.to_ms()
    }

    /// The start of the next unit, or `ms` itself where one starts.
    pub(super) fn ceil(self, ms: i64) -> i64 {
        let floor = self.floor(ms);
        if floor == ms {
            return ms;
        }
        match (self.fixed_ms(), self.months()) {
            (Some(length), _) => floor.wrapping_add(length),
            (None, Some(months)) => Civil::from_ms(floor).plus_months(months).to_ms(),
            (None, None) => floor,
        }
    }

    /// The number of whole units between two times, negative when `to` is before `from`.
    pub(super) fn difference(self, from: i64, to: i64) -> i64 {
        if let Some(length) = self.fixed_ms() {
            return to.wrapping_sub(from) / length;
        }
        let Some(length) = self.months() else { return 0 };
        months_between(from, to) / length
    }
}

/// Whole months from `from` to `to`: a month is whole when the same day and time of day is reached. As Calcite's
/// `subtractMonths`.
fn months_between(from: i64, to: i64) -> i64 {
    let (start, end) = (from.div_euclid(DAY_MS), to.div_euclid(DAY_MS));
    let (low, high) = (Civil::from_days(start.min(end)), Civil::from_days(start.max(end)));
    let mut months = (high.year - low.year) * 12 + i64::from(high.month) - i64::from(low.month);
    if low.plus_months(months).days() > high.days() {
        months -= 1;
    }
    if end < start {
        months = -months;
    }
    let same_day = Civil::from_days(start).plus_months(months).days() == end;
    if same_day && to.rem_euclid(DAY_MS) < from.rem_euclid(DAY_MS) { months - 1 } else { months }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(text: &str) -> i64 {
        parse_timestamp(text).expect(text)
    }

    #[test]
    fn days_and_dates_agree_everywhere() {
        for days in (-800_000..3_000_000).step_by(997).chain([0, -1, 11_016, 2_932_896]) {
            assert_eq!(Civil::from_days(days).days(), days);
        }
        assert_eq!(Civil::from_days(18_321), Civil { year: 2020, month: 2, day: 29, ms: 0 });
        for extreme in [i64::MIN, i64::MAX] {
            assert_eq!(Civil::from_ms(extreme).to_ms(), extreme);
        }
    }

    #[test]
    fn months_end_where_months_end() {
        let shift = |text: &str, months| {
            let mut out = String::new();
            write_timestamp(&mut out, Civil::from_ms(ms(text)).plus_months(months).to_ms());
            out
        };
        assert_eq!(shift("2020-01-31 10:00:00", 1), "2020-02-29 10:00:00.000");
        assert_eq!(shift("2020-02-29 10:00:00", 12), "2021-02-28 10:00:00.000");
        assert_eq!(shift("2020-01-15 10:00:00", -13), "2018-12-15 10:00:00.000");
    }

    #[test]
    fn units_floor_ceil_and_differ() {
        let at = ms("2020-02-29 13:14:15.678");
        assert_eq!(Unit::Week.floor(at), ms("2020-02-23"));
        assert_eq!(Unit::Quarter.ceil(at), ms("2020-04-01"));
        assert_eq!(Unit::Month.ceil(ms("2020-02-01")), ms("2020-02-01"));
        assert_eq!(Unit::Month.difference(ms("2020-01-31"), at), 1);
        assert_eq!(Unit::Year.difference(at, ms("2021-02-28 23:00:00")), 1);
        assert_eq!(Unit::Month.difference(at, ms("2020-03-29")), 0);
        assert_eq!(Unit::Hour.difference(at, ms("2020-01-01")), -1_429);
        assert_eq!(Civil::from_ms(ms("2021-01-03")).iso_week(), (2020, 53));
    }
}
