//! Casts between dates, times and timestamps.

use arrow_array::{Array, ArrayRef};

use crate::expr::kernels::{Longs, build};
use crate::expr::time::{DAY_MS, Zone};
use crate::expr::value::{Value, mistyped};
use crate::types::{LogicalType, Result};

pub(super) fn cast(data: &ArrayRef, from: &LogicalType, to: &LogicalType, zone: Zone) -> Result<ArrayRef> {
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
    let (reads, gives) = (*from == T::TimestampLtz && *to != T::TimestampLtz, *to == T::TimestampLtz);
    let converted = |row: usize| {
        let value = longs.get(row);
        if zone.is_utc() {
            convert(value)
        } else if reads {
            convert(zone.wall(value))
        } else if gives {
            zone.instant(convert(value))
        } else {
            convert(value)
        }
    };
    Ok(build(to, (0..data.len()).map(converted), data.nulls().cloned()))
}
