//! Dates, times of day and timestamps from text and to text, in the proleptic Gregorian calendar: Flink's SQL form
//! (`2026-01-01 00:00:10.5`) and ISO 8601's (`2026-01-01T00:00:10.500Z`).

use super::scan;

/// Milliseconds of a day.
pub const DAY_MS: i64 = 86_400_000;

/// Days since 1970-01-01 of a date whose month and day are in range (H. Hinnant, "chrono-compatible low-level date
/// algorithms").
#[must_use]
#[inline]
pub const fn days_from_civil(year: i64, month: u32, day: u32) -> i64 {
    // The year begins in March, so that the leap day is its last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_from_march = (month as i64 + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day as i64 - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Year, month and day of a day count: the inverse of [`days_from_civil`].
#[must_use]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "months and days are small and positive")]
pub const fn civil_from_days(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_from_march + 2) / 5 + 1) as u32;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 } as u32;
    let year = year_of_era + era * 400 + if month <= 2 { 1 } else { 0 };
    (year, month, day)
}

#[inline]
const fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[inline]
const fn checked_days(year: i64, month: u32, day: u32) -> Option<i64> {
    if month < 1 || month > 12 || day < 1 || day > days_in_month(year, month) {
        return None;
    }
    Some(days_from_civil(year, month, day))
}

/// The timestamp `YYYY-MM-DD HH:MM:SS[.f…]` (or with a `T`) at `pos`, milliseconds since the epoch, and the position
/// behind it: the form that our own encoder and most programs write, taken a word at a time. `None` leaves it to the
/// general parser: another form, a date that does not exist, or too near the end of the bytes to look.
#[inline]
#[must_use]
pub fn timestamp_at(bytes: &[u8], pos: usize) -> Option<(i64, usize)> {
    let text = bytes.get(pos..)?.first_chunk::<28>()?;
    let year_month = digits_between(word_of(text, 0), u64::from_le_bytes(*b"0000-00-"))?;
    let mut middle = word_of(text, 8);
    if text[10] == b'T' {
        middle ^= u64::from(b'T' ^ b' ') << 16;
    }
    let day_hour = digits_between(middle, u64::from_le_bytes(*b"00 00:00"))?;
    // Overlaps the one before, so that this too is a whole word.
    let clock = digits_between(word_of(text, 11), u64::from_le_bytes(*b"00:00:00"))?;

    let pair = |word: u64, at: u32| (word >> (8 * at) & 0xff) * 10 + (word >> (8 * at + 8) & 0xff);
    let year = pair(year_month, 0) * 100 + pair(year_month, 2);
    #[expect(clippy::cast_possible_truncation, reason = "two digits")]
    let (month, day) = (pair(year_month, 5) as u32, pair(day_hour, 0) as u32);
    let (hour, minute, second) = (pair(clock, 0), pair(clock, 3), pair(clock, 6));
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (milli, length) = fraction_at(text)?;
    let days = checked_days(year.cast_signed(), month, day)?;
    Some((days * DAY_MS + (((hour * 60 + minute) * 60 + second) * 1_000 + milli).cast_signed(), pos + length))
}

/// Reads timestamps of which most stand in the minute of the one before: then only the seconds are read anew.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct MinuteCache {
    /// The sixteen bytes up to the minute, and the first millisecond of it.
    minute: u128,
    ms: i64,
}

impl MinuteCache {
    /// As [`timestamp_at`].
    #[inline]
    pub(super) fn timestamp_at(&mut self, bytes: &[u8], pos: usize) -> Option<(i64, usize)> {
        let (ms, length) = self.timestamp_of(bytes.get(pos..)?.first_chunk::<28>()?)?;
        Some((ms, pos + length))
    }

    /// The timestamp in quotes at `at` of `window`, which must be below 32, and the place behind them.
    #[inline]
    pub(super) fn quoted_in(&mut self, window: &[u8; 64], at: usize) -> Option<(i64, usize)> {
        let at = at & 31;
        let (ms, length) = self.timestamp_of(window[at + 1..].first_chunk::<28>()?)?;
        let end = at + 1 + length;
        (window[at] == b'"' && *window.get(end)? == b'"').then_some((ms, end + 1))
    }

    /// The timestamp at the front of `text`, and its length.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "a few instructions in the innermost loop of every file job")]
    fn timestamp_of(&mut self, text: &[u8; 28]) -> Option<(i64, usize)> {
        let minute = u128::from_le_bytes(*text.first_chunk::<16>()?);
        if minute != self.minute {
            return self.other_minute(text, minute);
        }
        let clock = digits_between(word_of(text, 16) & 0xff_ffff, u64::from_le_bytes(*b":00\0\0\0\0\0"))?;
        let second = (clock >> 8 & 0xff) * 10 + (clock >> 16 & 0xff);
        if second > 59 {
            return None;
        }
        let (milli, length) = fraction_at(text)?;
        Some((self.ms + (second * 1_000 + milli).cast_signed(), length))
    }

    #[cold]
    fn other_minute(&mut self, text: &[u8; 28], minute: u128) -> Option<(i64, usize)> {
        let (ms, length) = timestamp_at(text, 0)?;
        (self.minute, self.ms) = (minute, ms - ms.rem_euclid(60_000));
        Some((ms, length))
    }
}

/// The milliseconds behind the nineteen bytes up to the second, and the length of it all.
#[inline]
fn fraction_at(text: &[u8; 28]) -> Option<(u64, usize)> {
    const SECOND_END: usize = 19;
    if text[SECOND_END] != b'.' {
        return Some((0, SECOND_END));
    }
    let fraction = word_of(text, SECOND_END + 1);
    let digits = scan::digit_count(fraction);
    if !(1..=7).contains(&digits) {
        return None;
    }
    let milli = scan::digits_value(fraction, digits.min(3)) * [100, 10, 1][digits.min(3) as usize - 1];
    Some((milli, SECOND_END + 1 + digits as usize))
}

#[inline]
fn word_of(text: &[u8; 28], at: usize) -> u64 {
    text[at..].first_chunk::<8>().map_or(0, |eight| u64::from_le_bytes(*eight))
}

/// The digits of `word` as their values, where `form` has a `0`; `None` unless every other byte is the one of `form`.
#[inline(always)]
const fn digits_between(word: u64, form: u64) -> Option<u64> {
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    let values = word ^ form;
    // A digit may differ from '0' by at most 9, which 0x76 keeps below 0x80; a separator by nothing, which 0x7f does.
    let digit_places = (form >> 4 & 0x0101_0101_0101_0101) & !(form >> 3) & !(form >> 2) & !(form >> 1) & !form;
    let limits = 0x7f7f_7f7f_7f7f_7f7f - digit_places * 9;
    if ((values.wrapping_add(limits)) | values) & HIGHS != 0 { None } else { Some(values) }
}

/// Days since the epoch of `yyyy-MM-dd`; a year of more than four digits or before year 0 takes a sign.
#[must_use]
pub fn parse_date(text: &[u8]) -> Option<i32> {
    let (days, rest) = date(text)?;
    if rest.is_empty() { i32::try_from(days).ok() } else { None }
}

/// Milliseconds since midnight of `HH:mm[:ss[.f…]]`.
#[must_use]
pub fn parse_time(text: &[u8]) -> Option<i32> {
    let (ms, rest) = time(text)?;
    if rest.is_empty() { i32::try_from(ms).ok() } else { None }
}

/// Milliseconds since the epoch of `yyyy-MM-dd HH:mm[:ss[.f…]]`, a `T` for the space and a `Z` at the end allowed;
/// digits behind the millisecond are cut off.
#[must_use]
pub fn parse_timestamp(text: &[u8]) -> Option<i64> {
    let (ms, rest) = local_timestamp(text)?;
    matches!(rest, b"" | b"Z" | b"z").then_some(ms)
}

/// Like [`parse_timestamp`], with an offset such as `+02:00` for the `Z` allowed, which is taken off.
#[must_use]
pub fn parse_instant(text: &[u8]) -> Option<i64> {
    let (ms, rest) = local_timestamp(text)?;
    let (ahead, offset) = match rest {
        b"" | b"Z" | b"z" => return Some(ms),
        [b'+', offset @ ..] => (1, offset),
        [b'-', offset @ ..] => (-1, offset),
        _ => return None,
    };
    let (hours, minutes) = match offset {
        [_, _] => (two(offset)?, 0),
        [_, _, b':', _, _] => (two(offset)?, two(&offset[3..])?),
        [_, _, _, _] => (two(offset)?, two(&offset[2..])?),
        _ => return None,
    };
    // Java's limit, which is Flink's.
    if hours * 60 + minutes > 18 * 60 || minutes > 59 {
        return None;
    }
    ms.checked_sub(ahead * (hours * 60 + minutes) * 60_000)
}

fn local_timestamp(text: &[u8]) -> Option<(i64, &[u8])> {
    let (days, rest) = date(text)?;
    let [b' ' | b'T' | b't', rest @ ..] = rest else { return None };
    let (ms, rest) = time(rest)?;
    // The first day of all begins before the first millisecond that 64 bits hold.
    Some((i64::try_from(i128::from(days) * i128::from(DAY_MS) + i128::from(ms)).ok()?, rest))
}

fn date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (sign, digits) = match text {
        [b'-', rest @ ..] => (-1, rest),
        [b'+', rest @ ..] => (1, rest),
        _ => (0, text),
    };
    let length = digits.iter().take_while(|digit| digit.is_ascii_digit()).count();
    // Nine digits are over three times what 64 bits of milliseconds reach.
    if !(length == 4 || (sign != 0 && (4..=9).contains(&length))) {
        return None;
    }
    let year = digits[..length].iter().fold(0, |year, digit| year * 10 + i64::from(digit - b'0'));
    let year = if sign < 0 { -year } else { year };
    let [b'-', month @ ..] = &digits[length..] else { return None };
    let [_, _, b'-', day @ ..] = month else { return None };
    let days = checked_days(year, two(month)?.try_into().ok()?, two(day)?.try_into().ok()?)?;
    Some((days, &day[2..]))
}

fn time(text: &[u8]) -> Option<(i64, &[u8])> {
    let hour = two(text)?;
    let [_, _, b':', rest @ ..] = text else { return None };
    let minute = two(rest)?;
    let (second, rest) = match &rest[2..] {
        [b':', rest @ ..] => (two(rest)?, &rest[2..]),
        rest => (0, rest),
    };
    // A leap second has no millisecond of its own.
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (milli, rest) = match rest {
        [b'.', fraction @ ..] => {
            let length = fraction.iter().take_while(|digit| digit.is_ascii_digit()).count();
            if length == 0 || length > 9 {
                return None;
            }
            let digit = |at: usize| if at < length { i64::from(fraction[at] - b'0') } else { 0 };
            (digit(0) * 100 + digit(1) * 10 + digit(2), &fraction[length..])
        }
        rest => (0, rest),
    };
    Some((((hour * 60 + minute) * 60 + second) * 1_000 + milli, rest))
}

/// The number that the first two bytes spell.
fn two(text: &[u8]) -> Option<i64> {
    let [tens, ones, ..] = text else { return None };
    (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| i64::from((tens - b'0') * 10 + (ones - b'0')))
}

/// Appends a date as `yyyy-MM-dd`.
pub fn write_date(days: i64, out: &mut Vec<u8>) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9_999).contains(&year) {
        push_two(u64::try_from(year / 100).unwrap_or(0), out);
        push_two(u64::try_from(year % 100).unwrap_or(0), out);
    } else {
        // Rare enough for formatting machinery; the sign makes it readable by us and by Java.
        out.extend_from_slice(format!("{year:+05}").as_bytes());
    }
    out.push(b'-');
    push_two(u64::from(month), out);
    out.push(b'-');
    push_two(u64::from(day), out);
}

/// Appends a time of day as `HH:mm:ss`, and the fraction without trailing zeros if there is one, as Flink does.
pub fn write_time(ms: i64, out: &mut Vec<u8>) {
    let ms = u64::try_from(ms.rem_euclid(DAY_MS)).unwrap_or(0);
    let seconds = ms / 1_000;
    push_two(seconds / 3_600, out);
    out.push(b':');
    push_two(seconds / 60 % 60, out);
    out.push(b':');
    push_two(seconds % 60, out);
    let milli = ms % 1_000;
    if milli > 0 {
        out.push(b'.');
        push_digit(milli / 100, out);
        if milli % 100 > 0 {
            push_digit(milli / 10, out);
            if milli % 10 > 0 {
                push_digit(milli, out);
            }
        }
    }
}

/// Appends a timestamp as `yyyy-MM-dd HH:mm:ss[.f]`.
pub fn write_timestamp(ms: i64, out: &mut Vec<u8>) {
    write_date(ms.div_euclid(DAY_MS), out);
    out.push(b' ');
    write_time(ms.rem_euclid(DAY_MS), out);
}

fn push_two(value: u64, out: &mut Vec<u8>) {
    push_digit(value / 10, out);
    push_digit(value, out);
}

fn push_digit(value: u64, out: &mut Vec<u8>) {
    out.push(b'0' + (value % 10).to_le_bytes()[0]);
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, NaiveDate};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_day_of_eight_centuries_agrees_with_chrono() {
        let mut date = NaiveDate::from_ymd_opt(1599, 12, 31).expect("a date");
        for _ in 0..292_500 {
            let days = i64::from(date.num_days_from_ce()) - 719_163;
            assert_eq!(days_from_civil(i64::from(date.year()), date.month(), date.day()), days);
            assert_eq!(civil_from_days(days), (i64::from(date.year()), date.month(), date.day()));
            date = date.succ_opt().expect("a date");
        }
    }

    #[test]
    fn timestamps_of_every_form() {
        let base = 1_767_225_600_000; // 2026-01-01
        for (text, ms) in [
            ("2026-01-01 00:00:00.123", Some(base + 123)),
            ("2026-01-01T00:00:00.123", Some(base + 123)),
            ("2026-01-01T00:00:00.123Z", Some(base + 123)),
            ("2026-01-01 00:00:00.123456789", Some(base + 123)),
            ("2026-01-01 00:00:00.5", Some(base + 500)),
            ("2026-01-01 00:00:10", Some(base + 10_000)),
            ("2026-01-01T00:01", Some(base + 60_000)),
            ("0001-01-01 00:00:00", Some(-62_135_596_800_000)),
            ("9999-12-31 23:59:59.999", Some(253_402_300_799_999)),
            ("+262144-01-01 00:00:00", Some(8_210_298_412_800_000)),
            ("2024-02-29 00:00:00.000", Some(1_709_164_800_000)),
            ("2023-02-29 00:00:00.000", None),
            ("2026-02-30 00:00:00", None),
            ("2026-13-01 00:00:00.000", None),
            ("2026-00-01 00:00:00.000", None),
            ("2026-01-00 00:00:00.000", None),
            ("2016-12-31 23:59:60", None),
            ("2016-12-31 23:59:60.000", None),
            ("2026-01-01 24:00:00.000", None),
            ("2026-01-01 00:60:00.000", None),
            ("2026-01-01", None),
            ("2026-01-01 ", None),
            ("2026-01-01 00:00:00.", None),
            ("2026-01-01 00:00:00.1234567890", None),
            ("2026-01-01 00:00:00 ", None),
            ("2026-01-01 00:00:00+02:00", None),
            ("12026-01-01 00:00:00", None),
            ("+999999999-01-01 00:00:00", None),
            ("", None),
        ] {
            assert_eq!(parse_timestamp(text.as_bytes()), ms, "{text}");
        }
        for (text, ms) in [
            ("2026-01-01T02:00:00+02:00", Some(base)),
            ("2026-01-01 02:00:00.123+0200", Some(base + 123)),
            ("2025-12-31T22:00:00-02", Some(base)),
            ("2026-01-01T00:00:00Z", Some(base)),
            ("2026-01-01T00:00:00+19:00", None),
            ("2026-01-01T00:00:00+1", None),
        ] {
            assert_eq!(parse_instant(text.as_bytes()), ms, "{text}");
        }
    }

    #[test]
    fn one_wrong_byte_anywhere_is_noticed() {
        let good = *b"2026-01-01 00:00:00.123\"}\n  ";
        for at in 0..19 {
            for byte in 0..=255_u8 {
                let mut text = good;
                text[at] = byte;
                let separator = matches!(at, 4 | 7 | 10 | 13 | 16);
                let plausible =
                    if separator { byte == good[at] || (at == 10 && byte == b'T') } else { byte.is_ascii_digit() };
                if !plausible {
                    assert_eq!(timestamp_at(&text, 0), None, "{at} {byte}");
                }
            }
        }
        assert_eq!(timestamp_at(&good, 0), Some((1_767_225_600_123, 23)));
        assert_eq!(timestamp_at(&good[..27], 0), None);
        for text in
            ["2026-01-01 00:00:00.\"xxxxxxxxx", "2026-01-01 00:00:00.12345678\"", "2026-02-30 00:00:00.000\"xxxxx"]
        {
            assert_eq!(timestamp_at(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn times_and_dates() {
        assert_eq!(parse_time(b"23:59:59.999"), Some(86_399_999));
        assert_eq!(parse_time(b"07:30"), Some(27_000_000));
        assert_eq!(parse_time(b"7:30"), None);
        assert_eq!(parse_date(b"1970-01-02"), Some(1));
        assert_eq!(parse_date(b"-0001-01-01"), Some(-719_893));
        assert_eq!(parse_date(b"1970-01-02x"), None);
        assert_eq!(parse_date(b"1970-1-2"), None);
    }

    #[test]
    fn the_fraction_is_written_without_trailing_zeros() {
        for (ms, text) in [
            (0, "1970-01-01 00:00:00"),
            (500, "1970-01-01 00:00:00.5"),
            (-1, "1969-12-31 23:59:59.999"),
            (120, "1970-01-01 00:00:00.12"),
            (7, "1970-01-01 00:00:00.007"),
        ] {
            let mut out = Vec::new();
            write_timestamp(ms, &mut out);
            assert_eq!(String::from_utf8(out).expect("ascii"), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(ms in any::<i64>()) {
            let mut out = Vec::new();
            write_timestamp(ms, &mut out);
            prop_assert_eq!(parse_timestamp(&out), Some(ms));
        }

        #[test]
        fn the_fast_form_is_the_general_form(ms in -62_135_596_800_000_i64..253_402_300_800_000, round in 0..5_u32, zeros in 0..3_usize, flip in any::<u8>()) {
            let ms = ms.div_euclid(10_i64.pow(round)) * 10_i64.pow(round);
            let mut out = Vec::new();
            write_timestamp(ms, &mut out);
            if out.len() > 19 {
                out.resize(out.len() + zeros, b'0');
            }
            let length = out.len();
            prop_assert_eq!(parse_timestamp(&out), Some(ms));
            out.extend_from_slice(b"\",123456789");
            prop_assert_eq!(timestamp_at(&out, 0), Some((ms, length)));
            let mut cache = MinuteCache::default();
            prop_assert_eq!(cache.timestamp_at(&out, 0), Some((ms, length)));
            for at in 0..length {
                let mut other = out.clone();
                other[at] = other[at].wrapping_add(flip);
                prop_assert_eq!(cache.timestamp_at(&other, 0), timestamp_at(&other, 0));
                prop_assert_eq!(cache.timestamp_at(&out, 0), Some((ms, length)));
            }
        }
    }
}
