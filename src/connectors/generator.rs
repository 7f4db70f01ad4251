//! Readers of sources that compute their rows: each row follows from its number alone, so readers share out ranges of
//! numbers and a position is a number.

use std::sync::Arc;

use arrow_array::RecordBatch;
use serde::{Deserialize, Serialize};

use super::dealer::{Deal, Dealer, Remaining, Splits, remaining};
use crate::api::{Source, SourcePoll, SourceProgress, SourceStart};
use crate::types::{CheckpointId, Clock, Result};

/// Computes rows from their numbers.
pub(super) trait RowGenerator: Send {
    /// Rows `first..first + count`, projected.
    ///
    /// # Errors
    /// When a column can't be built: a defect of ours.
    fn rows(&mut self, first: u64, count: usize) -> Result<RecordBatch>;
}

/// The rows that are generated.
#[derive(Debug, Clone)]
pub(super) struct RowPlan {
    /// Names the generator and all that its rows depend on; a position of another plan is refused.
    pub(super) input: String,
    /// The number of rows in all; `None` for no end.
    pub(super) total: Option<u64>,
    /// Rows a second by all readers together; `None` for as fast as it goes.
    pub(super) rate: Option<f64>,
}

/// Numbers that one reader has still to generate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct RowRange {
    start: u64,
    end: u64,
}

struct Ranges {
    next: u64,
    total: Option<u64>,
    chunk: u64,
}

impl Splits for Ranges {
    type Split = RowRange;

    fn take(&mut self) -> Option<RowRange> {
        let end = self.next.saturating_add(self.chunk).min(self.total.unwrap_or(u64::MAX));
        if end <= self.next {
            return None;
        }
        let range = RowRange { start: self.next, end };
        self.next = end;
        Some(range)
    }

    fn position(&self) -> u64 {
        self.next
    }
}

/// Opens the readers of `start` over `plan`, each with a generator of its own.
pub(super) fn readers(
    plan: &RowPlan,
    start: &SourceStart,
    mut generator: impl FnMut() -> Box<dyn RowGenerator>,
) -> Result<Vec<Box<dyn Source>>> {
    let left = match &start.restored {
        None => Remaining::all(),
        Some(entries) => remaining::<RowRange>(entries, &plan.input, str::eq)?,
    };
    let (next, readers) = (left.next, left.readers(start.parallelism));
    let chunk = chunk_rows(start.batch_rows, plan.rate);
    let restored =
        left.unfinished().fold(next, |done, range| done.saturating_sub(range.end.saturating_sub(range.start)));
    let dealer = Arc::new(Dealer::new(Ranges { next, total: plan.total, chunk }, left, start.parallelism));
    let schedule = plan.rate.map(|rate| Schedule { first: next, start_ms: start.clock.now_ms(), rate });
    Ok((0..readers)
        .map(|reader| -> Box<dyn Source> {
            Box::new(GeneratorReader {
                dealer: dealer.clone(),
                reader,
                input: plan.input.clone(),
                generator: generator(),
                current: None,
                batch_rows: to_u64(start.batch_rows).max(1),
                schedule,
                clock: start.clock.clone(),
                // Readers report shares of one total, so what an earlier run did is the first one's.
                done: if reader == 0 { restored } else { 0 },
                total: plan.total,
            })
        })
        .collect())
}

/// A range is a batch, or a twentieth of a second where that is less, so that no reader sits on numbers that are not due
/// while the others are done with theirs.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a positive rate, and the cast saturates")]
fn chunk_rows(batch_rows: usize, rate: Option<f64>) -> u64 {
    let batch = to_u64(batch_rows).max(1);
    rate.map_or(batch, |rate| batch.min((rate / 20.0) as u64).max(1))
}

fn to_u64(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}

/// When each row is due.
#[derive(Debug, Clone, Copy)]
struct Schedule {
    first: u64,
    start_ms: i64,
    rate: f64,
}

impl Schedule {
    /// The number of rows from number `row` on that are due at `now_ms`.
    #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact beyond 2^53 rows")]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates at both ends")]
    fn due(&self, row: u64, now_ms: i64) -> u64 {
        if row < self.first {
            return self.first - row;
        }
        let elapsed_ms = now_ms.saturating_sub(self.start_ms).max(0) as f64;
        let reached = (elapsed_ms * self.rate / 1_000.0).floor() as u64;
        reached.saturating_add(1).saturating_sub(row - self.first)
    }

    /// When number `row` is due.
    #[expect(clippy::cast_precision_loss, reason = "a rate need not be exact beyond 2^53 rows")]
    #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
    fn due_at(&self, row: u64) -> i64 {
        let after = (row.saturating_sub(self.first) as f64 * 1_000.0 / self.rate).ceil() as i64;
        self.start_ms.saturating_add(after)
    }
}

struct GeneratorReader {
    dealer: Arc<Dealer<Ranges>>,
    reader: usize,
    input: String,
    generator: Box<dyn RowGenerator>,
    current: Option<RowRange>,
    batch_rows: u64,
    schedule: Option<Schedule>,
    clock: Arc<dyn Clock>,
    done: u64,
    total: Option<u64>,
}

impl Source for GeneratorReader {
    fn poll(&mut self) -> Result<SourcePoll> {
        let range = match self.current {
            Some(range) => range,
            None => match self.dealer.deal(self.reader) {
                Deal::Split(range) => *self.current.insert(range),
                Deal::Wait => return Ok(SourcePoll::Pending(Some(self.clock.now_ms().saturating_add(1)))),
                Deal::End => return Ok(SourcePoll::End),
            },
        };
        let mut count = self.batch_rows.min(range.end.saturating_sub(range.start));
        if let Some(schedule) = &self.schedule {
            count = count.min(schedule.due(range.start, self.clock.now_ms()));
            if count == 0 && range.start < range.end {
                return Ok(SourcePoll::Pending(Some(schedule.due_at(range.start))));
            }
        }
        let rows = self.generator.rows(range.start, usize::try_from(count).unwrap_or(usize::MAX))?;
        let start = range.start + count;
        self.current = (start < range.end).then_some(RowRange { start, end: range.end });
        self.done += count;
        Ok(SourcePoll::Rows { rows, rejected: Vec::new() })
    }

    fn snapshot(&mut self, checkpoint: CheckpointId) -> Result<Vec<u8>> {
        self.dealer.snapshot(self.reader, checkpoint, &self.input, self.current)
    }

    fn is_at_end(&self) -> bool {
        self.current.is_none() && self.dealer.has_ended(self.reader)
    }

    fn progress(&self) -> SourceProgress {
        SourceProgress { done: self.done, total: self.total }
    }
}

impl Drop for GeneratorReader {
    fn drop(&mut self) {
        self.dealer.end(self.reader);
    }
}

#[cfg(test)]
mod tests;
