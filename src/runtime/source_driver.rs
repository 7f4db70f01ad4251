//! The source end of a chain: reads, holds rows back by pace and budget, cuts them at watermarks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;

use super::alignment::Aligned;
use super::chain::Chain;
use super::pace::Pace;
use super::source_reader::SourceReaders;
use super::source_scan::{Scan, Scanned, rejected};
use super::source_state::{HeldRows, Lost};
use super::source_time::{Admitted, EventTimes, Silence, TimedRows};
use crate::api::{EventTimeEvaluator, OnError, Output, Rejected, SourcePoll};
use crate::inspect::{AlignmentView, SplitView};
use crate::plan::SourceTask;
use crate::state::StateChange;
use crate::types::{Batch, ChannelStatus, CheckpointId, Clock, MIN_WATERMARK, Result};

/// Until a reader that has nothing now, and does not say when it will, is asked again.
const POLL_MS: i64 = 1;
/// Until a reader that waits for others looks again, though nobody has woken it, and until the watermark of ingestion rises
/// without rows: Flink's auto-watermark interval.
const RAISE_MS: i64 = 200;

/// The number of rows that all readers together may still let out.
#[derive(Debug)]
pub(super) struct RowBudget(AtomicU64);

impl RowBudget {
    pub(super) const fn new(rows: u64) -> Self {
        Self(AtomicU64::new(rows))
    }

    /// Takes up to `rows` from the budget.
    fn claim(&self, rows: usize) -> usize {
        let mut left = self.0.load(Ordering::Relaxed);
        loop {
            let granted = left.min(rows as u64);
            match self.0.compare_exchange_weak(left, left - granted, Ordering::Relaxed, Ordering::Relaxed) {
                // At most `rows`, so it fits.
                Ok(_) => return usize::try_from(granted).unwrap_or(rows),
                Err(now) => left = now,
            }
        }
    }

    fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

/// The result of a step of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SourceStep {
    Progress,
    /// Nothing until this time of the clock (or until told otherwise).
    Waits(i64),
    /// The reader has come to its end.
    AtEnd,
    /// The budget of rows is spent: the input ends here, with rows left behind it.
    BudgetSpent,
}

/// The setting that a source subtask shares with its job.
pub(super) struct SourceSetting {
    pub(super) budget: Option<Arc<RowBudget>>,
    pub(super) clock: Arc<dyn Clock>,
    /// The source's part in the alignment of watermarks.
    pub(super) aligned: Option<Aligned>,
    /// Whether rows are to say which watermark each has met.
    pub(super) row_watermarks: bool,
}

/// The running source of one subtask.
pub(super) struct SourceDriver {
    task: SourceTask,
    readers: SourceReaders,
    setting: SourceSetting,
    times: EventTimes,
    /// Whether event time is the clock.
    ingestion: bool,
    scan: Scan,
    pace: Option<Pace>,
    /// The watermark that was sent last.
    sent: i64,
    /// Whether it was said that nobody need wait for the source.
    idle: bool,
    held_since_ms: Option<i64>,
}

impl SourceDriver {
    pub(super) fn new(task: SourceTask, readers: SourceReaders, setting: SourceSetting) -> Self {
        Self {
            times: EventTimes(task.event_time.as_ref().map(EventTimeEvaluator::new)),
            ingestion: task.event_time.as_ref().is_some_and(|spec| spec.ingestion),
            scan: Scan::new(&task),
            pace: task.pace.filter(|_| task.event_time.is_some()).map(Pace::new),
            sent: MIN_WATERMARK,
            idle: false,
            held_since_ms: None,
            task,
            readers,
            setting,
        }
    }

    /// Says, before any subtask runs, what the source knows of event time: how far it had come when it was restored, or
    /// that it has nothing to hold it back for. So no row of another reader meets an earlier time than in a run that was
    /// not interrupted, whichever subtask is stepped first.
    pub(super) fn announce(&mut self, chain: &mut Chain) -> Result<()> {
        if self.readers.current.is_over() {
            self.leave();
            // What operators still have to give since the restore holds time back until the end of the source.
            if !chain.is_busy() {
                chain.outputs.status(ChannelStatus::Idle);
            }
            return Ok(());
        }
        self.settle(chain)
    }

    /// The source has ended: nobody waits for it any more.
    pub(super) fn leave(&mut self) {
        self.setting.aligned = None;
    }

    /// Says what has changed: whether the source is idle, its watermark, and to the others how far it is.
    fn settle(&mut self, chain: &mut Chain) -> Result<()> {
        self.readers.current.settle();
        let idle = self.readers.current.is_idle() && !self.readers.current.is_over();
        if self.idle && !idle {
            self.idle = false;
            chain.outputs.status(ChannelStatus::Active);
        }
        self.rise_to(self.readers.watermark(), chain)?;
        if idle && !self.idle {
            self.idle = true;
            chain.outputs.status(ChannelStatus::Idle);
        }
        if let Some(aligned) = &mut self.setting.aligned {
            aligned.tell(self.sent, !self.idle);
        }
        Ok(())
    }

    fn rise_to(&mut self, watermark: i64, chain: &mut Chain) -> Result<()> {
        if watermark <= self.sent {
            return Ok(());
        }
        self.sent = watermark;
        chain.head().watermark(watermark)
    }

    /// The job is paused, or goes on: barriers pass, rows do not, and no time passes for the pace.
    pub(super) fn hold(&mut self, hold: bool) {
        let now_ms = self.setting.clock.now_ms();
        if hold {
            self.held_since_ms.get_or_insert(now_ms);
        } else if let Some(since_ms) = self.held_since_ms.take() {
            if let Some(pace) = &mut self.pace {
                pace.shift(now_ms.saturating_sub(since_ms));
            }
            self.readers.current.splits.iter_mut().for_each(|split| split.idle.restart(now_ms));
        }
    }

    /// The state at a barrier.
    pub(super) fn snapshot(&mut self, id: CheckpointId) -> Result<Vec<StateChange>> {
        self.readers.snapshot(id)
    }

    /// The splits that have an event time of their own, and whether the source waits for another.
    pub(super) fn view(&self) -> (Vec<SplitView>, Option<AlignmentView>) {
        let drift_ms = self.task.event_time.as_ref().and_then(|spec| spec.align_ms);
        let aligned = self.setting.aligned.as_ref().zip(drift_ms);
        let aligned = aligned.map(|(aligned, drift_ms)| AlignmentView {
            drift_ms,
            waits_for: aligned.waits_for().map(|id| (id.vertex.0, id.index)),
        });
        (self.readers.splits(), aligned)
    }

    /// Reads and sends on at most one batch.
    pub(super) fn step(&mut self, chain: &mut Chain) -> Result<SourceStep> {
        if self.setting.budget.as_ref().is_some_and(|budget| budget.is_spent()) {
            return Ok(SourceStep::BudgetSpent);
        }
        let mut due_ms: Option<i64> = None;
        for split in self.readers.current.order() {
            match self.step_split(split, chain)? {
                SourceStep::Waits(at_ms) => due_ms = Some(due_ms.map_or(at_ms, |due_ms| due_ms.min(at_ms))),
                step @ (SourceStep::Progress | SourceStep::AtEnd | SourceStep::BudgetSpent) => {
                    self.settle(chain)?;
                    return Ok(step);
                }
            }
        }
        if self.readers.current.is_over() {
            if !self.readers.go_on() {
                return Ok(SourceStep::AtEnd);
            }
            let now_ms = self.setting.clock.now_ms();
            self.readers.current.splits.iter_mut().for_each(|split| split.idle.restart(now_ms));
            self.settle(chain)?;
            return Ok(SourceStep::Progress);
        }
        let look = self.readers.current.look()?;
        self.settle(chain)?;
        let now_ms = self.setting.clock.now_ms();
        if let Some(look) = look {
            let SourcePoll::Pending(at_ms) = look else { return Ok(SourceStep::Progress) };
            let at_ms = at_ms.unwrap_or_else(|| now_ms.saturating_add(POLL_MS));
            due_ms = Some(due_ms.map_or(at_ms, |due_ms| due_ms.min(at_ms)));
        }
        Ok(SourceStep::Waits(due_ms.unwrap_or_else(|| now_ms.saturating_add(POLL_MS))))
    }

    /// Reads and sends on at most one batch of a split.
    fn step_split(&mut self, split: usize, chain: &mut Chain) -> Result<SourceStep> {
        let reader = &mut self.readers.current;
        if reader.splits[split].next().is_none() {
            if let Some(HeldRows { rows, lost }) = reader.splits[split].restored.pop_front() {
                self.admit(split, &rows, lost, chain)?;
            } else {
                match reader.poll(split)? {
                    Some(SourcePoll::Rows { rows, rejected }) => self.admit(split, &rows, rejected.into(), chain)?,
                    Some(SourcePoll::Pending(due_ms)) => {
                        let due_ms = due_ms.unwrap_or_else(|| self.setting.clock.now_ms().saturating_add(POLL_MS));
                        return self.wait(split, due_ms, chain);
                    }
                    Some(SourcePoll::End) => {}
                    // It is over, and so is the reader, or others of its splits are not.
                    None => return Ok(SourceStep::Waits(i64::MAX)),
                }
                chain.outputs.metrics().set_progress(self.readers.progress());
            }
        }
        self.release(split, chain)
    }

    /// Nothing of a split can be sent before `due_ms`: after the idle timeout it is left out of the minimum of watermarks.
    fn wait(&mut self, split: usize, due_ms: i64, chain: &mut Chain) -> Result<SourceStep> {
        let now_ms = self.setting.clock.now_ms();
        let of = &mut self.readers.current.splits[split];
        let mut due_ms = due_ms;
        if self.ingestion {
            of.generator.raise(now_ms);
            due_ms = due_ms.min(now_ms.saturating_add(RAISE_MS));
            self.settle(chain)?;
        }
        Ok(match self.readers.current.splits[split].idle.nothing(now_ms) {
            Silence::Idle => SourceStep::Progress,
            Silence::Until(idle_at_ms) => SourceStep::Waits(idle_at_ms.map_or(due_ms, |at_ms| at_ms.min(due_ms))),
        })
    }

    /// Gives rows their event times; those without are lost, as `lost` are, which stand between the rows. They are
    /// counted and given up when the rows around them leave; where one fails the job, it does so now.
    fn admit(&mut self, split: usize, rows: &RecordBatch, mut lost: Lost, chain: &mut Chain) -> Result<()> {
        if self.task.on_error == OnError::Fail {
            self.give_up(lost.drain(..).map(|(_, row)| row).collect(), chain)?;
        }
        if rows.num_rows() == 0 {
            return self.give_up(lost.into_iter().map(|(_, row)| row).collect(), chain);
        }
        let of = &self.readers.current.splits[split];
        let reached = of.newest.max(of.generator.max_time());
        let Admitted { rows: admitted, untimed } = self.times.admit(rows, reached, self.setting.clock.now_ms())?;
        if !untimed.is_empty() {
            let read = rejected(&self.task.name, rows, &untimed);
            if self.task.on_error == OnError::Fail {
                return self.give_up(read, chain);
            }
            lost.extend(untimed.iter().map(|error| error.row).zip(read));
            lost.make_contiguous().sort_by_key(|(before, _)| *before);
            for (before, _) in &mut lost {
                *before -= untimed.partition_point(|error| error.row < *before);
            }
        }
        let gone = self.readers.current.splits[split].hold(admitted, lost);
        self.give_up(gone, chain)
    }

    /// Counts rows as read and gives them up, as the source says.
    fn give_up(&self, rows: Vec<Rejected>, chain: &mut Chain) -> Result<()> {
        chain.outputs.metrics().add_in(rows.len(), rows.iter().map(|row| row.row.len()).sum());
        chain.outputs.reject_read(self.task.on_error, rows)
    }

    /// Sends on the held rows of a split that are due, near enough to the slowest source, and within the budget.
    fn release(&mut self, split: usize, chain: &mut Chain) -> Result<SourceStep> {
        let of = &mut self.readers.current.splits[split];
        let tells_time = self.pace.is_some() || of.idle.is_set();
        let now_ms = if tells_time { self.setting.clock.now_ms() } else { 0 };
        let Some(next) = of.next() else { return Ok(SourceStep::Progress) };
        let mut rows = next.times.len();
        if let Some(pace) = &mut self.pace
            && let Some(first) = next.times.iter().position(|&time| pace.due_ms(time, now_ms) > now_ms)
        {
            if first == 0 {
                let due_ms = pace.due_ms(next.times[0], now_ms);
                return self.wait(split, due_ms, chain);
            }
            rows = first;
        }
        if let Some(aligned) = &self.setting.aligned {
            let limit = aligned.limit();
            // Readers that are read later hold back what is said of this one: it can't wait for them.
            let later = self.readers.later_bound();
            let of = &mut self.readers.current.splits[split];
            if of.generator.current().min(later) > limit && aligned.wait(limit) {
                // It has rows: the time until it may send them is no idleness.
                of.idle.restart(now_ms);
                return Ok(SourceStep::Waits(self.setting.clock.now_ms().saturating_add(RAISE_MS)));
            }
            if later > limit
                && let Some(next) = of.next()
                && let Some(first) = of.generator.first_above(next.marks.as_deref().unwrap_or(&next.times), limit)
            {
                rows = rows.min(first + 1);
            }
        }
        if let Some(budget) = &self.setting.budget {
            rows = budget.claim(rows);
            if rows == 0 {
                return Ok(SourceStep::BudgetSpent);
            }
        }
        let of = &mut self.readers.current.splits[split];
        let Some((leaving, gone)) = of.take(rows) else { return Ok(SourceStep::Progress) };
        if of.idle.rows(now_ms) {
            self.settle(chain)?;
        }
        self.give_up(gone, chain)?;
        self.send(split, leaving, chain)?;
        Ok(SourceStep::Progress)
    }

    /// Filters, projects, and cuts at watermarks.
    fn send(&mut self, split: usize, leaving: TimedRows, chain: &mut Chain) -> Result<()> {
        let TimedRows { rows, times, marks, spans } = leaving;
        let Scanned { rows: projected, kept, failed } = self.scan.scan(&rows, || self.setting.clock.now_ms())?;
        if !failed.is_empty() {
            // The rows are read; it is an operator of the job that ran here and gives them up.
            chain.outputs.reject(rejected(&self.task.name, &rows, &failed))?;
        }
        let bound = self.readers.bound(split);
        let met = || -> arrow_buffer::ScalarBuffer<i64> {
            let generator = &self.readers.current.splits[split].generator;
            let met = generator.met_by_each(marks.as_deref().unwrap_or(&times));
            met.into_iter().map(|met| met.min(bound).max(self.sent)).collect()
        };
        let timed = self.setting.row_watermarks && self.times.0.is_some() && !chain.outputs.is_batch();
        let batch = Batch::new(projected, times.clone()).with_watermarks(timed.then(met));
        chain.outputs.metrics().add_in(batch.rows(), batch.bytes());
        let batch = match &kept {
            Some(kept) => batch.filter(kept)?,
            None => batch,
        };
        if self.times.0.is_none() || chain.outputs.is_batch() {
            return chain.head().batch(batch);
        }
        // The filter ran over the whole batch; how many rows of each piece it kept is a count of bits.
        let mut taken = 0;
        let total = times.len();
        let of = &mut self.readers.current.splits[split];
        let result = of.generator.advance_over(&times, &spans, marks.as_deref(), |piece, watermark| {
            let kept = match &kept {
                Some(kept) => kept.values().slice(piece.start, piece.len()).count_set_bits(),
                None => piece.len(),
            };
            if kept > 0 {
                let whole = piece.len() == total;
                chain.head().batch(if whole { batch.clone() } else { batch.slice(taken, kept) })?;
                taken += kept;
            }
            match watermark.map(|watermark| watermark.min(bound)) {
                Some(watermark) if watermark > self.sent => {
                    self.sent = watermark;
                    chain.head().watermark(watermark)
                }
                Some(_) | None => Ok(()),
            }
        });
        of.newest = of.newest.max(spans.latest());
        chain.outputs.metrics().set_newest_event_time(self.readers.current.newest());
        result
    }
}
