//! Reading a source once more, beside the job that reads it: what a job has let go of is found again in its source, so that
//! nothing need be kept of it while rows flow.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow_array::RecordBatch;

use super::source_time::EventTimes;
use crate::api::{EventTimeEvaluator, PlannedSource, SourcePoll, SourceStart};
use crate::expr::{EvalContext, Evaluator};
use crate::plan::Scan;
use crate::types::{CellValue, Cells, Clock, NO_TIME, Result, VirtualClock};

/// Rows read at once.
const BATCH_ROWS: usize = 8_192;
/// The time that passes for a source that has nothing now: a generator with a rate gives a full batch then.
const PAUSE: Duration = Duration::from_hours(1);
const MS_NANOS: u64 = 1_000_000;

/// The bounds of a reading.
pub struct Patience<'a> {
    /// The clock that it is measured by.
    pub clock: &'a dyn Clock,
    /// The longest that a source is read, milliseconds.
    pub ms_max: u64,
    /// The rows of a source to read at most: a generator has no end.
    pub rows_max: u64,
    /// Whether the person has had enough.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// How far a source was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadAgain {
    /// The rows.
    pub rows: u64,
    /// Whether those are all that a job can have read.
    pub all: bool,
}

/// Reads the columns `projection` of `source` from its beginning, in its order.
pub(super) fn read_again(
    source: &dyn PlannedSource,
    projection: Vec<usize>,
    patience: &Patience<'_>,
    mut take: impl FnMut(&RecordBatch) -> Result<()>,
) -> Result<ReadAgain> {
    let clock = VirtualClock::at(patience.clock.now_ms());
    let start = SourceStart {
        parallelism: 1,
        projection,
        restored: None,
        batch_rows: BATCH_ROWS,
        clock: Arc::new(clock.clone()),
    };
    let until = patience.clock.nanos().saturating_add(patience.ms_max.saturating_mul(MS_NANOS));
    let mut rows_read = 0;
    let mut idle = false;
    for mut reader in source.start(&start)? {
        while rows_read < patience.rows_max {
            if patience.clock.nanos() > until || (patience.interrupted)() {
                return Ok(ReadAgain { rows: rows_read, all: false });
            }
            match reader.poll()? {
                SourcePoll::Rows { rows, .. } => {
                    idle = false;
                    rows_read += rows.num_rows() as u64;
                    take(&rows)?;
                }
                // A file that is followed has no more now.
                SourcePoll::Pending(_) if idle => break,
                SourcePoll::Pending(_) => {
                    idle = true;
                    clock.advance(PAUSE);
                }
                SourcePoll::End => break,
            }
        }
    }
    Ok(ReadAgain { rows: rows_read, all: true })
}

/// The things that are known of a row to be found in its source.
#[derive(Debug, Clone)]
pub struct KnownRow {
    /// The row's event time, milliseconds.
    pub time: i64,
    /// Columns of the source with their values.
    pub values: Vec<(usize, CellValue)>,
}

/// The rows of a source that what was known fits.
#[derive(Debug, Clone, Default)]
pub struct FoundRows {
    /// The number of them.
    pub rows: u64,
    /// A value a column of the source; `None` where they differ.
    pub values: Vec<Option<CellValue>>,
}

/// Finds each of `known` among the rows that `scan` lets out, in the source's order.
///
/// # Errors
/// When the source can't be read again.
pub fn find_rows(scan: &Scan, known: &[KnownRow], patience: &Patience<'_>) -> Result<(Vec<FoundRows>, ReadAgain)> {
    let mut found = vec![FoundRows::default(); known.len()];
    let mut by_time: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (at, row) in known.iter().enumerate() {
        by_time.entry(row.time).or_default().push(at);
    }
    // The expressions are over the projected columns.
    let whole = |column: usize| scan.projection.get(column).copied().unwrap_or(column);
    let times = EventTimes(scan.event_time.as_ref().map(|spec| EventTimeEvaluator::new(&spec.remap(&whole))));
    let filter = scan.filter.as_ref().map(|filter| Evaluator::new(&filter.remap(&whole)));
    let now_ms = patience.clock.now_ms();
    let all = (0..scan.source.schema().len()).collect();
    let read = read_again(&*scan.source, all, patience, |batch| {
        let read = times.admit(batch, NO_TIME, now_ms)?.rows;
        let rows = read.times.iter().enumerate();
        let fit: Vec<_> = rows.filter_map(|(row, time)| Some((row, by_time.get(time)?))).collect();
        if fit.is_empty() {
            return Ok(());
        }
        let mut context = EvalContext::new(now_ms, "event time");
        let kept = filter.as_ref().map(|filter| filter.evaluate_predicate(&read.rows, &mut context)).transpose()?;
        let cells = Cells::new(read.rows.columns());
        for (row, wanted) in fit {
            if kept.as_ref().is_some_and(|kept| !kept.value(row)) {
                continue;
            }
            for &at in wanted {
                if known[at].values.iter().all(|(column, value)| cells.value(row, *column) == *value) {
                    found[at].take(cells.row(row));
                }
            }
        }
        Ok(())
    })?;
    Ok((found, read))
}

impl FoundRows {
    fn take(&mut self, values: Vec<CellValue>) {
        if self.rows == 0 {
            self.values = values.into_iter().map(Some).collect();
        } else {
            for (known, value) in self.values.iter_mut().zip(values) {
                if known.as_ref() != Some(&value) {
                    *known = None;
                }
            }
        }
        self.rows += 1;
    }
}
