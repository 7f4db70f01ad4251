//! The keys whose row was given, and the `distinct` that gives the row of each key that comes first.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow_schema::DataType;

use super::spec::{Distinct, SEEN};
use crate::api::{Armed, Moment, Operator, OperatorContext, Output, StateRead, StateReader};
use crate::inspect::{EntriesView, OperatorView, Section, StateQuery};
use crate::operators::filter::project;
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::IdleGroups;
use crate::operators::rows::{Entries, keyed_rows};
use crate::state::{StateChange, StateDelta};
use crate::types::floats::canonical_column;
use crate::types::{Batch, CheckpointId, Clock, Error, Result};

/// The groups of a table that were given.
pub(super) struct Seen {
    plan: Distinct,
    max_parallelism: u16,
    given: Vec<bool>,
    count: usize,
    /// The groups that stored state does not know, or knows an older time of.
    dirty: Vec<u32>,
    is_dirty: Vec<bool>,
    /// The keys that stored state still has.
    removed: Vec<Vec<ArrayRef>>,
    pub(super) idle: Option<IdleGroups>,
}

impl Seen {
    /// Those that were stored; their keys become groups of `table`.
    pub(super) fn new(plan: &Distinct, context: &OperatorContext, table: &mut GroupTable) -> Result<Self> {
        let mut this = Self {
            plan: plan.clone(),
            max_parallelism: context.max_parallelism,
            given: Vec::new(),
            count: 0,
            dirty: Vec::new(),
            is_dirty: Vec::new(),
            removed: Vec::new(),
            idle: plan.ttl_ms.map(IdleGroups::new),
        };
        let Some(restored) = &context.restored else { return Ok(this) };
        for (_, rows) in restored.keyed(&plan.seen())? {
            let keys = plan.on.len();
            let mut groups = Vec::new();
            table.intern(&rows.columns()[..keys], rows.num_rows(), &mut groups)?;
            this.make_room(table);
            for &group in &groups {
                this.given[group as usize] = true;
                this.count += 1;
            }
            if let Some(idle) = &mut this.idle {
                let written = rows.column(keys).as_primitive_opt::<Int64Type>();
                let written = written.ok_or_else(|| Error::state("the time of a key is no bigint"))?;
                groups.iter().zip(written.values()).for_each(|(&group, &at_ms)| idle.touch(group, at_ms));
            }
        }
        Ok(this)
    }

    pub(super) fn make_room(&mut self, table: &GroupTable) {
        if self.given.len() < table.numbers() {
            self.given.resize(table.numbers(), false);
            self.is_dirty.resize(table.numbers(), false);
        }
    }

    pub(super) fn has(&self, group: u32) -> bool {
        self.given[group as usize]
    }

    /// Notes that the row of `group` was given; whether it had not been.
    pub(super) fn give(&mut self, group: u32, now_ms: i64) -> bool {
        if std::mem::replace(&mut self.given[group as usize], true) {
            return false;
        }
        self.count += 1;
        if let Some(idle) = &mut self.idle {
            idle.touch(group, now_ms);
        }
        if !std::mem::replace(&mut self.is_dirty[group as usize], true) {
            self.dirty.push(group);
        }
        true
    }

    /// Forgets groups of `table`.
    pub(super) fn forget(&mut self, groups: &[u32], table: &mut GroupTable) -> Result<()> {
        if !groups.is_empty() {
            // Some may not have been stored; that they are gone is true all the same.
            self.removed.push(table.keys(groups)?);
        }
        for &group in groups {
            if std::mem::take(&mut self.given[group as usize]) {
                self.count -= 1;
            }
            table.free(group);
        }
        Ok(())
    }

    /// Pushes the changes since the last snapshot.
    pub(super) fn changes(&mut self, table: &GroupTable, changes: &mut Vec<StateChange>) -> Result<()> {
        let schema = self.plan.seen().schema;
        let key_schema = schema.project(&(0..self.plan.on.len()).collect::<Vec<_>>());
        for keys in std::mem::take(&mut self.removed) {
            let rows = keys.first().map_or(1, Array::len);
            let rows = keyed_rows(&key_schema, Entries { keys, values: Vec::new(), rows }, self.max_parallelism)?;
            changes.push(StateChange::Remove { state: SEEN, namespace: 0, rows });
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        for &group in &dirty {
            self.is_dirty[group as usize] = false;
        }
        dirty.retain(|&group| self.given[group as usize]);
        if !dirty.is_empty() {
            let entries = Entries { keys: table.keys(&dirty)?, values: self.values(&dirty), rows: dirty.len() };
            let rows = keyed_rows(&schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Upsert { state: SEEN, namespace: 0, rows });
        }
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Vec<ArrayRef> {
        let times =
            self.idle.as_ref().map(|idle| groups.iter().map(|&group| idle.written(group)).collect::<Int64Array>());
        times.into_iter().map(|times| Arc::new(times) as ArrayRef).collect()
    }

    pub(super) fn read(&self, query: &StateQuery, table: &GroupTable) -> Result<Option<StateRead>> {
        let Some(mut reader) = StateReader::new(query, self.plan.seen(), self.max_parallelism)? else {
            return Ok(None);
        };
        let mut groups = table.groups();
        groups.retain(|&group| self.given[group as usize]);
        let mut values =
            |rows: &[u32]| Ok(self.values(&rows.iter().map(|&row| groups[row as usize]).collect::<Vec<_>>()));
        reader.add(0, &table.keys(&groups)?, groups.len(), table.bytes() as u64, &mut values)?;
        Ok(Some(reader.finish()))
    }

    pub(super) const fn count(&self) -> usize {
        self.count
    }

    pub(super) fn bytes(&self) -> usize {
        self.given.capacity() * 2 + self.dirty.capacity() * 4 + self.idle.as_ref().map_or(0, IdleGroups::bytes)
    }
}

/// The keys of a batch, with one pattern for every NaN.
pub(super) fn keys_of(plan: &Distinct, batch: &Batch) -> Vec<ArrayRef> {
    plan.on.iter().map(|&key| canonical_column(batch.column(key))).collect()
}

/// A table for the keys of `plan`.
pub(super) fn table_of(plan: &Distinct) -> Result<GroupTable> {
    let types: Vec<DataType> = plan.on.iter().map(|&key| plan.input.fields()[key].ty.to_arrow()).collect();
    GroupTable::new(&types, 0)
}

/// The running `distinct` that gives the row of each key that comes first.
pub(super) struct FirstByArrival {
    plan: Distinct,
    table: GroupTable,
    seen: Seen,
    groups: Vec<u32>,
    hot_keys: HotKeys,
    clock: Arc<dyn Clock>,
}

impl FirstByArrival {
    pub(super) fn new(plan: &Distinct, context: &OperatorContext) -> Result<Self> {
        let mut table = table_of(plan)?;
        let seen = Seen::new(plan, context, &mut table)?;
        let processing_time_ms = seen.idle.as_ref().and_then(IdleGroups::next_ms);
        context.armed.set(Armed { processing_time_ms, ..Armed::NOTHING });
        let (groups, hot_keys) = (Vec::new(), HotKeys::default());
        Ok(Self { plan: plan.clone(), table, seen, groups, hot_keys, clock: Arc::clone(&context.clock) })
    }

    fn expire(&mut self, now_ms: i64, out: &mut dyn Output) -> Result<()> {
        let Some(idle) = &mut self.seen.idle else { return Ok(()) };
        let due = idle.take_due(now_ms);
        let processing_time_ms = idle.next_ms();
        self.seen.forget(&due, &mut self.table)?;
        out.arm(Armed { processing_time_ms, ..Armed::NOTHING });
        Ok(())
    }
}

impl Operator for FirstByArrival {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let now_ms = self.clock.now_ms();
        self.expire(now_ms, out)?;
        let keys = keys_of(&self.plan, &batch);
        self.hot_keys.sample(&keys, batch.rows())?;
        self.table.intern(&keys, batch.rows(), &mut self.groups)?;
        self.seen.make_room(&self.table);
        let first: BooleanArray = self.groups.iter().map(|&group| Some(self.seen.give(group, now_ms))).collect();
        if let Some(idle) = &self.seen.idle {
            out.arm(Armed { processing_time_ms: idle.next_ms(), ..Armed::NOTHING });
        }
        let batch = project(batch, Some(&self.plan.columns), &self.plan.output)?.filter(&first)?;
        if batch.is_empty() { Ok(()) } else { out.batch(batch) }
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.expire(now.now_ms, out)
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut changes = Vec::new();
        self.seen.changes(&self.table, &mut changes)?;
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let bytes = self.table.bytes() + self.seen.bytes();
        let entries = EntriesView { count: self.seen.count() as u64, bytes: bytes as u64 };
        let sections = vec![Section::Entries(entries), Section::HotKeys(self.hot_keys.view())];
        OperatorView { watermark: None, sections }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.seen.read(query, &self.table)?.into_iter().collect()))
    }
}
