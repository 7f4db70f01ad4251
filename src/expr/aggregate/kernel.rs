//! Aggregates whose state is a few words a group: the loops, written once for all of them.

use std::any::Any;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::DataType;

use super::accumulator::{Accumulator, Running, RunningEmit, selection, wrong_type};
use crate::types::{Error, Result};

type Native<T> = <T as ArrowPrimitiveType>::Native;

/// One aggregate over one fixed-width argument: what happens to one group with one row.
pub(super) trait Kernel: Send + 'static {
    /// The argument's type.
    type Arg: ArrowPrimitiveType;
    /// The result's type.
    type Out: ArrowPrimitiveType;
    /// The state of one group.
    type State: Copy + Default + Send;
    /// Whether no result is null once a row has counted.
    const TOTAL: bool = true;

    /// Adds a value.
    fn add(state: &mut Self::State, value: Native<Self::Arg>);
    /// Takes a value back; nothing where that can't be done and another accumulator is chosen for changelogs.
    fn retract(state: &mut Self::State, value: Native<Self::Arg>);
    /// Adds another group's state.
    fn merge(state: &mut Self::State, other: &Self::State);
    /// The result; anything when it is null.
    fn value(&self, state: &Self::State) -> Native<Self::Out>;
    /// Whether the result is null.
    fn is_null(&self, state: &Self::State) -> bool;
    /// The result's Arrow type, in full (zone, precision).
    fn out_type(&self) -> DataType;
    /// State as columns.
    fn encode(&self, states: &[Self::State]) -> Result<Vec<ArrayRef>>;
    /// Columns as state.
    fn decode(&self, columns: &[ArrayRef]) -> Result<Vec<Self::State>>;
}

/// The accumulators of a [`Kernel`].
pub(super) struct Typed<K: Kernel> {
    kernel: K,
    states: Vec<K::State>,
    /// Whether every row so far has counted and nothing was taken back: then no group that had a row is null.
    dense: bool,
}

impl<K: Kernel> Typed<K> {
    pub(super) const fn new(kernel: K) -> Self {
        Self { kernel, states: Vec::new(), dense: K::TOTAL }
    }

    fn apply(
        &mut self,
        groups: &[u32],
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
        step: impl Fn(&mut K::State, Native<K::Arg>),
    ) -> Result<()> {
        let (column, selected) = argument::<K::Arg>(groups.len(), args, keep)?;
        let states = self.states.as_mut_slice();
        let values = column.values();
        if let Some(selected) = selected {
            self.dense = false;
            for row in selected.set_indices() {
                step(&mut states[groups[row] as usize], values[row]);
            }
        } else {
            for (&group, &value) in groups.iter().zip(values) {
                step(&mut states[group as usize], value);
            }
        }
        Ok(())
    }

    fn finish(&self, values: Vec<Native<K::Out>>, valid: Option<Vec<bool>>) -> ArrayRef {
        let nulls = valid.map(|valid| NullBuffer::new(BooleanBuffer::from(valid))).filter(|n| n.null_count() > 0);
        let array = PrimitiveArray::<K::Out>::new(ScalarBuffer::from(values), nulls);
        Arc::new(array.with_data_type(self.kernel.out_type()))
    }

    /// The common case of an un-windowed aggregate: rows are only added and no value is null.
    fn run_dense(&mut self, rows: &Running<'_>, column: &PrimitiveArray<K::Arg>) -> Vec<Native<K::Out>> {
        // One more, because a value that is not wanted is written too and then overwritten: no branch a row.
        let mut out = vec![Native::<K::Out>::default(); rows.emitted + 1];
        let states = self.states.as_mut_slice();
        let mut at = 0;
        for ((&group, &value), &emit) in rows.groups.iter().zip(column.values()).zip(rows.emits) {
            let state = &mut states[group as usize];
            if emit.has_before() {
                out[at] = self.kernel.value(state);
                at += 1;
            }
            K::add(state, value);
            out[at] = self.kernel.value(state);
            at += emit.after();
        }
        out.truncate(rows.emitted);
        out
    }

    fn run_any(
        &mut self,
        rows: &Running<'_>,
        column: &PrimitiveArray<K::Arg>,
        selected: Option<&BooleanBuffer>,
    ) -> (Vec<Native<K::Out>>, Vec<bool>) {
        let mut out = Vec::with_capacity(rows.emitted);
        let mut valid = Vec::with_capacity(rows.emitted);
        let mut push = |kernel: &K, state: &K::State| {
            let null = kernel.is_null(state);
            out.push(if null { Native::<K::Out>::default() } else { kernel.value(state) });
            valid.push(!null);
        };
        for (row, (&group, &emit)) in rows.groups.iter().zip(rows.emits).enumerate() {
            if emit == RunningEmit::SKIP {
                continue;
            }
            let state = &mut self.states[group as usize];
            if emit.has_before() {
                push(&self.kernel, state);
            }
            if emit == RunningEmit::BEFORE {
                *state = K::State::default();
                continue;
            }
            if selected.is_none_or(|selected| selected.value(row)) {
                let value = column.values()[row];
                if rows.adds(row) {
                    K::add(state, value);
                } else {
                    K::retract(state, value);
                }
            }
            push(&self.kernel, state);
        }
        (out, valid)
    }
}

impl<K: Kernel> Accumulator for Typed<K> {
    fn resize(&mut self, groups: usize) {
        if groups > self.states.len() {
            self.states.resize(groups, K::State::default());
        }
    }

    fn update(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        self.apply(groups, args, keep, K::add)
    }

    fn retract(&mut self, groups: &[u32], args: &[ArrayRef], keep: Option<&BooleanArray>) -> Result<()> {
        self.dense = false;
        self.apply(groups, args, keep, K::retract)
    }

    fn merge(&mut self, groups: &[u32], state: &[ArrayRef]) -> Result<()> {
        for (&group, other) in groups.iter().zip(&self.kernel.decode(state)?) {
            self.dense &= !self.kernel.is_null(other);
            K::merge(&mut self.states[group as usize], other);
        }
        Ok(())
    }

    fn merge_from(&mut self, groups: &[u32], other: &dyn Accumulator, from: u32) -> Result<()> {
        let any: &dyn Any = other;
        let Some(other) = any.downcast_ref::<Self>() else {
            return self.merge(groups, &other.state(&super::accumulator::groups_from(from, groups.len()))?);
        };
        self.dense &= other.dense;
        let states = self.states.as_mut_slice();
        for (&group, other) in groups.iter().zip(other.states.iter().skip(from as usize)) {
            K::merge(&mut states[group as usize], other);
        }
        Ok(())
    }

    fn values(&self, groups: &[u32]) -> Result<ArrayRef> {
        self.values_from(self, groups)
    }

    fn values_from(&self, other: &dyn Accumulator, groups: &[u32]) -> Result<ArrayRef> {
        let other: &dyn Any = other;
        let other = other.downcast_ref::<Self>().ok_or_else(|| Error::state("an aggregate was read as another"))?;
        let states = other.states.as_slice();
        let values = groups.iter().map(|&group| self.kernel.value(&states[group as usize])).collect();
        let is_null = |&group: &u32| self.kernel.is_null(&states[group as usize]);
        let valid = groups.iter().any(is_null).then(|| groups.iter().map(|group| !is_null(group)).collect());
        Ok(self.finish(values, valid))
    }

    fn state(&self, groups: &[u32]) -> Result<Vec<ArrayRef>> {
        let states: Vec<K::State> = groups.iter().map(|&group| self.states[group as usize]).collect();
        self.kernel.encode(&states)
    }

    fn clear(&mut self, group: u32) {
        self.dense = false;
        self.states[group as usize] = K::State::default();
    }

    fn bytes(&self) -> usize {
        self.states.capacity() * size_of::<K::State>()
    }

    fn update_running(
        &mut self,
        rows: &Running<'_>,
        args: &[ArrayRef],
        keep: Option<&BooleanArray>,
    ) -> Result<ArrayRef> {
        let (column, selected) = argument::<K::Arg>(rows.groups.len(), args, keep)?;
        if self.dense && selected.is_none() && rows.adds.is_none() {
            let values = self.run_dense(rows, column);
            return Ok(self.finish(values, None));
        }
        self.dense = false;
        let (values, valid) = self.run_any(rows, column, selected.as_ref());
        Ok(self.finish(values, Some(valid)))
    }
}

fn argument<'a, A: ArrowPrimitiveType>(
    rows: usize,
    args: &'a [ArrayRef],
    keep: Option<&BooleanArray>,
) -> Result<(&'a PrimitiveArray<A>, Option<BooleanBuffer>)> {
    let column = super::accumulator::column(args, 0)?;
    let column = column.as_primitive_opt::<A>().ok_or_else(|| wrong_type(column.data_type()))?;
    assert_eq!(rows, column.len(), "one group a row");
    Ok((column, selection(column.nulls(), keep)))
}
