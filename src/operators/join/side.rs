//! The rows of both inputs that a join instance keeps, by key.

use arrow_array::{Array, ArrayRef, UInt32Array};

use super::spec::JoinSpec;
use crate::api::{OperatorContext, StateRead};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::group_table::{GroupTable, NO_GROUP};
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::{NO_ROW, RowState, RowStore};
use crate::state::{StateChange, StateDescriptor};
use crate::types::{Batch, Result};

/// Names of the state of each input.
const NAMES: [&str; 2] = ["left_rows", "right_rows"];

/// The state of input `input`; `mark` is the number that stands beside each row.
pub(super) fn row_state(spec: &JoinSpec, input: usize, mark: Option<&'static str>) -> RowState {
    RowState { name: NAMES[input], schema: spec.inputs[input].clone(), keys: spec.keys[input].clone(), mark }
}

/// The states of both inputs, as the plan declares them.
pub(super) fn descriptors(spec: &JoinSpec, marks: [Option<&'static str>; 2]) -> Vec<StateDescriptor> {
    [0, 1].iter().map(|&input| row_state(spec, input, marks[input]).descriptor()).collect()
}

/// The rows of both inputs.
pub(super) struct Sides {
    pub(super) table: GroupTable,
    pub(super) stores: [RowStore; 2],
    keys: [Vec<usize>; 2],
    null_safe: Vec<bool>,
    hot_keys: HotKeys,
}

impl Sides {
    pub(super) fn new(spec: &JoinSpec, marks: [Option<&'static str>; 2], context: &OperatorContext) -> Result<Self> {
        let types: Vec<_> = spec.keys[0].iter().map(|&key| spec.inputs[0].fields()[key].ty.to_arrow()).collect();
        let mut table = GroupTable::new(&types, 0)?;
        let mut stores =
            [0, 1].map(|input| RowStore::new(row_state(spec, input, marks[input]), context.max_parallelism));
        if let Some(restored) = &context.restored {
            for store in &mut stores {
                store.restore(&**restored, &mut table)?;
            }
        }
        let (keys, null_safe) = (spec.keys.clone(), spec.null_safe.clone());
        Ok(Self { table, stores, keys, null_safe, hot_keys: HotKeys::default() })
    }

    /// The group of each row of `batch`; `NO_GROUP` where a key is null that equals nothing then.
    pub(super) fn groups(&mut self, input: usize, batch: &Batch) -> Result<Vec<u32>> {
        let keys: Vec<ArrayRef> = self.keys[input].iter().map(|&key| batch.column(key).clone()).collect();
        self.hot_keys.sample(&keys, batch.rows())?;
        let mut groups = Vec::new();
        self.table.intern(&keys, batch.rows(), &mut groups)?;
        let mut nulls = Vec::new();
        for (key, _) in keys.iter().zip(&self.null_safe).filter(|(_, null_safe)| !**null_safe) {
            let Some(valid) = key.logical_nulls().filter(|nulls| nulls.null_count() > 0) else { continue };
            for (_, group) in groups.iter_mut().enumerate().filter(|&(row, _)| valid.is_null(row)) {
                nulls.push(std::mem::replace(group, NO_GROUP));
            }
        }
        nulls.retain(|&group| group != NO_GROUP);
        self.free(nulls);
        Ok(groups)
    }

    /// Keeps those rows of `batch` for which `keep` is true; gives the number of each, `NO_ROW` for those that are not kept.
    pub(super) fn keep(
        &mut self,
        input: usize,
        batch: &Batch,
        groups: &[u32],
        keep: impl Fn(usize) -> bool,
    ) -> Result<Vec<u32>> {
        let rows: Vec<u32> = (0_u32..).take(batch.rows()).filter(|&row| keep(row as usize)).collect();
        let mut numbers = Vec::with_capacity(rows.len());
        if rows.len() == batch.rows() {
            self.stores[input].append(batch, groups, &mut numbers)?;
            return Ok(numbers);
        }
        let mut kept = vec![NO_ROW; batch.rows()];
        if !rows.is_empty() {
            let groups: Vec<u32> = rows.iter().map(|&row| groups[row as usize]).collect();
            let some = batch.take(&UInt32Array::from(rows.clone()))?;
            self.stores[input].append(&some, &groups, &mut numbers)?;
        }
        for (row, number) in rows.into_iter().zip(numbers) {
            kept[row as usize] = number;
        }
        Ok(kept)
    }

    /// Forgets those of `groups` that have no row.
    pub(super) fn free(&mut self, mut groups: Vec<u32>) {
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            if group != NO_GROUP && self.stores.iter().all(|store| store.is_empty(group)) {
                self.table.free(group);
            }
        }
    }

    /// Pushes what changed since the last snapshot.
    pub(super) fn changes(&mut self) -> Result<Vec<StateChange>> {
        let mut changes = Vec::new();
        for store in &mut self.stores {
            store.changes(&mut changes)?;
        }
        Ok(changes)
    }

    /// The view of it; the operator holds `more` bytes besides.
    pub(super) fn view(&mut self, more: usize) -> OperatorView {
        let bytes = more + self.table.bytes() + self.stores.iter().map(RowStore::bytes).sum::<usize>();
        let count = self.stores.iter().map(RowStore::len).sum::<usize>();
        let entries = EntriesView { count: count as u64, bytes: bytes as u64 };
        let sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        OperatorView { watermark: None, sections }
    }

    pub(super) fn read(&self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        let reads = self.stores.iter().map(|store| store.read(query));
        Ok(Some(reads.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect()))
    }
}
