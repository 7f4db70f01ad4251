//! A block: the entries of one key group and namespace that changed between two checkpoints.
//!
//! `checksum u64 · format u8 · flags u8 · entries u32 · removed u32 · columns of the entries · key columns of the removed`.
//! It means, in this order: drop everything older if [`DROP`] is set, remove the removed keys, put the entries.

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;

use super::columns::{self, Reader};
use super::key::{BlockKey, parse};
use crate::state::seal::{SEAL_BYTES, checksum, unseal};
use crate::types::{Error, Result};

const FORMAT: u8 = 1;
/// Nothing older counts.
const DROP: u8 = 1;
/// No key stands twice among the entries.
const DISTINCT: u8 = 2;

/// What a block says.
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// Everything older is gone.
    pub(super) drop: bool,
    /// No key stands twice in `entries`; otherwise the last one counts.
    pub(super) distinct: bool,
    /// Keys and values.
    pub(super) entries: RecordBatch,
    /// Keys alone.
    pub(super) removed: RecordBatch,
}

/// The columns of a state's blocks.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// Of its entries.
    pub(super) entries: SchemaRef,
    /// Of the keys.
    pub(super) keys: SchemaRef,
}

impl Layout {
    /// A block that says nothing.
    pub(super) fn empty(&self) -> Block {
        Block {
            drop: false,
            distinct: true,
            entries: RecordBatch::new_empty(self.entries.clone()),
            removed: RecordBatch::new_empty(self.keys.clone()),
        }
    }
}

impl Block {
    pub(super) fn is_empty(&self) -> bool {
        !self.drop && self.entries.num_rows() == 0 && self.removed.num_rows() == 0
    }

    /// Writes it over what `out` held.
    pub(super) fn encode(&self, table: &str, key: &BlockKey, out: &mut Vec<u8>) -> Result<()> {
        out.clear();
        out.extend_from_slice(&[0; SEAL_BYTES]);
        out.push(FORMAT);
        out.push(if self.drop { DROP } else { 0 } | if self.distinct { DISTINCT } else { 0 });
        for rows in [&self.entries, &self.removed] {
            out.extend_from_slice(&columns::length(rows.num_rows())?.to_le_bytes());
        }
        for rows in [&self.entries, &self.removed].into_iter().filter(|rows| rows.num_rows() > 0) {
            for column in rows.columns() {
                columns::encode(&**column, out)?;
            }
        }
        let sum = checksum(&context(table, key), &out[SEAL_BYTES..]);
        out[..SEAL_BYTES].copy_from_slice(&sum.to_le_bytes());
        Ok(())
    }

    /// Reads what [`encode`](Self::encode) wrote under `key` of `table`.
    pub(super) fn decode(layout: &Layout, table: &str, key: &BlockKey, bytes: &[u8]) -> Result<Self> {
        let (group, id) = parse(key);
        let what = || format!("block {}/{}/{id} of {table}", group.key_group, group.namespace);
        let mut reader = Reader::new(unseal(&context(table, key), &what(), bytes)?);
        let format = reader.u8()?;
        if format != FORMAT {
            return Err(Error::state(format!(
                "{} has format {format}; this build reads formats up to {FORMAT}",
                what()
            )));
        }
        let flags = reader.u8()?;
        let (entries, removed) = (reader.rows()?, reader.rows()?);
        let block = Self {
            drop: flags & DROP != 0,
            distinct: flags & DISTINCT != 0,
            entries: decode_rows(&layout.entries, entries, &mut reader)?,
            removed: decode_rows(&layout.keys, removed, &mut reader)?,
        };
        if reader.is_empty() { Ok(block) } else { Err(Error::state(format!("{} is longer than it says", what()))) }
    }
}

fn decode_rows(schema: &SchemaRef, rows: usize, reader: &mut Reader<'_>) -> Result<RecordBatch> {
    if rows == 0 {
        return Ok(RecordBatch::new_empty(schema.clone()));
    }
    let columns: Vec<ArrayRef> =
        schema.fields().iter().map(|field| columns::decode(field.data_type(), rows, reader)).collect::<Result<_>>()?;
    batch(schema, columns, rows)
}

/// A batch that may have no column.
pub(super) fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// What a stored block says of itself before it is read. Believed only to choose which blocks to merge: whatever is
/// merged or read is checked first.
pub(super) fn drops(bytes: &[u8]) -> bool {
    bytes.get(SEAL_BYTES + 1).is_some_and(|flags| flags & DROP != 0)
}

/// Whether a stored block, believed as it is, has no entries and no removals.
pub(super) fn says_nothing_more(bytes: &[u8]) -> bool {
    bytes.get(SEAL_BYTES + 2..SEAL_BYTES + 10).is_some_and(|counts| counts.iter().all(|byte| *byte == 0))
}

fn context(table: &str, key: &BlockKey) -> Vec<u8> {
    [key.as_slice(), table.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{Int64Array, StringArray};

    use super::super::key::Group;
    use super::*;
    use crate::types::{Field, LogicalType, Schema};

    fn layout() -> Layout {
        let schema = Schema::new([Field::new("k", LogicalType::BigInt), Field::new("v", LogicalType::String)]);
        Layout { entries: schema.arrow().clone(), keys: schema.project(&[0]).arrow().clone() }
    }

    fn sample() -> Block {
        let keys: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
        let values: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), Some("bc"), None]));
        Block {
            drop: true,
            distinct: false,
            entries: batch(&layout().entries, vec![keys.clone(), values], 3).expect("columns"),
            removed: batch(&layout().keys, vec![keys.slice(1, 2)], 2).expect("columns"),
        }
    }

    #[test]
    fn a_block_comes_back_and_every_flipped_byte_is_noticed() {
        let key = Group { key_group: 7, namespace: -10_000 }.block(42);
        let mut bytes = Vec::new();
        sample().encode("window/accumulators", &key, &mut bytes).expect("encodes");
        let back = Block::decode(&layout(), "window/accumulators", &key, &bytes).expect("whole");
        assert_eq!(back.entries, sample().entries);
        assert_eq!(back.removed, sample().removed);
        assert!(back.drop && !back.distinct && drops(&bytes) && !says_nothing_more(&bytes));
        for at in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 0x10;
            let error = Block::decode(&layout(), "window/accumulators", &key, &damaged).expect_err("damaged");
            assert!(error.to_string().contains("block 7/-10000/42 of window/accumulators is damaged"), "{error}");
        }
        let elsewhere = Group { key_group: 8, namespace: -10_000 }.block(42);
        assert!(Block::decode(&layout(), "window/accumulators", &elsewhere, &bytes).is_err(), "moved");
    }

    #[test]
    fn a_later_format_is_refused_by_number() {
        let key = Group { key_group: 7, namespace: 0 }.block(1);
        let mut bytes = Vec::new();
        sample().encode("t", &key, &mut bytes).expect("encodes");
        bytes[SEAL_BYTES] = 2;
        let sum = checksum(&context("t", &key), &bytes[SEAL_BYTES..]);
        bytes[..SEAL_BYTES].copy_from_slice(&sum.to_le_bytes());
        let error = Block::decode(&layout(), "t", &key, &bytes).expect_err("later");
        assert!(error.to_string().contains("has format 2; this build reads formats up to 1"), "{error}");
    }
}
