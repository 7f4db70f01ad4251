//! `join … within -1s..10s`: rows whose times lie close together.
//!
//! A row is kept as long as a row of the other input that is not late could still meet it. The event time of a pair is the
//! later of its two, as in Flink's `DataStream.intervalJoin`.

use std::sync::Arc;

use super::pairs::{Pairing, Pairs, Probe};
use super::side::{Sides, descriptors};
use super::spec::JoinSpec;
use crate::api::{
    Armed, ChangelogMode, Exchange, Inputs, Moment, Operator, OperatorContext, OperatorMetrics, Output,
    PlannedOperator, Pruned, StateRead, TimeRange,
};
use crate::inspect::{OperatorView, StateQuery};
use crate::operators::batch::{InTimeOrder, Passes};
use crate::operators::group_table::NO_GROUP;
use crate::operators::keyed::NO_ROW;
use crate::state::{StateDelta, StateDescriptor};
use crate::types::{Batch, CheckpointId, Clock, MAX_WATERMARK, MIN_WATERMARK, NO_TIME, Result, Schema};

/// Batches given in one call.
const BATCHES: usize = 2;

/// Joins rows whose times lie close together: Flink's `IntervalJoin`.
#[derive(Debug, Clone)]
pub struct IntervalJoin {
    spec: JoinSpec,
    /// The right row's time less the left one's.
    within: TimeRange,
    processing_time: bool,
}

impl IntervalJoin {
    pub(super) const fn new(spec: JoinSpec, within: TimeRange, processing_time: bool) -> Self {
        Self { spec, within, processing_time }
    }

    /// How long after a row of each input one of the other may come that meets it, milliseconds.
    const fn reach(&self) -> [i64; 2] {
        [self.within.to_ms, self.within.from_ms.saturating_neg()]
    }

    /// For each input whether a row has met another, where that is asked.
    fn marks(&self) -> [Option<&'static str>; 2] {
        [0, 1].map(|input| self.spec.kind.pads(input).then_some("matched"))
    }

    /// Rows that meet nothing come out this much behind the watermark.
    fn delay_ms(&self) -> i64 {
        let reach = self.reach();
        let delays = [0, 1].iter().filter(|&&input| self.spec.kind.pads(input)).map(|&input| reach[input]);
        delays.max().map_or(0, |delay| delay.max(-1) + 1)
    }
}

impl PlannedOperator for IntervalJoin {
    fn name(&self) -> &'static str {
        "IntervalJoin"
    }

    fn describe(&self) -> String {
        let TimeRange { from_ms, to_ms } = self.within;
        let time = if self.processing_time { "processing time" } else { "event time" };
        self.spec.describe(&format!("within=[{from_ms}ms..{to_ms}ms of {time}], "))
    }

    fn output(&self) -> &Schema {
        &self.spec.output
    }

    fn exchange(&self, input: usize) -> Exchange {
        self.spec.exchange(input)
    }

    fn parallelism(&self) -> Option<usize> {
        self.spec.parallelism()
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let (spec, inputs) = self.spec.prune(needed);
        Some(Pruned { operator: Arc::new(Self { spec, ..self.clone() }), inputs })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        descriptors(&self.spec, self.marks())
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let sides = Sides::new(&self.spec, self.marks(), context)?;
        let running = IntervalJoinOperator {
            pairing: Pairing::new(&self.spec, context),
            sides,
            probe: None,
            lonely: [Vec::new(), Vec::new()],
            dropped: Vec::new(),
            watermark: MIN_WATERMARK,
            batch_rows: context.batch_rows,
            metrics: Arc::clone(&context.metrics),
            clock: Arc::clone(&context.clock),
            plan: self.clone(),
        };
        context.armed.set(running.armed());
        Ok(Box::new(running))
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(InTimeOrder::of(self.clone(), 2, Passes::ByBatch))
    }
}

struct IntervalJoinOperator {
    plan: IntervalJoin,
    pairing: Pairing,
    sides: Sides,
    /// The batch that is worked off.
    probe: Option<Probe>,
    /// Rows of each input that have met nothing, and will not, and were not given yet.
    lonely: [Vec<u32>; 2],
    /// The groups of rows of the batch that are not kept.
    dropped: Vec<u32>,
    watermark: i64,
    batch_rows: usize,
    metrics: Arc<OperatorMetrics>,
    clock: Arc<dyn Clock>,
}

impl IntervalJoinOperator {
    /// The time that rows come at, as far as it has come.
    fn now(&self) -> i64 {
        if self.plan.processing_time { self.clock.now_ms() } else { self.watermark }
    }

    fn armed(&self) -> Armed {
        if self.probe.is_some() {
            return Armed { more: true, full: Inputs::ALL, indivisible: true, ..Armed::NOTHING };
        }
        let lonely = self.lonely.iter().any(|rows| !rows.is_empty());
        if self.plan.processing_time {
            let due_ms = (0..2).filter_map(|input| self.due(input)).min();
            let full = if lonely { Inputs::ALL } else { Inputs::NONE };
            // At the end of its input nothing more can be met.
            let end = due_ms.map(|_| MAX_WATERMARK);
            return Armed { more: lonely, full, processing_time_ms: due_ms, event_time: end, ..Armed::NOTHING };
        }
        let padded = (0..2).filter(|&input| self.plan.spec.kind.pads(input));
        let due = padded.filter_map(|input| self.due(input)).min();
        Armed { event_time: if lonely { Some(MIN_WATERMARK) } else { due }, ..Armed::NOTHING }
    }

    /// The time at which the first row of input `input` may meet nothing more.
    fn due(&self, input: usize) -> Option<i64> {
        let first = self.sides.stores[input].earliest()?;
        Some(first.saturating_add(self.plan.reach()[input]).saturating_add(1))
    }

    /// Rows that have come to `input`: which are kept, and what they meet.
    fn begin(&mut self, input: usize, batch: Batch) -> Result<()> {
        let batch = if self.plan.processing_time {
            let now = self.clock.now_ms();
            let rows = batch.rows();
            batch.with_times(vec![now; rows].into())
        } else {
            batch
        };
        let (now, reach) = (self.now(), self.plan.reach()[input]);
        let mut groups = self.sides.groups(input, &batch)?;
        let times = batch.times().clone();
        let in_time = |row: usize| times[row] != NO_TIME && now < times[row].saturating_add(reach);
        let mut dropped = Vec::new();
        let mut late = 0;
        for (row, group) in groups.iter_mut().enumerate() {
            if in_time(row) {
                continue;
            }
            late += 1;
            dropped.push(*group);
            if times[row] == NO_TIME {
                *group = NO_GROUP;
            }
        }
        if !self.plan.processing_time {
            self.metrics.add_late(late);
        }
        let keep = |row: usize| in_time(row) && groups[row] != NO_GROUP;
        let kept = self.sides.keep(input, &batch, &groups, keep)?;
        self.dropped = dropped;
        self.probe = Some(Probe::new(input, batch, groups, kept));
        Ok(())
    }

    /// Works off a batch or two of what is under way.
    fn go_on(&mut self, out: &mut dyn Output) -> Result<()> {
        for given in 0..BATCHES {
            let Some(mut probe) = self.probe.take_if(|_| given == 0 || out.has_room()) else { break };
            let other = &self.sides.stores[1 - probe.input];
            let TimeRange { from_ms, to_ms } = self.plan.within;
            let (low, high) = if probe.input == 0 { (from_ms, to_ms) } else { (-to_ms, -from_ms) };
            let times = probe.batch.times().clone();
            let meets = |row: usize, of: u32| {
                let (time, of) = (times[row], other.time(of));
                time.saturating_add(low) <= of && of <= time.saturating_add(high)
            };
            let mut pairs = probe.find(other, self.batch_rows, meets);
            self.pairing.filter(&mut pairs, probe.input, &probe.batch, other, out)?;
            probe.carry(&pairs);
            self.mark(&probe, &mut pairs);
            self.give(&probe, &pairs, out)?;
            if probe.is_done() {
                self.sides.free(std::mem::take(&mut self.dropped));
            } else {
                self.probe = Some(probe);
            }
        }
        Ok(())
    }

    /// Notes which rows have met another, and adds those that have not and are not kept to `pairs`, beside nulls.
    fn mark(&mut self, probe: &Probe, pairs: &mut Pairs) {
        let (input, kind) = (probe.input, self.plan.spec.kind);
        if kind.pads(1 - input) {
            for &other in &pairs.others {
                self.sides.stores[1 - input].set_mark(other, 1);
            }
        }
        if kind.pads(input) {
            let mut alone = Vec::new();
            for (row, _, met) in pairs.done() {
                match (probe.kept[row], met) {
                    (NO_ROW, 0) => alone.push(u32::try_from(row).unwrap_or(NO_ROW)),
                    (NO_ROW, _) | (_, 0) => {}
                    (kept, _) => self.sides.stores[input].set_mark(kept, 1),
                }
            }
            pairs.others.extend(alone.iter().map(|_| NO_ROW));
            pairs.rows.extend(alone);
        }
    }

    fn give(&self, probe: &Probe, pairs: &Pairs, out: &mut dyn Output) -> Result<()> {
        if pairs.rows.is_empty() {
            return Ok(());
        }
        let other = &self.sides.stores[1 - probe.input];
        let columns = self.pairing.rows(probe.input, &probe.batch, other, [&pairs.rows, &pairs.others])?;
        let later = |(&row, &of): (&u32, &u32)| {
            let time = probe.batch.times()[row as usize];
            if of == NO_ROW { time } else { time.max(other.time(of)) }
        };
        let times = pairs.rows.iter().zip(&pairs.others).map(later).collect();
        out.batch(self.pairing.batch(columns, self.result_times(times))?)
    }

    /// The event times of results of rows of these times.
    fn result_times(&self, times: Vec<i64>) -> Vec<i64> {
        if self.plan.processing_time { vec![NO_TIME; times.len()] } else { times }
    }

    /// Drops the rows that can meet nothing more now, and gives a batch or two of those that have met nothing.
    fn expire(&mut self, now: i64, out: &mut dyn Output) -> Result<()> {
        if self.lonely.iter().all(Vec::is_empty) {
            let mut gone = Vec::new();
            for (input, reach) in self.plan.reach().into_iter().enumerate() {
                let store = &mut self.sides.stores[input];
                for row in store.due(now.saturating_sub(reach)) {
                    if self.plan.spec.kind.pads(input) && store.mark(row) == 0 {
                        self.lonely[input].push(row);
                    } else {
                        let group = store.group(row);
                        store.remove(row)?;
                        gone.extend(store.is_empty(group).then_some(group));
                    }
                }
            }
            self.sides.free(gone);
        }
        for given in 0..BATCHES {
            let Some(input) = self.lonely.iter().position(|rows| !rows.is_empty()) else { break };
            if given > 0 && !out.has_room() {
                break;
            }
            let some = self.lonely[input].len().min(self.batch_rows);
            let rows: Vec<u32> = self.lonely[input].drain(..some).collect();
            let store = &mut self.sides.stores[input];
            let columns = self.pairing.padded(input, store, &rows)?;
            let times = store.times(&rows).to_vec();
            let groups = rows.iter().map(|&row| store.group(row)).collect();
            for row in rows {
                store.remove(row)?;
            }
            self.sides.free(groups);
            out.batch(self.pairing.batch(columns, self.result_times(times))?)?;
        }
        Ok(())
    }
}

impl Operator for IntervalJoinOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        self.begin(input, batch)?;
        self.go_on(out)?;
        out.arm(self.armed());
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.watermark = watermark;
        if !self.plan.processing_time {
            // Those that have met nothing were given before: the operator was armed for their time.
            self.expire(watermark, out)?;
            out.arm(self.armed());
        }
        let delayed = watermark.saturating_sub(self.plan.delay_ms());
        out.watermark(if watermark == MAX_WATERMARK { watermark } else { delayed })
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        if self.probe.is_some() {
            self.go_on(out)?;
        } else if self.plan.processing_time && now.watermark < MAX_WATERMARK {
            self.expire(now.now_ms, out)?;
        } else {
            self.expire(now.watermark, out)?;
        }
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        Ok(StateDelta { changes: self.sides.changes()? })
    }

    fn inspect(&mut self) -> OperatorView {
        self.sides.view(0)
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.sides.read(query)
    }
}
