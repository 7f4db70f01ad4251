//! Rows that fail, and rows of state.

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::BooleanBufferBuilder;
use arrow_cast::display::{ArrayFormatter, FormatOptions};

use crate::api::{Output, Rejected};
use crate::expr::{EvalContext, RowError};
use crate::state::KeyedRows;
use crate::types::{Batch, Result, Schema, key_group};

/// What `evaluate` computes of the rows of `batch`. Rows that fail are rejected at `place`, each once, and those that are
/// left evaluated again; their batch comes back too.
pub(super) fn evaluated<T>(
    batch: Batch,
    now_ms: i64,
    place: &str,
    out: &mut dyn Output,
    evaluate: impl Fn(&RecordBatch, &mut EvalContext) -> Result<T>,
) -> Result<(Batch, T)> {
    let mut context = EvalContext { now_ms, errors: Vec::new() };
    let found = evaluate(batch.columns(), &mut context)?;
    if context.errors.is_empty() {
        return Ok((batch, found));
    }
    let batch = reject_failed(&batch, &context.errors, place, out)?;
    // What is left has been evaluated without an error before.
    let found = evaluate(batch.columns(), &mut EvalContext { now_ms, errors: Vec::new() })?;
    Ok((batch, found))
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
