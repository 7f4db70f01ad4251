//! The letters of patterns: what they stand for.

use crate::expr::time::Civil;

pub(super) const MONTHS: [&str; 12] = [
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
pub(super) const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    Text(String),
    Field(Field, usize),
    /// A field as wide as this, blanks before it.
    Padded(usize, Field, usize),
    /// What may be missing.
    Optional(Vec<Item>),
}

/// Whose letters a pattern is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// `DateTimeFormatter`
    Formatter,
    /// `SimpleDateFormat`
    Simple,
}

/// The way in which the zone of a time is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ZoneText {
    /// `Z`, `+02`, `+0200`, `+02:00`
    Iso,
    /// `+0200`
    Rfc,
    /// `UTC`
    Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
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
    pub(super) fn from_letter(letter: char, letters: Letters) -> Option<Self> {
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

    pub(super) const fn most_letters(self) -> usize {
        match self {
            Self::Year
            | Self::WeekYear
            | Self::MillisecondOfDay
            | Self::Nanosecond
            | Self::NanosecondOfDay
            | Self::JulianDay
            | Self::Millisecond => 19,
            Self::Fraction => 9,
            Self::Month | Self::Weekday | Self::Era | Self::Quarter | Self::LocalWeekday | Self::Zone(_) => 5,
            Self::DayOfYear => 3,
            Self::AmPm | Self::WeekOfMonth | Self::DayOfAlignedWeek | Self::IsoWeekday | Self::WeekdayInMonth => 1,
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

/// The Sunday that begins the week of a day, and the year that the week is of with its number.
pub(super) fn local_week(days: i64) -> (i64, i64, i64) {
    let sunday = |days: i64| days - Civil::from_days(days).iso_weekday().rem_euclid(7);
    let first_week = |year: i64| sunday(Civil { year, month: 1, day: 1, ms: 0 }.days());
    let (start, year) = (sunday(days), Civil::from_days(days).year);
    let year = if start >= first_week(year + 1) { year + 1 } else { year };
    (start, year, (start - first_week(year)) / 7 + 1)
}

pub(super) const fn is_numeric(field: Field) -> bool {
    !matches!(field, Field::Era | Field::Weekday | Field::AmPm | Field::Zone(_))
}
