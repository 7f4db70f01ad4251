//! The source end of a chain: reads, holds rows back by pace and budget, cuts them at watermarks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::RecordBatch;

use super::chain::Chain;
use super::pace::Pace;
use super::source_reader::{SourceReaders, TimedRows};
use super::source_scan::{Scan, Scanned, rejected};
use super::source_state::{HeldRows, Lost};
use super::source_time::{Admitted, EventTimes, IdleTimer, Silence};
use crate::api::{OnError, Output, Rejected, SourcePoll};
use crate::expr::Evaluator;
use crate::plan::SourceTask;
use crate::state::StateChange;
use crate::types::{Batch, ChannelStatus, CheckpointId, Clock, MIN_WATERMARK, Result};

/// Until a reader that has nothing now, and does not say when it will, is asked again.
const POLL_MS: i64 = 1;

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
}

/// The running source of one subtask.
pub(super) struct SourceDriver {
    task: SourceTask,
    readers: SourceReaders,
    setting: SourceSetting,
    times: EventTimes,
    scan: Scan,
    pace: Option<Pace>,
    idle: IdleTimer,
    /// The watermark that was sent last.
    sent: i64,
    held_since_ms: Option<i64>,
}

impl SourceDriver {
    pub(super) fn new(task: SourceTask, readers: SourceReaders, setting: SourceSetting) -> Self {
        let timeout_ms = task.event_time.as_ref().and_then(|spec| spec.idle_timeout_ms);
        Self {
            times: EventTimes(task.event_time.as_ref().map(|spec| Evaluator::new(&spec.time))),
            scan: Scan::new(&task),
            pace: task.pace.filter(|_| task.event_time.is_some()).map(Pace::new),
            idle: IdleTimer::new(timeout_ms, setting.clock.now_ms()),
            sent: MIN_WATERMARK,
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
            // What operators still have to give since the restore holds time back until the end of the source.
            if !chain.is_busy() {
                chain.outputs.status(ChannelStatus::Idle);
            }
            return Ok(());
        }
        self.rise_to(self.readers.watermark(), chain)
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
            self.idle.restart(now_ms);
        }
    }

    /// The state at a barrier.
    pub(super) fn snapshot(&mut self, id: CheckpointId) -> Result<Vec<StateChange>> {
        self.readers.snapshot(id)
    }

    /// Reads and sends on at most one batch.
    pub(super) fn step(&mut self, chain: &mut Chain) -> Result<SourceStep> {
        if self.setting.budget.as_ref().is_some_and(|budget| budget.is_spent()) {
            return Ok(SourceStep::BudgetSpent);
        }
        let reader = &mut self.readers.current;
        if reader.next_times().is_none() {
            if let Some(HeldRows { rows, lost }) = reader.restored.pop_front() {
                self.admit(&rows, lost, chain)?;
            } else if reader.at_end {
                if !self.readers.go_on() {
                    return Ok(SourceStep::AtEnd);
                }
                self.rise_to(self.readers.watermark(), chain)?;
            } else {
                match reader.source.poll()? {
                    SourcePoll::Rows { rows, rejected } => {
                        self.admit(&rows, rejected.into(), chain)?;
                    }
                    SourcePoll::Pending(due_ms) => {
                        let due_ms = due_ms.unwrap_or_else(|| self.setting.clock.now_ms().saturating_add(POLL_MS));
                        return Ok(self.wait(due_ms, chain));
                    }
                    SourcePoll::End => reader.at_end = true,
                }
                chain.outputs.metrics().set_progress(self.readers.progress());
            }
        }
        self.release(chain)
    }

    /// Nothing can be sent before `due_ms`: after the idle timeout the source is left out of the minimum of watermarks.
    fn wait(&mut self, due_ms: i64, chain: &mut Chain) -> SourceStep {
        match self.idle.nothing(self.setting.clock.now_ms()) {
            Silence::Idle => {
                chain.outputs.status(ChannelStatus::Idle);
                SourceStep::Progress
            }
            Silence::Until(idle_at_ms) => SourceStep::Waits(idle_at_ms.map_or(due_ms, |at_ms| at_ms.min(due_ms))),
        }
    }

    /// Gives rows their event times; those without are lost, as `lost` are, which stand between the rows. They are
    /// counted and given up when the rows around them leave; where one fails the job, it does so now.
    fn admit(&mut self, rows: &RecordBatch, mut lost: Lost, chain: &mut Chain) -> Result<()> {
        if self.task.on_error == OnError::Fail {
            self.give_up(lost.drain(..).map(|(_, row)| row).collect(), chain)?;
        }
        if rows.num_rows() == 0 {
            return self.give_up(lost.into_iter().map(|(_, row)| row).collect(), chain);
        }
        let Admitted { rows: admitted, untimed } = self.times.admit(rows, self.setting.clock.now_ms())?;
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
        let gone = self.readers.current.hold(admitted, lost);
        self.give_up(gone, chain)
    }

    /// Counts rows as read and gives them up, as the source says.
    fn give_up(&self, rows: Vec<Rejected>, chain: &mut Chain) -> Result<()> {
        chain.outputs.metrics().add_in(rows.len(), rows.iter().map(|row| row.row.len()).sum());
        chain.outputs.reject_read(self.task.on_error, rows)
    }

    /// Sends on the held rows that are due and within the budget.
    fn release(&mut self, chain: &mut Chain) -> Result<SourceStep> {
        let Some(times) = self.readers.current.next_times() else { return Ok(SourceStep::Progress) };
        let tells_time = self.pace.is_some() || self.idle.is_set();
        let now_ms = if tells_time { self.setting.clock.now_ms() } else { 0 };
        let mut rows = times.len();
        if let Some(pace) = &mut self.pace
            && let Some(first) = times.iter().position(|&time| pace.due_ms(time, now_ms) > now_ms)
        {
            if first == 0 {
                let due_ms = pace.due_ms(times[0], now_ms);
                return Ok(self.wait(due_ms, chain));
            }
            rows = first;
        }
        if let Some(budget) = &self.setting.budget {
            rows = budget.claim(rows);
            if rows == 0 {
                return Ok(SourceStep::BudgetSpent);
            }
        }
        let Some((leaving, gone)) = self.readers.current.take(rows) else { return Ok(SourceStep::Progress) };
        if self.idle.rows(now_ms) {
            chain.outputs.status(ChannelStatus::Active);
        }
        self.give_up(gone, chain)?;
        self.send(leaving, chain)?;
        Ok(SourceStep::Progress)
    }

    /// Filters, projects, and cuts at watermarks.
    fn send(&mut self, leaving: TimedRows, chain: &mut Chain) -> Result<()> {
        let TimedRows { rows, times, spans } = leaving;
        let Scanned { rows: projected, kept, failed } = self.scan.scan(&rows, || self.setting.clock.now_ms())?;
        if !failed.is_empty() {
            // The rows are read; it is an operator of the job that ran here and gives them up.
            chain.outputs.reject(rejected(&self.task.name, &rows, &failed))?;
        }
        let batch = Batch::new(projected, times.clone());
        chain.outputs.metrics().add_in(batch.rows(), batch.bytes());
        let batch = match &kept {
            Some(kept) => batch.filter(kept)?,
            None => batch,
        };
        if self.times.0.is_none() {
            return chain.head().batch(batch);
        }
        // The filter ran over the whole batch; how many rows of each piece it kept is a count of bits.
        let mut taken = 0;
        let total = times.len();
        let bound = self.readers.bound();
        let generator = &mut self.readers.current.generator;
        let result = generator.advance_over(&times, &spans, |piece, watermark| {
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
        chain.outputs.metrics().set_newest_event_time(generator.max_time());
        result
    }
}
