//! The source end of a chain: reads, gives rows their times, holds them back by pace, cuts them at watermarks, filters
//! and projects.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMillisecondType};
use arrow_array::{Array, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_buffer::ScalarBuffer;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::{DataType, TimeUnit};
use arrow_select::filter::filter_record_batch;

use super::chain::Chain;
use super::source_state::{Reached, SourceSnapshot};
use crate::api::{Output, Rejected, Source, SourcePoll, TimeSpans, WatermarkGenerator};
use crate::expr::{EvalContext, Evaluator, RowError};
use crate::plan::SourceTask;
use crate::types::{Batch, ChannelStatus, CheckpointId, Clock, Error, NO_TIME, Result};

/// Until a reader that has nothing now, and does not say when it will, is asked again.
const POLL_MS: i64 = 1;

/// How many rows all readers together may still let out.
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

/// What a step of the source comes to.
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

/// What a source subtask shares with its job.
pub(super) struct SourceSetting {
    pub(super) budget: Option<Arc<RowBudget>>,
    pub(super) clock: Arc<dyn Clock>,
}

/// The running source of one subtask.
pub(super) struct SourceDriver {
    task: SourceTask,
    reader: Box<dyn Source>,
    setting: SourceSetting,
    time: Option<Evaluator>,
    filter: Option<Evaluator>,
    generator: WatermarkGenerator,
    /// Rows that wait to be due, or for budget; never more than the reader returned at once, and what was restored.
    held: VecDeque<Held>,
    /// Rows restored without times, to be admitted first.
    restored: VecDeque<RecordBatch>,
    pace: Option<Pace>,
    at_end: bool,
    idle_since_ms: i64,
    idle: bool,
    held_since_ms: Option<i64>,
}

struct Held {
    rows: RecordBatch,
    times: ScalarBuffer<i64>,
    spans: TimeSpans,
}

impl Held {
    fn new(rows: RecordBatch, times: ScalarBuffer<i64>) -> Self {
        let spans = TimeSpans::of(&times);
        Self { rows, times, spans }
    }

    fn slice(&self, from: usize, rows: usize) -> Self {
        Self::new(self.rows.slice(from, rows), self.times.slice(from, rows))
    }
}

/// Event time flows `factor` times faster than it happened, from the first row on.
#[derive(Debug, Clone, Copy)]
struct Pace {
    factor: f64,
    start: Option<(i64, i64)>,
}

impl Pace {
    /// When a row of this event time may flow.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "saturates; exact within years")]
    fn due_ms(&mut self, time: i64, now_ms: i64) -> i64 {
        let (first_time, first_ms) = *self.start.get_or_insert((time, now_ms));
        let behind = time.saturating_sub(first_time) as f64 / self.factor;
        first_ms.saturating_add(behind as i64)
    }

    /// The clock went on by `by_ms` while the source was held.
    fn shift(&mut self, by_ms: i64) {
        if let Some((_, first_ms)) = &mut self.start {
            *first_ms = first_ms.saturating_add(by_ms);
        }
    }
}

impl SourceDriver {
    /// A source that reads from `reader`, after `restored` rows and with event times up to `times` behind it.
    pub(super) fn new(
        task: SourceTask,
        reader: Box<dyn Source>,
        setting: SourceSetting,
        times: Reached,
        restored: VecDeque<RecordBatch>,
    ) -> Self {
        let delay_ms = task.event_time.as_ref().map_or(0, |spec| spec.delay_ms);
        let idle_since_ms = setting.clock.now_ms();
        Self {
            time: task.event_time.as_ref().map(|spec| Evaluator::new(&spec.time)),
            filter: task.filter.as_ref().map(Evaluator::new),
            generator: WatermarkGenerator::restored(delay_ms, times.least, times.largest),
            pace: task.pace.filter(|_| task.event_time.is_some()).map(|factor| Pace { factor, start: None }),
            held: VecDeque::new(),
            restored,
            at_end: false,
            idle_since_ms,
            idle: false,
            held_since_ms: None,
            task,
            reader,
            setting,
        }
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
            self.idle_since_ms = now_ms;
        }
    }

    /// The state at a barrier.
    pub(super) fn snapshot(&mut self, id: CheckpointId) -> Result<SourceSnapshot> {
        let held = self.held.iter().map(|held| held.rows.clone()).chain(self.restored.iter().cloned()).collect();
        Ok(SourceSnapshot {
            reader: self.reader.snapshot(id)?,
            times: Reached { least: self.generator.max_time(), largest: self.generator.raised_above() },
            at_end: self.at_end && self.held.is_empty() && self.restored.is_empty(),
            held_time: self.held_time()?,
            held,
        })
    }

    /// The largest event time among the rows held back.
    fn held_time(&self) -> Result<i64> {
        let mut largest = self.held.iter().flat_map(|held| held.times.iter().copied()).max().unwrap_or(NO_TIME);
        if let Some(evaluator) = &self.time {
            for rows in &self.restored {
                let column = evaluator.evaluate(rows, &mut EvalContext::default())?;
                largest = largest.max(times_of(&column)?.iter().copied().max().unwrap_or(NO_TIME));
            }
        }
        Ok(largest)
    }

    /// Reads and sends on at most one batch.
    pub(super) fn step(&mut self, chain: &mut Chain) -> Result<SourceStep> {
        if self.setting.budget.as_ref().is_some_and(|budget| budget.is_spent()) {
            return Ok(SourceStep::BudgetSpent);
        }
        if self.held.is_empty() {
            if let Some(rows) = self.restored.pop_front() {
                self.admit(rows, chain)?;
            } else if self.at_end {
                return Ok(SourceStep::AtEnd);
            } else {
                match self.reader.poll()? {
                    SourcePoll::Rows { rows, rejected } => {
                        chain.outputs.metrics().add_in(rejected.len(), rejected.iter().map(|row| row.row.len()).sum());
                        chain.outputs.reject_read(self.task.on_error, rejected)?;
                        self.admit(rows, chain)?;
                    }
                    SourcePoll::Pending(due_ms) => {
                        let due_ms = due_ms.unwrap_or_else(|| self.setting.clock.now_ms().saturating_add(POLL_MS));
                        return Ok(self.wait(due_ms, chain));
                    }
                    SourcePoll::End => {
                        self.at_end = true;
                        chain.outputs.metrics().set_progress(self.reader.progress());
                        return Ok(SourceStep::AtEnd);
                    }
                }
                chain.outputs.metrics().set_progress(self.reader.progress());
            }
        }
        self.release(chain)
    }

    /// Nothing to read: after the idle timeout the source is left out of the minimum of watermarks.
    fn wait(&mut self, due_ms: i64, chain: &mut Chain) -> SourceStep {
        let Some(timeout) = self.idle_timeout_ms().filter(|_| !self.idle) else { return SourceStep::Waits(due_ms) };
        let idle_at = self.idle_since_ms.saturating_add(timeout);
        if self.setting.clock.now_ms() >= idle_at {
            self.idle = true;
            chain.outputs.status(ChannelStatus::Idle);
            return SourceStep::Progress;
        }
        SourceStep::Waits(due_ms.min(idle_at))
    }

    /// Gives rows their event times; those without are rejected.
    fn admit(&mut self, rows: RecordBatch, chain: &mut Chain) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let Some(evaluator) = &self.time else {
            let times = vec![NO_TIME; rows.num_rows()].into();
            self.held.push_back(Held::new(rows, times));
            return Ok(());
        };
        let mut context = EvalContext { now_ms: self.setting.clock.now_ms(), errors: Vec::new() };
        let column = evaluator.evaluate(&rows, &mut context)?;
        let times = times_of(&column)?;
        let held = Held::new(rows, times);
        if column.null_count() == 0 && context.errors.is_empty() && !held.spans.any_untimed() {
            self.held.push_back(held);
            return Ok(());
        }
        let Held { rows, times, .. } = held;
        let mut errors = context.errors;
        let failed: Vec<usize> = errors.iter().map(|error| error.row).collect();
        for (row, &time) in times.iter().enumerate() {
            if (column.is_null(row) || time == NO_TIME) && !failed.contains(&row) {
                errors.push(RowError { row, message: "no event time".to_owned() });
            }
        }
        errors.sort_by_key(|error| error.row);
        let mut keep = vec![true; rows.num_rows()];
        for error in &errors {
            keep[error.row] = false;
        }
        chain.outputs.metrics().add_in(errors.len(), 0);
        chain.outputs.reject_read(self.task.on_error, self.rejected(&rows, &errors))?;
        let keep = BooleanArray::from(keep);
        let times = times.iter().zip(keep.values()).filter(|(_, keep)| *keep).map(|(time, _)| *time).collect();
        let rows = filter_record_batch(&rows, &keep)?;
        if rows.num_rows() > 0 {
            self.held.push_back(Held::new(rows, times));
        }
        Ok(())
    }

    fn rejected(&self, rows: &RecordBatch, errors: &[RowError]) -> Vec<Rejected> {
        let rejected = errors.iter().map(|error| {
            let row = display(rows, error.row).into_bytes();
            Rejected { place: format!("source {}", self.task.name), row, message: error.message.clone() }
        });
        rejected.collect()
    }

    /// Sends on the held rows that are due and within the budget.
    fn release(&mut self, chain: &mut Chain) -> Result<SourceStep> {
        let Some(front) = self.held.front() else { return Ok(SourceStep::Progress) };
        let tells_time = self.pace.is_some() || self.idle_timeout_ms().is_some();
        let now_ms = if tells_time { self.setting.clock.now_ms() } else { 0 };
        let mut rows = front.times.len();
        if let Some(pace) = &mut self.pace {
            let not_due = front.times.iter().position(|&time| pace.due_ms(time, now_ms) > now_ms);
            if let Some(first) = not_due {
                if first == 0 {
                    return Ok(SourceStep::Waits(pace.due_ms(front.times[0], now_ms)));
                }
                rows = first;
            }
        }
        if let Some(budget) = &self.setting.budget {
            rows = budget.claim(rows);
            if rows == 0 {
                return Ok(SourceStep::BudgetSpent);
            }
        }
        let Some(mut held) = self.held.pop_front() else { return Ok(SourceStep::Progress) };
        let rest = held.times.len() - rows;
        if rest > 0 {
            self.held.push_front(held.slice(rows, rest));
            held = held.slice(0, rows);
        }
        self.idle_since_ms = now_ms;
        if std::mem::take(&mut self.idle) {
            chain.outputs.status(ChannelStatus::Active);
        }
        self.send(held, chain)?;
        Ok(SourceStep::Progress)
    }

    fn idle_timeout_ms(&self) -> Option<i64> {
        self.task.event_time.as_ref().and_then(|spec| spec.idle_timeout_ms)
    }

    /// Filters, projects, and cuts at watermarks.
    fn send(&mut self, held: Held, chain: &mut Chain) -> Result<()> {
        let Held { rows, times, spans } = held;
        let mut mask = None;
        if let Some(filter) = &self.filter {
            let mut context = EvalContext { now_ms: self.setting.clock.now_ms(), errors: Vec::new() };
            let keep = filter.evaluate_predicate(&rows, &mut context)?;
            if !context.errors.is_empty() {
                context.errors.sort_by_key(|error| error.row);
                context.errors.dedup_by_key(|error| error.row);
                // The rows are read; it is an operator of the job that ran here and gives them up.
                chain.outputs.reject(self.rejected(&rows, &context.errors))?;
            }
            mask = (keep.true_count() < keep.len()).then_some(keep);
        }
        let columns = self.task.output.iter().map(|&column| rows.column(column).clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let projected = RecordBatch::try_new_with_options(Arc::clone(self.task.schema.arrow()), columns, &options)?;
        let batch = Batch::new(projected, times.clone());
        chain.outputs.metrics().add_in(batch.rows(), batch.bytes());
        let batch = match &mask {
            Some(mask) => batch.filter(mask)?,
            None => batch,
        };
        if self.time.is_none() {
            return chain.head().batch(batch);
        }
        // The filter ran over the whole batch; how many rows of each piece it kept is a count of bits.
        let mut taken = 0;
        let total = times.len();
        let sent = self.generator.advance_over(&times, &spans, |piece, watermark| {
            let kept = match &mask {
                Some(mask) => mask.values().slice(piece.start, piece.len()).count_set_bits(),
                None => piece.len(),
            };
            if kept > 0 {
                let whole = piece.len() == total;
                chain.head().batch(if whole { batch.clone() } else { batch.slice(taken, kept) })?;
                taken += kept;
            }
            match watermark {
                Some(watermark) => chain.head().watermark(watermark),
                None => Ok(()),
            }
        });
        chain.outputs.metrics().set_newest_event_time(self.generator.max_time());
        sent
    }
}

/// Epoch milliseconds of an event-time column; null slots hold anything.
fn times_of(column: &dyn Array) -> Result<ScalarBuffer<i64>> {
    #[expect(clippy::wildcard_enum_match_arm, reason = "binding lets only these two kinds through")]
    match column.data_type() {
        DataType::Int64 => Ok(column.as_primitive::<Int64Type>().values().clone()),
        DataType::Timestamp(TimeUnit::Millisecond, _) => {
            Ok(column.as_primitive::<TimestampMillisecondType>().values().clone())
        }
        other => Err(Error::config(format!("an event time of type {other}"))),
    }
}

/// A row for people: `price=100, channel=web`.
fn display(rows: &RecordBatch, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    let mut text = String::new();
    for (field, column) in rows.schema_ref().fields().iter().zip(rows.columns()) {
        let comma = if text.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail, and a value that can't be shown is left out of a message about its row.
        let _ = match ArrayFormatter::try_new(column, &options) {
            Ok(formatter) => write!(text, "{comma}{}={}", field.name(), formatter.value(row)),
            Err(_) => write!(text, "{comma}{}=?", field.name()),
        };
    }
    text
}
