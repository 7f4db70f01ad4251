//! The demo data sets: columns whose values follow from a seed and a row's number alone.

use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::builder::StringBuilder;
use arrow_array::{ArrayRef, Decimal128Array, Int64Array, TimestampMillisecondArray};

use crate::types::{Field, Result};

/// The beginning of every set's event time, milliseconds since the epoch: 2026-01-05 08:00:00.
pub(super) const START_MS: i64 = 1_767_600_000_000;

/// More rows than anybody reads, and far from overflow in event times.
pub(super) const PARTITION_ROWS: u64 = 1 << 40;

/// A set of rows. Every value follows from the seed and the row's number, so that readers share out the rows and
/// a projected column costs only itself.
pub(super) trait DemoSet: Debug + Send + Sync {
    /// `transactions`
    fn name(&self) -> &'static str;

    /// The most that event times are out of order, in milliseconds, but for rows that are late on purpose.
    fn delay_ms(&self) -> i64;

    /// The number of rows that there are; `None` for as many as one likes.
    fn rows(&self) -> Option<u64> {
        None
    }

    /// The partitions, which have an event time each: half of the rows are of the first of two. None for a set that is
    /// not partitioned.
    fn partitions(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether the partition says nothing in place of row `row`, which takes its time all the same.
    fn is_silent(&self, _row: u64) -> bool {
        false
    }

    /// The columns; the last one is the event time.
    fn fields(&self) -> Vec<Field>;

    /// One column of the rows `rows`. Those of a partition begin at [`PARTITION_ROWS`] times its place.
    ///
    /// # Errors
    /// When the column can't be built: a defect of ours.
    fn column(&self, seed: u64, column: usize, rows: Range<u64>) -> Result<ArrayRef>;
}

/// A text column; `write` appends one row's text.
pub(super) fn texts(rows: Range<u64>, mut write: impl FnMut(u64, &mut StringBuilder)) -> ArrayRef {
    let count = usize::try_from(rows.end.saturating_sub(rows.start)).unwrap_or(0);
    let mut builder = StringBuilder::with_capacity(count, count * 12);
    for row in rows {
        write(row, &mut builder);
    }
    Arc::new(builder.finish())
}

/// A column of whole numbers.
pub(super) fn numbers(rows: Range<u64>, number: impl Fn(u64) -> u64) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rows.map(|row| number(row).cast_signed())))
}

/// A column of `decimal(10, scale)`, from values in units of the last digit.
pub(super) fn decimals(rows: Range<u64>, scale: i8, value: impl Fn(u64) -> u64) -> Result<ArrayRef> {
    let values = Decimal128Array::from_iter_values(rows.map(|row| i128::from(value(row))));
    Ok(Arc::new(values.with_precision_and_scale(10, scale)?))
}

/// A column of timestamps.
pub(super) fn timestamps(rows: Range<u64>, time_ms: impl Fn(u64) -> i64) -> ArrayRef {
    Arc::new(TimestampMillisecondArray::from_iter_values(rows.map(time_ms)))
}

/// The item of `from` that `number` picks.
pub(super) fn pick<T: Copy>(from: &[T], number: u64) -> T {
    let count = u64::try_from(from.len()).unwrap_or(1);
    from[usize::try_from(number % count).unwrap_or(0)]
}
