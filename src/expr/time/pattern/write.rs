//! Writing a time as a pattern says.

use std::fmt::Write;

use super::field::{Field, Item, Letters, MONTHS, WEEKDAYS, ZoneText, local_week};
use crate::expr::time::Civil;

pub(super) fn write_items(
    out: &mut String,
    items: &[Item],
    letters: Letters,
    civil: Civil,
    offset_ms: Option<i64>,
) -> Result<(), String> {
    let write = |out: &mut String, field: Field, count: usize| {
        if let Field::Zone(text) = field {
            return write_zone(out, text, count, offset_ms);
        }
        write_field(out, field, count, civil, letters);
        Ok(())
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
