//! The rows of a benchmark's job, summed up so that they can be compared with the loop's.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, ArrayRef};
use arrow_schema::{DataType, TimeUnit};

use super::loops::{Outcome, field_factors};
use crate::api::ResultSink;
use crate::types::key_group::mix;
use crate::types::{Batch, Error, Result};

const BLOCK_ROWS: usize = 512;

/// Sums the hashes of all rows that arrive, from whichever thread.
#[derive(Debug, Default)]
pub(super) struct ChecksumSink {
    rows: AtomicU64,
    checksum: AtomicU64,
}

impl ChecksumSink {
    /// What arrived.
    pub(super) fn outcome(&self) -> Outcome {
        Outcome { rows: self.rows.load(Ordering::SeqCst), checksum: self.checksum.load(Ordering::SeqCst) }
    }
}

impl ResultSink for ChecksumSink {
    fn rows(&self, _name: &str, batch: &Batch) -> Result<()> {
        let kinds = batch.kinds().map(|kinds| Field::Kinds(kinds));
        let columns = batch.columns().columns().iter().map(field);
        let fields: Vec<Field<'_>> = kinds.map(Ok).into_iter().chain(columns).collect::<Result<_>>()?;
        // A column at a time, as the job itself works, in blocks that stay in the nearest cache.
        let mut sum = 0_u64;
        let mut words = [0; BLOCK_ROWS];
        for first in (0..batch.rows()).step_by(BLOCK_ROWS) {
            let words = &mut words[..BLOCK_ROWS.min(batch.rows() - first)];
            words.fill(fields.len() as u64);
            for (field, factor) in fields.iter().zip(field_factors()) {
                field.add(first, factor, words);
            }
            for &word in &*words {
                sum = sum.wrapping_add(mix(word));
            }
        }
        self.rows.fetch_add(batch.rows() as u64, Ordering::Relaxed);
        self.checksum.fetch_add(sum, Ordering::Relaxed);
        Ok(())
    }
}

/// A column as whole numbers: times in milliseconds, decimals as the lower 64 bits of their unscaled value.
enum Field<'a> {
    Kinds(&'a [i8]),
    Words(&'a [i64]),
    Decimals(&'a [i128]),
}

impl Field<'_> {
    /// Adds the values from row `first` on, times `factor`, to `words`.
    fn add(&self, first: usize, factor: u64, words: &mut [u64]) {
        let add = |word: &mut u64, value: i64| *word = word.wrapping_add(value.cast_unsigned().wrapping_mul(factor));
        match self {
            Self::Kinds(values) => {
                for (word, &kind) in words.iter_mut().zip(&values[first..]) {
                    add(word, kind.into());
                }
            }
            Self::Words(values) => {
                for (word, &value) in words.iter_mut().zip(&values[first..]) {
                    add(word, value);
                }
            }
            #[expect(clippy::cast_possible_truncation, reason = "the lower 64 bits are what is compared")]
            Self::Decimals(values) => {
                for (word, &value) in words.iter_mut().zip(&values[first..]) {
                    add(word, value as i64);
                }
            }
        }
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
