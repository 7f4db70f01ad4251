//! A block: the entries of one key group and namespace that changed between two checkpoints.
//!
//! `checksum u64 · format u8 · flags u8 · entries u32 · removed u32 · fingerprints of the entries' keys · of the removed
//! keys · columns of the entries · key columns of the removed`, fingerprints u16 each. It means, in this order: drop
//! everything older if [`DROP`] is set, remove the removed keys, put the entries. A key is found by its fingerprint, and
//! its row alone is decoded. Format 1 has no fingerprints; up to format 2 all numbers are stored in full.

use std::ops::Range;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{FieldRef, SchemaRef};

use super::columns::{self, Reader};
use super::key::{BlockKey, parse};
use super::keys::{Encoded, Keys};
use crate::state::seal::{SEAL_BYTES, checksum, unseal};
use crate::types::key_group::hash_keys;
use crate::types::{Error, Result};

const FORMAT: u8 = 3;
/// The format without fingerprints.
const FORMAT_1: u8 = 1;
/// Nothing older counts.
const DROP: u8 = 1;
/// No key stands twice among the entries.
const DISTINCT: u8 = 2;

/// The content of a block.
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
    /// The columns of the entries.
    pub(super) entries: SchemaRef,
    /// The columns of the keys.
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
        for rows in [&self.entries, &self.removed] {
            let keys = self.removed.num_columns();
            for print in fingerprints(&rows.columns()[..keys], rows.num_rows())? {
                out.extend_from_slice(&print.to_le_bytes());
            }
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
        let Stored { flags, entries, removed, mut columns, .. } = Stored::read(table, key, bytes)?;
        let block = Self {
            drop: flags & DROP != 0,
            distinct: flags & DISTINCT != 0,
            entries: decode_rows(&layout.entries, entries, &mut columns)?,
            removed: decode_rows(&layout.keys, removed, &mut columns)?,
        };
        if columns.is_empty() {
            return Ok(block);
        }
        Err(Error::state(format!("{} is longer than it says", name(table, key))))
    }
}

/// A key to be found in blocks.
pub(super) struct Wanted<'a> {
    print: u16,
    keys: &'a Keys,
    key: Encoded,
}

impl<'a> Wanted<'a> {
    /// The key whose columns are `key`, a row each.
    pub(super) fn new(keys: &'a Keys, key: &[ArrayRef]) -> Result<Self> {
        let print = fingerprints(key, 1)?.first().copied().unwrap_or(0);
        Ok(Self { print, keys, key: keys.encode(key)? })
    }

    fn is(&self, key: &[ArrayRef]) -> Result<bool> {
        Ok(self.keys.encode(key)?.get(0) == self.key.get(0))
    }
}

/// The answer of a block about one key.
pub(super) enum Found {
    /// The key has this entry, a row.
    Entry(RecordBatch),
    /// The key has no entry, whatever older blocks say.
    Gone,
    /// The answer is that of older blocks.
    Older,
}

/// The answer of the block under `key` of `table` about one key. Decodes nothing but the rows of its fingerprint.
pub(super) fn find(layout: &Layout, table: &str, key: &BlockKey, bytes: &[u8], wanted: &Wanted<'_>) -> Result<Found> {
    let Stored { flags, entries, removed, prints, columns } = Stored::read(table, key, bytes)?;
    let (of_entries, of_removed) = prints.split_at(prints.len().min(entries));
    // Where a key stands twice, its last entry counts.
    for row in candidates(of_entries, entries, wanted.print).rev() {
        let mut from = columns;
        let entry = decode_columns(&layout.entries, entries, row..row + 1, &mut from)?;
        if wanted.is(&entry.columns()[..layout.keys.fields().len()])? {
            return Ok(Found::Entry(entry));
        }
    }
    let mut behind = columns;
    if removed > 0 && entries > 0 {
        decode_columns(&layout.entries, entries, 0..0, &mut behind)?;
    }
    for row in candidates(of_removed, removed, wanted.print) {
        let mut from = behind;
        if wanted.is(decode_columns(&layout.keys, removed, row..row + 1, &mut from)?.columns())? {
            return Ok(Found::Gone);
        }
    }
    Ok(if flags & DROP != 0 { Found::Gone } else { Found::Older })
}

/// The rows that may have a key of this fingerprint; all, where no fingerprints are stored.
fn candidates(prints: &[[u8; 2]], rows: usize, print: u16) -> impl DoubleEndedIterator<Item = usize> {
    (0..rows).filter(move |&row| prints.get(row).is_none_or(|stored| u16::from_le_bytes(*stored) == print))
}

/// A block as it is stored, its checksum checked.
struct Stored<'a> {
    flags: u8,
    entries: usize,
    removed: usize,
    /// The fingerprints of the entries, then of the removed; none in format 1.
    prints: &'a [[u8; 2]],
    columns: Reader<'a>,
}

impl<'a> Stored<'a> {
    fn read(table: &str, key: &BlockKey, bytes: &'a [u8]) -> Result<Self> {
        let mut reader = Reader::new(unseal(&context(table, key), &name(table, key), bytes)?);
        let format = reader.u8()?;
        if !(FORMAT_1..=FORMAT).contains(&format) {
            return Err(Error::state(format!(
                "{} has format {format}; this build reads formats up to {FORMAT}",
                name(table, key)
            )));
        }
        let flags = reader.u8()?;
        let (entries, removed) = (reader.rows()?, reader.rows()?);
        let prints = if format == FORMAT_1 { &[][..] } else { reader.take(2 * (entries + removed))? };
        Ok(Self { flags, entries, removed, prints: prints.as_chunks().0, columns: reader })
    }
}

/// The fingerprints of `rows` keys: bits of the frozen hash that do not choose the key group.
fn fingerprints(keys: &[ArrayRef], rows: usize) -> Result<Vec<u16>> {
    let mut hashes = Vec::new();
    hash_keys(keys, &mut hashes)?;
    hashes.resize(rows, 0);
    Ok(hashes.into_iter().map(fingerprint).collect())
}

#[expect(clippy::cast_possible_truncation, reason = "the lowest 16 bits are meant")]
const fn fingerprint(hash: u64) -> u16 {
    hash as u16
}

fn decode_rows(schema: &SchemaRef, rows: usize, reader: &mut Reader<'_>) -> Result<RecordBatch> {
    if rows == 0 { Ok(RecordBatch::new_empty(schema.clone())) } else { decode_columns(schema, rows, 0..rows, reader) }
}

/// Rows `range` of the columns of `schema`, which have so many rows.
fn decode_columns(
    schema: &SchemaRef,
    rows: usize,
    range: Range<usize>,
    reader: &mut Reader<'_>,
) -> Result<RecordBatch> {
    #[cfg(test)]
    DECODED_ROWS.with(|decoded| decoded.set(decoded.get() + range.len()));
    let decode = |field: &FieldRef| columns::decode(field.data_type(), rows, &range, reader);
    let columns: Vec<ArrayRef> = schema.fields().iter().map(decode).collect::<Result<_>>()?;
    batch(schema, columns, range.len())
}

#[cfg(test)]
thread_local! {
    /// Rows of blocks that this thread has decoded.
    pub(super) static DECODED_ROWS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A batch that may have no column.
pub(super) fn batch(schema: &SchemaRef, columns: Vec<ArrayRef>, rows: usize) -> Result<RecordBatch> {
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
}

/// Whether a stored block says, before it is read, that it drops all that is older. Believed only to choose which
/// blocks to merge: whatever is merged or read is checked first.
pub(super) fn drops(bytes: &[u8]) -> bool {
    bytes.get(SEAL_BYTES + 1).is_some_and(|flags| flags & DROP != 0)
}

/// Whether a stored block, believed as it is, has no entries and no removals.
pub(super) fn says_nothing_more(bytes: &[u8]) -> bool {
    bytes.get(SEAL_BYTES + 2..SEAL_BYTES + 10).is_some_and(|counts| counts.iter().all(|byte| *byte == 0))
}

/// A block for people.
fn name(table: &str, key: &BlockKey) -> String {
    let (group, id) = parse(key);
    format!("block {}/{}/{id} of {table}", group.key_group, group.namespace)
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
        bytes[SEAL_BYTES] = FORMAT + 1;
        let sum = checksum(&context("t", &key), &bytes[SEAL_BYTES..]);
        bytes[..SEAL_BYTES].copy_from_slice(&sum.to_le_bytes());
        let error = Block::decode(&layout(), "t", &key, &bytes).expect_err("later");
        assert!(error.to_string().contains("has format 4; this build reads formats up to 3"), "{error}");
    }
}
