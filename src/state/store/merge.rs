//! Several blocks as one: the latest entry of each key counts.

use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::SchemaRef;
use arrow_select::interleave::interleave;
use hashbrown::HashTable;

use super::block::{Block, Layout, batch};
use super::keys::{Encoded, Keys};
use crate::types::Result;
use crate::types::key_group::hash_bytes;

/// A row: which block, which row of it.
pub(super) type Pick = (usize, usize);

/// The rows of `blocks` (oldest first) that count: of the entries and of the removals, in order. Blocks below one that
/// drops are not looked at.
pub(super) struct Latest {
    pub(super) entries: Vec<Pick>,
    pub(super) removed: Vec<Pick>,
}

pub(super) fn latest(keys: &Keys, blocks: &[Block]) -> Result<Latest> {
    let first = blocks.iter().rposition(|block| block.drop).unwrap_or(0);
    let encoded = blocks[first..]
        .iter()
        .map(|block| Ok((keys.encode(block.entries.columns())?, keys.encode(block.removed.columns())?)))
        .collect::<Result<Vec<_>>>()?;
    let key_of = |&(removed, block, row): &(bool, usize, usize)| {
        let (entries, removals): &(Encoded, Encoded) = &encoded[block - first];
        if removed { removals.get(row) } else { entries.get(row) }
    };
    let rows: usize = blocks[first..].iter().map(|block| block.entries.num_rows()).sum();
    let mut seen: HashTable<(bool, usize, usize)> = HashTable::with_capacity(rows);
    let mut out = Latest { entries: Vec::with_capacity(rows), removed: Vec::new() };
    for (at, block) in blocks.iter().enumerate().skip(first).rev() {
        // The keys of the oldest block need not be remembered when they differ from each other.
        let remember = at > first || !block.distinct;
        for row in (0..block.entries.num_rows()).rev() {
            if first_time(&mut seen, (false, at, row), remember, key_of) {
                out.entries.push((at, row));
            }
        }
        for row in (0..block.removed.num_rows()).rev() {
            if first_time(&mut seen, (true, at, row), true, key_of) {
                out.removed.push((at, row));
            }
        }
    }
    out.entries.reverse();
    out.removed.reverse();
    Ok(out)
}

fn first_time<'k>(
    seen: &mut HashTable<(bool, usize, usize)>,
    row: (bool, usize, usize),
    remember: bool,
    key_of: impl Fn(&(bool, usize, usize)) -> &'k [u8],
) -> bool {
    let key = key_of(&row);
    let hash = hash_bytes(key);
    if seen.find(hash, |other| key_of(other) == key).is_some() {
        return false;
    }
    if remember {
        seen.insert_unique(hash, row, |other| hash_bytes(key_of(other)));
    }
    true
}

/// One block that means what `blocks` (oldest first) mean together. With `base`, nothing older exists: removals and
/// drops, having nothing left to act on, fall away.
pub(super) fn merge(layout: &Layout, keys: &Keys, blocks: &[Block], base: bool) -> Result<Block> {
    if let [only] = blocks
        && only.distinct
        && (!base || only.removed.num_rows() == 0)
    {
        return Ok(Block { drop: only.drop && !base, ..only.clone() });
    }
    let picked = latest(keys, blocks)?;
    let entries: Vec<&RecordBatch> = blocks.iter().map(|block| &block.entries).collect();
    let removed: Vec<&RecordBatch> = blocks.iter().map(|block| &block.removed).collect();
    Ok(Block {
        drop: !base && blocks.iter().any(|block| block.drop),
        distinct: true,
        entries: gather(&layout.entries, &entries, &picked.entries)?,
        removed: gather(&layout.keys, &removed, if base { &[] } else { &picked.removed })?,
    })
}

/// The picked rows as one batch.
pub(super) fn gather(schema: &SchemaRef, batches: &[&RecordBatch], picks: &[Pick]) -> Result<RecordBatch> {
    if picks.is_empty() {
        return Ok(RecordBatch::new_empty(schema.clone()));
    }
    let columns = (0..schema.fields().len())
        .map(|i| {
            let arrays: Vec<&dyn Array> = batches.iter().map(|batch| &**batch.column(i)).collect();
            interleave(&arrays, picks)
        })
        .collect::<Result<Vec<ArrayRef>, _>>()?;
    batch(schema, columns, picks.len())
}
