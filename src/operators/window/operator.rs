//! The running windowed aggregate.
//!
//! State is kept a slice of time; a window that fires merges its slices, and one that is a single slice (every
//! tumbling window) is read where it stands.
//!
//! The order in which results leave, whatever the size of batches, is Flink's. Windows that a watermark fires leave in the
//! order of their ends; the keys of one, whose order Flink leaves open, slice by slice, in each in the order in which they
//! came. A late row that windows still take fires all of those again that have fired, before the next row is looked at,
//! in the order in which Flink's assigners name them: of hopping windows that with the last start first
//! (`SlidingEventTimeWindows`), of cumulating windows, which start together, that with the first end first
//! (`CumulativeWindowAssigner`).

mod fired_windows;
mod firing;
mod merge;
mod owed;
mod resumed;
mod view;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::UInt32Array;
use arrow_schema::DataType;

pub(super) use fired_windows::FiredWindows;
use owed::{Fired, Firing, Owed};
use resumed::Resumed;

use super::slice::Slice;
use super::spec::{ACCUMULATORS, ARRIVALS, WATERMARK, WindowAggregate};
use super::tree::{MergeTree, Merging};
use crate::api::{Moment, Operator, OperatorContext, OperatorMetrics, Output, StateRead, WindowAssigner};
use crate::expr::RowError;
use crate::inspect::{FiredWindowView, OperatorView, StateQuery};
use crate::operators::aggregates::{Aggregates, Evaluated, Shared};
use crate::operators::group_table::GroupTable;
use crate::operators::hot_keys::HotKeys;
use crate::operators::late_rows::LateRows;
use crate::operators::rows::{index, keyed_rows, reject_failed};
use crate::state::{StateChange, StateDelta};
use crate::types::{Batch, CheckpointId, Clock, Error, MIN_WATERMARK, NO_TIME, Result, any_untimed};

/// Runs of one slice in a batch up to which each is added by itself; a batch of more is sorted by slice first.
const FEW_RUNS: usize = 16;

/// Groups that a new slice has room for at most. It is made for as many as the one before came to, but one that gets few
/// rows must not take the memory of millions while the windows before it fire.
const EXPECTED_MAX: usize = 1 << 20;

pub(super) struct WindowAggregateOperator {
    plan: WindowAggregate,
    aggregates: Aggregates,
    shared: Shared,
    key_types: Vec<DataType>,
    assigner: Arc<dyn WindowAssigner>,
    lateness_ms: i64,
    slices: BTreeMap<i64, Slice>,
    /// The end of the next window to fire of each slice that has one, with the slice's.
    due: BTreeSet<(i64, i64)>,
    /// The items that are still to be given, in order.
    owed: VecDeque<Owed>,
    /// The merge of the next window that fires.
    merging: Option<Merging>,
    /// Groups that this call may still merge.
    to_merge: usize,
    /// The window of which rows are being given.
    firing: Option<Firing>,
    gathered: Fired,
    /// The firing under way at the checkpoint that this goes on from.
    resumed: Option<Resumed>,
    /// Windows of which stored state says what was given, and that are given in full.
    given_up: Vec<i64>,
    /// Merged slices, where windows have many.
    tree: Option<MergeTree>,
    /// Groups of the slice that was made last: what the next will need.
    expected_groups: usize,
    watermark: i64,
    /// The number of the row that comes next, where state says when rows came.
    next_arrival: Option<i64>,
    late_rows: LateRows,
    fired: FiredWindows,
    hot_keys: HotKeys,
    /// Slices that stored state has entries of and that are gone.
    purged: Vec<i64>,
    groups: Vec<u32>,
    place: String,
    batch_rows: usize,
    max_parallelism: u16,
    key_groups: Range<u16>,
    metrics: Arc<OperatorMetrics>,
    clock: Arc<dyn Clock>,
}

/// The fate of the rows of a slice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The rows are added.
    OnTime,
    /// Some of their windows have fired but still take rows.
    Refires,
    /// All their windows are gone.
    Late,
    /// The rows belong to no window.
    Gap,
}

/// Rows `start..start + length` of a batch, all of one slice.
#[derive(Debug, Clone, Copy)]
struct Run {
    slice_end: i64,
    start: usize,
    length: usize,
}

impl WindowAggregateOperator {
    pub(super) fn new(plan: &WindowAggregate, context: &OperatorContext) -> Result<Self> {
        let shared = Shared::new(&plan.calls)?;
        let widths: Vec<usize> = shared.owners.iter().map(|call| call.state_fields().len()).collect();
        let mut this = Self {
            aggregates: Aggregates::new(&shared.owners, &plan.keys, false),
            shared,
            key_types: plan.keys.iter().map(|&key| plan.input.fields()[key].ty.to_arrow()).collect(),
            assigner: Arc::clone(&plan.assigner),
            lateness_ms: plan.window.lateness_ms,
            slices: BTreeMap::new(),
            due: BTreeSet::new(),
            owed: VecDeque::new(),
            merging: None,
            to_merge: 0,
            firing: None,
            gathered: Fired::default(),
            resumed: None,
            given_up: Vec::new(),
            tree: MergeTree::new(plan.assigner.slice_ms(), plan.assigner.size_ms()),
            expected_groups: 0,
            watermark: MIN_WATERMARK,
            next_arrival: plan.is_by_arrival().then_some(0),
            late_rows: LateRows::default(),
            fired: FiredWindows::default(),
            hot_keys: HotKeys::default(),
            purged: Vec::new(),
            groups: Vec::new(),
            place: context.place(),
            batch_rows: context.batch_rows.max(1),
            max_parallelism: context.max_parallelism,
            key_groups: context.key_groups(),
            metrics: Arc::clone(&context.metrics),
            clock: Arc::clone(&context.clock),
            plan: plan.clone(),
        };
        let Some(restored) = &context.restored else { return Ok(this) };
        let marks = restored.operator(&WATERMARK)?;
        let marks = marks.iter().map(|mark| read_number(mark)).collect::<Result<Vec<i64>>>()?;
        this.watermark = marks.into_iter().min().unwrap_or(MIN_WATERMARK);
        if let Some(next) = &mut this.next_arrival {
            for reached in restored.operator(&ARRIVALS)? {
                *next = read_number(&reached)?.max(*next);
            }
        }
        this.resume(&**restored)?;
        for (slice_end, rows) in restored.keyed(&plan.descriptor())? {
            this.slice(slice_end)?.restore(&rows, plan.keys.len(), &widths)?;
        }
        if let Some(armed) = this.wants() {
            context.armed.set(armed);
        }
        Ok(this)
    }

    fn empty_slice(&self, next_end: Option<i64>, groups: usize) -> Result<Slice> {
        new_slice(&self.key_types, &self.aggregates, next_end, groups)
    }

    /// The slice that ends at `slice_end`, made if need be.
    fn slice(&mut self, slice_end: i64) -> Result<&mut Slice> {
        if !self.slices.contains_key(&slice_end) {
            if let Some(last) = self.slices.values().next_back() {
                self.expected_groups = last.table.len().min(EXPECTED_MAX);
            }
            let next_end = self.first_unfired(slice_end);
            let slice = self.empty_slice(next_end, self.expected_groups)?;
            self.due.extend(next_end.map(|next| (next, slice_end)));
            self.slices.insert(slice_end, slice);
        }
        self.slices.get_mut(&slice_end).ok_or_else(|| Error::state("a slice is missing"))
    }

    /// The first window of the slice that has not fired yet.
    fn first_unfired(&self, slice_end: i64) -> Option<i64> {
        let last = self.assigner.last_window_end(slice_end);
        let mut end = self.assigner.first_window_end(slice_end);
        let first = self.resumed.as_ref().map_or(i64::MAX, Resumed::first_end);
        while end.saturating_sub(1) <= self.watermark && end < first {
            let next = self.assigner.next_window_end(end);
            if next <= end || next > last {
                return None;
            }
            end = next;
        }
        Some(end)
    }

    /// Whether a window is gone: Flink's clean-up time.
    fn is_gone(&self, window_end: i64) -> bool {
        self.is_gone_at(window_end, self.watermark)
    }

    const fn is_gone_at(&self, window_end: i64, watermark: i64) -> bool {
        window_end.saturating_sub(1).saturating_add(self.lateness_ms) <= watermark
    }

    fn fate(&self, slice_end: i64) -> Fate {
        let first = self.assigner.first_window_end(slice_end);
        let last = self.assigner.last_window_end(slice_end);
        if first > last {
            Fate::Gap
        } else if self.is_gone(last) {
            Fate::Late
        } else if self.lateness_ms > 0 && first.saturating_sub(1) <= self.watermark {
            Fate::Refires
        } else {
            Fate::OnTime
        }
    }

    /// The slice that all rows of a batch fall into, if it is one; the common case, and cheap to see.
    fn only_slice(&self, times: &[i64]) -> Option<i64> {
        let end = self.assigner.slice_end(*times.first()?);
        let from = end.saturating_sub(self.assigner.slice_ms());
        let length = end.abs_diff(from);
        // A difference below zero is a large unsigned number. No branch a row.
        let inside =
            times.iter().fold(true, |inside, &time| inside & (time.wrapping_sub(from).cast_unsigned() < length));
        (inside && from > NO_TIME).then_some(end)
    }

    /// Cuts a batch into runs of one slice.
    fn runs(&self, times: &[i64]) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        let mut start = 0;
        while start < times.len() {
            let slice_end = self.assigner.slice_end(times[start]);
            let from = slice_end.saturating_sub(self.assigner.slice_ms());
            let inside = |&&time: &&i64| from <= time && time < slice_end;
            let length = times[start..].iter().take_while(inside).count().max(1);
            match runs.last_mut() {
                Some(run) if run.slice_end == slice_end => run.length += length,
                _ => runs.push(Run { slice_end, start, length }),
            }
            start += length;
        }
        runs
    }

    fn add(&mut self, slice_end: i64, rows: &Evaluated) -> Result<()> {
        let mut groups = std::mem::take(&mut self.groups);
        if let Some(tree) = &mut self.tree {
            tree.forget(slice_end);
        }
        let added = self.slice(slice_end)?.add(rows, &mut groups);
        self.groups = groups;
        added
    }

    /// Adds rows of many runs, none of which fires anything: their order between slices does not matter.
    fn add_sorted(&mut self, runs: &[Run], rows: &Evaluated) -> Result<()> {
        let mut slices: BTreeMap<i64, Vec<u32>> = BTreeMap::new();
        for run in runs {
            let indices = slices.entry(run.slice_end).or_default();
            indices.extend((run.start..run.start + run.length).map(index));
        }
        for (slice_end, indices) in slices {
            self.add(slice_end, &rows.take(&UInt32Array::from(indices))?)?;
        }
        Ok(())
    }

    /// Sends the rows of late runs to the side output and counts them.
    fn late(&mut self, runs: &[Run], batch: &Batch, out: &mut dyn Output) -> Result<()> {
        let rows: Vec<u32> = runs.iter().flat_map(|run| run.start..run.start + run.length).map(index).collect();
        self.metrics.add_late(rows.len() as u64);
        if self.plan.window.late_to.is_none() {
            for run in runs {
                let (rows, slice_end) = (run.start..run.start + run.length, run.slice_end);
                self.late_rows.keep(batch, rows, ends_of(&*self.assigner, slice_end), self.lateness_ms, self.watermark);
            }
            return Ok(());
        }
        if rows.is_empty() {
            return Ok(());
        }
        out.side(0, batch.take(&UInt32Array::from(rows))?)
    }

    /// Adds rows one by one, each firing again the windows that have fired and take it, in the order in which Flink assigns
    /// them.
    fn add_refiring(&mut self, run: Run, rows: &Evaluated, fired: &mut Fired) -> Result<()> {
        for row in run.start..run.start + run.length {
            let row = rows.slice(row, 1);
            self.add(run.slice_end, &row)?;
            let ends =
                ends_of(&*self.assigner, run.slice_end).take_while(|end| end.saturating_sub(1) <= self.watermark);
            let mut ends: Vec<i64> = ends.filter(|&end| !self.is_gone(end)).collect();
            ends.sort_by_key(|&end| Reverse(self.assigner.window_start(end)));
            for end in ends {
                self.refire(end, &row, fired)?;
            }
        }
        Ok(())
    }

    /// The result of one key in the window that ends at `end`, which has fired before.
    fn refire(&mut self, end: i64, row: &Evaluated, fired: &mut Fired) -> Result<()> {
        let start = self.assigner.window_start(end);
        let merged = self.merged(start, end, &row.keys, 1)?;
        self.fired.push(FiredWindowView { start, end, keys: 1, watermark: self.watermark, again: true });
        fired.push(self.result(end, &merged, &[0])?, end.saturating_sub(1));
        Ok(())
    }

    /// Lets go of the slices that no window needs any more when event time has reached `watermark`.
    fn purge(&mut self, watermark: i64) {
        while let Some((&slice_end, _)) = self.slices.first_key_value()
            && self.is_gone_at(self.assigner.last_window_end(slice_end), watermark)
            && let Some(slice) = self.slices.remove(&slice_end)
        {
            self.expected_groups = slice.table.len();
            if let Some(tree) = &mut self.tree {
                tree.forget(slice_end);
            }
            if slice.stored {
                self.purged.push(slice_end);
            }
        }
    }
}

fn new_slice(key_types: &[DataType], aggregates: &Aggregates, next_end: Option<i64>, groups: usize) -> Result<Slice> {
    Ok(Slice::new(GroupTable::new(key_types, groups)?, aggregates.accumulators()?, next_end))
}

impl Operator for WindowAggregateOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        if self.owed.is_empty() {
            return self.take_in(batch, out);
        }
        let free = self.put_off(batch)?;
        self.take_in(free, out)?;
        self.arm(out);
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.reach(watermark, out)
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        self.give(out)
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let gone = self.purged.drain(..);
        let mut changes: Vec<StateChange> =
            gone.map(|namespace| StateChange::DropNamespace { state: ACCUMULATORS, namespace }).collect();
        let schema = self.plan.descriptor().schema;
        for (&namespace, slice) in &mut self.slices {
            if let Some(changed) = slice.changed()? {
                let rows = keyed_rows(&schema, changed, self.max_parallelism)?;
                changes.push(StateChange::Upsert { state: ACCUMULATORS, namespace, rows });
            }
        }
        changes.push(StateChange::Operator { state: WATERMARK.name, entry: self.watermark.to_le_bytes().to_vec() });
        let reached = self.next_arrival.map(|next| next.to_le_bytes().to_vec());
        changes.extend(reached.map(|entry| StateChange::Operator { state: ARRIVALS.name, entry }));
        changes.extend(self.owed_changes()?);
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        self.view()
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.read(query)
    }
}

impl WindowAggregateOperator {
    /// Takes rows in; those that are late or fire a window again give what they give.
    fn take_in(&mut self, batch: Batch, out: &mut dyn Output) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        let only = self.only_slice(batch.times());
        let batch = if only.is_none() { self.reject_timeless(batch, out)? } else { batch };
        let (batch, mut rows) = self.aggregates.evaluate(batch, self.clock.now_ms(), &self.place, out)?;
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(next) = &mut self.next_arrival {
            self.aggregates.number(&mut rows, next);
        }
        self.hot_keys.sample(&rows.keys, rows.rows)?;
        let mut runs = match only {
            Some(slice_end) => vec![Run { slice_end, start: 0, length: batch.rows() }],
            None => self.runs(batch.times()),
        };
        let fates: Vec<Fate> = runs.iter().map(|run| self.fate(run.slice_end)).collect();
        if fates.iter().any(|&fate| fate != Fate::OnTime) {
            let of = |wanted: Fate| runs.iter().zip(&fates).filter(move |&(_, &fate)| fate == wanted);
            let late: Vec<Run> = of(Fate::Late).map(|(run, _)| *run).collect();
            self.late(&late, &batch, out)?;
            if fates.contains(&Fate::Refires) {
                let mut fired = Fired::default();
                for (run, fate) in runs.iter().zip(&fates) {
                    match fate {
                        Fate::OnTime => self.add(run.slice_end, &rows.slice(run.start, run.length))?,
                        Fate::Refires => self.add_refiring(*run, &rows, &mut fired)?,
                        Fate::Late | Fate::Gap => {}
                    }
                    if fired.len() >= self.batch_rows {
                        fired.flush(&self.plan, out)?;
                    }
                }
                return fired.flush(&self.plan, out);
            }
            runs = of(Fate::OnTime).map(|(run, _)| *run).collect();
        }
        if runs.len() > FEW_RUNS {
            return self.add_sorted(&runs, &rows);
        }
        for run in &runs {
            self.add(run.slice_end, &rows.slice(run.start, run.length))?;
        }
        Ok(())
    }

    fn reject_timeless(&self, batch: Batch, out: &mut dyn Output) -> Result<Batch> {
        if !any_untimed(batch.times()) {
            return Ok(batch);
        }
        let timeless = batch.times().iter().enumerate().filter(|&(_, &time)| time == NO_TIME);
        let errors: Vec<RowError> =
            timeless.map(|(row, _)| RowError { row, message: "no event time".to_owned() }).collect();
        reject_failed(&batch, &errors, &self.place, out)
    }
}

/// The ends of the windows that contain the slice which ends at `slice_end`, ascending.
pub(super) fn ends_of(assigner: &dyn WindowAssigner, slice_end: i64) -> impl Iterator<Item = i64> {
    let (first, last) = (assigner.first_window_end(slice_end), assigner.last_window_end(slice_end));
    let next = move |end: &i64| Some(assigner.next_window_end(*end)).filter(|next| next > end && *next <= last);
    std::iter::successors((first <= last).then_some(first), next)
}

pub(super) fn read_number(entry: &[u8]) -> Result<i64> {
    let bytes = entry.try_into().map_err(|_| Error::state("a stored number is not eight bytes"))?;
    Ok(i64::from_le_bytes(bytes))
}
