//! Casts between dates, times and timestamps. The session's time zone is UTC.

use arrow_array::{Array, ArrayRef};

use crate::expr::kernels::{Longs, build};
use crate::expr::time::DAY_MS;
use crate::expr::value::{Value, mistyped};
use crate::types::{LogicalType, Result};

pub(super) fn cast(data: &ArrayRef, from: &LogicalType, to: &LogicalType) -> Result<ArrayRef> {
    use LogicalType as T;
    let value = Value::Array(data.clone());
    let longs = Longs::new(&value)?;
    let convert: fn(i64) -> i64 = match (from, to) {
        (T::Date, T::Timestamp | T::TimestampLtz) => |days| days * DAY_MS,
        (T::Timestamp | T::TimestampLtz, T::Date) => |ms| ms.div_euclid(DAY_MS),
        (T::Timestamp | T::TimestampLtz, T::Time) => |ms| ms.rem_euclid(DAY_MS),
        (T::Time | T::Timestamp | T::TimestampLtz, T::Timestamp | T::TimestampLtz) => |ms| ms,
        _ => return Err(mistyped(data, &to.to_string())),
    };
    Ok(build(to, (0..data.len()).map(|row| convert(longs.get(row))), data.nulls().cloned()))
}
