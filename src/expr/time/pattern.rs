//! Date and time patterns: the letters of Java's `DateTimeFormatter` that Flink's functions take.

use std::fmt::Write;

use super::{Civil, DAY_MS, days_in_month};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The treatment of a day that its month does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Resolve {
    /// The last day of the month.
    Smart,
    /// As many days into the next month; text behind what the pattern reads is ignored. As Java's `SimpleDateFormat`.
    Lenient,
}

/// A compiled pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Pattern {
    items: Vec<Item>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Text(String),
    Field(Field, usize),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Era,
    Year,
    Quarter,
    Month,
    Day,
    DayOfYear,
    Weekday,
    AmPm,
    Hour24,
    Hour1To24,
    Hour12,
    Hour0To11,
    Minute,
    Second,
    Fraction,
}

impl Field {
    const LETTERS: &'static str = "y u G Q q M L d D E a H k h K m s S";

    const fn from_letter(letter: char) -> Option<Self> {
        Some(match letter {
            'y' | 'u' => Self::Year,
            'G' => Self::Era,
            'Q' | 'q' => Self::Quarter,
            'M' | 'L' => Self::Month,
            'd' => Self::Day,
            'D' => Self::DayOfYear,
            'E' => Self::Weekday,
            'a' => Self::AmPm,
            'H' => Self::Hour24,
            'k' => Self::Hour1To24,
            'h' => Self::Hour12,
            'K' => Self::Hour0To11,
            'm' => Self::Minute,
            's' => Self::Second,
            'S' => Self::Fraction,
            _ => return None,
        })
    }

    const fn most_letters(self) -> usize {
        match self {
            Self::Year => 19,
            Self::Fraction => 9,
            Self::Month | Self::Weekday | Self::Era | Self::Quarter => 4,
            Self::DayOfYear => 3,
            Self::AmPm => 1,
            Self::Day
            | Self::Hour24
            | Self::Hour1To24
            | Self::Hour12
            | Self::Hour0To11
            | Self::Minute
            | Self::Second => 2,
        }
    }
}

impl Pattern {
    /// Compiles `yyyy-MM-dd HH:mm:ss` and the like; the error says what is not understood.
    pub(in super::super) fn new(pattern: &str) -> Result<Self, String> {
        let mut items = Vec::new();
        let mut chars = pattern.chars().peekable();
        while let Some(c) = chars.next() {
            if c == '\'' {
                items.push(Item::Text(quoted(&mut chars)?));
            } else if c.is_ascii_alphabetic() {
                let mut count = 1;
                while chars.next_if_eq(&c).is_some() {
                    count += 1;
                }
                let field = Field::from_letter(c)
                    .ok_or_else(|| format!("pattern letter `{c}` is not supported; known are {}", Field::LETTERS))?;
                if count > field.most_letters() {
                    return Err(format!("too many pattern letters `{c}`"));
                }
                items.push(Item::Field(field, count));
            } else if matches!(c, '[' | ']' | '{' | '}' | '#') {
                return Err(format!("`{c}` is reserved in patterns; quote it: '{c}'"));
            } else {
                items.push(Item::Text(c.to_string()));
            }
        }
        Ok(Self { items })
    }

    /// Writes a wall-clock time in milliseconds.
    pub(in super::super) fn write(&self, out: &mut String, ms: i64) {
        let civil = Civil::from_ms(ms);
        for item in &self.items {
            match item {
                Item::Text(text) => out.push_str(text),
                Item::Field(field, count) => write_field(out, *field, *count, civil),
            }
        }
    }

    /// Reads a wall-clock time in milliseconds: a field that the pattern lacks is that of 1970-01-01 00:00. A day that
    /// its month lacks (`30 February`) is what `resolve` says.
    pub(in super::super) fn parse(&self, text: &str, resolve: Resolve) -> Option<i64> {
        let mut reader = Reader { rest: text };
        let mut found = Found::default();
        for (i, item) in self.items.iter().enumerate() {
            match item {
                Item::Text(expected) => reader.rest = reader.rest.strip_prefix(expected.as_str())?,
                Item::Field(field, count) => {
                    let adjacent = matches!(self.items.get(i + 1), Some(Item::Field(next, _)) if is_numeric(*next));
                    found.read(&mut reader, *field, *count, adjacent)?;
                }
            }
        }
        if !reader.rest.is_empty() && resolve == Resolve::Smart {
            return None;
        }
        found.resolve(resolve)
    }
}

const fn is_numeric(field: Field) -> bool {
    !matches!(field, Field::Era | Field::Weekday | Field::AmPm)
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    if chars.next_if_eq(&'\'').is_some() {
        return Ok("'".to_owned());
    }
    let mut text = String::new();
    loop {
        match chars.next() {
            None => return Err("the pattern ends inside a quoted text".to_owned()),
            Some('\'') if chars.next_if_eq(&'\'').is_none() => return Ok(text),
            Some(c) => text.push(c),
        }
    }
}

fn write_field(out: &mut String, field: Field, count: usize, civil: Civil) {
    let hour = civil.ms / 3_600_000;
    let number = match field {
        Field::Era => {
            return out.push_str(match (civil.year > 0, count) {
                (true, 4) => "Anno Domini",
                (true, _) => "AD",
                (false, 4) => "Before Christ",
                (false, _) => "BC",
            });
        }
        Field::Month if count >= 3 => return write_name(out, MONTHS[civil.month as usize - 1], count),
        Field::Weekday => {
            return write_name(out, WEEKDAYS[usize::try_from(civil.iso_weekday() - 1).unwrap_or(0)], count);
        }
        Field::AmPm => return out.push_str(if hour < 12 { "AM" } else { "PM" }),
        Field::Quarter if count == 3 => {
            out.push('Q');
            return out.push(char::from_digit(civil.quarter(), 10).unwrap_or('?'));
        }
        Field::Quarter if count == 4 => {
            let nth = ["1st", "2nd", "3rd", "4th"][civil.quarter() as usize - 1];
            out.push_str(nth);
            return out.push_str(" quarter");
        }
        Field::Fraction => {
            let _ = write!(out, "{}", &format!("{:03}000000", civil.ms % 1_000)[..count]);
            return;
        }
        Field::Year if count == 2 => civil.year.rem_euclid(100),
        Field::Year => civil.year,
        Field::Quarter => i64::from(civil.quarter()),
        Field::Month => i64::from(civil.month),
        Field::Day => i64::from(civil.day),
        Field::DayOfYear => civil.day_of_year(),
        Field::Hour24 => hour,
        Field::Hour1To24 => (hour + 23) % 24 + 1,
        Field::Hour12 => (hour + 11) % 12 + 1,
        Field::Hour0To11 => hour % 12,
        Field::Minute => civil.ms / 60_000 % 60,
        Field::Second => civil.ms / 1_000 % 60,
    };
    if field == Field::Year && count >= 4 && number > 9_999 {
        out.push('+');
    }
    let _ = write!(out, "{number:0count$}");
}

fn write_name(out: &mut String, name: &str, count: usize) {
    out.push_str(if count >= 4 { name } else { &name[..3] });
}

struct Reader<'a> {
    rest: &'a str,
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

#[derive(Default)]
struct Found {
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
}

impl Found {
    fn read(&mut self, reader: &mut Reader<'_>, field: Field, count: usize, adjacent: bool) -> Option<()> {
        let (min, max) = match (field, count) {
            (Field::Fraction, _) => (count, count),
            (Field::Year, 2) => (2, 2),
            (_, 1) if !adjacent => (1, 19),
            (Field::Year, 4) if !adjacent => (4, 15),
            _ => (count, count),
        };
        match field {
            Field::Era => drop(reader.name(["AD"], false)?),
            Field::Month if count >= 3 => self.month = Some(reader.name(MONTHS, count == 3)? + 1),
            Field::Weekday => drop(reader.name(WEEKDAYS, count <= 3)?),
            Field::AmPm => self.afternoon = Some(reader.name(["AM", "PM"], false)? == 1),
            Field::Year => {
                let year = reader.number(min, max)?;
                self.year = Some(if count == 2 { year + 2_000 } else { year });
            }
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

    fn resolve(&self, resolve: Resolve) -> Option<i64> {
        let within = |value: Option<i64>, low: i64, high: i64, default: i64| {
            let value = value.unwrap_or(default);
            (low..=high).contains(&value).then_some(value)
        };
        let year = within(self.year, -999_999, 999_999, 1_970)?;
        let days = if let (Some(day), None) = (self.day_of_year, self.month) {
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
        days.checked_mul(DAY_MS)?.checked_add(ms)
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse_timestamp;
    use super::*;

    fn ms(text: &str) -> i64 {
        parse_timestamp(text).expect(text)
    }

    #[test]
    fn patterns_write() {
        let at = ms("2020-02-29 13:14:15.678");
        for (pattern, expected) in [
            ("yyyy-MM-dd HH:mm:ss.SSS", "2020-02-29 13:14:15.678"),
            ("EEE, d MMM yy hh:mm a", "Sat, 29 Feb 20 01:14 PM"),
            ("D E EEEE MMMM", "60 Sat Saturday February"),
            ("'at' H 'o''clock' ''", "at 13 o'clock '"),
            ("k K h SSSSSS Q", "13 1 1 678000 1"),
        ] {
            let mut out = String::new();
            Pattern::new(pattern).expect(pattern).write(&mut out, at);
            assert_eq!(out, expected, "{pattern}");
        }
    }

    #[test]
    fn patterns_read() {
        for (pattern, text, expected) in [
            ("dd/MM/yyyy HH:mm", "29/02/2020 10:11", Some("2020-02-29 10:11:00")),
            ("yyyyMMddHHmmss", "20200229101112", Some("2020-02-29 10:11:12")),
            ("MMM d yyyy hh a", "Feb 3 2020 12 AM", Some("2020-02-03 00:00:00")),
            ("d/M/yy", "9/2/20", Some("2020-02-09")),
            ("yyyy-MM-dd", "2020-02-30", Some("2020-02-29")),
            ("yyyy-MM-dd", "2020-02-32", None),
            ("yyyy-MM-dd", "2020-02-29 ", None),
            ("HH:mm", "24:01", None),
            ("yyyy-MM-dd HH:mm", "2020-02-28 24:00", Some("2020-02-29")),
        ] {
            let found = Pattern::new(pattern).expect(pattern).parse(text, Resolve::Smart);
            assert_eq!(found, expected.map(ms), "{pattern} {text}");
        }
        let lenient = Pattern::new("yyyy-MM-dd").expect("valid").parse("2020-02-30", Resolve::Lenient);
        assert_eq!(lenient, Some(ms("2020-03-01")));
    }

    #[test]
    fn bad_patterns_are_refused() {
        for pattern in ["xx", "'open", "yyyy[", "MMMMMM", "dddd"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
