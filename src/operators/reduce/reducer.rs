//! Two rows become one, many pairs at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BooleanArray, RecordBatch, UInt32Array};
use arrow_select::interleave::interleave;
use arrow_select::take::take;
use arrow_select::zip::zip;
use hashbrown::HashMap;

use crate::api::{Output, Rejected};
use crate::expr::{EvalContext, Evaluator, RowError, TypedExpr};
use crate::operators::rows::display;
use crate::types::{Field, Result, Schema};

/// The function of a `reduce`: the columns that are computed, over those of the left row and then those of the right one;
/// the others are the left row's.
#[derive(Debug, Clone)]
pub(in crate::operators) struct Reducer {
    pub(in crate::operators) schema: Schema,
    exprs: Vec<(usize, TypedExpr)>,
    evaluators: Arc<Vec<(usize, Evaluator)>>,
    both: Schema,
}

/// Rows folded into what was there before.
pub(in crate::operators) struct Fold {
    /// Values, in the order in which they came to be.
    steps: Vec<Vec<ArrayRef>>,
    /// For each row the step and the place of what it came to; `None` for one that failed.
    of_rows: Vec<Option<(usize, usize)>>,
    /// The groups that rows came of, each once, with the step and the place of what it came to.
    pub(in crate::operators) groups: Vec<(u32, (usize, usize))>,
}

impl Reducer {
    pub(in crate::operators) fn new(schema: Schema, exprs: Vec<(usize, TypedExpr)>) -> Self {
        let both: Vec<Field> = schema.fields().iter().chain(schema.fields()).cloned().collect();
        let evaluators = exprs.iter().map(|(column, expr)| (*column, Evaluator::new(expr))).collect();
        Self { schema, exprs, evaluators: Arc::new(evaluators), both: Schema::new(both) }
    }

    /// The columns that `needed` come of, ascending: those, and what their functions read, and so on.
    pub(in crate::operators) fn reads(&self, needed: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut reads: BTreeSet<usize> = needed.collect();
        loop {
            let of_read = self.exprs.iter().filter(|(column, _)| reads.contains(column));
            let more = of_read.flat_map(|(_, expr)| expr.columns()).map(|column| column % self.schema.len());
            let more: Vec<usize> = more.filter(|column| !reads.contains(column)).collect();
            if more.is_empty() {
                return reads.into_iter().collect();
            }
            reads.extend(more);
        }
    }

    /// The same over rows of only the columns `kept`, ascending. One whose function reads others stays the left row's: nobody
    /// asks for it, as [`reads`](Self::reads) has not said those.
    pub(in crate::operators) fn over(&self, kept: &[usize]) -> Self {
        let width = self.schema.len();
        let place = |column: usize| kept.binary_search(&column).unwrap_or(column);
        let moved = |column: usize| place(column % width) + if column < width { 0 } else { kept.len() };
        let has = |column: usize| kept.binary_search(&(column % width)).is_ok();
        let exprs = self.exprs.iter().filter(|(column, expr)| has(*column) && expr.columns().into_iter().all(has));
        let exprs = exprs.map(|(column, expr)| (place(*column), expr.remap(&moved))).collect();
        Self::new(self.schema.project(kept), exprs)
    }

    /// `left.price + right.price as price`
    pub(in crate::operators) fn describe(&self) -> String {
        let both = |index: usize| if index < self.schema.len() { "left" } else { "right" };
        let named: Vec<Field> = self
            .both
            .fields()
            .iter()
            .enumerate()
            .map(|(at, field)| Field { name: format!("{}.{}", both(at), field.name), ..field.clone() })
            .collect();
        let inputs: Vec<TypedExpr> = named.iter().enumerate().map(|(at, field)| TypedExpr::column(at, field)).collect();
        let one = |(column, expr): &(usize, TypedExpr)| {
            format!("{} as {}", expr.substitute(&inputs), self.schema.fields()[*column].name)
        };
        self.exprs.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// What pairs of rows become, and which of them failed: those stay the left row.
    pub(in crate::operators) fn combine(
        &self,
        left: &[ArrayRef],
        right: &[ArrayRef],
        rows: usize,
        now_ms: i64,
    ) -> Result<(Vec<ArrayRef>, Vec<RowError>)> {
        let both: Vec<ArrayRef> = left.iter().chain(right).cloned().collect();
        let both = self.both.record_batch(both, rows)?;
        let mut context = EvalContext::new(now_ms, "reduce");
        let mut columns = left.to_vec();
        for (column, expr) in self.evaluators.iter() {
            columns[*column] = expr.evaluate(&both, &mut context)?;
        }
        let mut failed = context.errors;
        failed.sort_by_key(|error| error.row);
        failed.dedup_by_key(|error| error.row);
        if !failed.is_empty() {
            let mask: BooleanArray =
                (0..rows).map(|row| Some(failed.binary_search_by_key(&row, |error| error.row).is_ok())).collect();
            for (column, _) in self.evaluators.iter() {
                columns[*column] = zip(&mask, &left[*column], &columns[*column])?;
            }
        }
        Ok((columns, failed))
    }

    /// Folds rows of these groups in, one after another; `before` gives the rows that groups have, with `None` for those
    /// that have none. Rows that fail are rejected.
    pub(in crate::operators) fn fold(
        &self,
        rows: &RecordBatch,
        groups: &[u32],
        before: impl FnOnce(&[u32]) -> Result<(Vec<bool>, Vec<ArrayRef>)>,
        (now_ms, place): (i64, &str),
        out: &mut dyn Output,
    ) -> Result<Fold> {
        const NONE: u32 = u32::MAX;
        // The rows of each group by the order in which they come: those of one turn are of different groups.
        let mut turns: Vec<Vec<u32>> = Vec::new();
        let mut seen: HashMap<u32, (usize, usize)> = HashMap::new();
        let mut order: Vec<u32> = Vec::new();
        let mut places: Vec<usize> = vec![0; groups.len()];
        for (row, &group) in (0_u32..).zip(groups) {
            let (turn, at) = *seen.entry(group).or_insert_with(|| {
                order.push(group);
                (0, order.len() - 1)
            });
            if turns.len() == turn {
                turns.push(Vec::new());
            }
            turns[turn].push(row);
            places[row as usize] = at;
            seen.insert(group, (turn + 1, at));
        }
        let mut fold = Fold { steps: Vec::new(), of_rows: vec![None; groups.len()], groups: Vec::new() };
        let (has, columns) = before(&order)?;
        // The place among the values of the step before of what each group has come to; `NONE` for nothing.
        let mut at: Vec<u32> = Vec::with_capacity(order.len());
        let mut next = 0;
        for has in has {
            at.push(if has { next } else { NONE });
            next += u32::from(has);
        }
        fold.steps.push(columns);
        let mut came_to: Vec<(usize, usize)> = at.iter().map(|&at| (0, at as usize)).collect();
        for turn in turns {
            let (first, then): (Vec<u32>, Vec<u32>) = turn.iter().partition(|&&row| at[places[row as usize]] == NONE);
            let pick = |columns: &[ArrayRef], rows: &[u32]| -> Result<Vec<ArrayRef>> {
                let rows = UInt32Array::from(rows.to_vec());
                columns.iter().map(|column| Ok(take(column, &rows, None)?)).collect()
            };
            let right = pick(rows.columns(), &then)?;
            let lefts: Vec<u32> = then.iter().map(|&row| at[places[row as usize]]).collect();
            let last = fold.steps.last().map_or(&[][..], Vec::as_slice);
            let (mut columns, failed) = if then.is_empty() {
                (rows.columns().iter().map(|column| column.slice(0, 0)).collect(), Vec::new())
            } else {
                self.combine(&pick(last, &lefts)?, &right, then.len(), now_ms)?
            };
            if !failed.is_empty() {
                let rejected = failed.iter().map(|error| Rejected {
                    place: place.to_owned(),
                    row: display(rows, then[error.row] as usize).into_bytes(),
                    message: error.message.clone(),
                });
                out.reject(rejected.collect())?;
            }
            if !first.is_empty() {
                let firsts = pick(rows.columns(), &first)?;
                for (column, first) in columns.iter_mut().zip(&firsts) {
                    *column = arrow_select::concat::concat(&[column.as_ref(), first.as_ref()])?;
                }
            }
            let step = fold.steps.len();
            for (place, &row) in then.iter().chain(&first).enumerate() {
                let of = places[row as usize];
                at[of] = u32::try_from(place).unwrap_or(NONE);
                came_to[of] = (step, place);
                let ok = failed.binary_search_by_key(&place, |error| error.row).is_err();
                fold.of_rows[row as usize] = ok.then_some((step, place));
            }
            fold.steps.push(columns);
        }
        fold.groups = order.into_iter().zip(came_to).collect();
        Ok(fold)
    }
}

impl Fold {
    /// What the rows came to that did not fail, and which they are.
    pub(in crate::operators) fn rows(&self, schema: &Schema) -> Result<(Vec<u32>, RecordBatch)> {
        let (rows, places): (Vec<u32>, Vec<(usize, usize)>) =
            (0_u32..).zip(&self.of_rows).filter_map(|(row, place)| Some((row, (*place)?))).unzip();
        Ok((rows, self.gather(schema, &places)?))
    }

    /// What the groups came to, in their order.
    pub(in crate::operators) fn last(&self, schema: &Schema) -> Result<RecordBatch> {
        let places: Vec<(usize, usize)> = self.groups.iter().map(|(_, place)| *place).collect();
        self.gather(schema, &places)
    }

    fn gather(&self, schema: &Schema, places: &[(usize, usize)]) -> Result<RecordBatch> {
        let column = |column: usize| -> Result<ArrayRef> {
            let steps: Vec<&dyn Array> = self.steps.iter().map(|step| step[column].as_ref()).collect();
            Ok(interleave(&steps, places)?)
        };
        schema.record_batch((0..schema.len()).map(column).collect::<Result<_>>()?, places.len())
    }
}
