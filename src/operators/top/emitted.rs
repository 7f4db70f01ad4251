//! The changes that a `top` tells, until they are put together as a batch.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use arrow_buffer::ScalarBuffer;

use super::spec::{Column, TopN};
use crate::api::Output;
use crate::operators::keyed::RowStore;
use crate::types::{Batch, Result, RowKind};

/// Changes: rows of a store with their kinds, their ranks and the event times of the rows that made them.
#[derive(Debug, Default)]
pub(super) struct Emitted {
    kinds: Vec<i8>,
    rows: Vec<u32>,
    ranks: Vec<i64>,
    times: Vec<i64>,
}

impl Emitted {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Tells that `row` at place `place` (from 0) came or went, because of a row of this time.
    pub(super) fn push(&mut self, kind: RowKind, row: u32, place: usize, time: i64) {
        self.kinds.push(kind as i8);
        self.rows.push(row);
        self.ranks.push(i64::try_from(place + 1).unwrap_or(i64::MAX));
        self.times.push(time);
    }

    /// Tells that at place `place` stands `new` in place of `old`.
    pub(super) fn replace(&mut self, plan: &TopN, (old, new): (u32, u32), place: usize, time: i64) {
        if plan.update_before {
            self.push(RowKind::UpdateBefore, old, place, time);
        }
        self.push(RowKind::UpdateAfter, new, place, time);
    }

    /// Renames rows.
    pub(super) fn rename(&mut self, name: impl Fn(u32) -> u32) {
        self.rows.iter_mut().for_each(|row| *row = name(*row));
    }

    /// Gives the changes, in batches of at most `batch_rows` rows; the kinds with `changes`.
    pub(super) fn give(
        &mut self,
        plan: &TopN,
        store: &RowStore,
        changes: bool,
        batch_rows: usize,
        out: &mut dyn Output,
    ) -> Result<()> {
        let Self { kinds, rows, ranks, times } = std::mem::take(self);
        let inputs = plan.columns.iter().filter_map(|column| match column {
            Column::Input(input) => Some(*input),
            Column::Rank => None,
        });
        let inputs: Vec<usize> = inputs.collect();
        for from in (0..rows.len()).step_by(batch_rows.max(1)) {
            let range = from..(from + batch_rows).min(rows.len());
            let mut gathered = store.gather(&rows[range.clone()], &inputs)?.into_iter();
            let columns: Vec<ArrayRef> = plan
                .columns
                .iter()
                .filter_map(|column| match column {
                    Column::Input(_) => gathered.next(),
                    Column::Rank => Some(Arc::new(Int64Array::from(ranks[range.clone()].to_vec())) as ArrayRef),
                })
                .collect();
            let columns = plan.output.record_batch(columns, range.len())?;
            let times: ScalarBuffer<i64> = times[range.clone()].to_vec().into();
            let kinds = changes.then(|| kinds[range].to_vec().into());
            out.batch(Batch::new(columns, times).with_kinds(kinds))?;
        }
        Ok(())
    }
}
