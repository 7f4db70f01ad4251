//! `join rates as r as of o.ts on o.currency = r.currency`: the version of the right row at the left row's time.
//!
//! In event time a left row waits for the watermark, as in Flink's `TemporalRowTimeJoinOperator`: each key has one timer,
//! for the first of its rows that was not dealt with; when it fires, the left rows up to the watermark are given, in the
//! order of their arrival, and the versions that no later row can ask for are dropped.

use std::sync::Arc;

use super::pairs::{Pairing, Pairs};
use super::side::{Sides, descriptors};
use super::spec::JoinSpec;
use crate::api::{
    Armed, ChangelogMode, Exchange, Inputs, Moment, Operator, OperatorContext, OperatorMetrics, Output,
    PlannedOperator, Pruned, StateRead, UpdateKind,
};
use crate::inspect::{OperatorView, Section, StateQuery};
use crate::operators::batch::{InTimeOrder, Passes};
use crate::operators::group_table::NO_GROUP;
use crate::operators::keyed::{NO_ROW, Timer, TimerState, Timers};
use crate::state::{OperatorStateDescriptor, StateChange, StateDelta, StateDescriptor};
use crate::types::{Batch, CheckpointId, Error, MIN_WATERMARK, NO_TIME, Result, RowKind, Schema};

/// Batches given in one call.
const BATCHES: usize = 2;
/// Beside each row its kind.
const MARKS: [Option<&str>; 2] = [Some("kind"), Some("kind")];
/// The watermark that an instance has seen: a row that came late waits for the next one, whatever lies between.
const WATERMARK: OperatorStateDescriptor = OperatorStateDescriptor::union("watermark");
/// The time of a key without a timer.
const NO_TIMER: i64 = i64::MAX;

/// Joins each left row with the version of the right one that was valid then: Flink's `TemporalJoin`.
#[derive(Debug, Clone)]
pub struct TemporalJoin {
    spec: JoinSpec,
    /// Whether the version is the one that is there when the row comes.
    processing_time: bool,
    /// Whether left rows change.
    changes: bool,
}

impl TemporalJoin {
    pub(super) const fn new(spec: JoinSpec, processing_time: bool, changes: bool) -> Self {
        Self { spec, processing_time, changes }
    }

    fn timers(&self) -> TimerState {
        let keys = self.spec.inputs[0].project(&self.spec.keys[0]);
        TimerState { name: "timers", keys, timers: vec!["next row".to_owned()] }
    }
}

impl PlannedOperator for TemporalJoin {
    fn name(&self) -> &'static str {
        "TemporalJoin"
    }

    fn describe(&self) -> String {
        let time = if self.processing_time { "processing time" } else { "event time" };
        self.spec.describe(&format!("as of=[{time}], "))
    }

    fn output(&self) -> &Schema {
        &self.spec.output
    }

    fn exchange(&self, input: usize) -> Exchange {
        self.spec.exchange(input)
    }

    fn gives(&self, inputs: &[ChangelogMode]) -> ChangelogMode {
        let place = |&column: &usize| self.spec.columns.iter().position(|&of| self.spec.place(of) == (0, column));
        match inputs.first() {
            Some(left) if !left.is_append() => {
                ChangelogMode::Retract(left.key().and_then(|key| key.iter().map(place).collect()))
            }
            _ => ChangelogMode::Append,
        }
    }

    fn needs(&self, input: usize, _output: UpdateKind) -> UpdateKind {
        if input == 0 { UpdateKind::BeforeAndAfter } else { UpdateKind::OnlyAfter }
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let (spec, inputs) = self.spec.prune(needed);
        Some(Pruned { operator: Arc::new(Self { spec, ..self.clone() }), inputs })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        let mut states = descriptors(&self.spec, MARKS);
        states.push(self.timers().descriptor());
        states
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![WATERMARK]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let mut watermark = MIN_WATERMARK;
        let mut sides = Sides::new(&self.spec, MARKS, context)?;
        let mut timers = Timers::new(self.timers(), context.max_parallelism);
        if let Some(restored) = &context.restored {
            timers.restore(&**restored, &mut sides.table)?;
            let damaged = |_| Error::state("a stored watermark is damaged");
            let seen = restored.operator(&WATERMARK)?.into_iter();
            let seen = seen.map(|entry| <[u8; 8]>::try_from(entry).map(i64::from_le_bytes).map_err(damaged));
            watermark = seen.collect::<Result<Vec<_>>>()?.into_iter().min().unwrap_or(MIN_WATERMARK);
        }
        let mut running = TemporalJoinOperator {
            pairing: Pairing::new(&self.spec, context),
            sides,
            next: Vec::new(),
            waiting: Vec::new(),
            fired: Vec::new(),
            empty: Vec::new(),
            watermark,
            batch_rows: context.batch_rows,
            metrics: Arc::clone(&context.metrics),
            plan: self.clone(),
            timers,
        };
        for timer in running.timers.iter() {
            let at = timer.group as usize;
            running.next.resize(running.next.len().max(at + 1), NO_TIMER);
            running.next[at] = timer.time;
        }
        context.armed.set(running.armed());
        Ok(Box::new(running))
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(InTimeOrder::of(self.clone(), 2, Passes::ByBatch))
    }
}

struct TemporalJoinOperator {
    plan: TemporalJoin,
    pairing: Pairing,
    sides: Sides,
    timers: Timers,
    /// The time of each group's timer.
    next: Vec<i64>,
    /// Left rows whose time has come, each with its version, that were not given yet.
    waiting: Vec<(u32, u32)>,
    /// The timers of their groups.
    fired: Vec<Timer>,
    /// Groups that may have nothing any more.
    empty: Vec<u32>,
    watermark: i64,
    batch_rows: usize,
    metrics: Arc<OperatorMetrics>,
}

impl TemporalJoinOperator {
    fn armed(&self) -> Armed {
        if self.plan.processing_time {
            let more = !self.waiting.is_empty();
            let full = if more { Inputs::ALL } else { Inputs::NONE };
            return Armed { more, full, indivisible: more, ..Armed::NOTHING };
        }
        // A row that came late waits for the next watermark.
        let next = self.timers.first().map(|time| time.max(self.watermark.saturating_add(1)));
        Armed { event_time: if self.fired.is_empty() { next } else { Some(MIN_WATERMARK) }, ..Armed::NOTHING }
    }

    /// Sees to it that `group` is looked at when the watermark has come to `time`.
    fn wait(&mut self, group: u32, time: i64) {
        let at = group as usize;
        if self.next.len() <= at {
            self.next.resize(at + 1, NO_TIMER);
        }
        let known = self.next[at];
        if time < known {
            if known != NO_TIMER {
                self.timers.delete(Timer { time: known, group, name: 0 });
            }
            self.timers.set(Timer { time, group, name: 0 });
            self.next[at] = time;
        }
    }

    /// Takes rows in; gives those left rows that nothing can be found for.
    fn take_in(&mut self, input: usize, batch: &Batch, out: &mut dyn Output) -> Result<()> {
        let groups = self.sides.groups(input, batch)?;
        let times = batch.times().clone();
        let has_time = |row: usize| self.plan.processing_time || times[row] != NO_TIME;
        // What a version replaces is told by the version itself.
        let version = |row: usize| input == 0 || batch.kind(row) != RowKind::UpdateBefore;
        let keep = |row: usize| groups[row] != NO_GROUP && has_time(row) && version(row);
        let late = (0..batch.rows()).filter(|&row| !has_time(row)).count();
        self.metrics.add_late(late as u64);
        let mut alone = Vec::new();
        let kept = self.sides.keep(input, batch, &groups, keep)?;
        for (row, (&group, &kept)) in groups.iter().zip(&kept).enumerate() {
            if kept == NO_ROW {
                self.empty.push(group);
                alone.push(u32::try_from(row).unwrap_or(NO_ROW));
                continue;
            }
            self.sides.stores[input].set_mark(kept, i64::from(batch.kind(row) as i8));
            if !self.plan.processing_time {
                self.wait(group, times[row]);
            }
        }
        if input == 0 && self.plan.spec.kind.pads(0) && !alone.is_empty() {
            let nothing = vec![NO_ROW; alone.len()];
            let columns = self.pairing.rows(0, batch, &self.sides.stores[1], [&alone, &nothing])?;
            let times = alone.iter().map(|&row| times[row as usize]).collect();
            let kinds = alone.iter().map(|&row| batch.kind(row as usize) as i8).collect();
            self.emit(columns, times, kinds, out)?;
        }
        if self.plan.processing_time { self.meet_now(input, &groups, &kept) } else { Ok(()) }
    }

    /// In processing time only the last version counts, and left rows wait for nothing.
    fn meet_now(&mut self, input: usize, groups: &[u32], kept: &[u32]) -> Result<()> {
        for (&group, &row) in groups.iter().zip(kept).filter(|(_, row)| **row != NO_ROW) {
            let versions = &mut self.sides.stores[1];
            if input == 0 {
                let version = versions.first(group);
                self.waiting.push((row, version));
            } else {
                // Rows that are still to come in this batch stand behind it.
                while versions.first(group) != row && versions.first(group) != NO_ROW {
                    let before = versions.first(group);
                    versions.remove(before)?;
                }
                if !RowKind::from_byte(i8::try_from(versions.mark(row)).unwrap_or(0)).adds() {
                    versions.remove(row)?;
                    self.empty.push(group);
                }
            }
        }
        Ok(())
    }

    /// Finds the versions of the left rows that `watermark` has reached, of as many keys as make a batch.
    fn fire(&mut self, watermark: i64) {
        let due: Vec<Timer> = self.timers.iter().take_while(|timer| timer.time <= watermark).copied().collect();
        for timer in due {
            if self.waiting.len() >= self.batch_rows {
                break;
            }
            self.fired.push(timer);
            let [left, right] = &self.sides.stores;
            let versions = versions(right, timer.group);
            for row in left.of(timer.group).filter(|&row| left.time(row) <= watermark) {
                let at = versions.partition_point(|&version| right.time(version) <= left.time(row));
                let version = at.checked_sub(1).map_or(NO_ROW, |at| versions[at]);
                let gone = version != NO_ROW && right.mark(version) == i64::from(RowKind::Delete as i8);
                self.waiting.push((row, if gone { NO_ROW } else { version }));
            }
        }
    }

    /// Gives a batch or two of what waits; then the keys are done.
    fn give(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        for given in 0..BATCHES {
            if self.waiting.is_empty() || given > 0 && !out.has_room() {
                break;
            }
            let some = self.waiting.len().min(self.batch_rows);
            let (rows, versions): (Vec<u32>, Vec<u32>) = self.waiting.drain(..some).unzip();
            self.join(&rows, &versions, out)?;
            let left = &mut self.sides.stores[0];
            for row in rows {
                self.empty.push(left.group(row));
                left.remove(row)?;
            }
        }
        if self.waiting.is_empty() {
            for timer in std::mem::take(&mut self.fired) {
                self.finish(timer, watermark)?;
            }
            self.free();
        }
        Ok(())
    }

    fn join(&self, rows: &[u32], versions: &[u32], out: &mut dyn Output) -> Result<()> {
        let [left, right] = &self.sides.stores;
        let schema = &self.plan.spec.inputs[0];
        let columns = left.gather(rows, &(0..schema.len()).collect::<Vec<_>>())?;
        let batch = Batch::new(schema.record_batch(columns, rows.len())?, left.times(rows));
        let mut pairs = Pairs::default();
        for (at, &version) in (0_u32..).zip(versions).filter(|(_, version)| **version != NO_ROW) {
            pairs.rows.push(at);
            pairs.others.push(version);
        }
        self.pairing.filter(&mut pairs, 0, &batch, right, out)?;
        if self.plan.spec.kind.pads(0) {
            let mut found = vec![NO_ROW; rows.len()];
            for (&row, &version) in pairs.rows.iter().zip(&pairs.others) {
                found[row as usize] = version;
            }
            pairs.rows = (0_u32..).take(rows.len()).collect();
            pairs.others = found;
        }
        if pairs.rows.is_empty() {
            return Ok(());
        }
        let columns = self.pairing.rows(0, &batch, right, [&pairs.rows, &pairs.others])?;
        let times = pairs.rows.iter().map(|&row| batch.times()[row as usize]).collect();
        let kinds = pairs.rows.iter().map(|&row| i8::try_from(left.mark(rows[row as usize])).unwrap_or(0)).collect();
        self.emit(columns, times, kinds, out)
    }

    fn emit(
        &self,
        columns: Vec<arrow_array::ArrayRef>,
        times: Vec<i64>,
        kinds: Vec<i8>,
        out: &mut dyn Output,
    ) -> Result<()> {
        out.batch(self.pairing.batch(columns, times)?.with_kinds(self.plan.changes.then(|| kinds.into())))
    }

    /// Drops the versions that no later row can ask for, and waits for the next left row.
    fn finish(&mut self, timer: Timer, watermark: i64) -> Result<()> {
        let group = timer.group;
        self.timers.delete(timer);
        self.next[group as usize] = NO_TIMER;
        let [left, right] = &mut self.sides.stores;
        let versions = versions(right, group);
        let newer = versions.partition_point(|&version| right.time(version) <= watermark);
        for &version in &versions[..newer.saturating_sub(1)] {
            right.remove(version)?;
        }
        let next = left.of(group).map(|row| left.time(row)).min();
        if let Some(next) = next {
            self.wait(group, next);
        }
        self.empty.push(group);
        Ok(())
    }

    /// Forgets the keys that have nothing any more, and no timer that a stored state knows.
    fn free(&mut self) {
        let mut empty = std::mem::take(&mut self.empty);
        empty.retain(|&group| group != NO_GROUP);
        let (kept, free): (Vec<u32>, Vec<u32>) = empty.into_iter().partition(|&group| self.timers.holds(group));
        self.sides.free(free);
        self.empty = kept;
        self.empty.sort_unstable();
        self.empty.dedup();
    }
}

/// The versions of a key by their time; of those of one time, the last that came last.
fn versions(store: &crate::operators::keyed::RowStore, group: u32) -> Vec<u32> {
    let mut versions: Vec<u32> = store.of(group).collect();
    versions.sort_by_key(|&version| store.time(version));
    versions
}

impl Operator for TemporalJoinOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        self.take_in(input, &batch, out)?;
        if self.plan.processing_time {
            self.give(self.watermark, out)?;
        } else {
            self.free();
        }
        out.arm(self.armed());
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.watermark = watermark;
        out.watermark(watermark)
    }

    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        if self.waiting.is_empty() && !self.plan.processing_time {
            self.fire(now.watermark);
        }
        self.give(now.watermark, out)?;
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        let mut changes = self.sides.changes()?;
        self.timers.changes(&self.sides.table, &mut changes)?;
        self.free();
        let entry = self.watermark.to_le_bytes().to_vec();
        changes.push(StateChange::Operator { state: WATERMARK.name, entry });
        Ok(StateDelta { changes })
    }

    fn inspect(&mut self) -> OperatorView {
        let mut view = self.sides.view(self.timers.bytes());
        view.sections.push(Section::Timers(self.timers.len() as u64));
        view
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        self.sides.read(query)
    }
}
