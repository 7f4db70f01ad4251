//! The rows of a benchmark's job, summed up so that they can be compared with the loop's.

use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMillisecondType};
use arrow_array::{Array, RecordBatch};
use arrow_buffer::ScalarBuffer;
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
        let columns = words(batch.columns())?;
        let kinds = batch.kinds().map(|kinds| kinds.iter().map(|&kind| i64::from(kind)).collect());
        let fields: Vec<ScalarBuffer<i64>> = kinds.into_iter().chain(columns).collect();
        // A column at a time, as the job itself works, in blocks that stay in the nearest cache.
        let mut sum = 0_u64;
        let mut words = [0; BLOCK_ROWS];
        for first in (0..batch.rows()).step_by(BLOCK_ROWS) {
            let words = &mut words[..BLOCK_ROWS.min(batch.rows() - first)];
            words.fill(fields.len() as u64);
            for (field, factor) in fields.iter().zip(field_factors()) {
                for (word, value) in words.iter_mut().zip(&field[first..]) {
                    *word = word.wrapping_add(value.cast_unsigned().wrapping_mul(factor));
                }
            }
            sum = words.iter().fold(sum, |sum, &word| sum.wrapping_add(mix(word)));
        }
        self.rows.fetch_add(batch.rows() as u64, Ordering::Relaxed);
        self.checksum.fetch_add(sum, Ordering::Relaxed);
        Ok(())
    }
}

/// The columns as whole numbers: times in milliseconds, decimals as the lower 64 bits of their unscaled value.
fn words(rows: &RecordBatch) -> Result<Vec<ScalarBuffer<i64>>> {
    rows.columns()
        .iter()
        .map(|column| {
            if column.null_count() > 0 {
                return Err(Error::config("a benchmark's rows have no nulls"));
            }
            #[expect(clippy::wildcard_enum_match_arm, reason = "the queries have columns of these types only")]
            match column.data_type() {
                DataType::Int64 => Ok(column.as_primitive::<Int64Type>().values().clone()),
                DataType::Timestamp(TimeUnit::Millisecond, _) => {
                    Ok(column.as_primitive::<TimestampMillisecondType>().values().clone())
                }
                #[expect(clippy::cast_possible_truncation, reason = "the lower 64 bits are what is compared")]
                DataType::Decimal128(..) => {
                    Ok(column.as_primitive::<Decimal128Type>().values().iter().map(|&value| value as i64).collect())
                }
                other => Err(Error::config(format!("a benchmark can't sum up a column of {other}"))),
            }
        })
        .collect()
}
