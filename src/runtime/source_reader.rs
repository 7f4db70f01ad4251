//! The readers of one source subtask, each with what is its own: the event time that it has reached, and the rows that
//! it has returned and that have not left yet.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_buffer::ScalarBuffer;

use super::source_state::ReaderState;
use crate::api::{Source, SourceProgress, TimeSpans, WatermarkGenerator};
use crate::state::StateChange;
use crate::types::{CheckpointId, MAX_WATERMARK, Result};

/// Rows with their event times.
pub(super) struct TimedRows {
    pub(super) rows: RecordBatch,
    pub(super) times: ScalarBuffer<i64>,
    pub(super) spans: TimeSpans,
}

impl TimedRows {
    pub(super) fn new(rows: RecordBatch, times: ScalarBuffer<i64>) -> Self {
        let spans = TimeSpans::of(&times);
        Self { rows, times, spans }
    }

    fn slice(&self, from: usize, rows: usize) -> Self {
        Self::new(self.rows.slice(from, rows), self.times.slice(from, rows))
    }
}

/// One reader.
pub(super) struct SourceReader {
    pub(super) source: Box<dyn Source>,
    pub(super) generator: WatermarkGenerator,
    /// Rows that wait to be due, or for budget; never more than the source returned at once, and what was restored.
    held: VecDeque<TimedRows>,
    /// Rows restored without times, to be given those before anything is read.
    pub(super) restored: VecDeque<RecordBatch>,
    pub(super) at_end: bool,
}

impl SourceReader {
    /// A reader that goes on over `source`, behind rows up to `max_time` ([`NO_TIME`](crate::types::NO_TIME) for none),
    /// with `held` to be sent first.
    pub(super) fn new(source: Box<dyn Source>, delay_ms: i64, max_time: i64, held: Vec<RecordBatch>) -> Self {
        Self {
            at_end: source.is_at_end(),
            source,
            generator: WatermarkGenerator::restored(delay_ms, max_time, max_time),
            held: VecDeque::new(),
            restored: held.into(),
        }
    }

    /// Whether nothing will ever leave again.
    pub(super) fn is_over(&self) -> bool {
        self.at_end && self.held.is_empty() && self.restored.is_empty()
    }

    pub(super) fn hold(&mut self, rows: TimedRows) {
        if !rows.times.is_empty() {
            self.held.push_back(rows);
        }
    }

    /// The event times of the rows that leave next.
    pub(super) fn next_times(&self) -> Option<&[i64]> {
        self.held.front().map(|held| &held.times[..])
    }

    /// Takes the first `rows` of the rows that leave next.
    pub(super) fn take(&mut self, rows: usize) -> Option<TimedRows> {
        let held = self.held.pop_front()?;
        let rest = held.times.len().saturating_sub(rows);
        if rest == 0 {
            return Some(held);
        }
        self.held.push_front(held.slice(rows, rest));
        Some(held.slice(0, rows))
    }

    fn snapshot(&mut self, id: CheckpointId) -> Result<ReaderState> {
        let held = self.held.iter().map(|held| &held.rows).chain(&self.restored).cloned().collect();
        Ok(ReaderState { position: self.source.snapshot(id)?, max_time: self.generator.max_time(), held })
    }
}

/// The readers of one subtask: one, or several after a restore of more readers than there are subtasks now. They are
/// read one after the other, and the watermark is the least of theirs, as it was when each had a subtask of its own.
pub(super) struct SourceReaders {
    pub(super) current: SourceReader,
    later: VecDeque<SourceReader>,
    /// The amount that the readers that are over had done.
    done: u64,
}

impl SourceReaders {
    /// `readers`, in their order; `None` when there are none.
    pub(super) fn of(mut readers: VecDeque<SourceReader>) -> Option<Self> {
        let mut readers = Self { current: readers.pop_front()?, later: readers, done: 0 };
        while readers.current.is_over() && readers.go_on() {}
        readers.later.retain(|reader| !reader.is_over());
        Some(readers)
    }

    /// Goes over to the next reader; false when there is none.
    pub(super) fn go_on(&mut self) -> bool {
        let Some(next) = self.later.pop_front() else { return false };
        self.done += self.current.source.progress().done;
        self.current = next;
        true
    }

    /// Above this the watermark does not rise before the current reader is over.
    pub(super) fn bound(&self) -> i64 {
        self.later.iter().map(|reader| reader.generator.current()).min().unwrap_or(MAX_WATERMARK)
    }

    pub(super) fn watermark(&self) -> i64 {
        self.current.generator.current().min(self.bound())
    }

    pub(super) fn progress(&self) -> SourceProgress {
        let SourceProgress { done, total } = self.current.source.progress();
        let later: u64 = self.later.iter().map(|reader| reader.source.progress().done).sum();
        SourceProgress { done: self.done + done + later, total }
    }

    pub(super) fn snapshot(&mut self, id: CheckpointId) -> Result<Vec<StateChange>> {
        let mut changes = Vec::new();
        for reader in std::iter::once(&mut self.current).chain(&mut self.later) {
            changes.extend(reader.snapshot(id)?.changes()?);
        }
        Ok(changes)
    }
}
