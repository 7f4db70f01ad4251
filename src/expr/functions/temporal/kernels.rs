//! The kernels of date and time functions.

#![expect(clippy::unnecessary_wraps, reason = "the registry's functions have one signature")]

use arrow_array::types::{Date32Type, Float64Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef, PrimitiveArray};

use crate::expr::functions::args::{Args, Prepared};
use crate::expr::kernels::{Longs, build};
use crate::expr::time::{self, Civil, DAY_MS, Pattern, Resolve, Unit, Zone};
use crate::expr::value::{Primitive, Text, mistyped};
use crate::types::{LogicalType, Result};

type Output = Result<ArrayRef>;

fn unit(args: &Args<'_>) -> Result<Unit> {
    let name = args.text(0)?.get(0).unwrap_or_default();
    Unit::parse(name).ok_or_else(|| mistyped(args.values[0].data(), "a unit of time"))
}

/// The argument `i`, an instant, in milliseconds of the clock on the wall; `None` where it is null.
fn millis<'a>(args: &Args<'a>, i: usize) -> Result<impl Fn(usize) -> Option<i64> + use<'a>> {
    let zone = if args.types[i] == LogicalType::TimestampLtz { args.zone } else { Zone::default() };
    let value = &args.values[i];
    let longs = Longs::new(value)?;
    let nulls = value.data().nulls();
    let (scalar, scale) = (value.is_scalar(), if args.types[i] == LogicalType::Date { DAY_MS } else { 1 });
    Ok(move |row: usize| {
        let place = if scalar { 0 } else { row };
        let value = nulls.is_none_or(|nulls| nulls.is_valid(place)).then(|| longs.get(row).wrapping_mul(scale))?;
        Some(if zone.is_utc() { value } else { zone.wall(value) })
    })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other unit counts whole years")]
pub(super) fn extract(args: &mut Args<'_>) -> Output {
    let unit = unit(args)?;
    if args.types[1] == LogicalType::IntervalYearMonth {
        let months = millis(args, 1)?;
        return args.numbers::<Int64Type>(|row| {
            let months = months(row)?;
            Some(match unit {
                Unit::Month => months % 12,
                Unit::Quarter => months % 12 / 3 + 1,
                Unit::Century => months / 1_200,
                Unit::Millennium => months / 12_000,
                _ => months / 12,
            })
        });
    }
    let ms = millis(args, 1)?;
    if args.types[1] == LogicalType::IntervalDayTime {
        return args.numbers::<Int64Type>(|row| {
            let ms = ms(row)?;
            Some(if unit == Unit::Day { ms / DAY_MS } else { ms.signum() * unit.extract(ms.saturating_abs()) })
        });
    }
    args.numbers::<Int64Type>(|row| Some(unit.extract(ms(row)?)))
}

pub(super) fn timestampadd(args: &mut Args<'_>) -> Output {
    let unit = unit(args)?;
    let (count, at) = (args.bigint(1)?, millis(args, 2)?);
    let moved = |row: usize| {
        let (count, at) = (count.get(row)?, at(row)?);
        Some(match (unit.fixed_ms(), unit.months()) {
            (Some(length), _) => at.wrapping_add(count.wrapping_mul(length)),
            // Beyond, every 64-bit time is left anyway.
            (None, Some(months)) => {
                Civil::from_ms(at).plus_months(count.clamp(-1 << 40, 1 << 40).wrapping_mul(months)).to_ms()
            }
            (None, None) => at,
        })
    };
    let zone = if *args.ty == LogicalType::TimestampLtz { args.zone } else { Zone::default() };
    let instant = |wall: i64| if zone.is_utc() { wall } else { zone.instant(wall) };
    let times: PrimitiveArray<Int64Type> = (0..args.rows).map(|row| moved(row).map(instant)).collect();
    let scale = if *args.ty == LogicalType::Date { DAY_MS } else { 1 };
    let of_day = *args.ty == LogicalType::Time;
    let values = times.values().iter().map(|&ms| if of_day { ms.rem_euclid(DAY_MS) } else { ms.div_euclid(scale) });
    Ok(build(args.ty, values, times.nulls().cloned()))
}

pub(super) fn timestampdiff(args: &mut Args<'_>) -> Output {
    let unit = unit(args)?;
    let (from, to) = (millis(args, 1)?, millis(args, 2)?);
    #[expect(clippy::cast_possible_truncation, reason = "an int wraps, as in Flink")]
    args.numbers::<arrow_array::types::Int32Type>(|row| Some(unit.difference(from(row)?, to(row)?) as i32))
}

/// The pattern of each row: the constant one, or a row's own.
struct Patterns<'a> {
    constant: Option<&'a Pattern>,
    texts: Option<Text<'a>>,
    compile: fn(&str) -> Result<Pattern, String>,
}

impl<'a> Patterns<'a> {
    /// From argument 1, if there is one.
    fn new(args: &Args<'a>) -> Result<Self> {
        let constant = match args.prepared {
            Some(Prepared::Pattern(pattern)) => Some(pattern),
            Some(_) | None => None,
        };
        Ok(Self { constant, texts: args.optional(1, Args::text)?, compile: Pattern::new })
    }

    /// As `SimpleDateFormat` understands them.
    fn simple(args: &Args<'a>) -> Result<Self> {
        Ok(Self { compile: Pattern::simple, ..Self::new(args)? })
    }

    const fn is_given(&self) -> bool {
        self.texts.is_some()
    }

    /// Calls `f` with the pattern of a row; null without one, the error of one that does not compile.
    fn with<T>(&self, row: usize, f: impl FnOnce(&Pattern) -> Option<T>) -> Result<Option<T>, String> {
        if let Some(pattern) = self.constant {
            return Ok(f(pattern));
        }
        match self.texts.as_ref().and_then(|texts| texts.get(row)) {
            Some(text) => (self.compile)(text).map(|pattern| f(&pattern)),
            None => Ok(None),
        }
    }
}

pub(super) fn date_format(args: &mut Args<'_>) -> Output {
    let patterns = Patterns::new(args)?;
    let texts = if args.types[0] == LogicalType::String { Some(args.text(0)?) } else { None };
    let times = if texts.is_some() { None } else { Some(millis(args, 0)?) };
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let at = match (&texts, &times) {
            (Some(texts), _) => time::parse_timestamp(texts.get(row)?)?,
            (None, Some(times)) => times(row)?,
            (None, None) => return None,
        };
        let written = patterns.with(row, |pattern| Some(pattern.write(out, at, None)));
        written.and_then(Option::transpose).unwrap_or_else(|message| {
            failures.push((row, message));
            None
        })
    });
    args.failures.extend(failures);
    result
}

pub(super) fn to_timestamp(args: &mut Args<'_>) -> Output {
    let (texts, patterns) = (args.text(0)?, Patterns::new(args)?);
    let times: PrimitiveArray<Int64Type> = (0..args.rows).map(|row| timestamp(&texts, &patterns, row)).collect();
    Ok(build(args.ty, times.values().iter().copied(), times.nulls().cloned()))
}

fn timestamp(texts: &Text<'_>, patterns: &Patterns<'_>, row: usize) -> Option<i64> {
    let text = texts.get(row)?;
    if !patterns.is_given() {
        return time::parse_timestamp(text);
    }
    // As in Flink, what does not fit the pattern may still be a date or timestamp as SQL writes it.
    let parse = |pattern: &Pattern| pattern.parse(text, Resolve::Smart).or_else(|| time::parse_sql_timestamp(text));
    patterns.with(row, parse).ok().flatten()
}

pub(super) fn to_timestamp_ltz(args: &mut Args<'_>) -> Output {
    let (ty, zone) = (args.types[0].clone(), args.zone);
    let mut failures = Vec::new();
    let times: PrimitiveArray<Int64Type> = if ty == LogicalType::String {
        let (texts, patterns) = (args.text(0)?, Patterns::new(args)?);
        let parse = |row| {
            let time = timestamp(&texts, &patterns, row).map(|wall| zone.instant(wall));
            // As in Flink, a text that a pattern does not fit is null, and one that must be a timestamp an error.
            if let (None, Some(text), false) = (time, texts.get(row), patterns.is_given()) {
                failures.push((row, format!("'{}' is not a timestamp", crate::types::printable(text))));
            }
            time
        };
        (0..args.rows).map(parse).collect()
    } else {
        let precisions = args.optional(1, Args::int)?;
        let epoch = Epoch::new(args)?;
        let instant = |row| {
            let precision = precisions.as_ref().map_or(Some(3), |precisions| precisions.get(row))?;
            if !(0..=9).contains(&precision) {
                failures.push((row, format!("the precision must be from 0 to 9, not {precision}")));
                return None;
            }
            in_range(epoch.ms(row, precision)?)
        };
        (0..args.rows).map(instant).collect()
    };
    args.failures.extend(failures);
    Ok(build(args.ty, times.values().iter().copied(), times.nulls().cloned()))
}

/// Flink's timestamps are of the years 0 to 9999 here; what is outside is null.
fn in_range(ms: i64) -> Option<i64> {
    const YEAR_0: i64 = -62_167_219_200_000;
    const YEAR_10000: i64 = 253_402_300_800_000;
    (YEAR_0..YEAR_10000).contains(&ms).then_some(ms)
}

/// A number of seconds, or of fractions of them.
enum Epoch<'a> {
    Double(Primitive<'a, Float64Type>),
    Long(ArrayRef, bool),
}

impl<'a> Epoch<'a> {
    fn new(args: &Args<'a>) -> Result<Self> {
        let value = &args.values[0];
        if args.types[0] == LogicalType::Double {
            return Ok(Self::Double(args.double(0)?));
        }
        let longs = crate::expr::cast::to_bigint(value.data(), &args.types[0])?;
        Ok(Self::Long(longs, value.is_scalar()))
    }

    /// Milliseconds, of a number of units of 10^-precision seconds.
    fn ms(&self, row: usize, precision: i32) -> Option<i64> {
        use arrow_array::cast::AsArray;
        match self {
            #[expect(clippy::cast_possible_truncation, reason = "out of range saturates, and is null then")]
            Self::Double(values) => Some((values.get(row)? * 10_f64.powi(3 - precision)).floor() as i64),
            Self::Long(values, scalar) => {
                let values = values.as_primitive::<Int64Type>();
                let place = if *scalar { 0 } else { row };
                let value = values.is_valid(place).then(|| values.value(place))?;
                let shift = 10_i64.pow((3 - precision).unsigned_abs());
                if precision <= 3 { value.checked_mul(shift) } else { Some(value.div_euclid(shift)) }
            }
        }
    }
}

pub(super) fn to_date(args: &mut Args<'_>) -> Output {
    let (texts, patterns) = (args.text(0)?, Patterns::new(args)?);
    args.numbers::<Date32Type>(|row| {
        let text = texts.get(row)?;
        let days = if patterns.is_given() {
            let ms = patterns.with(row, |pattern| pattern.parse(text, Resolve::Lenient)).ok().flatten()?;
            ms.div_euclid(DAY_MS)
        } else {
            time::parse_date(text)?
        };
        i32::try_from(days).ok()
    })
}

const HOUR_MS: i64 = 3_600_000;
const DEFAULT_PATTERN: &str = "yyyy-MM-dd HH:mm:ss";

pub(super) fn unix_timestamp(args: &mut Args<'_>) -> Output {
    let (now, zone) = (args.now_ms.div_euclid(1_000), args.zone);
    if args.count() == 0 {
        return args.numbers::<Int64Type>(|_| Some(now));
    }
    let (texts, patterns) = (args.text(0)?, Patterns::simple(args)?);
    let default = Pattern::new(DEFAULT_PATTERN).ok();
    args.numbers::<Int64Type>(|row| {
        let text = texts.get(row)?;
        let parse = |pattern: &Pattern| pattern.parse_zoned(text, Resolve::Lenient);
        let found = if patterns.is_given() {
            patterns.with(row, parse).ok().flatten()
        } else {
            default.as_ref().and_then(parse)
        };
        let instant = found.map(|(wall, offset_ms)| match offset_ms {
            Some(offset_ms) => wall.saturating_sub(offset_ms),
            None => zone.instant(wall),
        });
        Some(instant.map_or(i64::MIN, |instant| instant.div_euclid(1_000)))
    })
}

pub(super) fn from_unixtime(args: &mut Args<'_>) -> Output {
    let (seconds, patterns, zone) = (args.bigint(0)?, Patterns::simple(args)?, args.zone);
    let default = Pattern::new(DEFAULT_PATTERN).ok();
    let mut failures = Vec::new();
    let result = args.strings(|row, out| {
        let instant = seconds.get(row)?.wrapping_mul(1_000);
        let ms = zone.wall(instant);
        if !patterns.is_given() {
            return default.as_ref()?.write(out, ms, None).ok();
        }
        let offset_ms = ms.wrapping_sub(instant);
        let written = patterns.with(row, |pattern| Some(pattern.write(out, ms, Some(offset_ms))));
        written.and_then(Option::transpose).unwrap_or_else(|message| {
            failures.push((row, message));
            None
        })
    });
    args.failures.extend(failures);
    result
}

pub(super) fn now(args: &mut Args<'_>) -> Output {
    let now = if *args.ty == LogicalType::TimestampLtz { args.now_ms } else { args.zone.wall(args.now_ms) };
    let array: PrimitiveArray<TimestampMillisecondType> = (0..args.rows).map(|_| Some(now)).collect();
    Ok(std::sync::Arc::new(array.with_data_type(args.ty.to_arrow())))
}

pub(super) fn today(args: &mut Args<'_>) -> Output {
    Ok(build(args.ty, std::iter::repeat_n(args.zone.wall(args.now_ms).div_euclid(DAY_MS), args.rows), None))
}

pub(super) fn time_of_day(args: &mut Args<'_>) -> Output {
    Ok(build(args.ty, std::iter::repeat_n(args.zone.wall(args.now_ms).rem_euclid(DAY_MS), args.rows), None))
}

pub(super) fn interval_between(args: &mut Args<'_>) -> Output {
    let unit = unit(args)?;
    let (from, to) = (millis(args, 1)?, millis(args, 2)?);
    let months = unit.months().is_some();
    let between = |row: usize| {
        let (from, to) = (from(row)?, to(row)?);
        Some(if months { Unit::Month.difference(from, to) } else { to.wrapping_sub(from) })
    };
    let found: PrimitiveArray<Int64Type> = (0..args.rows).map(between).collect();
    Ok(build(args.ty, found.values().iter().copied(), found.nulls().cloned()))
}

pub(super) fn convert_tz(args: &mut Args<'_>) -> Output {
    let (texts, from, to) = (args.text(0)?, args.text(1)?, args.text(2)?);
    let pattern = Pattern::new(DEFAULT_PATTERN).ok();
    args.strings(|row, out| {
        // As in Java, an unknown zone is UTC.
        let zone = |name: &str| time::zone_named(name).unwrap_or_default();
        let (text, from, to) = (texts.get(row)?, zone(from.get(row)?), zone(to.get(row)?));
        let at = pattern.as_ref()?.parse(text, Resolve::Lenient)?;
        // Unlike in casts, of two instants the later is meant.
        let first = from.instant(at);
        let later = first + HOUR_MS;
        pattern.as_ref()?.write(out, to.wall(if from.wall(later) == at { later } else { first }), None).ok()?;
        Some(())
    })
}
