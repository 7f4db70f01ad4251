//! Checkpoints forgotten, and blocks merged once no retained checkpoint tells them apart.
//!
//! What all retained checkpoints have in common is the lineage of their last common ancestor; whatever a later
//! checkpoint builds on contains it. Blocks of that lineage may be merged with each other, under the id of the newest of
//! them. Blocks of no retained lineage are dead and deleted. Everything else stays as it is.

use std::collections::{BTreeMap, BTreeSet};

use redb::{ReadableTable, Table, WriteTransaction};

use super::block::{Block, drops, says_nothing_more};
use super::database::{StateStore, Work};
use super::key::{BlockKey, Group, parse};
use super::lineage::Lineage;
use super::merge::merge;
use super::record::{CheckpointRecord, PurgeRecord, from_json};
use super::stored_state::StoredState;
use super::tables::{CHECKPOINTS, ENTRIES, MANIFESTS, PURGES, SIZES, SWEEP, db, records};
use crate::types::{CheckpointId, Result};

/// Blocks of one group that a reader may have to put together before they are merged.
const MAX_BLOCKS: usize = 8;
/// Bytes that one call may read and write to merge, if the commits since the call before did not bring more.
const MERGE_BYTES: u64 = 4 << 20;
/// Groups that one call looks at.
const MAX_GROUPS: usize = 8_192;
/// Blocks that one call looks at in search of dead ones.
const SWEEP_BLOCKS: usize = 8_192;

/// The needs of the retained checkpoints.
struct View {
    lineages: Vec<Lineage>,
    common: Lineage,
    /// Since when each state counts in any of them; a state that none has is missing.
    floors: BTreeMap<u32, u64>,
    /// The number of retained checkpoints that have each state.
    holders: BTreeMap<u32, usize>,
}

impl View {
    fn new(kept: &[(u64, CheckpointRecord)]) -> Self {
        let lineages: Vec<Lineage> = kept.iter().map(|(_, record)| record.lineage.clone()).collect();
        let common = lineages.iter().skip(1).fold(lineages.first().cloned().unwrap_or_default(), |a, b| a.intersect(b));
        let mut holders = BTreeMap::new();
        for state in kept.iter().flat_map(|(_, record)| &record.states) {
            *holders.entry(state.schema).or_default() += 1;
        }
        Self { lineages, common, floors: floors(kept), holders }
    }

    /// Whether every retained checkpoint has the state, so that what it loses all of them lose.
    fn all_have(&self, schema: u32) -> bool {
        self.holders.get(&schema) == Some(&self.lineages.len())
    }

    fn needs(&self, schema: u32, id: u64) -> bool {
        self.floors.get(&schema).is_some_and(|floor| id >= *floor)
            && self.lineages.iter().any(|lineage| lineage.contains(id))
    }
}

fn floors(records: &[(u64, CheckpointRecord)]) -> BTreeMap<u32, u64> {
    let mut floors = BTreeMap::new();
    for state in records.iter().flat_map(|(_, record)| &record.states) {
        let floor = floors.entry(state.schema).or_insert(state.since);
        *floor = state.since.min(*floor);
    }
    floors
}

impl StateStore {
    /// Forgets every checkpoint that is not in `keep` and merges blocks that only those needed.
    ///
    /// One call does a bounded piece of the merging (in proportion to what was committed since the one before); calling
    /// it after every checkpoint keeps up. It is a transaction of its own: call it off the path of the next checkpoint.
    ///
    /// # Errors
    /// When a block to be merged is damaged or the file can't be written. Nothing has changed then.
    pub fn retain(&self, keep: &[CheckpointId]) -> Result<()> {
        let mut work = std::mem::take(&mut *self.work());
        let result = self.try_retain(keep, &mut work);
        let mut newer = self.work();
        newer.touched.append(&mut work.touched);
        if result.is_err() {
            newer.bytes += work.bytes;
        }
        result.map_err(|error| self.named(error))
    }

    fn try_retain(&self, keep: &[CheckpointId], work: &mut Work) -> Result<()> {
        self.check_place()?;
        let transaction = self.begin_write()?;
        let all = records(&transaction.open_table(CHECKPOINTS).map_err(db)?)?;
        let before = floors(&all);
        let (kept, expired): (Vec<_>, Vec<_>) = all.into_iter().partition(|(id, _)| keep.contains(&CheckpointId(*id)));
        let view = View::new(&kept);
        self.forget(&transaction, &expired, &view, &before)?;
        let mut merger = Merger {
            view: &view,
            budget: MERGE_BYTES.max(work.bytes.saturating_mul(2)),
            saved: 0,
            changed: !expired.is_empty(),
            scratch: Vec::new(),
        };
        self.purge(&transaction, &mut merger)?;
        let mut left = self.merge_touched(&transaction, &mut merger, &work.touched)?;
        self.sweep(&transaction, &mut merger)?;
        if !merger.changed {
            transaction.abort().map_err(db)?;
            work.touched = left;
            return Ok(());
        }
        {
            let mut sizes = transaction.open_table(SIZES).map_err(db)?;
            for (id, _) in &kept {
                let bytes = sizes.get(id).map_err(db)?.map_or(0, |bytes| bytes.value());
                sizes.insert(id, bytes.saturating_sub(merger.saved)).map_err(db)?;
            }
        }
        transaction.commit().map_err(db)?;
        std::mem::swap(&mut work.touched, &mut left);
        Ok(())
    }

    /// Removes what is stored of `expired` beside blocks, and arranges for their blocks to go.
    fn forget(
        &self,
        transaction: &WriteTransaction,
        expired: &[(u64, CheckpointRecord)],
        view: &View,
        before: &BTreeMap<u32, u64>,
    ) -> Result<()> {
        for (id, _) in expired {
            transaction.open_table(CHECKPOINTS).map_err(db)?.remove(id).map_err(db)?;
            transaction.open_table(MANIFESTS).map_err(db)?.remove(id).map_err(db)?;
            transaction.open_table(SIZES).map_err(db)?.remove(id).map_err(db)?;
            let mut entries = transaction.open_table(ENTRIES).map_err(db)?;
            entries.retain_in((*id, "")..(id.saturating_add(1), ""), |_, _| false).map_err(db)?;
        }
        // A state that no retained checkpoint has goes as a whole.
        for schema in before.keys().filter(|schema| !view.floors.contains_key(schema)) {
            transaction.delete_table(self.schema(*schema)?.blocks()).map_err(db)?;
        }
        let raised = view.floors.iter().any(|(schema, floor)| before.get(schema) != Some(floor));
        let orphaned = expired.iter().any(|(_, record)| {
            let left = view.lineages.iter().fold(record.lineage.clone(), |left, kept| left.without(kept));
            !left.is_empty()
        });
        if raised || orphaned {
            transaction.open_table(SWEEP).map_err(db)?.insert(0, (0, &[0; 18])).map_err(db)?;
        }
        Ok(())
    }

    /// Deletes the blocks of namespaces that every retained checkpoint has dropped.
    fn purge(&self, transaction: &WriteTransaction, merger: &mut Merger<'_>) -> Result<()> {
        let Some(last) = merger.view.common.last() else {
            return Ok(());
        };
        let mut table = transaction.open_table(PURGES).map_err(db)?;
        let mut due = Vec::new();
        for row in table.range(..=(last, u32::MAX)).map_err(db)?.take(MAX_GROUPS) {
            let (key, value) = row.map_err(db)?;
            due.push((key.value(), from_json::<PurgeRecord>("a dropped namespace", value.value())?));
        }
        for (key, record) in due {
            if merger.budget == 0 {
                break;
            }
            if merger.view.common.contains(key.0) && merger.view.floors.contains_key(&record.schema) {
                let state = self.schema(record.schema)?;
                let mut blocks = transaction.open_table(state.blocks()).map_err(db)?;
                for key_group in record.first..record.end {
                    merger.group(&state, &mut blocks, Group { key_group, namespace: record.namespace })?;
                }
            }
            table.remove(key).map_err(db)?;
            merger.changed = true;
        }
        Ok(())
    }

    /// Merges where blocks were added; returns where that is still to be done.
    fn merge_touched(
        &self,
        transaction: &WriteTransaction,
        merger: &mut Merger<'_>,
        touched: &BTreeSet<(u32, Group)>,
    ) -> Result<BTreeSet<(u32, Group)>> {
        let mut groups = touched.iter().copied().take(MAX_GROUPS).peekable();
        let mut looked_at = 0;
        while let Some(&(schema, _)) = groups.peek() {
            let state = self.schema(schema)?;
            let needed = merger.view.floors.contains_key(&schema);
            let mut blocks = if needed { Some(transaction.open_table(state.blocks()).map_err(db)?) } else { None };
            while let Some((_, group)) = groups.next_if(|(next, _)| *next == schema) {
                if merger.budget == 0 {
                    return Ok(touched.iter().copied().skip(looked_at).collect());
                }
                if let Some(blocks) = &mut blocks {
                    merger.group(&state, blocks, group)?;
                }
                looked_at += 1;
            }
        }
        Ok(touched.iter().copied().skip(looked_at).collect())
    }

    /// Goes on with the search for dead blocks, if one is under way.
    fn sweep(&self, transaction: &WriteTransaction, merger: &mut Merger<'_>) -> Result<()> {
        let mut cursor = transaction.open_table(SWEEP).map_err(db)?;
        let Some((mut schema, mut from)) = cursor.get(0).map_err(db)?.map(|row| (row.value().0, *row.value().1)) else {
            return Ok(());
        };
        merger.changed = true;
        let mut left = SWEEP_BLOCKS;
        while left > 0 {
            let Some(number) = merger.view.floors.range(schema..).next().map(|(number, _)| *number) else {
                cursor.remove(0).map_err(db)?;
                return Ok(());
            };
            if number > schema {
                from = [0; 18];
            }
            let mut blocks = transaction.open_table(self.schema(number)?.blocks()).map_err(db)?;
            let (mut dead, mut last, mut bytes) = (Vec::new(), None, 0);
            for row in blocks.range::<&BlockKey>(&from..).map_err(db)?.take(left) {
                let (key, value) = row.map_err(db)?;
                let (_, id) = parse(key.value());
                last = Some(*key.value());
                if !merger.view.needs(number, id) {
                    dead.push(*key.value());
                    if merger.view.common.contains(id) && merger.view.all_have(number) {
                        bytes += (key.value().len() + value.value().len()) as u64;
                    }
                }
                left -= 1;
            }
            for key in &dead {
                blocks.remove(key).map_err(db)?;
            }
            merger.saved += bytes;
            match last {
                // The whole key is looked at again: cheaper than its successor is to get right.
                Some(last) if left == 0 => (schema, from) = (number, last),
                _ => (schema, from) = (number + 1, [0; 18]),
            }
        }
        cursor.insert(0, (schema, &from)).map_err(db)?;
        Ok(())
    }
}

/// Merges blocks, as long as its budget lasts.
struct Merger<'a> {
    view: &'a View,
    /// Bytes it may still read and write.
    budget: u64,
    /// Bytes that every retained checkpoint has become smaller by.
    saved: u64,
    changed: bool,
    scratch: Vec<u8>,
}

/// A block that is not read yet.
struct Stored {
    key: BlockKey,
    bytes: usize,
    drops: bool,
    nothing_more: bool,
}

type Blocks<'t> = Table<'t, &'static BlockKey, &'static [u8]>;

impl Merger<'_> {
    /// Deletes what is dead in `group` and merges what has outgrown its base.
    fn group(&mut self, state: &StoredState, table: &mut Blocks<'_>, group: Group) -> Result<()> {
        let (mut common, mut dead) = (Vec::new(), Vec::new());
        for row in table.range::<&BlockKey>(&group.block(0)..=&group.block(u64::MAX)).map_err(db)? {
            let (key, value) = row.map_err(db)?;
            let (key, value) = (*key.value(), value.value());
            let (_, id) = parse(&key);
            if !self.view.needs(state.number, id) {
                dead.push(key);
            } else if self.view.common.contains(id) {
                let (drops, nothing_more) = (drops(value), says_nothing_more(value));
                common.push(Stored { key, bytes: key.len() + value.len(), drops, nothing_more });
            }
        }
        for key in &dead {
            table.remove(key).map_err(db)?;
            self.changed = true;
        }
        let dropped = common.iter().rposition(|block| block.drops);
        let sizes: Vec<usize> = common.iter().map(|block| block.bytes).collect();
        let Some(start) = (if dropped.is_some() { Some(0) } else { choose(&sizes) }) else {
            return Ok(());
        };
        let read = &common[dropped.unwrap_or(start)..];
        let merged = match read {
            // By far the most frequent drop: a window that fired. It is read all the same, to be sure of its checksum.
            [only] if only.nothing_more => decode(state, table, &only.key)?.map(|_| state.layout.empty()),
            _ => {
                let blocks = read.iter().map(|block| decode(state, table, &block.key));
                let blocks = blocks.collect::<Result<Option<Vec<_>>>>()?;
                blocks.map(|blocks| merge(&state.layout, &state.keys, &blocks, start == 0)).transpose()?
            }
        };
        let (Some(merged), Some(newest)) = (merged, read.last()) else {
            return Ok(());
        };
        let mut bytes: usize = sizes[start..].iter().sum();
        self.spend(bytes);
        for block in &common[start..] {
            table.remove(&block.key).map_err(db)?;
        }
        if !merged.is_empty() {
            merged.encode(&state.table, &newest.key, &mut self.scratch)?;
            table.insert(&newest.key, self.scratch.as_slice()).map_err(db)?;
            self.spend(self.scratch.len());
            bytes = bytes.saturating_sub(newest.key.len() + self.scratch.len());
        }
        if self.view.all_have(state.number) {
            self.saved += bytes as u64;
        }
        self.changed = true;
        Ok(())
    }

    fn spend(&mut self, bytes: usize) {
        self.budget = self.budget.saturating_sub(bytes as u64);
    }
}

fn decode(state: &StoredState, table: &Blocks<'_>, key: &BlockKey) -> Result<Option<Block>> {
    let value = table.get(key).map_err(db)?;
    value.map(|value| Block::decode(&state.layout, &state.table, key, value.value())).transpose()
}

/// From which block on (oldest first) they are to be merged into one: the newest ones, and each older one that is at most
/// twice as large as all newer together. So a large base is rewritten only when as much has been added to it, and the
/// cost of merging stays in proportion to what changed (the log-structured merge of O'Neil et al., 1996).
fn choose(sizes: &[usize]) -> Option<usize> {
    let (base, newer) = sizes.split_first()?;
    if newer.len() < MAX_BLOCKS && newer.iter().sum::<usize>() <= base.saturating_mul(2) {
        return None;
    }
    let mut start = sizes.len() - 1;
    let mut bytes = sizes[start];
    while start > 0 && sizes[start - 1] <= bytes.saturating_mul(2) {
        start -= 1;
        bytes += sizes[start];
    }
    (start + 2 <= sizes.len()).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::choose;

    #[test]
    fn small_deltas_are_merged_with_each_other_not_with_a_large_base() {
        assert_eq!(choose(&[]), None);
        assert_eq!(choose(&[100]), None);
        assert_eq!(choose(&[100, 90, 90]), None);
        assert_eq!(choose(&[100, 90, 90, 90]), Some(0));
        assert_eq!(choose(&[10_000, 9, 9, 9, 9, 9, 9, 9, 9]), Some(1));
        assert_eq!(choose(&[10_000, 72, 9, 9, 9]), None);
    }

    /// The point of the policy: what is rewritten stays within a few times what was added, for a base of any size.
    #[test]
    fn the_cost_of_merging_follows_what_changed() {
        for base in [1_000, 1_000_000] {
            let (mut sizes, mut rewritten, mut most) = (vec![base], 0, 0);
            for _ in 0..2_000 {
                sizes.push(100);
                if let Some(start) = choose(&sizes) {
                    let merged: usize = sizes.drain(start..).sum();
                    rewritten += merged;
                    sizes.push(merged);
                }
                most = most.max(sizes.len());
            }
            assert!(most <= 16, "{most} blocks");
            assert!(rewritten <= 2_000 * 100 * 12, "{rewritten} bytes rewritten for {}", 2_000 * 100);
        }
    }
}
