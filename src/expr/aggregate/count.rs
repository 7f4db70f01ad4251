//! `count`

use std::any::Any;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array};
use arrow_buffer::BooleanBuffer;

use super::AggregateSpec;
use super::accumulator::{Accumulator, Running, RunningEmit, column, groups_from, selection, wrong_type};
use crate::types::{Field, LogicalType, Result};

/// `count`
pub(super) const COUNT: AggregateSpec = AggregateSpec {
    name: "count",
    aliases: &[],
    arguments: "* | [distinct] x",
    summary: "how many rows, or how many values that are not null",
    examples: &[
        "bids | key_by auction | window tumble(10s) | aggregate count(*) as n;",
        "bids | key_by auction | window tumble(10s) | aggregate count(distinct bidder) as bidders;",
    ],
    flink: Some("COUNT"),
    star: true,
    arity: (1, 1),
    coerce: None,
    result: |_| Ok((LogicalType::BigInt, false)),
    state: |_, _| vec![Field::new("count", LogicalType::BigInt).not_null()],
    make: |_, _| Ok(Box::new(Count { counts: Vec::new() })),
};

struct Count {
    counts: Vec<i64>,
}

impl Count {
    fn shift(&mut self, groups: &[u32], selected: Option<&BooleanBuffer>, by: i64) {
        let counts = self.counts.as_mut_slice();
        if let Some(selected) = selected {
            for row in selected.set_indices() {
                counts[groups[row] as usize] += by;
            }
        } else {
            for &group in groups {
                counts[group as usize] += by;
            }
        }
    }

    fn run_dense(&mut self, rows: &Running<'_>) -> Vec<i64> {
        let mut out = vec![0; rows.emitted + 1];
        let counts = self.counts.as_mut_slice();
        let mut at = 0;
        for (&group, &emit) in rows.groups.iter().zip(rows.emits) {
            let count = &mut counts[group as usize];
            out[at] = *count;
            at += emit.before();
            *count += 1;
            out[at] = *count;
            at += emit.after();
        }
        out.truncate(rows.emitted);
        out
    }

    fn run_any(&mut self, rows: &Running<'_>, selected: Option<&BooleanBuffer>) -> Vec<i64> {
        let mut out = Vec::with_capacity(rows.emitted);
        for (row, (&group, &emit)) in rows.groups.iter().zip(rows.emits).enumerate() {
            let count = &mut self.counts[group as usize];
            if emit == RunningEmit::SKIP {
                continue;
            }
            if emit.has_before() {
                out.push(*count);
            }
            if emit == RunningEmit::BEFORE {
                *count = 0;
                continue;
            }
            if selected.is_none_or(|selected| selected.value(row)) {
                *count += if rows.adds(row) { 1 } else { -1 };
            }
            out.push(*count);
        }
        out
    }
}

fn counted(args: &[ArrayRef], keep: Option<&BooleanArray>) -> Option<BooleanBuffer> {
    selection(args.first().and_then(|arg| arg.nulls()), keep)
}

impl Accumulator for Count {
    fn resize(&mut self, groups: usize) {
        if groups > self.counts.len() {
            self.counts.resize(groups, 0);
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        self.shift(groups, counted(args, keep).as_ref(), 1);
        Ok(())
    }

    fn retract(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        self.shift(groups, counted(args, keep).as_ref(), -1);
        Ok(())
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        let counts = column(state, 0)?;
        let counts = counts.as_primitive_opt::<Int64Type>().ok_or_else(|| wrong_type(counts.data_type()))?;
        for (&group, &count) in groups.iter().zip(counts.values()) {
            self.counts[group as usize] += count;
        }
        Ok(())
    }

    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulator, from: u32) -> Result<()> {
        let any: &dyn Any = other;
        let Some(other) = any.downcast_ref::<Self>() else {
            return self.merge(groups, &other.state(&groups_from(from, groups.len()))?);
        };
        for (&group, &count) in groups.iter().zip(other.counts.iter().skip(from as usize)) {
            self.counts[group as usize] += count;
        }
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        Ok(Arc::new(Int64Array::from_iter_values(groups.iter().map(|&group| self.counts[group as usize]))))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.values(groups)?])
    }

    fn clear(&mut self, group: u32) {
        self.counts[group as usize] = 0;
    }

    fn bytes(&self) -> usize {
        self.counts.capacity() * size_of::<i64>()
    }

    fn update_running(
        &mut self,
        rows: &Running<'_>,
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
    ) -> Result<ArrayRef> {
        let selected = counted(args, keep);
        let values = if selected.is_none() && rows.adds.is_none() {
            self.run_dense(rows)
        } else {
            self.run_any(rows, selected.as_ref())
        };
        Ok(Arc::new(Int64Array::from(values)))
    }
}
