//! Date and time patterns: the letters of Java's `DateTimeFormatter`, and of its `SimpleDateFormat`, which some of Flink's
//! functions take. Weeks begin on Sunday, and the first of a year has its first day, as in the locale that Flink formats for.

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
    letters: Letters,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Text(String),
    Field(Field, usize),
    /// A field as wide as this, blanks before it.
    Padded(usize, Field, usize),
    /// What may be missing.
    Optional(Vec<Item>),
}

/// Whose letters a pattern is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Letters {
    /// `DateTimeFormatter`
    Formatter,
    /// `SimpleDateFormat`
    Simple,
}

/// The way in which the zone of a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ZoneText {
    /// `Z`, `+02`, `+0200`, `+02:00`
    Iso,
    /// `+0200`
    Rfc,
    /// `UTC`
    Name,
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
    Millisecond,
    MillisecondOfDay,
    Nanosecond,
    NanosecondOfDay,
    WeekYear,
    Week,
    WeekOfMonth,
    /// The day of weeks that begin with the month.
    DayOfAlignedWeek,
    /// Which of its kind a weekday is in its month.
    WeekdayInMonth,
    /// From Sunday, 1.
    LocalWeekday,
    /// From Monday, 1.
    IsoWeekday,
    JulianDay,
    Zone(ZoneText),
}

impl Field {
    fn from_letter(letter: char, letters: Letters) -> Option<Self> {
        if letters == Letters::Simple {
            return match letter {
                'u' => Some(Self::IsoWeekday),
                'F' => Some(Self::WeekdayInMonth),
                'S' => Some(Self::Millisecond),
                'X' => Some(Self::Zone(ZoneText::Iso)),
                'Z' => Some(Self::Zone(ZoneText::Rfc)),
                'z' => Some(Self::Zone(ZoneText::Name)),
                'G' | 'y' | 'Y' | 'M' | 'L' | 'w' | 'W' | 'D' | 'd' | 'E' | 'a' | 'H' | 'k' | 'K' | 'h' | 'm' | 's' => {
                    Self::of_formatter(letter)
                }
                _ => None,
            };
        }
        Self::of_formatter(letter)
    }

    const fn of_formatter(letter: char) -> Option<Self> {
        Some(match letter {
            'Y' => Self::WeekYear,
            'w' => Self::Week,
            'W' => Self::WeekOfMonth,
            'F' => Self::DayOfAlignedWeek,
            'e' | 'c' => Self::LocalWeekday,
            'A' => Self::MillisecondOfDay,
            'n' => Self::Nanosecond,
            'N' => Self::NanosecondOfDay,
            'g' => Self::JulianDay,
            'X' | 'x' => Self::Zone(ZoneText::Iso),
            'Z' => Self::Zone(ZoneText::Rfc),
            'z' | 'V' | 'O' => Self::Zone(ZoneText::Name),
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
            Self::WeekYear
            | Self::MillisecondOfDay
            | Self::Nanosecond
            | Self::NanosecondOfDay
            | Self::JulianDay
            | Self::Millisecond => 19,
            Self::Month | Self::Weekday | Self::Era | Self::Quarter | Self::LocalWeekday | Self::Zone(_) => 5,
            Self::WeekOfMonth | Self::DayOfAlignedWeek | Self::IsoWeekday | Self::WeekdayInMonth => 1,
            Self::DayOfYear => 3,
            Self::AmPm => 1,
            Self::Day
            | Self::Week
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
        let mut chars = pattern.chars().peekable();
        let items = compile(&mut chars, Letters::Formatter, 0)?;
        Ok(Self { items, letters: Letters::Formatter })
    }

    /// Compiles a pattern as `SimpleDateFormat` understands it.
    pub(in super::super) fn simple(pattern: &str) -> Result<Self, String> {
        let mut chars = pattern.chars().peekable();
        Ok(Self { items: compile(&mut chars, Letters::Simple, 0)?, letters: Letters::Simple })
    }

    /// Writes a wall-clock time in milliseconds. `offset_ms` is that of its zone, where it has one.
    ///
    /// # Errors
    /// A message, when the pattern wants a zone that the time has not.
    pub(in super::super) fn write(&self, out: &mut String, ms: i64, offset_ms: Option<i64>) -> Result<(), String> {
        write_items(out, &self.items, self.letters, Civil::from_ms(ms), offset_ms)
    }

    /// Reads a wall-clock time in milliseconds: a field that the pattern lacks is that of 1970-01-01 00:00. A day that
    /// its month lacks (`30 February`) is what `resolve` says.
    pub(in super::super) fn parse(&self, text: &str, resolve: Resolve) -> Option<i64> {
        self.parse_zoned(text, resolve).map(|(ms, _)| ms)
    }

    /// As [`parse`](Self::parse), and the offset of the zone, milliseconds, that the text tells.
    pub(in super::super) fn parse_zoned(&self, text: &str, resolve: Resolve) -> Option<(i64, Option<i64>)> {
        let mut reader = Reader { rest: text };
        let mut found = Found::default();
        found.read_items(&mut reader, &self.items, self.letters)?;
        if !reader.rest.is_empty() && resolve == Resolve::Smart {
            return None;
        }
        Some((found.resolve(resolve)?, found.offset_ms))
    }
}

fn compile(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    letters: Letters,
    depth: usize,
) -> Result<Vec<Item>, String> {
    /// Optional parts within one another.
    const DEEPEST: usize = 20;
    let (mut items, mut pad) = (Vec::new(), None);
    let simple = letters == Letters::Simple;
    while let Some(c) = chars.next() {
        if c == '\'' {
            items.push(Item::Text(quoted(chars)?));
        } else if c.is_ascii_alphabetic() {
            let mut count = 1;
            while chars.next_if_eq(&c).is_some() {
                count += 1;
            }
            if c == 'p' && !simple && pad.is_none() && chars.peek().is_some_and(char::is_ascii_alphabetic) {
                pad = Some(count);
                continue;
            }
            let field = Field::from_letter(c, letters).ok_or_else(|| {
                let known = if simple {
                    "G y Y M L w W D d F E u a H k K h m s S z Z X"
                } else {
                    "y u Y G Q q M L d D E e c w W F a H k h K m s S A n N g X x Z z V O p"
                };
                format!("pattern letter `{c}` is not supported; known are {known}")
            })?;
            if count > if simple { 64 } else { field.most_letters() } {
                return Err(format!("too many pattern letters `{c}`"));
            }
            items.push(match pad.take() {
                Some(width) => Item::Padded(width, field, count),
                None => Item::Field(field, count),
            });
        } else if c == '[' && !simple && depth < DEEPEST {
            items.push(Item::Optional(compile(chars, letters, depth + 1)?));
        } else if c == ']' && depth > 0 {
            return Ok(items);
        } else if !simple && matches!(c, '[' | ']' | '{' | '}' | '#') {
            return Err(format!("`{c}` is reserved in patterns; quote it: '{c}'"));
        } else {
            items.push(Item::Text(c.to_string()));
        }
    }
    Ok(items)
}

fn write_items(
    out: &mut String,
    items: &[Item],
    letters: Letters,
    civil: Civil,
    offset_ms: Option<i64>,
) -> Result<(), String> {
    let write = |out: &mut String, field: Field, count: usize| match field {
        Field::Zone(text) => write_zone(out, text, count, offset_ms),
        _ => {
            write_field(out, field, count, civil, letters);
            Ok(())
        }
    };
    for item in items {
        match item {
            Item::Text(text) => out.push_str(text),
            Item::Field(field, count) => write(out, *field, *count)?,
            Item::Padded(width, field, count) => {
                let mut text = String::new();
                write(&mut text, *field, *count)?;
                let _ = write!(out, "{text:>width$}");
            }
            Item::Optional(items) => write_items(out, items, letters, civil, offset_ms)?,
        }
    }
    Ok(())
}

fn write_zone(out: &mut String, text: ZoneText, count: usize, offset_ms: Option<i64>) -> Result<(), String> {
    let Some(offset_ms) = offset_ms else { return Err("the time has no zone that the pattern could show".to_owned()) };
    let minutes = offset_ms.div_euclid(60_000);
    let (sign, hours, rest) = (if minutes < 0 { '-' } else { '+' }, minutes.abs() / 60, minutes.abs() % 60);
    let _ = match text {
        ZoneText::Iso if minutes == 0 => write!(out, "Z"),
        ZoneText::Iso if count == 1 => write!(out, "{sign}{hours:02}"),
        ZoneText::Iso if count == 3 => write!(out, "{sign}{hours:02}:{rest:02}"),
        ZoneText::Iso | ZoneText::Rfc => write!(out, "{sign}{hours:02}{rest:02}"),
        ZoneText::Name if minutes == 0 => {
            write!(out, "{}", if count >= 4 { "Coordinated Universal Time" } else { "UTC" })
        }
        ZoneText::Name => return Err("the names of zones are not known; `XXX` shows the offset".to_owned()),
    };
    Ok(())
}

/// The Sunday that begins the week of a day, and the year that the week is of with its number.
fn local_week(days: i64) -> (i64, i64, i64) {
    let sunday = |days: i64| days - Civil::from_days(days).iso_weekday().rem_euclid(7);
    let first_week = |year: i64| sunday(Civil { year, month: 1, day: 1, ms: 0 }.days());
    let (start, year) = (sunday(days), Civil::from_days(days).year);
    let year = if start >= first_week(year + 1) { year + 1 } else { year };
    (start, year, (start - first_week(year)) / 7 + 1)
}

const fn is_numeric(field: Field) -> bool {
    !matches!(field, Field::Era | Field::Weekday | Field::AmPm | Field::Zone(_))
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

fn write_field(out: &mut String, field: Field, count: usize, civil: Civil, letters: Letters) {
    let hour = civil.ms / 3_600_000;
    let simple = letters == Letters::Simple;
    let month = |day: u32| Civil { day, ms: 0, ..civil }.days();
    let number = match field {
        Field::Era => {
            return out.push_str(match (civil.year > 0, count) {
                (true, 5) if !simple => "A",
                (false, 5) if !simple => "B",
                (true, 4) if !simple => "Anno Domini",
                (false, 4) if !simple => "Before Christ",
                (true, _) => "AD",
                (false, _) => "BC",
            });
        }
        Field::Month if count >= 3 => return write_name(out, MONTHS[civil.month as usize - 1], count, letters),
        Field::Weekday | Field::LocalWeekday if count >= 3 || field == Field::Weekday => {
            let weekday = usize::try_from(civil.iso_weekday() - 1).unwrap_or(0);
            return write_name(out, WEEKDAYS[weekday], count, letters);
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
        Field::Quarter if count == 5 => return out.push(char::from_digit(civil.quarter(), 10).unwrap_or('?')),
        Field::Fraction => {
            let _ = write!(out, "{}", &format!("{:03}000000", civil.ms % 1_000)[..count]);
            return;
        }
        Field::Year if count == 2 => civil.year.rem_euclid(100),
        Field::Year => civil.year,
        Field::WeekYear if count == 2 => local_week(civil.days()).1.rem_euclid(100),
        Field::WeekYear => local_week(civil.days()).1,
        Field::Week => local_week(civil.days()).2,
        Field::WeekOfMonth => (local_week(civil.days()).0 - local_week(month(1)).0) / 7 + 1,
        Field::DayOfAlignedWeek => (i64::from(civil.day) - 1) % 7 + 1,
        Field::WeekdayInMonth => (i64::from(civil.day) - 1) / 7 + 1,
        Field::LocalWeekday | Field::Weekday => civil.iso_weekday() % 7 + 1,
        Field::IsoWeekday => civil.iso_weekday(),
        Field::JulianDay => civil.days() + 40_587,
        Field::MillisecondOfDay => civil.ms,
        Field::Nanosecond => civil.ms % 1_000 * 1_000_000,
        Field::NanosecondOfDay => civil.ms * 1_000_000,
        Field::Millisecond => civil.ms % 1_000,
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
        // Written by itself.
        Field::Zone(_) => return,
    };
    if field == Field::Year && count >= 4 && number > 9_999 && !simple {
        out.push('+');
    }
    let _ = write!(out, "{number:0count$}");
}

fn write_name(out: &mut String, name: &str, count: usize, letters: Letters) {
    out.push_str(match count {
        5 if letters == Letters::Formatter => &name[..1],
        4.. => name,
        _ => &name[..3],
    });
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
    before_christ: bool,
    ms_of_day: Option<i64>,
    week_year: Option<i64>,
    week: Option<i64>,
    /// Days behind Sunday.
    weekday: Option<i64>,
    offset_ms: Option<i64>,
}

impl Found {
    fn read_items(&mut self, reader: &mut Reader<'_>, items: &[Item], letters: Letters) -> Option<()> {
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
                drop(reader.number(min, max)?);
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

    fn resolve(&self, resolve: Resolve) -> Option<i64> {
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
            Pattern::new(pattern).expect(pattern).write(&mut out, at, None).expect(pattern);
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
        for pattern in ["bb", "'open", "yyyy]", "MMMMMM", "dddd", "p"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
