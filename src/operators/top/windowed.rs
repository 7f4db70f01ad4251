//! The first rows of each window, given in their order once the window is over: Flink's `WindowRank`.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMillisecondType;
use arrow_array::{Array, ArrayRef, BooleanArray};

use super::append::Firsts;
use super::emitted::Emitted;
use super::spec::TopN;
use crate::api::{Armed, Moment, Operator, OperatorContext, OperatorMetrics, Output, StateRead};
use crate::inspect::{OperatorView, Section, StateQuery};
use crate::operators::late_rows::LateRows;
use crate::state::StateDelta;
use crate::types::{Batch, CheckpointId, Error, MIN_WATERMARK, Result, RowKind};

/// The running `top … per window`.
pub(super) struct WindowTop {
    firsts: Firsts,
    /// The column that is the window's end.
    end: usize,
    /// The groups of the windows that are open, by their last moment.
    open: BTreeMap<i64, VecDeque<u32>>,
    watermark: i64,
    metrics: Arc<OperatorMetrics>,
    late_rows: LateRows,
    batch_rows: usize,
}

impl WindowTop {
    pub(super) fn new(plan: &TopN, end: usize, context: &OperatorContext) -> Result<Self> {
        let firsts = Firsts::new(plan, context)?;
        let groups = firsts.table.groups();
        let rows: Vec<u32> = groups.iter().filter_map(|&group| firsts.of(group).next()).collect();
        let mut open: BTreeMap<i64, VecDeque<u32>> = BTreeMap::new();
        if let [ends] = firsts.store.gather(&rows, &[end])?.as_slice() {
            for (&group, last) in groups.iter().zip(last_moments(ends)?) {
                open.entry(last.unwrap_or(MIN_WATERMARK)).or_default().push_back(group);
            }
        }
        let this = Self {
            firsts,
            end,
            open,
            watermark: MIN_WATERMARK,
            metrics: Arc::clone(&context.metrics),
            late_rows: LateRows::default(),
            batch_rows: context.batch_rows,
        };
        context.armed.set(this.armed());
        Ok(this)
    }

    fn armed(&self) -> Armed {
        Armed { event_time: self.open.keys().next().copied(), ..Armed::NOTHING }
    }

    /// The rows of windows that are not over.
    fn in_time(&mut self, batch: Batch) -> Result<Batch> {
        let moments = last_moments(batch.column(self.end))?;
        let watermark = self.watermark;
        let open = |last: &Option<i64>| last.is_some_and(|last| last > watermark);
        let late = moments.iter().filter(|last| !open(last)).count();
        if late == 0 {
            return Ok(batch);
        }
        self.metrics.add_late(late as u64);
        let rows: Vec<usize> = (0..batch.rows()).filter(|&row| !open(&moments[row])).collect();
        let end = |row: usize| moments[row].map(|last| last.saturating_add(1));
        self.late_rows.keep_each(&batch, &rows, end, self.watermark);
        let keep: BooleanArray = moments.iter().map(|last| Some(open(last))).collect();
        Ok(batch.filter(&keep)?)
    }
}

/// The last moment of each window of these ends, epoch milliseconds.
fn last_moments(ends: &ArrayRef) -> Result<Vec<Option<i64>>> {
    let ends = ends.as_primitive_opt::<TimestampMillisecondType>();
    let ends = ends.ok_or_else(|| Error::state("the end of a window is no timestamp"))?;
    Ok((0..ends.len()).map(|row| ends.is_valid(row).then(|| ends.value(row).saturating_sub(1))).collect())
}

impl Operator for WindowTop {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let batch = self.in_time(batch)?;
        if batch.is_empty() {
            return Ok(());
        }
        let taken = self.firsts.evaluate(batch, out)?;
        // Some may have been rejected.
        let moments = last_moments(taken.batch.column(self.end))?;
        for (row, last) in moments.into_iter().enumerate() {
            let group = taken.groups[row];
            if self.firsts.of(group).next().is_none() {
                self.open.entry(last.unwrap_or(MIN_WATERMARK)).or_default().push_back(group);
            }
            self.firsts.insert(&taken, row);
        }
        self.firsts.keep(&taken, false, &mut Emitted::default())?;
        self.firsts.let_go()?;
        out.arm(self.armed());
        Ok(())
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        self.watermark = watermark;
        out.watermark(watermark)
    }

    /// Gives the rows of windows that are over, about a batch of them.
    fn advance(&mut self, now: Moment, out: &mut dyn Output) -> Result<()> {
        let mut emitted = Emitted::default();
        let mut given = Vec::new();
        while emitted.len() < self.batch_rows
            && let Some(mut first) = self.open.first_entry().filter(|first| *first.key() <= now.watermark)
        {
            let last = *first.key();
            let Some(group) = first.get_mut().pop_front() else {
                first.remove();
                continue;
            };
            for (place, row) in self.firsts.of(group).enumerate() {
                emitted.push(RowKind::Insert, row, place, last);
            }
            given.push(group);
        }
        if emitted.len() > 0 {
            emitted.give(&self.firsts.plan, &self.firsts.store, false, self.batch_rows, out)?;
        }
        given.into_iter().try_for_each(|group| self.firsts.forget(group))?;
        out.arm(self.armed());
        Ok(())
    }

    fn snapshot(&mut self, _checkpoint: CheckpointId) -> Result<StateDelta> {
        self.firsts.snapshot()
    }

    fn inspect(&mut self) -> OperatorView {
        let mut sections = self.firsts.sections();
        sections.push(Section::Late(self.late_rows.view(&self.firsts.plan.input, None)));
        sections.push(Section::Timers(self.open.values().map(|groups| groups.len() as u64).sum()));
        OperatorView { watermark: Some(self.watermark), sections }
    }

    fn read_state(&mut self, query: &StateQuery) -> Result<Option<Vec<StateRead>>> {
        Ok(Some(self.firsts.store.read(query)?.into_iter().collect()))
    }
}
