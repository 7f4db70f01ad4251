//! The regular join over input that ends: both sides are sorted by key, in files where they are more than the memory, and
//! merged; the rows of one key are in memory. Flink's `SortMergeJoinOperator`.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{Array, ArrayRef, BinaryArray, BooleanArray, RecordBatch, new_null_array};
use arrow_row::{RowConverter, SortField};
use arrow_select::interleave::interleave;

use super::kind::JoinKind;
use super::pairs::Pairing;
use super::spec::JoinSpec;
use crate::api::{ChangelogMode, Exchange, Moment, Operator, OperatorContext, Output, PlannedOperator, Pruned};
use crate::operators::batch::{AT_THE_END, Sorted, Sorter, places};
use crate::types::{Batch, KeptRows, NO_TIME, Result, Schema, Spool};

/// Joins two tables whose rows are only added, when all have come.
#[derive(Debug, Clone)]
pub(super) struct MergeJoin {
    spec: JoinSpec,
}

impl MergeJoin {
    pub(super) const fn new(spec: JoinSpec) -> Self {
        Self { spec }
    }
}

impl PlannedOperator for MergeJoin {
    fn name(&self) -> &'static str {
        "SortMergeJoin"
    }

    fn describe(&self) -> String {
        self.spec.describe("")
    }

    fn output(&self) -> &Schema {
        &self.spec.output
    }

    fn exchange(&self, input: usize) -> Exchange {
        self.spec.exchange(input)
    }

    fn parallelism(&self) -> Option<usize> {
        self.spec.parallelism()
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let (spec, inputs) = self.spec.prune(needed);
        Some(Pruned { operator: Arc::new(Self { spec }), inputs })
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        let spec = &self.spec;
        let types = spec.keys[0].iter().map(|&key| SortField::new(spec.inputs[0].fields()[key].ty.to_arrow()));
        let side = |input: usize| Side {
            alone: gives_alone(spec.kind, input).then(|| Spool::new(&spec.inputs[input], &context.spill)),
            rows: Rows::Coming(Sorter::new(spec.inputs[input].arrow(), context.batch_rows, &context.spill)),
            pieces: Vec::new(),
            pending: Vec::new(),
            matched: Vec::new(),
        };
        Ok(Box::new(MergeJoinOperator {
            pairing: Pairing::new(spec, context),
            converter: if spec.keys[0].is_empty() { None } else { Some(RowConverter::new(types.collect())?) },
            sides: [side(0), side(1)],
            pairs: Vec::new(),
            cross: None,
            alone: None,
            phase: Phase::Coming,
            batch_rows: context.batch_rows.max(1),
            spec: spec.clone(),
        }))
    }
}

/// Whether rows of input `input` that meet nothing are given.
const fn gives_alone(kind: JoinKind, input: usize) -> bool {
    kind.pads(input) || matches!(kind, JoinKind::Anti) && input == 0
}

struct MergeJoinOperator {
    spec: JoinSpec,
    pairing: Pairing,
    converter: Option<RowConverter>,
    sides: [Side; 2],
    /// Pairs of pending rows that are not given yet.
    pairs: Vec<[usize; 2]>,
    /// The pending rows of one key that are yet to be paired: left and right ones, and the next pair.
    cross: Option<([Range<usize>; 2], [usize; 2])>,
    /// Rows whose key equals none, on their way out, and of which input.
    alone: Option<(usize, KeptRows)>,
    phase: Phase,
    batch_rows: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Coming,
    Merging,
    /// The rows of this input whose key equals none.
    Alone(usize),
    Given,
}

struct Side {
    /// The rows with a key that equals none, null; where they are given.
    alone: Option<Spool>,
    rows: Rows,
    /// The batches that pending rows are of.
    pieces: Vec<RecordBatch>,
    /// Rows that are looked at: the batch and the row of each.
    pending: Vec<(usize, usize)>,
    /// Whether each of them has met a row.
    matched: Vec<bool>,
}

enum Rows {
    Coming(Sorter),
    Sorted { sorted: Box<Sorted>, head: Option<(Batch, BinaryArray)>, at: usize, piece: Option<usize> },
    Given,
}

impl Side {
    fn begin(&mut self) -> Result<()> {
        if let Rows::Coming(sorter) = std::mem::replace(&mut self.rows, Rows::Given) {
            let mut sorted = Box::new(sorter.finish()?);
            let head = sorted.next()?;
            self.rows = Rows::Sorted { sorted, head, at: 0, piece: None };
        }
        Ok(())
    }

    /// The key of the next row.
    fn key(&self) -> Option<&[u8]> {
        match &self.rows {
            Rows::Sorted { head: Some((_, places)), at, .. } => Some(places.value(*at)),
            Rows::Sorted { .. } | Rows::Coming(_) | Rows::Given => None,
        }
    }

    /// The next row goes to those that are looked at, with `keep`.
    fn take(&mut self, keep: bool) -> Result<()> {
        let Rows::Sorted { sorted, head, at, piece } = &mut self.rows else { return Ok(()) };
        let Some((batch, _)) = head else { return Ok(()) };
        if keep {
            let of = *piece.get_or_insert_with(|| {
                self.pieces.push(batch.columns().clone());
                self.pieces.len() - 1
            });
            self.pending.push((of, *at));
            self.matched.push(false);
        }
        *at += 1;
        if *at == batch.rows() {
            (*head, *at, *piece) = (sorted.next()?, 0, None);
        }
        Ok(())
    }

    /// All rows of the key `key`.
    fn take_all(&mut self, key: &[u8]) -> Result<Range<usize>> {
        let first = self.pending.len();
        while self.key() == Some(key) {
            self.take(true)?;
        }
        Ok(first..self.pending.len())
    }

    fn gather(&self, column: usize, rows: &[(usize, usize)]) -> Result<ArrayRef> {
        let columns: Vec<&dyn Array> = self.pieces.iter().map(|piece| piece.column(column).as_ref()).collect();
        Ok(interleave(&columns, rows)?)
    }

    fn clear(&mut self) {
        self.pieces.clear();
        self.pending.clear();
        self.matched.clear();
        if let Rows::Sorted { piece, .. } = &mut self.rows {
            *piece = None;
        }
    }
}

impl MergeJoinOperator {
    /// The rows of `batch` whose key may equal another; the others are kept where they are given.
    fn with_keys(&mut self, input: usize, batch: Batch) -> Result<Batch> {
        let keys = self.spec.keys[input].iter().zip(&self.spec.null_safe).filter(|(_, null_safe)| !**null_safe);
        let nulls: Vec<_> = keys.filter_map(|(&key, _)| batch.column(key).logical_nulls()).collect();
        if nulls.iter().all(|nulls| nulls.null_count() == 0) {
            return Ok(batch);
        }
        let has: BooleanArray =
            (0..batch.rows()).map(|row| Some(nulls.iter().all(|nulls| nulls.is_valid(row)))).collect();
        if let Some(alone) = &mut self.sides[input].alone {
            alone.push(batch.filter(&arrow_arith::boolean::not(&has)?)?)?;
        }
        Ok(batch.filter(&has)?)
    }

    /// Looks at more rows, until there is a batch to give; whether there are more.
    fn merge(&mut self, out: &mut dyn Output) -> Result<bool> {
        while self.pairs.len() < self.batch_rows {
            if let Some(([left, right], next)) = &mut self.cross {
                self.pairs.push(*next);
                next[1] += 1;
                if next[1] == right.end {
                    *next = [next[0] + 1, right.start];
                }
                if next[0] == left.end {
                    self.cross = None;
                }
                continue;
            }
            if self.sides.iter().map(|side| side.pending.len()).sum::<usize>() >= self.batch_rows {
                self.give_pairs(out)?;
                self.give_unmatched(out)?;
                return Ok(true);
            }
            let [left, right] = &mut self.sides;
            let order = match (left.key(), right.key()) {
                (None, None) => {
                    self.give_pairs(out)?;
                    self.give_unmatched(out)?;
                    return Ok(false);
                }
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(left), Some(right)) => left.cmp(right),
            };
            match order {
                std::cmp::Ordering::Less => left.take(gives_alone(self.spec.kind, 0))?,
                std::cmp::Ordering::Greater => right.take(gives_alone(self.spec.kind, 1))?,
                std::cmp::Ordering::Equal => {
                    let key = left.key().unwrap_or_default().to_vec();
                    let rows = [left.take_all(&key)?, right.take_all(&key)?];
                    let first = [rows[0].start, rows[1].start];
                    self.cross = Some((rows, first));
                }
            }
        }
        self.give_pairs(out)?;
        Ok(true)
    }

    /// Gives the pairs for which the rest of the condition is true.
    fn give_pairs(&mut self, out: &mut dyn Output) -> Result<()> {
        let mut pairs = std::mem::take(&mut self.pairs);
        let of = |pairs: &[[usize; 2]], input: usize| -> Vec<(usize, usize)> {
            pairs.iter().map(|pair| self.sides[input].pending[pair[input]]).collect()
        };
        let gather = |pairs: &[[usize; 2]], columns: &[usize]| -> Result<Vec<ArrayRef>> {
            let rows = [of(pairs, 0), of(pairs, 1)];
            let column = |&column: &usize| {
                let (input, at) = self.spec.place(column);
                self.sides[input].gather(at, &rows[input])
            };
            columns.iter().map(column).collect()
        };
        if let Some(keep) = self.pairing.meets(pairs.len(), |columns| gather(&pairs, columns), out)? {
            let mut keep = keep.into_iter();
            pairs.retain(|_| keep.next().unwrap_or(false));
        }
        if !pairs.is_empty() && !self.spec.kind.filters() {
            let columns = gather(&pairs, &self.spec.columns)?;
            out.batch(self.pairing.batch(columns, vec![NO_TIME; pairs.len()])?)?;
        }
        for pair in pairs {
            for (side, row) in self.sides.iter_mut().zip(pair) {
                side.matched[row] = true;
            }
        }
        Ok(())
    }

    /// Gives the rows that were looked at and are given alone, and lets go of all.
    fn give_unmatched(&mut self, out: &mut dyn Output) -> Result<()> {
        for input in [0, 1] {
            let side = &self.sides[input];
            let wanted = if self.spec.kind == JoinKind::Semi {
                (input == 0).then_some(true)
            } else {
                gives_alone(self.spec.kind, input).then_some(false)
            };
            let Some(wanted) = wanted else { continue };
            let rows = side.pending.iter().zip(&side.matched).filter(|(_, matched)| **matched == wanted);
            let rows: Vec<(usize, usize)> = rows.map(|(row, _)| *row).collect();
            if !rows.is_empty() {
                out.batch(self.padded(input, rows.len(), |column| side.gather(column, &rows))?)?;
            }
        }
        self.sides.iter_mut().for_each(Side::clear);
        Ok(())
    }

    /// The result of `rows` rows of input `input` alone.
    fn padded(&self, input: usize, rows: usize, of: impl Fn(usize) -> Result<ArrayRef>) -> Result<Batch> {
        let column = |&column: &usize| match self.spec.place(column) {
            (own, at) if own == input => of(at),
            (other, at) => Ok(new_null_array(&self.spec.inputs[other].fields()[at].ty.to_arrow(), rows)),
        };
        let columns = self.spec.columns.iter().map(column).collect::<Result<_>>()?;
        self.pairing.batch(columns, vec![NO_TIME; rows])
    }

    /// Gives a batch of rows whose key equals none; whether there are more.
    fn give_alone(&mut self, input: usize, out: &mut dyn Output) -> Result<bool> {
        if self.alone.as_ref().is_none_or(|(of, _)| *of != input) {
            let Some(spool) = self.sides[input].alone.take() else { return Ok(false) };
            self.alone = Some((input, spool.finish()?.read()?));
        }
        let Some((_, rows)) = &mut self.alone else { return Ok(false) };
        let Some(batch) = rows.next_batch()? else { return Ok(false) };
        out.batch(self.padded(input, batch.rows(), |column| Ok(batch.column(column).clone()))?)?;
        Ok(true)
    }
}

impl Operator for MergeJoinOperator {
    fn process(&mut self, input: usize, batch: Batch, out: &mut dyn Output) -> Result<()> {
        out.arm(AT_THE_END);
        let batch = self.with_keys(input, batch)?;
        if batch.is_empty() {
            return Ok(());
        }
        let keys: Vec<ArrayRef> = self.spec.keys[input].iter().map(|&key| batch.column(key).clone()).collect();
        let places = places(self.converter.as_ref(), &keys, batch.rows())?;
        match &mut self.sides[input].rows {
            Rows::Coming(sorter) => sorter.push(&batch, places),
            Rows::Sorted { .. } | Rows::Given => Ok(()),
        }
    }

    fn advance(&mut self, _now: Moment, out: &mut dyn Output) -> Result<()> {
        let phase = self.phase;
        self.phase = match phase {
            Phase::Coming => {
                self.sides.iter_mut().try_for_each(Side::begin)?;
                Phase::Merging
            }
            Phase::Merging if self.merge(out)? => Phase::Merging,
            Phase::Merging => Phase::Alone(0),
            Phase::Alone(input) if self.give_alone(input, out)? => Phase::Alone(input),
            Phase::Alone(0) => Phase::Alone(1),
            Phase::Alone(_) | Phase::Given => Phase::Given,
        };
        if self.phase != Phase::Given {
            out.arm(AT_THE_END);
        }
        Ok(())
    }
}
