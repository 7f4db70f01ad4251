//! Rows that fail, and rows of state.

use std::io::Cursor;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::{BooleanBufferBuilder, ScalarBuffer};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_ipc::reader::StreamReader;
use arrow_ipc::writer::StreamWriter;

use crate::api::{Output, Rejected};
use crate::expr::{EvalContext, RowError};
use crate::state::KeyedRows;
use crate::types::{Batch, Error, Result, Schema, key_group};

/// The values that `evaluate` computes of the rows of `batch`. Rows that fail are rejected at `place`, each once, and
/// those that are left evaluated again; their batch comes back too.
pub(super) fn evaluated<T>(
    batch: Batch,
    now_ms: i64,
    place: &str,
    out: &mut dyn Output,
    evaluate: impl Fn(&RecordBatch, &mut EvalContext) -> Result<T>,
) -> Result<(Batch, T)> {
    let mut context = EvalContext::new(now_ms, place);
    let found = evaluate(batch.columns(), &mut context)?;
    if context.errors.is_empty() {
        return Ok((batch, found));
    }
    let batch = reject_failed(&batch, &context.errors, place, out)?;
    // What is left has been evaluated without an error before.
    let found = evaluate(batch.columns(), &mut EvalContext::new(now_ms, place))?;
    Ok((batch, found))
}

/// A row of a batch, as arrow's `take` counts.
pub(super) fn index(row: usize) -> u32 {
    u32::try_from(row).unwrap_or(u32::MAX)
}

/// Rejects the rows that `errors` names, each once; gives the batch of the others.
pub(super) fn reject_failed(batch: &Batch, errors: &[RowError], place: &str, out: &mut dyn Output) -> Result<Batch> {
    let mut errors: Vec<&RowError> = errors.iter().collect();
    errors.sort_by_key(|error| error.row);
    errors.dedup_by_key(|error| error.row);
    let mut keep = BooleanBufferBuilder::new(batch.rows());
    keep.append_n(batch.rows(), true);
    let mut rejected = Vec::with_capacity(errors.len());
    for error in errors {
        keep.set_bit(error.row, false);
        let row = display(batch.columns(), error.row).into_bytes();
        rejected.push(Rejected { place: place.to_owned(), row, message: error.message.clone() });
    }
    out.reject(rejected)?;
    Ok(batch.filter(&BooleanArray::new(keep.finish(), None))?)
}

/// One row as text: `auction=1, price=2`.
pub(super) fn display(rows: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let schema = rows.schema_ref();
    let columns = schema.fields().iter().zip(rows.columns()).map(|(field, column)| {
        let shown = ArrayFormatter::try_new(column.as_ref(), &options)
            .and_then(|formatter| formatter.value(row).try_to_string())
            .unwrap_or_else(|error| format!("({error})"));
        format!("{}={shown}", field.name())
    });
    columns.collect::<Vec<_>>().join(", ")
}

/// Entries of keyed state in columns.
pub(super) struct Entries {
    pub(super) keys: Vec<ArrayRef>,
    pub(super) values: Vec<ArrayRef>,
    pub(super) rows: usize,
}

/// Entries, keys then values, as a snapshot hands them over.
pub(super) fn keyed_rows(schema: &Schema, entries: Entries, max_parallelism: u16) -> Result<KeyedRows> {
    let Entries { keys, values, rows } = entries;
    let mut hashes = Vec::new();
    key_group::hash_keys(&keys, &mut hashes)?;
    // Without a key there is one entry, in group 0.
    hashes.resize(rows, 0);
    let key_groups = hashes.iter().map(|&hash| key_group::key_group(hash, max_parallelism)).collect();
    let columns: Vec<ArrayRef> = keys.into_iter().chain(values).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    let rows = RecordBatch::try_new_with_options(schema.arrow().clone(), columns, &options)?;
    Ok(KeyedRows { rows, key_groups })
}

const BATCH_VERSION: u8 = 1;

/// Rows with their times and kinds, as operator state holds those that an operator has taken in and not worked off: version,
/// whether there are kinds, the number of rows, times, kinds, then the columns as an Arrow stream.
pub(super) fn encode_batch(batch: &Batch) -> Result<Vec<u8>> {
    let mut bytes = vec![BATCH_VERSION, u8::from(batch.kinds().is_some())];
    bytes.extend_from_slice(&(batch.rows() as u64).to_le_bytes());
    bytes.extend(batch.times().iter().flat_map(|time| time.to_le_bytes()));
    bytes.extend(batch.kinds().into_iter().flatten().map(|kind| kind.cast_unsigned()));
    let mut writer = StreamWriter::try_new(&mut bytes, batch.columns().schema_ref())?;
    writer.write(batch.columns())?;
    writer.finish()?;
    drop(writer);
    Ok(bytes)
}

/// The rows that [`encode_batch`] wrote.
///
/// # Errors
/// When they are damaged.
pub(super) fn decode_batch(entry: &[u8]) -> Result<Batch> {
    let damaged = || Error::state("rows that an operator held are damaged");
    let (&[version, has_kinds], rest) = entry.split_first_chunk::<2>().ok_or_else(damaged)?;
    let (rows, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let rows = usize::try_from(u64::from_le_bytes(*rows)).map_err(|_| damaged())?;
    let kinds_len = if has_kinds == 1 { rows } else { 0 };
    let (times, rest) = rest.split_at_checked(rows.saturating_mul(8)).ok_or_else(damaged)?;
    let (kinds, rest) = rest.split_at_checked(kinds_len).ok_or_else(damaged)?;
    if version != BATCH_VERSION || has_kinds > 1 {
        return Err(damaged());
    }
    let times: ScalarBuffer<i64> = times.as_chunks::<8>().0.iter().map(|time| i64::from_le_bytes(*time)).collect();
    let mut columns = StreamReader::try_new(Cursor::new(rest), None)?;
    let columns = columns.next().ok_or_else(damaged)??;
    if columns.num_rows() != rows {
        return Err(damaged());
    }
    let kinds: ScalarBuffer<i8> = kinds.iter().map(|kind| kind.cast_signed()).collect();
    Ok(Batch::new(columns, times).with_kinds((has_kinds == 1).then_some(kinds)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operators::testing::{Values, batch, lines};

    #[test]
    fn held_rows_are_read_back_and_damage_is_found() {
        let (_, rows) =
            batch(vec![("n", Values::ints([1, 2, 3])), ("s", Values::Text(vec![Some("a"), None, Some("")]))]);
        let timed = rows.with_times(vec![7, i64::MIN, 9].into());
        for rows in [timed.clone(), timed.with_kinds(Some(vec![0, 1, 2].into()))] {
            let entry = encode_batch(&rows).expect("encodes");
            let back = decode_batch(&entry).expect("whole");
            assert_eq!((lines(&back), back.kinds().is_some()), (lines(&rows), rows.kinds().is_some()));
            for cut in 0..entry.len() - 8 {
                assert!(decode_batch(&entry[..cut]).is_err(), "cut at {cut}");
            }
        }
    }
}
