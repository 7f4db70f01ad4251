//! The rows of a benchmark's job, summed up so that they can be compared with the loop's.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::loops::{Outcome, row_hash};
use crate::api::ResultSink;
use crate::types::{Batch, Error, Result};

const BLOCK_ROWS: usize = 512;

/// Sums the hashes of all rows that arrive, from whichever thread.
#[derive(Debug, Default)]
pub(super) struct ChecksumSink {
    rows: AtomicU64,
    checksum: AtomicU64,
}

impl ChecksumSink {
    /// The outcome: what arrived.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome { rows: self.rows.load(Ordering::SeqCst), checksum: self.checksum.load(Ordering::SeqCst) }
    }
}

/// The wrapping sum of the hashes of so many rows of these fields, all of a row at once as the loops do it.
macro_rules! sum_up {
    ($rows:expr, $($field:ident),+) => {{
        let mut sum = 0_u64;
        $(let mut $field = ($field, [0; BLOCK_ROWS]);)+
        for first in (0..$rows).step_by(BLOCK_ROWS) {
            $(let $field = $field.0.block(first, &mut $field.1);)+
            for row in 0..BLOCK_ROWS.min($rows - first) {
                sum = sum.wrapping_add(row_hash(&[$($field[row]),+]));
            }
        }
        sum
    }};
}

impl ResultSink for ChecksumSink {
    fn rows(&self, _name: &str, batch: &Batch) -> Result<()> {
        let kinds = batch.kinds().map(|kinds| Field::Kinds(kinds));
        let columns = batch.columns().columns().iter().map(field);
        let fields: Vec<Field<'_>> = kinds.map(Ok).into_iter().chain(columns).collect::<Result<_>>()?;
        let sum = match &fields[..] {
            [one, two] => sum_up!(batch.rows(), one, two),
            [one, two, three] => sum_up!(batch.rows(), one, two, three),
            [one, two, three, four] => sum_up!(batch.rows(), one, two, three, four),
            [one, two, three, four, five] => sum_up!(batch.rows(), one, two, three, four, five),
            [one, two, three, four, five, six] => sum_up!(batch.rows(), one, two, three, four, five, six),
            other => return Err(Error::config(format!("a benchmark can't sum up rows of {} fields", other.len()))),
        };
        self.rows.fetch_add(batch.rows() as u64, Ordering::Relaxed);
        self.checksum.fetch_add(sum, Ordering::Relaxed);
        Ok(())
    }
}

/// Values of one field of so many rows: they stay in the nearest cache, and their number need not be checked a row.
type Block = [i64; BLOCK_ROWS];

/// A column as whole numbers: times in milliseconds, decimals as the lower 64 bits of their unscaled value.
enum Field<'a> {
    Kinds(&'a [i8]),
    Words(&'a [i64]),
    Decimals(&'a [i128]),
}

impl<'a> Field<'a> {
    /// The values from row `first` on, in `scratch` where they are not a whole block of such words already.
    fn block<'w>(&self, first: usize, scratch: &'w mut Block) -> &'w Block
    where
        'a: 'w,
    {
        match self {
            Self::Words(values) => match values[first..].first_chunk() {
                Some(block) => return block,
                None => scratch.iter_mut().zip(&values[first..]).for_each(|(word, &value)| *word = value),
            },
            Self::Kinds(values) => {
                scratch.iter_mut().zip(&values[first..]).for_each(|(word, &kind)| *word = kind.into());
            }
            #[expect(clippy::cast_possible_truncation, reason = "the lower 64 bits are what is compared")]
            Self::Decimals(values) => {
                scratch.iter_mut().zip(&values[first..]).for_each(|(word, &value)| *word = value as i64);
            }
        }
        scratch
    }
}

fn field(column: &ArrayRef) -> Result<Field<'_>> {
    if column.null_count() > 0 {
        return Err(Error::config("a benchmark's rows have no nulls"));
    }
    #[expect(clippy::wildcard_enum_match_arm, reason = "the queries have columns of these types only")]
    match column.data_type() {
        DataType::Int64 => Ok(Field::Words(column.as_primitive::<Int64Type>().values())),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Ok(Field::Words(column.as_primitive::<TimestampMillisecondType>().values()))
        }
        DataType::Decimal128(..) => Ok(Field::Decimals(column.as_primitive::<Decimal128Type>().values())),
        other => Err(Error::config(format!("a benchmark can't sum up a column of {other}"))),
    }
}
