//! What expressions read of matches, as columns: one row a match, so that conditions and measures of many are computed at
//! once.

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch};
use arrow_select::nullif::nullif;
use std::sync::Arc;

use super::spec::{OverMatch, Reference};
use crate::expr::aggregate::AggregateCall;
use crate::expr::{EvalContext, Evaluator, RowError, TypedExpr};
use crate::operators::keyed::{NO_ROW, RowStore};
use crate::types::floats::canonical_column;
use crate::types::{Field, Result, Schema};

/// Matches, whole or under way, each a list of rows with their variables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chains<'a> {
    /// The end of each one's rows.
    pub(super) ends: &'a [usize],
    pub(super) rows: &'a [u32],
    pub(super) variables: &'a [usize],
    /// The number of each match among those of its key, where it has one.
    pub(super) numbers: Option<&'a [Option<i64>]>,
}

impl Chains<'_> {
    /// The rows of variable `of` of chain `at`, by their places.
    fn rows_of(&self, at: usize, of: Option<usize>) -> impl DoubleEndedIterator<Item = u32> {
        let from = if at == 0 { 0 } else { self.ends[at - 1] };
        let places = from..self.ends[at];
        places.filter(move |&at| of.is_none_or(|of| self.variables[at] == of)).map(|at| self.rows[at])
    }
}

/// An expression over matches, ready to be evaluated.
#[derive(Debug)]
pub(super) struct Compiled {
    reads: Vec<Read>,
    schema: Schema,
    expr: Evaluator,
}

/// A reference with the columns of a row that it reads.
#[derive(Debug)]
enum Read {
    Row { of: Option<usize>, last: bool, offset: usize, value: OverRow },
    Aggregate { of: Option<usize>, call: AggregateCall, args: Vec<OverRow>, filter: Option<Box<OverRow>> },
    Number,
}

/// An expression over the columns of a row.
#[derive(Debug)]
struct OverRow {
    columns: Vec<usize>,
    schema: Schema,
    expr: Evaluator,
    /// Whether it is nothing but a column.
    plain: bool,
}

impl OverRow {
    fn new(expr: &TypedExpr, row: &Schema) -> Self {
        let columns = expr.columns();
        let place = |column: usize| columns.iter().position(|&known| known == column).unwrap_or(column);
        let (schema, plain) = (row.project(&columns), expr.as_column().is_some());
        Self { expr: Evaluator::new(&expr.remap(&place)), columns, schema, plain }
    }

    /// The value of each of `rows`; null where there is none. The errors are of their places.
    fn values(&self, rows: &[u32], store: &RowStore, now_ms: i64, errors: &mut Vec<RowError>) -> Result<ArrayRef> {
        let mut columns = store.gather(rows, &self.columns)?;
        if self.plain {
            return Ok(columns.swap_remove(0));
        }
        let batch = self.schema.record_batch(columns, rows.len())?;
        let mut context = EvalContext::new(now_ms, "match");
        let values = self.expr.evaluate(&batch, &mut context)?;
        errors.extend(context.errors.into_iter().filter(|error| rows[error.row] != NO_ROW));
        if !rows.contains(&NO_ROW) {
            return Ok(values);
        }
        Ok(nullif(&values, &rows.iter().map(|&row| Some(row == NO_ROW)).collect::<BooleanArray>())?)
    }
}

impl Compiled {
    pub(super) fn new(over: &OverMatch, row: &Schema) -> Self {
        let read = |reference: &Reference| match reference {
            Reference::Row { of, last, offset, value } => {
                Read::Row { of: *of, last: *last, offset: *offset, value: OverRow::new(value, row) }
            }
            Reference::Aggregate { of, call } => Read::Aggregate {
                of: *of,
                args: call.args.iter().map(|arg| OverRow::new(arg, row)).collect(),
                filter: call.filter.as_ref().map(|filter| Box::new(OverRow::new(filter, row))),
                call: call.clone(),
            },
            Reference::Number => Read::Number,
        };
        let field = |(at, reference): (usize, &Reference)| Field::new(format!("{at}"), reference.ty());
        Self {
            reads: over.references.iter().map(read).collect(),
            schema: Schema::new(over.references.iter().enumerate().map(field).collect::<Vec<_>>()),
            expr: Evaluator::new(&over.expr),
        }
    }

    /// The value for each chain; errors go to `context`.
    pub(super) fn evaluate(&self, chains: Chains<'_>, store: &RowStore, context: &mut EvalContext) -> Result<ArrayRef> {
        let rows = self.columns(chains, store, context)?;
        self.expr.evaluate(&rows, context)
    }

    /// Whether the expression holds for each chain.
    pub(super) fn holds(
        &self,
        chains: Chains<'_>,
        store: &RowStore,
        context: &mut EvalContext,
    ) -> Result<BooleanArray> {
        let rows = self.columns(chains, store, context)?;
        self.expr.evaluate_predicate(&rows, context)
    }

    fn columns(&self, chains: Chains<'_>, store: &RowStore, context: &mut EvalContext) -> Result<RecordBatch> {
        let count = chains.ends.len();
        let mut columns = Vec::with_capacity(self.reads.len());
        for read in &self.reads {
            columns.push(match read {
                Read::Row { of, last, offset, value } => {
                    let row = |at: usize| {
                        let mut rows = chains.rows_of(at, *of);
                        let found = if *last { rows.nth_back(*offset) } else { rows.nth(*offset) };
                        found.unwrap_or(NO_ROW)
                    };
                    let rows: Vec<u32> = (0..count).map(row).collect();
                    value.values(&rows, store, context.now_ms, &mut context.errors)?
                }
                Read::Aggregate { of, call, args, filter } => {
                    aggregate((*of, call), args, filter.as_deref(), chains, store, context)?
                }
                Read::Number => {
                    let numbers = chains.numbers.map_or_else(|| vec![None; count], <[Option<i64>]>::to_vec);
                    Arc::new(Int64Array::from(numbers))
                }
            });
        }
        self.schema.record_batch(columns, count)
    }
}

/// An aggregate over the rows of each chain.
fn aggregate(
    (of, call): (Option<usize>, &AggregateCall),
    args: &[OverRow],
    filter: Option<&OverRow>,
    chains: Chains<'_>,
    store: &RowStore,
    context: &mut EvalContext,
) -> Result<ArrayRef> {
    let count = chains.ends.len();
    let (mut rows, mut groups) = (Vec::new(), Vec::new());
    for (at, group) in (0..count).zip(0_u32..) {
        rows.extend(chains.rows_of(at, of));
        groups.resize(rows.len(), group);
    }
    let mut errors = Vec::new();
    let values = |over: &OverRow, errors: &mut Vec<RowError>| over.values(&rows, store, context.now_ms, errors);
    let columns = args.iter().map(|arg| Ok(canonical_column(&values(arg, &mut errors)?)));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_>>()?;
    let keep = match filter {
        Some(filter) => Some(BooleanArray::from(values(filter, &mut errors)?.to_data())),
        None => None,
    };
    for error in errors {
        context.errors.push(RowError { row: groups[error.row] as usize, ..error });
    }
    let mut accumulator = call.accumulator()?;
    accumulator.resize(count);
    accumulator.update(&groups, &columns, keep.as_ref())?;
    accumulator.values(&(0_u32..).take(count).collect::<Vec<_>>())
}
