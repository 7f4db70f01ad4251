//! Dates and times as text, in the forms that Flink's casts read and write.

use std::fmt::Write;

use super::{Civil, DAY_MS, days_in_month};

/// `2020-02-29`
pub(in super::super) fn write_date(out: &mut String, days: i64) {
    let civil = Civil::from_days(days);
    if civil.year < 0 {
        out.push('-');
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "{:04}-{:02}-{:02}", civil.year.unsigned_abs(), civil.month, civil.day);
}

/// `13:14:15`, and `.678` behind it unless that is zero.
pub(in super::super) fn write_time(out: &mut String, ms: i64) {
    let _ = write!(out, "{:02}:{:02}:{:02}", ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    if ms % 1_000 != 0 {
        let _ = write!(out, ".{:03}", ms % 1_000);
    }
}

/// `2020-02-29 13:14:15.678`
pub(in super::super) fn write_timestamp(out: &mut String, ms: i64) {
    write_date(out, ms.div_euclid(DAY_MS));
    let ms = ms.rem_euclid(DAY_MS);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    let _ = write!(out, " {hour:02}:{minute:02}:{second:02}.{:03}", ms % 1_000);
}

/// Days since 1970-01-01 of `2020-2-9`, `2020-02` or `2020`; a time of day behind a space is ignored.
pub(in super::super) fn parse_date(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.split_once(' ').map_or(text, |(date, _)| date);
    calendar_day(text, false, 1)
}

fn calendar_day(text: &str, clamp: bool, least_parts: usize) -> Option<i64> {
    let mut parts = text.splitn(3, '-');
    let year = number(parts.next()?, 4)?;
    let (month, day) = (parts.next(), parts.next());
    if 1 + usize::from(month.is_some()) + usize::from(day.is_some()) < least_parts {
        return None;
    }
    let month = u32::try_from(month.map_or(Some(1), |month| number(month, 2))?).ok()?;
    let mut day = u32::try_from(day.map_or(Some(1), |day| number(day, 2))?).ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let last = days_in_month(year, month);
    if day > last {
        if !clamp {
            return None;
        }
        day = last;
    }
    Some(Civil { year, month, day, ms: 0 }.days())
}

/// Milliseconds since midnight of `10:11:12.345`, `10:11` or `10`.
pub(in super::super) fn parse_time(text: &str) -> Option<i64> {
    let ms = time_of_day(text.trim(), 1)?;
    (ms < DAY_MS).then_some(ms)
}

fn time_of_day(text: &str, least_parts: usize) -> Option<i64> {
    let (clock, fraction) = match text.split_once('.') {
        Some((clock, fraction)) => (clock, Some(fraction)),
        None => (text, None),
    };
    let mut parts = clock.splitn(3, ':');
    let hour = number(parts.next()?, 2)?;
    let (minute, second) = (parts.next(), parts.next());
    if 1 + usize::from(minute.is_some()) + usize::from(second.is_some()) < least_parts
        || (fraction.is_some() && second.is_none())
    {
        return None;
    }
    let minute = minute.map_or(Some(0), |minute| number(minute, 2))?;
    let second = second.map_or(Some(0), |second| number(second, 2))?;
    if hour > 24 || minute > 59 || second > 59 {
        return None;
    }
    let ms = fraction.map_or(Some(0), millis_of)?;
    let total = ((hour * 60 + minute) * 60 + second) * 1_000 + ms;
    (total <= DAY_MS).then_some(total)
}

/// Milliseconds since the epoch of `2020-2-29`, or `2020-2-29 13:14:15.678` with all parts of its time, as Java's
/// `java.sql.Date` and `Timestamp` read them: 30 February is in March, and 25:00:00 an hour of the next day.
pub(in super::super) fn parse_sql_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let mut parts = date.splitn(3, '-');
    let year = parts.next().filter(|year| year.len() == 4).and_then(|year| number(year, 4))?;
    let month = u32::try_from(number(parts.next()?, 2)?).ok()?;
    let day = u32::try_from(number(parts.next()?, 2)?).ok()?;
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let midnight = Civil { year, month, day, ms: 0 }.to_ms();
    let Some(time) = time else { return Some(midnight) };
    let (clock, fraction) = time.split_once('.').map_or((time, None), |(clock, fraction)| (clock, Some(fraction)));
    let mut parts = clock.splitn(3, ':');
    let mut part = || number(parts.next()?, 9);
    let (hour, minute, second) = (part()?, part()?, part()?);
    let ms = fraction.map_or(Some(0), millis_of)?;
    Some(midnight + ((hour * 60 + minute) * 60 + second) * 1_000 + ms)
}

/// The milliseconds that the digits behind a second's point say; what is finer is cut off.
fn millis_of(digits: &str) -> Option<i64> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let value = number(digits, 9)?;
    let length = u32::try_from(digits.len()).ok()?;
    Some(if length <= 3 { value * 10_i64.pow(3 - length) } else { value / 10_i64.pow(length - 3) })
}

/// Milliseconds since the epoch of `2020-02-29 13:14:15.678`, its time of day optional but whole. 30 February is the
/// month's last day, as Flink reads it.
pub(in super::super) fn parse_timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let (date, time) = match text.split_once(' ') {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let days = calendar_day(date, true, 3)?;
    let ms = time.map_or(Some(0), |time| time_of_day(time, 3))?;
    days.checked_mul(DAY_MS)?.checked_add(ms)
}

/// One to `most` digits and nothing else.
fn number(text: &str, most: usize) -> Option<i64> {
    if text.is_empty() || text.len() > most || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_flink_reads_them() {
        for (text, expected) in [
            ("2020-02-29", Some("2020-02-29")),
            ("2020-2-9", Some("2020-02-09")),
            ("2020", Some("2020-01-01")),
            ("  2020-02 ", Some("2020-02-01")),
            ("2020-02-29 10:11:12", Some("2020-02-29")),
            ("2020-02-30", None),
            ("2020-13-01", None),
            ("-0001-01-01", None),
            ("12020-01-01", None),
            ("", None),
            ("x", None),
        ] {
            let found = parse_date(text).map(|days| {
                let mut out = String::new();
                write_date(&mut out, days);
                out
            });
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn timestamps_are_read_as_flink_reads_them() {
        for (text, expected) in [
            ("2020-02-29 10:11:12.3456789", Some("2020-02-29 10:11:12.345")),
            ("2020-2-9 1:02:03", Some("2020-02-09 01:02:03.000")),
            ("2020-02-29", Some("2020-02-29 00:00:00.000")),
            ("2020-02-30 00:00:00", Some("2020-02-29 00:00:00.000")),
            ("2020-02-29 24:00:00", Some("2020-03-01 00:00:00.000")),
            ("2020-02-29T10:11:12", None),
            ("2020-02-29 1:2", None),
            ("2020-02-29 10:11:12Z", None),
            ("2020", None),
            ("2020-02-29 10:11:60", None),
        ] {
            let found = parse_timestamp(text).map(|ms| {
                let mut out = String::new();
                write_timestamp(&mut out, ms);
                out
            });
            assert_eq!(found.as_deref(), expected, "{text}");
        }
        assert_eq!(parse_time("25:00:00"), None);
        assert_eq!(parse_time("10:11"), Some(36_660_000));
    }
}
