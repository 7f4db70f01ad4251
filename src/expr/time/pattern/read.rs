//! Reading a time as a pattern says.

use super::field::{Field, Item, Letters, MONTHS, WEEKDAYS, ZoneText, is_numeric, local_week};
use crate::expr::time::{Civil, DAY_MS, days_in_month};

/// The treatment of a day that its month does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::expr) enum Resolve {
    /// The last day of the month.
    Smart,
    /// As many days into the next month; text behind what the pattern reads is ignored. As Java's `SimpleDateFormat`.
    Lenient,
}

pub(super) struct Reader<'a> {
    pub(super) rest: &'a str,
}

impl Reader<'_> {
    /// Between `min` and `max` digits.
    fn number(&mut self, min: usize, max: usize) -> Option<i64> {
        let digits = self.rest.bytes().take(max).take_while(u8::is_ascii_digit).count();
        if digits < min {
            return None;
        }
        let (number, rest) = self.rest.split_at(digits);
        self.rest = rest;
        number.parse().ok()
    }

    /// The zone that stands here, and its offset in milliseconds if the text tells it.
    #[expect(clippy::option_option, reason = "there may be none, or one whose offset is not told")]
    fn zone(&mut self, text: ZoneText) -> Option<Option<i64>> {
        let end = |rest: &str, part: &dyn Fn(char) -> bool| rest.find(|c| !part(c)).unwrap_or(rest.len());
        if text == ZoneText::Name {
            let (name, rest) =
                self.rest.split_at(end(self.rest, &|c| c.is_ascii_alphanumeric() || "/_+-:".contains(c)));
            self.rest = rest;
            return if name.is_empty() { None } else { Some(matches!(name, "UTC" | "GMT" | "Z").then_some(0)) };
        }
        if let Some(rest) = self.rest.strip_prefix('Z').filter(|_| text == ZoneText::Iso) {
            self.rest = rest;
            return Some(Some(0));
        }
        let sign = match self.rest.as_bytes().first()? {
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        let (digits, rest) = self.rest[1..].split_at(end(&self.rest[1..], &|c| c.is_ascii_digit() || c == ':'));
        self.rest = rest;
        let digits: String = digits.chars().filter(char::is_ascii_digit).collect();
        let (hours, minutes) = match digits.len() {
            2 => (digits.parse::<i64>().ok()?, 0),
            4 => (digits[..2].parse::<i64>().ok()?, digits[2..].parse::<i64>().ok()?),
            _ => return None,
        };
        Some((hours <= 18 && minutes < 60).then_some(sign * (hours * 60 + minutes) * 60_000))
    }

    /// The position of the name among `names` that stands here.
    fn name<'n>(&mut self, names: impl IntoIterator<Item = &'n str>, short: bool) -> Option<i64> {
        for (i, name) in names.into_iter().enumerate() {
            let name = if short { name.get(..3).unwrap_or(name) } else { name };
            if let Some(rest) = self.rest.strip_prefix(name) {
                self.rest = rest;
                return i64::try_from(i).ok();
            }
        }
        None
    }
}

#[derive(Default, Clone)]
pub(super) struct Found {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: Option<i64>,
    half_day_hour: Option<i64>,
    afternoon: Option<bool>,
    minute: Option<i64>,
    second: Option<i64>,
    ms: Option<i64>,
    before_christ: bool,
    ms_of_day: Option<i64>,
    week_year: Option<i64>,
    week: Option<i64>,
    /// Days behind Sunday.
    weekday: Option<i64>,
    pub(super) offset_ms: Option<i64>,
}

impl Found {
    pub(super) fn read_items(&mut self, reader: &mut Reader<'_>, items: &[Item], letters: Letters) -> Option<()> {
        for (i, item) in items.iter().enumerate() {
            let adjacent = matches!(items.get(i + 1), Some(Item::Field(next, _)) if is_numeric(*next));
            match item {
                Item::Text(expected) => reader.rest = reader.rest.strip_prefix(expected.as_str())?,
                Item::Field(field, count) => self.read(reader, *field, *count, adjacent, letters)?,
                Item::Padded(width, field, count) => {
                    let (text, rest) = reader.rest.split_at_checked(*width)?;
                    let mut padded = Reader { rest: text.trim_start_matches(' ') };
                    self.read(&mut padded, *field, *count, false, letters)?;
                    if !padded.rest.is_empty() {
                        return None;
                    }
                    reader.rest = rest;
                }
                Item::Optional(items) => {
                    let (mut found, mut there) = (self.clone(), Reader { rest: reader.rest });
                    if found.read_items(&mut there, items, letters).is_some() {
                        (*self, reader.rest) = (found, there.rest);
                    }
                }
            }
        }
        Some(())
    }

    fn read(
        &mut self,
        reader: &mut Reader<'_>,
        field: Field,
        count: usize,
        adjacent: bool,
        letters: Letters,
    ) -> Option<()> {
        let (min, max) = match (field, count) {
            (Field::Fraction, _) => (count, count),
            (Field::MillisecondOfDay | Field::Nanosecond | Field::NanosecondOfDay | Field::JulianDay, _) => (count, 19),
            (Field::Year, 2) => (2, 2),
            (_, 1) if !adjacent => (1, 19),
            (Field::Year, 4) if !adjacent => (4, 15),
            _ => (count, count),
        };
        match field {
            Field::Era => self.before_christ = reader.name(["AD", "BC"], false)? == 1,
            // One letter says too little.
            Field::Month | Field::Weekday | Field::LocalWeekday if count == 5 && letters == Letters::Formatter => {
                return None;
            }
            Field::Month if count >= 3 => self.month = Some(reader.name(MONTHS, count == 3)? + 1),
            Field::LocalWeekday if count >= 3 => self.weekday = Some((reader.name(WEEKDAYS, count == 3)? + 1) % 7),
            Field::LocalWeekday => self.weekday = Some(reader.number(min, max)?.checked_sub(1)?),
            Field::IsoWeekday => self.weekday = Some(reader.number(min, max)? % 7),
            Field::WeekYear => {
                let year = reader.number(min, max)?;
                self.week_year = Some(if count == 2 { year + 2_000 } else { year });
            }
            Field::Week => self.week = Some(reader.number(min, max)?),
            Field::WeekOfMonth | Field::DayOfAlignedWeek | Field::WeekdayInMonth | Field::JulianDay => {
                reader.number(min, max)?;
            }
            Field::MillisecondOfDay => self.ms_of_day = Some(reader.number(min, max)?),
            Field::NanosecondOfDay => self.ms_of_day = Some(reader.number(min, max)? / 1_000_000),
            Field::Nanosecond => self.ms = Some(reader.number(min, max)? / 1_000_000),
            Field::Millisecond => self.ms = Some(reader.number(1, 9)?),
            Field::Zone(text) => self.offset_ms = reader.zone(text)?,
            Field::Weekday => drop(reader.name(WEEKDAYS, count <= 3)?),
            Field::AmPm => self.afternoon = Some(reader.name(["AM", "PM"], false)? == 1),
            Field::Year => {
                let year = reader.number(min, max)?;
                self.year = Some(if count == 2 { year + 2_000 } else { year });
            }
            Field::Quarter if count == 3 => drop(reader.name(["Q1", "Q2", "Q3", "Q4"], false)?),
            Field::Quarter => drop(reader.number(min, max)?),
            Field::Month => self.month = Some(reader.number(min, max)?),
            Field::Day => self.day = Some(reader.number(min, max)?),
            Field::DayOfYear => self.day_of_year = Some(reader.number(min, max)?),
            Field::Hour24 => self.hour = Some(reader.number(min, max)?),
            Field::Hour1To24 => {
                self.hour = Some(reader.number(min, max)?).map(|hour| if hour == 24 { 0 } else { hour });
            }
            Field::Hour12 => {
                self.half_day_hour = Some(reader.number(min, max)?).map(|hour| if hour == 12 { 0 } else { hour });
            }
            Field::Hour0To11 => self.half_day_hour = Some(reader.number(min, max)?),
            Field::Minute => self.minute = Some(reader.number(min, max)?),
            Field::Second => self.second = Some(reader.number(min, max)?),
            Field::Fraction => {
                let value = reader.number(min, max)?;
                let exponent = u32::try_from(count).ok()?;
                self.ms = Some(if exponent <= 3 {
                    value * 10_i64.pow(3 - exponent)
                } else {
                    value / 10_i64.pow(exponent - 3)
                });
            }
        }
        Some(())
    }

    pub(super) fn resolve(&self, resolve: Resolve) -> Option<i64> {
        let within = |value: Option<i64>, low: i64, high: i64, default: i64| {
            let value = value.unwrap_or(default);
            (low..=high).contains(&value).then_some(value)
        };
        let year = within(self.year, -999_999, 999_999, 1_970)?;
        let year = if self.before_christ { 1 - year } else { year };
        let days = if let (Some(year), Some(week)) = (self.week_year, self.week) {
            let default = match resolve {
                Resolve::Smart => None,
                Resolve::Lenient => Some(0),
            };
            let weekday = self.weekday.or(default).filter(|weekday| (0..7).contains(weekday))?;
            let year = within(Some(year), -999_999, 999_999, 1_970)?;
            let first = local_week(Civil { year, month: 1, day: 1, ms: 0 }.days()).0;
            first + (within(Some(week), 1, 53, 1)? - 1) * 7 + weekday
        } else if let (Some(day), None) = (self.day_of_year, self.month) {
            let first = Civil { year, month: 1, day: 1, ms: 0 };
            (1..=366).contains(&day).then(|| first.days() + day - 1)?
        } else {
            let month = u32::try_from(within(self.month, 1, 12, 1)?).ok()?;
            let day = u32::try_from(within(self.day, 1, 31, 1)?).ok()?;
            let last = days_in_month(year, month);
            let (day, beyond) = match resolve {
                _ if day <= last => (day, 0),
                Resolve::Smart => (last, 0),
                Resolve::Lenient => (last, i64::from(day - last)),
            };
            Civil { year, month, day, ms: 0 }.days() + beyond
        };
        let hour = match (self.hour, self.half_day_hour) {
            (Some(hour), _) => hour,
            // As in Java, half a day's hour says nothing without the half.
            (None, Some(hour)) => match (within(Some(hour), 0, 11, 0)?, self.afternoon) {
                (_, None) => 0,
                (hour, Some(afternoon)) => hour + if afternoon { 12 } else { 0 },
            },
            (None, None) => 0,
        };
        let hour = within(Some(hour), 0, 24, 0)?;
        let minute = within(self.minute, 0, 59, 0)?;
        let second = within(self.second, 0, 59, 0)?;
        if hour == 24 && (minute, second, self.ms.unwrap_or(0)) != (0, 0, 0) {
            return None;
        }
        let ms = ((hour * 60 + minute) * 60 + second) * 1_000 + self.ms.unwrap_or(0);
        let ms = match self.ms_of_day {
            Some(of_day) => within(Some(of_day), 0, DAY_MS - 1, 0)?,
            None => ms,
        };
        days.checked_mul(DAY_MS)?.checked_add(ms)
    }
}
