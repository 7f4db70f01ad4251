//! The aggregate over input that ends: each key's result once, at the end.
//!
//! Groups are hashed. When they are more than the memory they are written as a run of partial results, sorted by key, and
//! hashing begins anew; at the end the runs are merged, and the partial results of a key with them: Flink's hash aggregate with
//! its fallback to sorting.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, BinaryArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_row::{RowConverter, SortField};
use arrow_schema::DataType;

use super::spec::{Column, GroupAggregate};
use crate::api::{Moment, Operator, OperatorContext, Output};
use crate::expr::aggregate::Accumulator;
use crate::inspect::{EntriesView, OperatorView, Section};
use crate::operators::aggregates::{Aggregates, Evaluated, StatePlace, state_places};
use crate::operators::batch::{AT_THE_END, Sorted, Sorter, places};
use crate::operators::group_table::GroupTable;
use crate::types::{Batch, Clock, Error, MemoryPart, Result, Schema};

pub(super) struct FinalAggregateOperator {
    plan: GroupAggregate,
    aggregates: Aggregates,
    /// The place of each call's state.
    state_places: Vec<StatePlace>,
    key_types: Vec<DataType>,
    /// `None` where there is no key.
    key_places: Option<RowConverter>,
    table: GroupTable,
    accumulators: Vec<Box<dyn Accumulator>>,
    /// Rows in each group; kept only where rows are taken back.
    rows: Vec<i64>,
    groups: Vec<u32>,
    memory: MemoryPart,
    /// The columns of partial results: keys, the number of rows where it is kept, states.
    partial: Schema,
    sorter: Option<Sorter>,
    giving: Giving,
    batch_rows: usize,
    place: String,
    clock: Arc<dyn Clock>,
}

enum Giving {
    /// Input is still coming.
    Nothing,
    /// The groups from this number on.
    Groups(usize),
    /// The partial results of runs; the last key of those that were read may go on.
    Runs(Box<Sorted>, Option<RecordBatch>),
    Given,
}

impl FinalAggregateOperator {
    pub(super) fn new(plan: &GroupAggregate, context: &OperatorContext) -> Result<Self> {
        let aggregates = Aggregates::new(&plan.calls, &plan.keys, plan.changelog_input);
        let key_types: Vec<DataType> = plan.keys.iter().map(|&key| plan.input.fields()[key].ty.to_arrow()).collect();
        let sorted = key_types.iter().map(|ty| SortField::new(ty.clone())).collect::<Vec<_>>();
        Ok(Self {
            state_places: state_places(&plan.calls, plan.changelog_input),
            key_places: if sorted.is_empty() { None } else { Some(RowConverter::new(sorted)?) },
            table: GroupTable::new(&key_types, 0)?,
            accumulators: aggregates.accumulators()?,
            aggregates,
            key_types,
            rows: Vec::new(),
            groups: Vec::new(),
            memory: Arc::clone(&context.spill).part(),
            partial: plan.descriptor().schema,
            sorter: None,
            giving: Giving::Nothing,
            batch_rows: context.batch_rows.max(1),
            place: context.place(),
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        })
    }

    fn take(&mut self, batch: &Batch, input: &Evaluated) -> Result<()> {
        self.table.intern(&input.keys, input.rows, &mut self.groups)?;
        self.make_room();
        if !self.plan.changelog_input {
            for ((accumulator, args), keep) in self.accumulators.iter_mut().zip(&input.args).zip(&input.keep) {
                accumulator.update(&self.groups, args, keep.as_ref())?;
            }
            return Ok(());
        }
        let adds: BooleanArray = (0..batch.rows()).map(|row| Some(batch.kind(row).adds())).collect();
        for (&group, adds) in self.groups.iter().zip(adds.values()) {
            self.rows[group as usize] += if adds { 1 } else { -1 };
        }
        let takes = arrow_arith::boolean::not(&adds)?;
        let only = |keep: &Option<BooleanArray>, which: &BooleanArray| match keep {
            Some(keep) => arrow_arith::boolean::and(keep, which),
            None => Ok(which.clone()),
        };
        for ((accumulator, args), keep) in self.accumulators.iter_mut().zip(&input.args).zip(&input.keep) {
            accumulator.update(&self.groups, args, Some(&only(keep, &adds)?))?;
            accumulator.retract(&self.groups, args, Some(&only(keep, &takes)?))?;
        }
        Ok(())
    }

    fn make_room(&mut self) {
        let groups = self.table.numbers();
        for accumulator in &mut self.accumulators {
            accumulator.resize(groups);
        }
        if self.plan.changelog_input && self.rows.len() < groups {
            self.rows.resize(groups, 0);
        }
    }

    fn bytes(&self) -> usize {
        let accumulators = self.accumulators.iter().map(|accumulator| accumulator.bytes()).sum::<usize>();
        self.table.bytes() + accumulators + self.rows.len() * size_of::<i64>()
    }

    /// The partial results of these groups.
    fn partial(&self, groups: &[u32]) -> Result<RecordBatch> {
        let mut columns = self.table.keys(groups)?;
        if self.plan.changelog_input {
            columns.push(Arc::new(groups.iter().map(|&group| self.rows[group as usize]).collect::<Int64Array>()));
        }
        for (accumulator, _) in self.accumulators.iter().zip(&self.state_places).filter(|(_, place)| place.owned) {
            columns.extend(accumulator.state(groups)?);
        }
        self.partial.record_batch(columns, groups.len())
    }

    fn add_partial(&mut self, groups: &[u32], partial: &RecordBatch) -> Result<()> {
        let mut at = self.plan.keys.len();
        if self.plan.changelog_input {
            let counts = partial.column(at).as_primitive_opt::<Int64Type>();
            let counts = counts.ok_or_else(|| Error::state("a row count on disk is no bigint"))?;
            for (&group, count) in groups.iter().zip(counts.values()) {
                self.rows[group as usize] += count;
            }
            at += 1;
        }
        let states = &partial.columns()[at..];
        for (accumulator, place) in self.accumulators.iter_mut().zip(&self.state_places) {
            accumulator.merge(groups, &states[place.columns.clone()])?;
        }
        Ok(())
    }

    /// Begins anew, without groups.
    fn clear(&mut self) -> Result<()> {
        self.table = GroupTable::new(&self.key_types, 0)?;
        self.accumulators = self.aggregates.accumulators()?;
        self.rows.clear();
        Ok(())
    }

    /// Writes all groups as a run, sorted by key.
    fn spill(&mut self) -> Result<()> {
        let mut order: Vec<u32> = (0..).take(self.table.numbers()).collect();
        let keys = places(self.key_places.as_ref(), &self.table.keys(&order)?, order.len())?;
        order.sort_by(|&a, &b| keys.value(a as usize).cmp(keys.value(b as usize)));
        let mut sorter = match self.sorter.take() {
            Some(sorter) => sorter,
            None => Sorter::new(self.partial.arrow(), self.batch_rows, self.memory.space()),
        };
        let mut runs = order.chunks(self.batch_rows);
        sorter.add_run(|| {
            let Some(groups) = runs.next() else { return Ok(None) };
            let of = groups.iter().map(|&group| keys.value(group as usize));
            Ok(Some((Batch::untimed(self.partial(groups)?), BinaryArray::from_iter_values(of))))
        })?;
        self.sorter = Some(sorter);
        self.clear()?;
        self.memory.clear();
        Ok(())
    }

    fn begin(&mut self) -> Result<Giving> {
        if self.sorter.is_none() {
            return Ok(Giving::Groups(0));
        }
        if self.table.numbers() > 0 {
            self.spill()?;
        }
        Ok(match self.sorter.take() {
            Some(sorter) => Giving::Runs(Box::new(sorter.finish()?), None),
            None => Giving::Given,
        })
    }

    /// The results of these groups, but for those that are empty.
    fn results(&self, groups: &[u32], out: &mut dyn Output) -> Result<()> {
        let there = |&group: &u32| !self.plan.changelog_input || self.rows[group as usize] > 0;
        let groups: Vec<u32> = groups.iter().copied().filter(there).collect();
        if groups.is_empty() {
            return Ok(());
        }
        let keys = self.table.keys(&groups)?;
        let column = |column: &Column| -> Result<ArrayRef> {
            Ok(match *column {
                Column::Key(key) => keys[key].clone(),
                Column::Call(call) => self.accumulators[call].values(&groups)?,
            })
        };
        let columns: Vec<ArrayRef> = self.plan.columns.iter().map(column).collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(groups.len()));
        let columns = RecordBatch::try_new_with_options(self.plan.output.arrow().clone(), columns, &options)?;
        out.batch(Batch::untimed(columns))
    }

    /// Merges partial results, sorted by key, and gives those whose keys have ended; what is open goes on with the next.
    fn merge(
        &mut self,
        open: Option<RecordBatch>,
        more: Option<RecordBatch>,
        out: &mut dyn Output,
    ) -> Result<Option<RecordBatch>> {
        let ended = more.is_none();
        self.clear()?;
        let mut groups = Vec::new();
        for partial in open.into_iter().chain(more) {
            self.table.intern(&partial.columns()[..self.plan.keys.len()], partial.num_rows(), &mut groups)?;
            self.make_room();
            self.add_partial(&groups, &partial)?;
        }
        // A key's rows stand together: the last row's is the only one that may go on.
        let last = if ended { None } else { groups.last().copied() };
        let mut done: Vec<u32> = (0..).take(self.table.numbers()).collect();
        done.retain(|&group| Some(group) != last);
        self.results(&done, out)?;
        last.map(|last| self.partial(&[last])).transpose()
    }
}

impl Operator for FinalAggregateOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let (batch, input) = self.aggregates.evaluate(batch, self.clock.now_ms(), &self.place, out)?;
        if !batch.is_empty() {
            self.take(&batch, &input)?;
            self.memory.set(self.bytes());
            if self.key_places.is_some() && self.memory.is_spent() {
                self.spill()?;
            }
        }
        out.arm(AT_THE_END);
        Ok(())
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        let giving = match std::mem::replace(&mut self.giving, Giving::Given) {
            Giving::Nothing => self.begin()?,
            giving @ (Giving::Groups(_) | Giving::Runs(..) | Giving::Given) => giving,
        };
        self.giving = match giving {
            Giving::Groups(from) => {
                let groups = self.table.numbers();
                let to = groups.min(from.saturating_add(self.batch_rows));
                let some: Vec<u32> = (from..to).filter_map(|group| u32::try_from(group).ok()).collect();
                self.results(&some, out)?;
                if to < groups { Giving::Groups(to) } else { Giving::Given }
            }
            Giving::Runs(mut sorted, open) => {
                let more = sorted.next()?.map(|(batch, _)| batch.columns().clone());
                let ended = more.is_none();
                let open = self.merge(open, more, out)?;
                if ended { Giving::Given } else { Giving::Runs(sorted, open) }
            }
            Giving::Nothing | Giving::Given => Giving::Given,
        };
        if !matches!(self.giving, Giving::Given) {
            out.arm(AT_THE_END);
        }
        Ok(())
    }

    fn inspect(&mut self) -> OperatorView {
        let entries = EntriesView { count: self.table.len() as u64, bytes: self.bytes() as u64 };
        OperatorView { watermark: None, sections: vec![Section::Entries(entries)] }
    }
}
