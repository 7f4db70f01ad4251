//! Rows in each of their windows, before anything is made of them: Flink's windowing table-valued functions.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

use arrow_array::{ArrayRef, TimestampMillisecondArray, UInt32Array};

use crate::api::{
    Armed, Inputs, Moment, Operator, OperatorContext, Output, PlannedOperator, Pruned, StageContext, WindowAssigner,
};
use crate::expr::RowError;
use crate::operators::rows::{index, reject_failed};
use crate::types::{Batch, Diagnostic, Field, LogicalType, NO_TIME, Result, Schema, Spanned, any_untimed};

/// Gives each row once for each window that holds it, with the window's `window_start` and `window_end` behind its columns.
/// The rows of one window come in the order in which they came in.
#[derive(Debug, Clone)]
pub struct WindowTableFunction {
    assigner: Arc<dyn WindowAssigner>,
    output: Schema,
}

impl WindowTableFunction {
    /// Over rows of `input`, which has no columns of those names.
    #[must_use]
    pub fn new(assigner: Arc<dyn WindowAssigner>, input: &Schema) -> Self {
        let bounds = BOUNDS.map(|name| Field::new(name, LogicalType::Timestamp).not_null());
        Self { assigner, output: Schema::new(input.fields().iter().cloned().chain(bounds).collect::<Vec<_>>()) }
    }
}

/// The columns that it adds.
const BOUNDS: [&str; 2] = ["window_start", "window_end"];

impl PlannedOperator for WindowTableFunction {
    fn name(&self) -> &'static str {
        "WindowTableFunction"
    }

    fn describe(&self) -> String {
        format!("window=[{}]", self.assigner.describe())
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn passes(&self, column: usize) -> Option<usize> {
        (column + BOUNDS.len() < self.output.len()).then_some(column)
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let inputs = self.output.len() - BOUNDS.len();
        // Its bounds are given whether they are needed or not: to leave them out is for who reads them.
        if needed.iter().filter(|&&column| column >= inputs).count() < BOUNDS.len() {
            return None;
        }
        let inputs: Vec<usize> = needed.iter().copied().filter(|&column| column < inputs).collect();
        let operator = Self { assigner: Arc::clone(&self.assigner), output: self.output.project(needed) };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(WindowTableOperator {
            assigner: Arc::clone(&self.assigner),
            output: self.output.clone(),
            ungiven: None,
            watermark: None,
            batch_rows: context.batch_rows.max(1),
            place: context.place(),
        }))
    }
}

/// The running operator. It keeps no state: where rows are in many windows a barrier waits until all are given, as that of
/// `flat_map` does.
struct WindowTableOperator {
    assigner: Arc<dyn WindowAssigner>,
    output: Schema,
    ungiven: Option<Ungiven>,
    /// The watermark behind what is not given.
    watermark: Option<i64>,
    batch_rows: usize,
    place: String,
}

/// Rows, and the windows in which they are still to be given: the end, then the row, then the end of its last window.
struct Ungiven {
    batch: Batch,
    next: BinaryHeap<Reverse<(i64, u32, i64)>>,
}

/// Batches given within one call.
const BATCHES: usize = 2;

impl WindowTableOperator {
    /// The rows `rows` of `batch`, each in the window of the end beside it.
    fn windowed(&self, batch: &Batch, rows: Option<Vec<u32>>, ends: Vec<i64>) -> Result<Batch> {
        let batch = match rows {
            Some(rows) => batch.take(&UInt32Array::from(rows))?,
            None => batch.clone(),
        };
        let starts: Vec<i64> = ends.iter().map(|&end| self.assigner.window_start(end)).collect();
        let bounds = [starts, ends].map(|bound| Arc::new(TimestampMillisecondArray::from(bound)) as ArrayRef);
        let columns = batch.columns().columns().iter().cloned().chain(bounds).collect();
        Ok(batch.with_columns(self.output.arrow().clone(), columns)?)
    }

    /// Gives a batch or two of what is held.
    fn give(&mut self, out: &mut dyn Output) -> Result<()> {
        let mut batches = 0;
        while batches < BATCHES && (batches == 0 || out.has_room()) {
            let Some(Ungiven { batch, next }) = &mut self.ungiven else { break };
            let (mut rows, mut ends) = (Vec::new(), Vec::new());
            while rows.len() < self.batch_rows
                && let Some(Reverse((end, row, last))) = next.pop()
            {
                rows.push(row);
                ends.push(end);
                let following = self.assigner.next_window_end(end);
                if following > end && following <= last {
                    next.push(Reverse((following, row, last)));
                }
            }
            let (batch, over) = (batch.clone(), next.is_empty());
            if over {
                self.ungiven = None;
            }
            if !rows.is_empty() {
                out.batch(self.windowed(&batch, Some(rows), ends)?)?;
                batches += 1;
            }
        }
        if self.ungiven.is_some() {
            out.arm(Armed { more: true, full: Inputs::one(0), indivisible: true, ..Armed::NOTHING });
        } else if let Some(watermark) = self.watermark.take() {
            out.watermark(watermark)?;
        }
        Ok(())
    }
}

impl Operator for WindowTableOperator {
    fn process(&mut self, _input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        let batch = if any_untimed(batch.times()) {
            let timeless = batch.times().iter().enumerate().filter(|&(_, &time)| time == NO_TIME);
            let errors = timeless.map(|(row, _)| RowError { row, message: "no event time".to_owned() });
            reject_failed(&batch, &errors.collect::<Vec<_>>(), &self.place, out)?
        } else {
            batch
        };
        if batch.is_empty() {
            return Ok(());
        }
        let bounds = batch.times().iter().map(|&time| {
            let slice_end = self.assigner.slice_end(time);
            (self.assigner.first_window_end(slice_end), self.assigner.last_window_end(slice_end))
        });
        let bounds: Vec<(i64, i64)> = bounds.collect();
        if bounds.iter().all(|(first, last)| first == last) {
            // One window each: the rows stay as they are.
            let ends = bounds.into_iter().map(|(end, _)| end).collect();
            return out.batch(self.windowed(&batch, None, ends)?);
        }
        let within = bounds.into_iter().enumerate().filter(|(_, (first, last))| first <= last);
        let next = within.map(|(row, (first, last))| Reverse((first, index(row), last))).collect();
        self.ungiven = Some(Ungiven { batch, next });
        self.give(out)
    }

    fn watermark(&mut self, watermark: i64, out: &mut dyn Output) -> Result<()> {
        if self.ungiven.is_none() {
            return out.watermark(watermark);
        }
        self.watermark = Some(watermark);
        Ok(())
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        self.give(out)
    }
}

/// Puts the rows of a stream that has a window in front of `name` into their windows.
///
/// # Errors
/// When the windows are of another kind, or fire otherwise than at their end.
pub(in crate::operators) fn in_windows(
    name: &Spanned<String>,
    stream: &mut dyn StageContext,
) -> Result<(), Diagnostic> {
    let Some(window) = stream.shape_mut().window.take() else { return Ok(()) };
    let plain = window.sliced().filter(|_| window.lateness_ms == 0 && window.late_to.is_none());
    let Some(assigner) = plain else {
        let message = format!("`{}` can't stand behind the window {}", name.node, window.describe());
        return Err(Diagnostic::at(name.span, message).help(
            "it takes tumble, hop and cumulate by event time, without a clause; or it stands behind an `aggregate`",
        ));
    };
    let shape = stream.shape();
    if let Some(taken) = BOUNDS.into_iter().find(|bound| shape.schema.index_of(bound).is_some()) {
        return Err(Diagnostic::at(name.span, format!("the rows have a column `{taken}` already"))
            .help("give it another name with `map` before the window"));
    }
    let keys = shape.keys.clone();
    let function = WindowTableFunction::new(Arc::clone(assigner), &shape.schema);
    stream.apply(Arc::new(function));
    stream.shape_mut().keys = keys;
    Ok(())
}
