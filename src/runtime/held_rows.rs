//! Rows that were held back at a checkpoint, in the columns that are read now: the pipeline may have changed since.

use std::collections::VecDeque;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_row::{RowConverter, Rows, SortField};
use arrow_select::concat::concat_batches;

use super::reread::{Patience, read_again};
use super::source_time::EventTimes;
use crate::api::{Bounds, EventTimeEvaluator};
use crate::plan::SourceTask;
use crate::types::{Clock, Error, Field, NO_TIME, Result, VirtualClock};

/// The rows of a source that are read again, at most, for rows that were held back.
const ROWS_MAX: u64 = 100_000_000;

/// A column that rows which were held back lack, and why it can't be read again.
pub(super) struct Missing {
    column: String,
    why: String,
}

impl Missing {
    /// The error of a source that can't go on without it.
    pub(super) fn error(&self, source: &str) -> Error {
        Error::state(format!("what source `{source}` has read ahead {}", self.text()))
    }

    /// `has no column `bidder`, and the source has these rows no more`
    pub(super) fn text(&self) -> String {
        format!("has no column `{}`, and {}", self.column, self.why)
    }
}

/// Rows that were held back, in the columns that are read now. A column that was not read then is read again, where the
/// source has these rows in one place alone.
///
/// # Errors
/// When there is no such column in the source or in the rows, or they are not found again.
pub(super) fn as_read_now(task: &SourceTask, rows: &RecordBatch) -> Result<RecordBatch, Missing> {
    match columns_now(task, rows) {
        Ok(rows) => Ok(rows),
        Err(column) => {
            let missing = |why: String| Missing { column: column.clone(), why };
            let whole = read_place(task, rows).map_err(|error| missing(error.to_string()))?;
            let whole = whole.map_err(missing)?;
            columns_now(task, &whole).map_err(|column| Missing { column, why: "the source has none".to_owned() })
        }
    }
}

/// `rows` in the columns that are read now; else the name of one that they lack.
fn columns_now(task: &SourceTask, rows: &RecordBatch) -> Result<RecordBatch, String> {
    let schema = task.source.schema().project(&task.projection);
    let find = |field: &Field| {
        let column = rows.column_by_name(&field.name).filter(|column| *column.data_type() == field.ty.to_arrow());
        column.cloned().ok_or_else(|| field.name.clone())
    };
    let columns = schema.fields().iter().map(find).collect::<Result<Vec<_>, _>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    // The columns are of the schema's types and equally long.
    RecordBatch::try_new_with_options(schema.arrow().clone(), columns, &options).map_err(|error| error.to_string())
}

/// `rows` with all columns that were read then and are read now, from the source; else why they are not found there.
fn read_place(task: &SourceTask, rows: &RecordBatch) -> Result<Result<RecordBatch, String>> {
    if task.source.bounds() == Bounds::Unbounded {
        return Ok(Err("the source can't be searched for them: it has no end".to_owned()));
    }
    let schema = task.source.schema();
    let known: Option<Vec<usize>> =
        rows.schema_ref().fields().iter().map(|field| schema.index_of(field.name())).collect();
    let Some(known) = known.filter(|known| !known.is_empty()) else {
        return Ok(Err("they have no column of the source to be found again by".to_owned()));
    };
    let mut projection = [&known[..], &task.projection[..]].concat();
    projection.sort_unstable();
    projection.dedup();
    let place = |column: usize| projection.iter().position(|&read| read == column).unwrap_or(column);
    let known: Vec<usize> = known.iter().map(|&column| place(column)).collect();
    // Those without an event time were never held; the expression is over the columns of the task.
    let time = task
        .event_time
        .as_ref()
        .map(|spec| spec.remap(&|column| task.projection.get(column).map_or(column, |&column| place(column))));
    let times = EventTimes(time.as_ref().map(EventTimeEvaluator::new));
    // Who restores a job waits for it: what bounds the search is the size of the source.
    let clock = VirtualClock::default();
    let patience = Patience { clock: &clock, ms_max: u64::MAX, rows_max: ROWS_MAX, interrupted: &|| false };
    let mut run = Run::new(rows)?;
    // What has been read last, long enough to hold the rows; how many rows came before it; and the rows, once found.
    let (mut last, mut before, mut whole) = (VecDeque::<RecordBatch>::new(), 0, None);
    let read = read_again(&*task.source, projection, &patience, |batch| {
        let batch = times.admit(batch, NO_TIME, clock.now_ms())?.rows.rows;
        run.search(&batch.project(&known)?)?;
        last.push_back(batch);
        if let (None, Some(start)) = (&whole, run.found.first()) {
            whole = Some(concat_batches(&last[0].schema(), &last)?.slice(start - before, rows.num_rows()));
        }
        while let Some(first) = last.pop_front_if(|first| run.seen - before - first.num_rows() >= rows.num_rows()) {
            before += first.num_rows();
        }
        Ok(())
    })?;
    if read.rows >= ROWS_MAX {
        return Ok(Err(format!("the source is too large to be searched for them: {} rows were read again", read.rows)));
    }
    Ok(match whole {
        Some(whole) if run.found.len() == 1 => Ok(whole),
        Some(_) => Err(format!("the source has rows like these in {} places", run.found.len())),
        None => Err("the source has these rows no more".to_owned()),
    })
}

/// Rows that follow each other, to be found in a stream of rows: the algorithm of Knuth, Morris and Pratt (SIAM Journal on
/// Computing 6(2), 1977), whose cost is one comparison or two a row.
struct Run {
    converter: RowConverter,
    rows: Rows,
    /// For each length of a beginning of the rows, the length of the longest shorter one that it ends with.
    shorter: Vec<usize>,
    /// The rows that fit so far.
    fit: usize,
    /// The rows seen.
    seen: usize,
    /// The places of their first rows.
    found: Vec<usize>,
}

impl Run {
    fn new(rows: &RecordBatch) -> Result<Self> {
        let fields = rows.columns().iter().map(|column| SortField::new(column.data_type().clone()));
        let converter = RowConverter::new(fields.collect())?;
        let rows = converter.convert_columns(rows.columns())?;
        let mut shorter = vec![0; rows.num_rows() + 1];
        let mut fit = 0;
        for at in 1..rows.num_rows() {
            while fit > 0 && rows.row(at) != rows.row(fit) {
                fit = shorter[fit];
            }
            fit += usize::from(rows.row(at) == rows.row(fit));
            shorter[at + 1] = fit;
        }
        Ok(Self { converter, rows, shorter, fit: 0, seen: 0, found: Vec::new() })
    }

    fn search(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = self.converter.convert_columns(batch.columns())?;
        for row in &rows {
            while self.fit > 0 && row != self.rows.row(self.fit) {
                self.fit = self.shorter[self.fit];
            }
            self.fit += usize::from(row == self.rows.row(self.fit));
            self.seen += 1;
            if self.fit == self.rows.num_rows() {
                self.found.push(self.seen - self.fit);
                self.fit = self.shorter[self.fit];
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Int64Array};

    use super::*;

    fn rows(values: &[i64]) -> RecordBatch {
        let column: ArrayRef = Arc::new(Int64Array::from(values.to_vec()));
        RecordBatch::try_from_iter([("v", column)]).expect("one column")
    }

    #[test]
    fn rows_are_found_wherever_they_stand_however_they_are_cut() {
        let stream = [1, 2, 1, 2, 1, 3, 1, 2, 1, 2, 1, 2, 1, 3, 3, 3];
        for wanted in [&[1, 2, 1, 3][..], &[1, 2, 1], &[3], &[3, 3], &[4], &[2, 1, 2, 1, 2]] {
            let expected: Vec<usize> =
                (0..=stream.len() - wanted.len()).filter(|&at| stream[at..].starts_with(wanted)).collect();
            for cut in 1..stream.len() {
                let mut run = Run::new(&rows(wanted)).expect("numbers");
                for part in stream.chunks(cut) {
                    run.search(&rows(part)).expect("numbers");
                }
                assert_eq!(run.found, expected, "{wanted:?} in parts of {cut}");
            }
        }
    }
}
