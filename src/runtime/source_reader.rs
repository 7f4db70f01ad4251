//! The readers of one source subtask, each with what is its own: the event time that it has reached, and the rows that
//! it has returned and that have not left yet.

use std::collections::VecDeque;

use arrow_array::RecordBatch;
use arrow_buffer::ScalarBuffer;

use super::source_state::{HeldRows, Lost, ReaderState};
use crate::api::{Rejected, Source, SourceProgress, TimeSpans, WatermarkGenerator};
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
    held: VecDeque<(TimedRows, Lost)>,
    /// Rows restored without times, to be given those before anything is read.
    pub(super) restored: VecDeque<HeldRows>,
    pub(super) at_end: bool,
}

impl SourceReader {
    /// A reader that goes on over `source`, behind rows up to `max_time` ([`NO_TIME`](crate::types::NO_TIME) for none),
    /// with `held` to be sent first.
    pub(super) fn new(source: Box<dyn Source>, delay_ms: i64, max_time: i64, held: Vec<HeldRows>) -> Self {
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

    /// Holds `rows` and the lost ones between them. Returns those that no row leaves before: they are gone already.
    pub(super) fn hold(&mut self, rows: TimedRows, mut lost: Lost) -> Vec<Rejected> {
        let gone = gone(&mut lost, 0);
        if !rows.times.is_empty() {
            self.held.push_back((rows, lost));
        }
        gone
    }

    /// The event times of the rows that leave next.
    pub(super) fn next_times(&self) -> Option<&[i64]> {
        self.held.front().map(|(held, _)| &held.times[..])
    }

    /// Takes the first `rows` of the rows that leave next, and the lost ones between them and right behind.
    pub(super) fn take(&mut self, rows: usize) -> Option<(TimedRows, Vec<Rejected>)> {
        let (held, mut lost) = self.held.pop_front()?;
        let gone = gone(&mut lost, rows);
        let rest = held.times.len().saturating_sub(rows);
        if rest == 0 {
            return Some((held, gone));
        }
        for (before, _) in &mut lost {
            *before -= rows;
        }
        self.held.push_front((held.slice(rows, rest), lost));
        Some((held.slice(0, rows), gone))
    }

    fn snapshot(&mut self, id: CheckpointId) -> Result<ReaderState> {
        let held = self.held.iter().map(|(held, lost)| HeldRows { rows: held.rows.clone(), lost: lost.clone() });
        let held = held.chain(self.restored.iter().cloned()).collect();
        Ok(ReaderState { position: self.source.snapshot(id)?, max_time: self.generator.max_time(), held })
    }
}

/// Takes from the front of `lost` what at most `rows` rows leave before.
fn gone(lost: &mut Lost, rows: usize) -> Vec<Rejected> {
    let count = lost.iter().take_while(|(before, _)| *before <= rows).count();
    lost.drain(..count).map(|(_, row)| row).collect()
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
