//! The rows of a batch with those of the other input that they meet, so many at a time.

use std::sync::Arc;

use arrow_array::{ArrayRef, UInt32Array};
use arrow_select::take::take;

use super::spec::JoinSpec;
use crate::api::{OperatorContext, Output, Rejected};
use crate::expr::{EvalContext, Evaluator};
use crate::operators::group_table::NO_GROUP;
use crate::operators::keyed::{NO_ROW, RowStore};
use crate::operators::rows::display;
use crate::types::{Batch, Clock, Field, Result, Schema};

/// A call looks at this many times as many rows of the other input as it may find.
const LOOKED_AT: usize = 8;

/// A batch of one input that is being worked off.
pub(super) struct Probe {
    pub(super) input: usize,
    pub(super) batch: Batch,
    /// The group of each row; `NO_GROUP` for one that meets nothing.
    pub(super) groups: Vec<u32>,
    /// The number of each row in its own input's state; `NO_ROW` for one that is not kept.
    pub(super) kept: Vec<u32>,
    /// The row at hand.
    row: usize,
    /// The row of the other input that it meets next; `None` at its beginning.
    next: Option<u32>,
    /// The rows that the row at hand has met in earlier calls.
    met: i64,
}

/// The pairs that one call found.
#[derive(Default)]
pub(super) struct Pairs {
    /// The row of the batch.
    pub(super) rows: Vec<u32>,
    /// The row of the other input.
    pub(super) others: Vec<u32>,
    /// The first row of the batch that is looked at.
    pub(super) first: usize,
    /// For each row of the batch that is done, where its pairs end.
    pub(super) ends: Vec<usize>,
    /// The rows that the first row had met before.
    pub(super) met: i64,
}

impl Probe {
    pub(super) const fn new(input: usize, batch: Batch, groups: Vec<u32>, kept: Vec<u32>) -> Self {
        Self { input, batch, groups, kept, row: 0, next: None, met: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.row == self.batch.rows()
    }

    /// The next `limit` pairs or fewer of rows of the batch with rows of `other` for which `meets` is true.
    pub(super) fn find(&mut self, other: &RowStore, limit: usize, meets: impl Fn(usize, u32) -> bool) -> Pairs {
        let left = (self.batch.rows() - self.row).min(limit);
        let mut pairs = Pairs {
            first: self.row,
            met: self.met,
            rows: Vec::with_capacity(left),
            others: Vec::with_capacity(left),
            ends: Vec::with_capacity(left),
        };
        let mut looked_at = 0;
        while self.row < self.groups.len() {
            let group = self.groups[self.row];
            let mut next = match self.next {
                Some(next) => next,
                None if group == NO_GROUP => NO_ROW,
                None => other.first(group),
            };
            let row = u32::try_from(self.row).unwrap_or(NO_ROW);
            while next != NO_ROW {
                if pairs.rows.len() >= limit || looked_at >= limit * LOOKED_AT {
                    self.next = Some(next);
                    return pairs;
                }
                looked_at += 1;
                if meets(self.row, next) {
                    pairs.rows.push(row);
                    pairs.others.push(next);
                }
                next = other.next(next);
            }
            pairs.ends.push(pairs.rows.len());
            self.row += 1;
            (self.next, self.met) = (None, 0);
        }
        pairs
    }

    /// Counts the pairs of a row that is not done, for the next call.
    pub(super) fn carry(&mut self, pairs: &Pairs) {
        if self.next.is_some() {
            let begun = if pairs.ends.is_empty() { pairs.met } else { 0 };
            let of_it = pairs.rows.len() - pairs.ends.last().copied().unwrap_or(0);
            self.met = begun + i64::try_from(of_it).unwrap_or(i64::MAX);
        }
    }
}

impl Pairs {
    /// The rows of the batch that are done, each with its pairs and the number of rows that it has met in all.
    pub(super) fn done(&self) -> impl Iterator<Item = (usize, std::ops::Range<usize>, i64)> {
        self.ends.iter().enumerate().map(|(at, &end)| {
            let from = if at == 0 { 0 } else { self.ends[at - 1] };
            let before = if at == 0 { self.met } else { 0 };
            (self.first + at, from..end, before + i64::try_from(end - from).unwrap_or(i64::MAX))
        })
    }

    fn retain(&mut self, keep: &[bool]) {
        let mut kept = vec![0; keep.len() + 1];
        for (at, &keep) in keep.iter().enumerate() {
            kept[at + 1] = kept[at] + usize::from(keep);
        }
        self.ends.iter_mut().for_each(|end| *end = kept[*end]);
        let filter = |rows: &mut Vec<u32>| {
            let mut at = 0;
            rows.retain(|_| {
                at += 1;
                keep[at - 1]
            });
        };
        filter(&mut self.rows);
        filter(&mut self.others);
    }
}

/// What puts rows of both inputs beside each other.
pub(in crate::operators) struct Pairing {
    spec: JoinSpec,
    residual: Option<Residual>,
    place: String,
    clock: Arc<dyn Clock>,
}

struct Residual {
    predicate: Evaluator,
    /// The columns it reads, over the left columns and then the right ones.
    columns: Vec<usize>,
    schema: Schema,
}

impl Pairing {
    pub(in crate::operators) fn new(spec: &JoinSpec, context: &OperatorContext) -> Self {
        let residual = spec.residual.as_ref().map(|residual| {
            let columns = residual.columns();
            let field = |&column: &usize| -> Field {
                let (input, at) = spec.place(column);
                spec.inputs[input].fields()[at].clone()
            };
            let schema = Schema::new(columns.iter().map(field).collect::<Vec<_>>());
            let at = |column: usize| columns.binary_search(&column).unwrap_or(column);
            Residual { predicate: Evaluator::new(&residual.remap(&at)), schema, columns }
        });
        let place = context.place();
        Self { spec: spec.clone(), residual, place, clock: Arc::clone(&context.clock) }
    }

    /// Leaves only the pairs of rows of `batch`, of input `input`, for which the rest of the condition is true. One that it can't be computed of is rejected.
    pub(super) fn filter(
        &self,
        pairs: &mut Pairs,
        input: usize,
        batch: &Batch,
        other: &RowStore,
        out: &mut dyn Output,
    ) -> Result<()> {
        let count = pairs.rows.len();
        let columns = |columns: &[usize]| self.columns(columns, input, batch, other, [&pairs.rows, &pairs.others]);
        if let Some(keep) = self.meets(count, columns, out)? {
            pairs.retain(&keep);
        }
        Ok(())
    }

    /// Of which of `count` pairs the rest of the condition is true; `None` where there is none. `columns` gathers the columns of
    /// the pairs, over the left ones and then the right ones. A pair that it can't be computed of is rejected.
    pub(in crate::operators) fn meets(
        &self,
        count: usize,
        columns: impl FnOnce(&[usize]) -> Result<Vec<ArrayRef>>,
        out: &mut dyn Output,
    ) -> Result<Option<Vec<bool>>> {
        let Some(residual) = self.residual.as_ref().filter(|_| count > 0) else { return Ok(None) };
        let rows = residual.schema.record_batch(columns(&residual.columns)?, count)?;
        let mut context = EvalContext::new(self.clock.now_ms(), &self.place);
        let found = residual.predicate.evaluate_predicate(&rows, &mut context)?;
        let mut keep: Vec<bool> = found.values().iter().collect();
        let mut rejected = Vec::new();
        context.errors.sort_by_key(|error| error.row);
        context.errors.dedup_by_key(|error| error.row);
        for error in &context.errors {
            keep[error.row] = false;
            let row = display(&rows, error.row).into_bytes();
            rejected.push(Rejected { place: self.place.clone(), row, message: error.message.clone() });
        }
        if !rejected.is_empty() {
            out.reject(rejected)?;
        }
        Ok(Some(keep))
    }

    /// The result of these rows of `batch`, of input `input`, beside these of the other input; `NO_ROW` stands for nulls.
    pub(super) fn rows(
        &self,
        input: usize,
        batch: &Batch,
        other: &RowStore,
        [rows, others]: [&[u32]; 2],
    ) -> Result<Vec<ArrayRef>> {
        self.columns(&self.spec.columns, input, batch, other, [rows, others])
    }

    fn columns(
        &self,
        columns: &[usize],
        input: usize,
        batch: &Batch,
        other: &RowStore,
        [rows, others]: [&[u32]; 2],
    ) -> Result<Vec<ArrayRef>> {
        let places: Vec<(usize, usize)> = columns.iter().map(|&column| self.spec.place(column)).collect();
        let of_other: Vec<usize> = places.iter().filter(|(of, _)| *of != input).map(|&(_, at)| at).collect();
        let mut gathered = if of_other.is_empty() { Vec::new() } else { other.gather(others, &of_other)? }.into_iter();
        // Where each row has met one, nothing moves.
        let straight = rows.first().map(|&first| (first as usize, rows.len())).filter(|&(first, count)| {
            first + count <= batch.rows() && rows.iter().zip(first..).all(|(&row, at)| row as usize == at)
        });
        let indices = if straight.is_some() { indices(&[]) } else { indices(rows) };
        let mut made = Vec::with_capacity(columns.len());
        for (of, at) in places {
            made.push(if of == input {
                match straight {
                    Some((first, count)) => batch.column(at).slice(first, count),
                    None => take(batch.column(at), &indices, None)?,
                }
            } else {
                gathered.next().ok_or_else(|| crate::types::Error::state("a column of a join is missing"))?
            });
        }
        Ok(made)
    }

    /// The result of rows `rows` of input `input`, kept in `store`, that meet nothing.
    pub(super) fn padded(&self, input: usize, store: &RowStore, rows: &[u32]) -> Result<Vec<ArrayRef>> {
        let places: Vec<(usize, usize)> = self.spec.columns.iter().map(|&column| self.spec.place(column)).collect();
        let kept: Vec<usize> = places.iter().filter(|(of, _)| *of == input).map(|&(_, at)| at).collect();
        let mut gathered = store.gather(rows, &kept)?.into_iter();
        let null = |at: usize| {
            arrow_array::new_null_array(&self.spec.inputs[1 - input].fields()[at].ty.to_arrow(), rows.len())
        };
        let column = |(of, at): (usize, usize)| {
            if of == input { gathered.next().unwrap_or_else(|| null(0)) } else { null(at) }
        };
        Ok(places.into_iter().map(column).collect())
    }

    pub(super) fn batch(&self, columns: Vec<ArrayRef>, times: Vec<i64>) -> Result<Batch> {
        Ok(Batch::new(self.spec.output.record_batch(columns, times.len())?, times.into()))
    }
}

/// Places in a column; none for `NO_ROW`.
fn indices(rows: &[u32]) -> UInt32Array {
    if rows.contains(&NO_ROW) {
        rows.iter().map(|&row| (row != NO_ROW).then_some(row)).collect()
    } else {
        UInt32Array::from(rows.to_vec())
    }
}
