//! The running un-windowed aggregate.
//!
//! A batch is done column by column: first what each row emits, then for each aggregate the values before and after
//! each row, then the keys.

mod cold;
mod view;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow_buffer::{BooleanBuffer, ScalarBuffer};
use arrow_ord::cmp::not_distinct;
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;
use arrow_select::take::take;

use super::spec::{ACCUMULATORS, Column, GroupAggregate};
use crate::api::{Armed, Moment, Operator, OperatorContext, Output, StateRead};
use crate::expr::aggregate::{Accumulator, Running, RunningEmit};
use crate::inspect::{OperatorView, StateQuery};
use crate::operators::aggregates::{Aggregates, Evaluated, StatePlace, state_places};
use crate::operators::flags::Flags;
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::keyed::{Cold, IdleGroups};
use crate::operators::rows::{Entries, keyed_rows};
use crate::state::{StateChange, StateDelta};
use crate::types::{Batch, CheckpointId, Clock, Error, Result, RowKind};

pub(super) struct GroupAggregateOperator {
    plan: GroupAggregate,
    aggregates: Aggregates,
    table: GroupTable,
    /// The accumulators of each call.
    accumulators: Vec<Box<dyn Accumulator>>,
    /// The place of each call's state.
    places: Vec<StatePlace>,
    /// Rows in each group; kept only where rows are taken back, to know when a group is empty.
    rows: Vec<i64>,
    /// The groups that changed since the last snapshot.
    dirty: Flags,
    /// The groups that stored state has an entry of; kept only where groups can go.
    stored: Flags,
    /// Whether a row always changes some column, so that old and new need no comparison.
    always_changes: bool,
    /// When groups were last written, which of them there are, and the keys of those that expired since the last snapshot;
    /// kept only where they do, or leave memory.
    idle: Option<IdleGroups>,
    live: Flags,
    expired: Vec<(Vec<ArrayRef>, usize)>,
    /// Which groups are in memory; kept only where that is bounded.
    cold: Option<Cold>,
    hot_keys: HotKeys,
    groups: Vec<u32>,
    emits: Vec<RunningEmit>,
    place: String,
    max_parallelism: u16,
    clock: Arc<dyn Clock>,
}

impl GroupAggregateOperator {
    pub(super) fn new(plan: &GroupAggregate, context: &OperatorContext) -> Result<Self> {
        let aggregates = Aggregates::new(&plan.calls, &plan.keys, plan.changelog_input);
        let types: Vec<DataType> = plan.keys.iter().map(|&key| plan.input.fields()[key].ty.to_arrow()).collect();
        let mut this = Self {
            accumulators: aggregates.accumulators()?,
            places: state_places(&plan.calls, plan.changelog_input),
            aggregates,
            table: GroupTable::new(&types, 0)?,
            rows: Vec::new(),
            dirty: Flags::default(),
            stored: Flags::default(),
            always_changes: plan.calls.iter().any(crate::expr::aggregate::AggregateCall::always_changes),
            idle: plan.ttl_ms.map(IdleGroups::new),
            live: Flags::default(),
            expired: Vec::new(),
            cold: None,
            hot_keys: HotKeys::default(),
            groups: Vec::new(),
            emits: Vec::new(),
            place: context.place(),
            max_parallelism: context.max_parallelism,
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        if let Some(memory) = context.memory.as_ref().filter(|_| !plan.keys.is_empty()) {
            this.cold = Some(this.within(memory)?);
        }
        if let Some(restored) = &context.restored {
            restored.scan(&plan.descriptor(), &mut |_, rows| this.restore(&rows))?;
            context.armed.set(Armed { processing_time_ms: this.next_ms(), ..Armed::NOTHING });
        }
        Ok(this)
    }

    /// The accumulators whose state is stored.
    fn owners(&self) -> impl Iterator<Item = &dyn Accumulator> {
        let accumulators = self.accumulators.iter().zip(&self.places);
        accumulators.filter(|(_, place)| place.owned).map(|(accumulator, _)| accumulator.as_ref())
    }

    /// The value columns of the entries of these groups.
    fn values(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let mut values: Vec<ArrayRef> = Vec::new();
        if self.plan.changelog_input {
            let counts = groups.iter().map(|&group| self.rows[group as usize]);
            values.push(Arc::new(Int64Array::from_iter_values(counts)));
        }
        for accumulator in self.owners() {
            values.extend(accumulator.state(groups)?);
        }
        values.extend(self.written(groups));
        Ok(values)
    }

    /// The column of when groups were written, where there is one.
    fn written(&self, groups: &[u32]) -> Option<ArrayRef> {
        let idle = self.idle.as_ref()?;
        Some(Arc::new(groups.iter().map(|&group| idle.written(group)).collect::<Int64Array>()))
    }

    /// Makes room for the groups there are, and for `more` if they are to be kept within memory.
    fn make_room(&mut self, more: usize) {
        let groups = self.room(more);
        for accumulator in &mut self.accumulators {
            accumulator.resize(groups);
        }
        self.dirty.resize(groups);
        if self.numbers_return() {
            self.live.resize(groups);
        }
        if let Some(idle) = &mut self.idle {
            idle.resize(groups);
        }
        if self.plan.changelog_input && self.rows.len() < groups {
            self.rows.resize(groups, 0);
            self.stored.resize(groups);
        }
    }

    /// Whether numbers of groups are used again while rows are only added.
    const fn numbers_return(&self) -> bool {
        self.idle.is_some() || self.cold.is_some()
    }

    fn restore(&mut self, rows: &RecordBatch) -> Result<()> {
        if self.cold.is_some() {
            return self.restore_cold(rows);
        }
        let mut groups = Vec::new();
        let keys = self.plan.keys.len();
        self.table.intern(&rows.columns()[..keys], rows.num_rows(), &mut groups)?;
        self.make_room(0);
        self.fill(&groups, rows.columns())
    }

    /// Gives new groups the values of their entries.
    fn fill(&mut self, groups: &[u32], columns: &[ArrayRef]) -> Result<()> {
        let mut at = self.plan.keys.len();
        if self.plan.changelog_input {
            let counts = columns[at].as_primitive_opt::<Int64Type>();
            let counts = counts.ok_or_else(|| Error::state("a stored row count is no bigint"))?;
            for (&group, &count) in groups.iter().zip(counts.values()) {
                self.rows[group as usize] = count;
                self.stored.set(group);
            }
            at += 1;
        }
        let states = &columns[at..];
        for (accumulator, place) in self.accumulators.iter_mut().zip(&self.places) {
            accumulator.merge(groups, &states[place.columns.clone()])?;
        }
        if let Some(idle) = &mut self.idle {
            let written = states.last().and_then(|written| written.as_primitive_opt::<Int64Type>());
            let written = written.ok_or_else(|| Error::state("the time of a stored group is no bigint"))?;
            for (&group, &at_ms) in groups.iter().zip(written.values()) {
                idle.touch(group, at_ms);
            }
        }
        if self.numbers_return() {
            self.live.set_all(groups);
        }
        Ok(())
    }

    /// The same where numbers are used again.
    fn emits_of_live(&mut self) -> usize {
        self.emits.clear();
        let live = &mut self.live;
        self.emits.extend(self.groups.iter().map(|&group| {
            let known = live.is_set(group);
            live.set(group);
            if known { RunningEmit::BOTH } else { RunningEmit::AFTER }
        }));
        self.emits.iter().map(|emit| emit.count()).sum()
    }

    /// Notes that the groups of the batch were written.
    fn touch(&mut self, now_ms: i64) {
        let Some(idle) = &mut self.idle else { return };
        for &group in &self.groups {
            if self.plan.changelog_input && self.rows[group as usize] == 0 {
                idle.remove(group);
            } else {
                idle.touch(group, now_ms);
            }
        }
    }

    /// Forgets the groups that nobody has written for too long; without a word, as in Flink.
    fn expire(&mut self, now_ms: i64, out: &mut dyn Output) -> Result<()> {
        let Some(idle) = &mut self.idle else { return Ok(()) };
        let due = idle.take_due(now_ms);
        if !due.is_empty() {
            self.expired.push((self.table.keys(&due)?, due.len()));
            for group in due {
                self.forget(group);
            }
        }
        self.sweep(now_ms)?;
        out.arm(Armed { processing_time_ms: self.next_ms(), ..Armed::NOTHING });
        Ok(())
    }

    /// The values that each row emits, where rows are only added: a row whose group is new is its first.
    fn emits_of_inserts(&mut self, known: usize) -> usize {
        let mut known = u32::try_from(known).unwrap_or(u32::MAX);
        let first = known;
        self.emits.clear();
        self.emits.extend(self.groups.iter().map(|&group| {
            let fresh = group == known;
            known += u32::from(fresh);
            if fresh { RunningEmit::AFTER } else { RunningEmit::BOTH }
        }));
        2 * self.groups.len() - (known - first) as usize
    }

    /// The same where rows are taken back too.
    fn emits_of_changes(&mut self, adds: &[bool]) -> usize {
        self.emits.clear();
        let mut emitted = 0;
        for (&group, &adds) in self.groups.iter().zip(adds) {
            let rows = &mut self.rows[group as usize];
            let emit = match (adds, *rows) {
                (true, 0) => RunningEmit::AFTER,
                // What was never there can't be taken back, as in Flink.
                (false, 0) => RunningEmit::SKIP,
                (false, 1) => RunningEmit::BEFORE,
                _ => RunningEmit::BOTH,
            };
            if emit != RunningEmit::SKIP {
                *rows += if adds { 1 } else { -1 };
            }
            emitted += emit.count();
            self.emits.push(emit);
        }
        emitted
    }

    fn emit(&mut self, batch: &Batch, input: &Evaluated, emitted: usize, adds: Option<&[bool]>) -> Result<Batch> {
        let running = Running { groups: &self.groups, emits: &self.emits, emitted, adds };
        let mut results = Vec::with_capacity(self.accumulators.len());
        for ((accumulator, args), keep) in self.accumulators.iter_mut().zip(&input.args).zip(&input.keep) {
            results.push(accumulator.update_running(&running, args, keep.as_ref())?);
        }
        let mut rows = vec![0_u32; emitted + 1];
        let mut kinds = vec![0_i8; emitted + 1];
        let mut at = 0;
        for (row, &emit) in (0_u32..).zip(&self.emits) {
            rows[at] = row;
            kinds[at] = if emit.has_after() { RowKind::UpdateBefore } else { RowKind::Delete } as i8;
            at += usize::from(emit.has_before());
            rows[at] = row;
            kinds[at] = if emit.has_before() { RowKind::UpdateAfter } else { RowKind::Insert } as i8;
            at += usize::from(emit.has_after());
        }
        rows.truncate(emitted);
        kinds.truncate(emitted);
        let times: ScalarBuffer<i64> = rows.iter().map(|&row| batch.times()[row as usize]).collect();
        let rows = UInt32Array::from(rows);
        let column = |column: &Column| -> Result<ArrayRef> {
            Ok(match *column {
                Column::Key(key) => take(&input.keys[key], &rows, None)?,
                Column::Call(call) => results[call].clone(),
            })
        };
        let columns: Vec<ArrayRef> = self.plan.columns.iter().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(emitted));
        let columns = RecordBatch::try_new_with_options(self.plan.output.arrow().clone(), columns, &options)?;
        let mut keep = (!self.always_changes).then(|| unchanged_pairs(&kinds, &results)).transpose()?;
        if !self.plan.update_before {
            let after = |row: usize| kinds[row] != RowKind::UpdateBefore as i8;
            let changed = |row: usize| keep.as_ref().is_none_or(|keep| keep.value(row));
            keep = Some((0..emitted).map(|row| Some(after(row) && changed(row))).collect());
        }
        let emitted = Batch::new(columns, times).with_kinds(Some(kinds.into()));
        Ok(match keep {
            Some(keep) => emitted.filter(&keep)?,
            None => emitted,
        })
    }

    /// Frees the groups of the batch that are empty and of which nothing is stored; those that are stored go with the
    /// next snapshot, which removes their entries.
    fn free_emptied(&mut self) {
        for &group in &self.groups {
            let filed = self.cold.as_ref().is_some_and(|cold| cold.is_filed(group));
            if self.rows[group as usize] == 0 && !self.stored.is_set(group) && !filed && self.dirty.is_set(group) {
                self.dirty.clear(group);
                self.table.free(group);
                if let Some(cold) = &mut self.cold {
                    cold.forget(group);
                }
            }
        }
    }
}

/// The rows to emit: not those of an update whose old and new results are equal.
pub(in crate::operators) fn unchanged_pairs(kinds: &[i8], results: &[ArrayRef]) -> Result<BooleanArray> {
    let rows = kinds.len();
    let Some(pairs) = rows.checked_sub(1) else { return Ok(BooleanArray::from(Vec::<bool>::new())) };
    // Whether row i equals row i + 1.
    let mut same = BooleanBuffer::new_set(pairs);
    for result in results {
        same = &same & &equal_pairs(result, pairs)?;
    }
    let before = RowKind::UpdateBefore as i8;
    let mut keep = vec![true; rows];
    for row in (0..pairs).filter(|&row| kinds[row] == before && same.value(row)) {
        keep[row] = false;
        keep[row + 1] = false;
    }
    Ok(BooleanArray::from(keep))
}

/// Whether each of the first `pairs` values equals the one behind it.
fn equal_pairs(values: &ArrayRef, pairs: usize) -> Result<BooleanBuffer> {
    if !values.data_type().is_nested() {
        return Ok(not_distinct(&values.slice(0, pairs), &values.slice(1, pairs))?.values().clone());
    }
    let converter = RowConverter::new(vec![SortField::new(values.data_type().clone())])?;
    let rows = converter.convert_columns(std::slice::from_ref(values))?;
    Ok(BooleanBuffer::collect_bool(pairs, |row| rows.row(row) == rows.row(row + 1)))
}

impl Operator for GroupAggregateOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let now_ms = self.clock.now_ms();
        self.expire(now_ms, out)?;
        let (batch, input) = self.aggregates.evaluate(batch, now_ms, &self.place, out)?;
        if batch.is_empty() {
            return Ok(());
        }
        self.hot_keys.sample(&input.keys, input.rows)?;
        let known = self.table.numbers();
        if self.cold.is_some() {
            self.warm(&input.keys, input.rows, now_ms)?;
        } else {
            self.table.intern(&input.keys, input.rows, &mut self.groups)?;
            self.make_room(0);
        }
        for &group in &self.groups {
            self.dirty.set(group);
        }
        let emitted = if self.plan.changelog_input {
            let adds: Vec<bool> = (0..batch.rows()).map(|row| batch.kind(row).adds()).collect();
            let emitted = self.emits_of_changes(&adds);
            let emitted = self.emit(&batch, &input, emitted, Some(&adds))?;
            self.touch(now_ms);
            self.free_emptied();
            emitted
        } else {
            let emitted = if self.numbers_return() { self.emits_of_live() } else { self.emits_of_inserts(known) };
            self.touch(now_ms);
            self.emit(&batch, &input, emitted, None)?
        };
        self.lose_weight()?;
        if self.idle.is_some() {
            out.arm(Armed { processing_time_ms: self.next_ms(), ..Armed::NOTHING });
        }
        if emitted.is_empty() { Ok(()) } else { out.batch(emitted) }
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        self.expire(now.now_ms, out)
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let (gone, live): (Vec<u32>, Vec<u32>) = self.dirty.take().into_iter().partition(|&group| self.is_empty(group));
        let schema = self.plan.descriptor().schema;
        let keys = self.plan.keys.len();
        // What has left memory is older than what has not.
        let mut changes: Vec<StateChange> = self.cold.as_mut().and_then(Cold::take_changed).into_iter().collect();
        let key_schema = schema.project(&(0..keys).collect::<Vec<_>>());
        for (keys, rows) in std::mem::take(&mut self.expired) {
            let rows = keyed_rows(&key_schema, Entries { keys, values: Vec::new(), rows }, self.max_parallelism)?;
            changes.push(StateChange::Remove { state: ACCUMULATORS, namespace: 0, rows });
        }
        if !gone.is_empty() {
            let entries = Entries { keys: self.table.keys(&gone)?, values: Vec::new(), rows: gone.len() };
            let rows = keyed_rows(&key_schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Remove { state: ACCUMULATORS, namespace: 0, rows });
            for group in gone {
                self.stored.clear(group);
                match &mut self.cold {
                    // Its end is filed when it leaves.
                    Some(cold) if cold.is_filed(group) => {}
                    Some(cold) => {
                        cold.forget(group);
                        self.table.free(group);
                    }
                    None => self.table.free(group),
                }
            }
        }
        if !live.is_empty() {
            if self.plan.changelog_input {
                for &group in &live {
                    self.stored.set(group);
                }
            }
            let entries = Entries { keys: self.table.keys(&live)?, values: self.values(&live)?, rows: live.len() };
            let rows = keyed_rows(&schema, entries, self.max_parallelism)?;
            changes.push(StateChange::Upsert { state: ACCUMULATORS, namespace: 0, rows });
        }
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        self.view()
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.read(query)
    }
}
