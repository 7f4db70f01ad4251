//! The specification of an un-windowed `reduce`.

use super::reducer::Reducer;
use crate::operators::keyed::RowState;
use crate::types::Schema;

/// Rows of a key put together two at a time, a result a row: Flink's `StreamGroupedReduceOperator`.
#[derive(Debug, Clone)]
pub(super) struct Reduce {
    pub(super) keys: Vec<usize>,
    pub(super) reducer: Reducer,
    /// The columns of a result.
    pub(super) columns: Vec<usize>,
    pub(super) output: Schema,
    /// Whether a result replaces the one before it of its key: only the last counts where input ends.
    pub(super) only_last: bool,
}

impl Reduce {
    pub(super) fn new(keys: Vec<usize>, reducer: Reducer) -> Self {
        let output = reducer.schema.clone();
        Self { keys, columns: (0..output.len()).collect(), output, reducer, only_last: false }
    }

    /// A row a key: the result so far.
    pub(super) fn state(&self) -> RowState {
        RowState { name: "reduced", schema: self.reducer.schema.clone(), keys: self.keys.clone(), mark: None }
    }
}
