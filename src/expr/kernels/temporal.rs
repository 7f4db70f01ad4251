//! Arithmetic on dates, times, timestamps and intervals.

use std::sync::Arc;

use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, DurationMillisecondType, Int8Type, Int16Type, Int32Type, Int64Type,
    IntervalYearMonthType, Time32MillisecondType, TimestampMillisecondType,
};
use arrow_array::{
    ArrayRef, Date32Array, DurationMillisecondArray, IntervalYearMonthArray, PrimitiveArray, Time32MillisecondArray,
    TimestampMillisecondArray, cast::AsArray,
};
use arrow_buffer::NullBuffer;

use super::operands::{shaped, span};
use crate::expr::time::{Civil, DAY_MS};
use crate::expr::typed::ArithmeticOp;
use crate::expr::value::{Scope, Value, mistyped, union_nulls};
use crate::types::{LogicalType, Result};

/// `left op right` where one side is an interval: an instant and an interval, two intervals, or an interval times an
/// integer. Binding has made sure that the types fit.
pub(super) fn arithmetic(
    op: ArithmeticOp,
    left: (&Value, &LogicalType),
    right: (&Value, &LogicalType),
    ty: &LogicalType,
    scope: &Scope<'_>,
) -> Result<Value> {
    let rows = span(left.0, right.0, scope);
    let nulls = union_nulls(left.0, right.0, rows);
    let sign = if op == ArithmeticOp::Subtract { -1 } else { 1 };
    let data = match (left.1, right.1) {
        _ if op == ArithmeticOp::Multiply => {
            let (a, b) = (Longs::new(left.0)?, Longs::new(right.0)?);
            build(ty, (0..rows).map(|row| a.get(row).wrapping_mul(b.get(row))), nulls)
        }
        (a, b) if a == b => {
            let (a, b) = (Longs::new(left.0)?, Longs::new(right.0)?);
            build(ty, (0..rows).map(|row| a.get(row).wrapping_add(b.get(row).wrapping_mul(sign))), nulls)
        }
        (LogicalType::IntervalDayTime | LogicalType::IntervalYearMonth, _) => shift(right, left, 1, ty, rows, nulls)?,
        _ => shift(left, right, sign, ty, rows, nulls)?,
    };
    Ok(shaped(data, left.0, right.0))
}

/// An instant moved by an interval.
fn shift(
    instant: (&Value, &LogicalType),
    interval: (&Value, &LogicalType),
    sign: i64,
    ty: &LogicalType,
    rows: usize,
    nulls: Option<NullBuffer>,
) -> Result<ArrayRef> {
    let (at, by) = (Longs::new(instant.0)?, Longs::new(interval.0)?);
    let months = *interval.1 == LogicalType::IntervalYearMonth;
    let row = |row: usize| (at.get(row), by.get(row).wrapping_mul(sign));
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are timestamps")]
    Ok(match instant.1 {
        LogicalType::Date if months => {
            build(ty, (0..rows).map(row).map(|(days, months)| Civil::from_days(days).plus_months(months).days()), nulls)
        }
        LogicalType::Date => {
            // Whole days only: a date has no time of day that hours could be added to.
            build(ty, (0..rows).map(row).map(|(days, ms)| days.wrapping_add(ms / DAY_MS)), nulls)
        }
        LogicalType::Time if months => build(ty, (0..rows).map(row).map(|(ms, _)| ms), nulls),
        LogicalType::Time => {
            build(ty, (0..rows).map(row).map(|(at, ms)| at.wrapping_add(ms).rem_euclid(DAY_MS)), nulls)
        }
        _ if months => {
            build(ty, (0..rows).map(row).map(|(at, months)| Civil::from_ms(at).plus_months(months).to_ms()), nulls)
        }
        _ => build(ty, (0..rows).map(row).map(|(at, ms)| at.wrapping_add(ms)), nulls),
    })
}

/// The numbers of any integer, date, time or interval column.
pub(in crate::expr) enum Longs<'a> {
    Wide(&'a [i64], bool),
    Narrow(&'a [i32], bool),
    Owned(Vec<i64>, bool),
}

impl<'a> Longs<'a> {
    pub(in crate::expr) fn new(value: &'a Value) -> Result<Self> {
        fn values<T: ArrowPrimitiveType>(data: &ArrayRef) -> Option<&[T::Native]> {
            data.as_primitive_opt::<T>().map(|array| array.values().as_ref())
        }
        let (data, scalar) = (value.data(), value.is_scalar());
        let wide = values::<TimestampMillisecondType>(data)
            .or_else(|| values::<Int64Type>(data))
            .or_else(|| values::<DurationMillisecondType>(data));
        if let Some(wide) = wide {
            return Ok(Self::Wide(wide, scalar));
        }
        let narrow = values::<Date32Type>(data)
            .or_else(|| values::<Int32Type>(data))
            .or_else(|| values::<Time32MillisecondType>(data))
            .or_else(|| values::<IntervalYearMonthType>(data));
        if let Some(narrow) = narrow {
            return Ok(Self::Narrow(narrow, scalar));
        }
        let owned = values::<Int16Type>(data)
            .map(|values| values.iter().map(|&value| value.into()).collect())
            .or_else(|| values::<Int8Type>(data).map(|values| values.iter().map(|&value| value.into()).collect()))
            .ok_or_else(|| mistyped(data, "a time or an integer"))?;
        Ok(Self::Owned(owned, scalar))
    }

    /// The number of a row, whatever it is where the row is null.
    pub(in crate::expr) fn get(&self, row: usize) -> i64 {
        match self {
            Self::Wide(values, scalar) => values[if *scalar { 0 } else { row }],
            Self::Narrow(values, scalar) => values[if *scalar { 0 } else { row }].into(),
            Self::Owned(values, scalar) => values[if *scalar { 0 } else { row }],
        }
    }
}

/// A column of `ty` of such numbers, wrapped to its width.
pub(in crate::expr) fn build(
    ty: &LogicalType,
    values: impl Iterator<Item = i64>,
    nulls: Option<NullBuffer>,
) -> ArrayRef {
    #[expect(clippy::cast_possible_truncation, reason = "what is outside of 32 bits wraps, as in Flink")]
    fn narrow<T: ArrowPrimitiveType<Native = i32>>(
        values: impl Iterator<Item = i64>,
        nulls: Option<NullBuffer>,
    ) -> PrimitiveArray<T> {
        PrimitiveArray::new(values.map(|value| value as i32).collect(), nulls)
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are not times")]
    match ty {
        LogicalType::Date => Arc::new(narrow::<Date32Type>(values, nulls) as Date32Array),
        LogicalType::Time => Arc::new(narrow::<Time32MillisecondType>(values, nulls) as Time32MillisecondArray),
        LogicalType::IntervalYearMonth => {
            Arc::new(narrow::<IntervalYearMonthType>(values, nulls) as IntervalYearMonthArray)
        }
        LogicalType::Int => Arc::new(narrow::<Int32Type>(values, nulls)),
        LogicalType::IntervalDayTime => Arc::new(DurationMillisecondArray::new(values.collect(), nulls)),
        LogicalType::Timestamp | LogicalType::TimestampLtz => {
            Arc::new(TimestampMillisecondArray::new(values.collect(), nulls).with_data_type(ty.to_arrow()))
        }
        _ => Arc::new(PrimitiveArray::<Int64Type>::new(values.collect(), nulls)),
    }
}
