//! Rounding: of numbers to digits, of times to units.

#![expect(clippy::wildcard_enum_match_arm, reason = "binding lets only numbers and times through")]

use std::sync::Arc;

use arrow_array::types::{Decimal128Type, Float32Type, Float64Type, Int32Type};
use arrow_array::{Array, ArrayRef, Decimal128Array, cast::AsArray};

use super::args::Args;
use crate::expr::TypedExpr;
use crate::expr::decimal::{self, POW10};
use crate::expr::kernels::{Longs, build};
use crate::expr::time::{DAY_MS, Unit, Zone};
use crate::expr::value::mistyped;
use crate::types::{LogicalType, Result};

/// The type of `ceil` and `floor`: decimals lose their fraction.
pub(super) fn whole_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    let ty = args.first().map_or(&LogicalType::Null, TypedExpr::ty);
    let instant =
        matches!(ty, LogicalType::Date | LogicalType::Time | LogicalType::Timestamp | LogicalType::TimestampLtz);
    match (ty, args.len()) {
        (LogicalType::Decimal(precision, _), 1) => Ok(LogicalType::Decimal(*precision, 0)),
        (LogicalType::Null, 1) => Ok(LogicalType::Double),
        (ty, 1) if ty.is_numeric() => Ok(ty.clone()),
        (ty, 2) if instant => Ok(ty.clone()),
        (ty, 1) => Err(format!("expected a number, found {ty}")),
        (ty, _) => Err(format!("expected a date, time or timestamp before the unit, found {ty}")),
    }
}

/// The type of `round` and `truncate`: a decimal's scale becomes the digits asked for.
pub(super) fn scaled_type(args: &[TypedExpr]) -> Result<LogicalType, String> {
    let Some(first) = args.first() else { return Err("a number is missing".to_owned()) };
    let LogicalType::Decimal(precision, scale) = *first.ty() else { return Ok(first.ty().clone()) };
    let digits = match args.get(1) {
        None => 0,
        Some(digits) => {
            let constant = digits.clone().fold();
            let Some(digits) = constant.as_literal().and_then(|digits| digits.as_primitive_opt::<Int32Type>()) else {
                return Ok(first.ty().clone());
            };
            digits.value(0)
        }
    };
    if digits >= i32::from(scale) {
        return Ok(first.ty().clone());
    }
    let digits = u8::try_from(digits.max(0)).unwrap_or(scale);
    Ok(LogicalType::Decimal((precision - scale + 1 + digits).min(decimal::MAX_PRECISION), digits))
}

pub(super) fn ceil(args: &mut Args<'_>) -> Result<ArrayRef> {
    whole(
        args,
        f64::ceil,
        f32::ceil,
        |value, one| value.div_euclid(one) + i128::from(value.rem_euclid(one) != 0),
        Unit::ceil,
    )
}

pub(super) fn floor(args: &mut Args<'_>) -> Result<ArrayRef> {
    whole(args, f64::floor, f32::floor, i128::div_euclid, Unit::floor)
}

fn whole(
    args: &Args<'_>,
    of_double: fn(f64) -> f64,
    of_float: fn(f32) -> f32,
    of_decimal: fn(i128, i128) -> i128,
    of_time: fn(Unit, i64) -> i64,
) -> Result<ArrayRef> {
    let data = args.values[0].data();
    Ok(match &args.types[0] {
        LogicalType::Double => Arc::new(data.as_primitive::<Float64Type>().unary::<_, Float64Type>(of_double)),
        LogicalType::Float => Arc::new(data.as_primitive::<Float32Type>().unary::<_, Float32Type>(of_float)),
        LogicalType::Decimal(_, scale) => {
            let one = POW10[usize::from(*scale)];
            let array: Decimal128Array = data.as_primitive::<Decimal128Type>().unary(|value| of_decimal(value, one));
            Arc::new(array.with_data_type(args.ty.to_arrow()))
        }
        LogicalType::Date | LogicalType::Time | LogicalType::Timestamp | LogicalType::TimestampLtz => {
            let name = args.text(1)?.get(0).unwrap_or_default();
            let Some(unit) = Unit::parse(name) else { return Err(mistyped(data, "a unit of time")) };
            let longs = Longs::new(&args.values[0])?;
            let scale = if args.types[0] == LogicalType::Date { DAY_MS } else { 1 };
            let zone = if args.types[0] == LogicalType::TimestampLtz { args.zone } else { Zone::default() };
            let rounded = |row: usize| {
                let value = longs.get(row).wrapping_mul(scale);
                let wall = if zone.is_utc() { value } else { zone.wall(value) };
                let wall = of_time(unit, wall);
                (if zone.is_utc() { wall } else { zone.instant(wall) }).div_euclid(scale)
            };
            let values = (0..args.rows).map(rounded);
            build(args.ty, values, data.nulls().cloned())
        }
        _ => data.clone(),
    })
}

pub(super) fn round(args: &mut Args<'_>) -> Result<ArrayRef> {
    scaled(args, decimal::divide_half_up)
}

pub(super) fn truncate(args: &mut Args<'_>) -> Result<ArrayRef> {
    scaled(args, |value, unit| value / unit)
}

/// Rounds with `divide`, which gives how many of a unit are in a value.
fn scaled(args: &Args<'_>, divide: fn(i128, i128) -> i128) -> Result<ArrayRef> {
    let data = args.values[0].data();
    let digits = args.optional(1, Args::int)?;
    let digits = |row: usize| match &digits {
        Some(digits) => digits.get(row),
        None => Some(0),
    };
    let place = |row| args.place(0, row);
    match &args.types[0] {
        LogicalType::Double => {
            let values = data.as_primitive::<Float64Type>();
            args.numbers::<Float64Type>(|row| {
                let digits = digits(row)?;
                values.is_valid(place(row)).then(|| round_double(values.value(place(row)), digits, divide))
            })
        }
        LogicalType::Float => {
            let values = data.as_primitive::<Float32Type>();
            args.numbers::<Float32Type>(|row| {
                let digits = digits(row)?;
                values.is_valid(place(row)).then(|| round_float(values.value(place(row)), digits, divide))
            })
        }
        LogicalType::Decimal(_, scale) => {
            let values = data.as_primitive::<Decimal128Type>();
            let LogicalType::Decimal(precision, to_scale) = *args.ty else { return Err(mistyped(data, "decimal")) };
            let array: Decimal128Array = (0..args.rows)
                .map(|row| {
                    let digits = digits(row)?;
                    values.is_valid(place(row)).then_some(())?;
                    let value = round_decimal(values.value(place(row)), *scale, digits, divide);
                    decimal::rescale_to(value, *scale, (precision, to_scale))
                })
                .collect();
            Ok(Arc::new(array.with_data_type(args.ty.to_arrow())))
        }
        _ => {
            let longs = Longs::new(&args.values[0])?;
            let nulls = data.nulls();
            let long = |row: usize| {
                let digits = digits(row)?;
                nulls.is_none_or(|nulls| nulls.is_valid(place(row))).then_some(())?;
                let value = round_decimal(longs.get(row).into(), 0, digits, divide);
                #[expect(clippy::cast_possible_truncation, reason = "what does not fit wraps, as in Flink")]
                Some(value as i64)
            };
            let longs = args.numbers::<arrow_array::types::Int64Type>(long)?;
            super::super::cast::integers(&longs, args.ty)
        }
    }
}

fn round_decimal(value: i128, scale: u8, digits: i32, divide: fn(i128, i128) -> i128) -> i128 {
    let dropped = i64::from(scale) - i64::from(digits);
    match usize::try_from(dropped) {
        Err(_) | Ok(0) => value,
        Ok(dropped) => match POW10.get(dropped) {
            Some(&unit) => divide(value, unit).wrapping_mul(unit),
            None => 0,
        },
    }
}

/// Rounds the shortest text of a double, as Java's `BigDecimal.valueOf(x).setScale(…)`: 1.005 is 1.01 in two digits.
fn round_double(value: f64, digits: i32, divide: fn(i128, i128) -> i128) -> f64 {
    round_text(ryu::Buffer::new().format(value), value, digits, divide).unwrap_or(value)
}

fn round_float(value: f32, digits: i32, divide: fn(i128, i128) -> i128) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "what was a float is one again")]
    round_text(ryu::Buffer::new().format(value), value.into(), digits, divide).map_or(value, |value| value as f32)
}

fn round_text(shortest: &str, value: f64, digits: i32, divide: fn(i128, i128) -> i128) -> Option<f64> {
    // Beyond, a double has no digits left that rounding could change.
    const SCALE: u8 = 18;
    if !value.is_finite() || digits >= SCALE.into() || value.abs() >= 1e19 {
        return None;
    }
    let exact = decimal::parse(shortest, (decimal::MAX_PRECISION, SCALE)).ok()?;
    Some(decimal::to_double(round_decimal(exact, SCALE, digits, divide), SCALE))
}
