//! Casts: which there are, and what each does to a column.

mod column;
mod failures;
mod from_text;
mod length;
mod numeric;
mod temporal;
mod to_text;

use arrow_array::ArrayRef;

use super::time::Zone;
use super::value::{Scope, Value};
use crate::types::{LogicalType, Result};
use column::cast_array;
use failures::Failures;

pub(super) use length::fit;
pub(super) use to_text::write_value;

/// Whether `cast(from as to)` exists.
pub(super) fn exists(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType as T;
    // Everything has a text.
    if from == to || matches!(from, T::Null) || matches!(to, T::String) {
        return true;
    }
    match (from, to) {
        (T::Array(from), T::Array(to)) => exists(from, to),
        (T::Map(from_key, from_value), T::Map(to_key, to_value)) => {
            exists(from_key, to_key) && exists(from_value, to_value)
        }
        (T::Row(from), T::Row(to)) => {
            from.len() == to.len() && from.iter().zip(to).all(|((_, from), (_, to))| exists(from, to))
        }
        (T::String, T::Boolean | T::Bytes | T::Date | T::Time | T::Timestamp | T::TimestampLtz)
        | (T::Date | T::Time, T::Timestamp | T::TimestampLtz)
        | (T::Timestamp, T::Date | T::Time | T::TimestampLtz)
        | (T::TimestampLtz, T::Date | T::Time | T::Timestamp) => true,
        (T::String | T::Boolean, to) => to.is_numeric(),
        (from, T::Boolean) => from.is_numeric(),
        (from, to) => from.is_numeric() && to.is_numeric(),
    }
}

/// Whether such a cast can fail in a row; `try_cast` gives null there.
pub(super) fn can_fail(from: &LogicalType, to: &LogicalType) -> bool {
    use LogicalType as T;
    match (from, to) {
        (from, to) if from == to => false,
        (T::String, T::Bytes) => false,
        (T::String, _) | (T::Float | T::Double, T::Decimal(..)) => true,
        (T::Array(from), T::Array(to)) => can_fail(from, to),
        (T::Map(from_key, from_value), T::Map(to_key, to_value)) => {
            can_fail(from_key, to_key) || can_fail(from_value, to_value)
        }
        (T::Row(from), T::Row(to)) => from.iter().zip(to).any(|((_, from), (_, to))| can_fail(from, to)),
        _ => false,
    }
}

/// Whether a value that is not null can become null: decimals overflow to null.
pub(super) const fn can_be_null(from: &LogicalType, to: &LogicalType) -> bool {
    matches!((from, to), (_, LogicalType::Decimal(..)))
}

/// `cast(value as to)`; with `lenient`, null where a row would fail. Instants are read as dates and times in `zone`.
pub(super) fn cast(
    value: &Value,
    (from, to): (&LogicalType, &LogicalType),
    (lenient, zone): (bool, Zone),
    scope: &mut Scope<'_>,
) -> Result<Value> {
    if from == to {
        return Ok(value.clone());
    }
    let active = if value.is_scalar() { None } else { scope.active().cloned() };
    let mut failures = Failures { rows: Vec::new(), ignored: lenient, active, zone };
    let data = cast_array(value.data(), from, to, &mut failures)?;
    scope.report(failures.rows, value.is_scalar());
    Ok(value.with(data))
}

/// Bigints as a narrower integer type, wrapped.
pub(super) fn integers(longs: &ArrayRef, to: &LogicalType) -> Result<ArrayRef> {
    cast_array(longs, &LogicalType::BigInt, to, &mut Failures::default())
}

/// A column as another type that its values fit.
pub(super) fn between(data: &ArrayRef, from: &LogicalType, to: &LogicalType) -> Result<ArrayRef> {
    cast_array(data, from, to, &mut Failures::default())
}

/// Any number as a bigint, its fraction cut off.
pub(super) fn to_bigint(data: &ArrayRef, from: &LogicalType) -> Result<ArrayRef> {
    cast_array(data, from, &LogicalType::BigInt, &mut Failures::default())
}

#[cfg(test)]
mod tests;
