//! Evaluation, a batch at a time.

use arrow_array::{ArrayRef, BooleanArray, RecordBatch};

use super::TypedExpr;
use crate::types::Result;

/// What evaluation needs to know besides the rows, and where it reports rows that fail.
#[derive(Debug, Default)]
pub struct EvalContext {
    /// Processing time, for `current_timestamp` and its like; milliseconds.
    pub now_ms: i64,
    /// The rows that failed, each with its first error, in no particular order. Their value is null.
    pub errors: Vec<RowError>,
}

/// A row whose expression failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// Its position in the batch.
    pub row: usize,
    /// Why: `division by zero`.
    pub message: String,
}

/// A typed expression made ready to run: constants folded, functions chosen, patterns compiled.
#[derive(Debug)]
pub struct Evaluator {
    expr: TypedExpr,
}

impl Evaluator {
    /// Compiles `expr`.
    #[must_use]
    pub fn new(expr: &TypedExpr) -> Self {
        Self { expr: expr.clone() }
    }

    /// Its value for every row, as a column of the expression's type.
    ///
    /// # Errors
    /// When a kernel refuses its input: a defect of ours. A row's own failure goes to [`EvalContext::errors`].
    pub fn evaluate(&self, rows: &RecordBatch, _context: &mut EvalContext) -> Result<ArrayRef> {
        match self.expr.as_column() {
            Some(index) => Ok(rows.column(index).clone()),
            None => unimplemented!(),
        }
    }

    /// The rows for which a boolean expression is true: null counts as false, and the mask has no nulls.
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn evaluate_predicate(&self, _rows: &RecordBatch, _context: &mut EvalContext) -> Result<BooleanArray> {
        unimplemented!()
    }
}
