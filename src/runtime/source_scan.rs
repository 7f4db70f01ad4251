//! The filter and the projection that the plan has pushed into a source.
//!
//! They run here, over what was read at once, and not as the first links of the chain: those are given a batch in the
//! pieces that watermarks cut it into, and a filter does 191 million rows a second in batches of 8,192 and 22 million in
//! pieces of 64.

use std::fmt::Write;
use std::sync::Arc;

use arrow_array::{BooleanArray, RecordBatch, RecordBatchOptions};
use arrow_cast::display::{ArrayFormatter, FormatOptions};

use crate::api::Rejected;
use crate::expr::{EvalContext, Evaluator, RowError};
use crate::plan::SourceTask;
use crate::types::{Result, Schema};

/// The scan: what becomes of the rows of a source that have been read.
pub(super) struct Scan {
    filter: Option<Evaluator>,
    output: Vec<usize>,
    schema: Schema,
}

/// The rows of one scan.
pub(super) struct Scanned {
    /// All of them, projected.
    pub(super) rows: RecordBatch,
    /// The mask of the rows that the filter keeps; `None` for all.
    pub(super) kept: Option<BooleanArray>,
    /// The rows on which the filter failed, ascending.
    pub(super) failed: Vec<RowError>,
}

impl Scan {
    pub(super) fn new(task: &SourceTask) -> Self {
        Self {
            filter: task.filter.as_ref().map(Evaluator::new),
            output: task.output.clone(),
            schema: task.schema.clone(),
        }
    }

    /// Projects `rows`, and says which of them the filter keeps.
    ///
    /// # Errors
    /// When the filter can't be evaluated at all: a defect of ours.
    pub(super) fn scan(&self, rows: &RecordBatch, now_ms: impl FnOnce() -> i64) -> Result<Scanned> {
        let mut context = EvalContext::default();
        let mut kept = None;
        if let Some(filter) = &self.filter {
            context.now_ms = now_ms();
            let keep = filter.evaluate_predicate(rows, &mut context)?;
            kept = (keep.true_count() < keep.len()).then_some(keep);
        }
        let mut failed = context.errors;
        failed.sort_by_key(|error| error.row);
        failed.dedup_by_key(|error| error.row);
        let columns = self.output.iter().map(|&column| rows.column(column).clone()).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let rows = RecordBatch::try_new_with_options(Arc::clone(self.schema.arrow()), columns, &options)?;
        Ok(Scanned { rows, kept, failed })
    }
}

/// The rows of `source` that `errors` speak of.
pub(super) fn rejected(source: &str, rows: &RecordBatch, errors: &[RowError]) -> Vec<Rejected> {
    let rejected = errors.iter().map(|error| Rejected {
        place: format!("source {source}"),
        row: display(rows, error.row).into_bytes(),
        message: error.message.clone(),
    });
    rejected.collect()
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
