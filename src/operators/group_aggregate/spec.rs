//! The specification of an un-windowed aggregate.

use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::state_descriptor;
use crate::state::StateDescriptor;
use crate::types::{Field, Schema};

/// Name of the keyed state.
pub(super) const ACCUMULATORS: &str = "accumulators";

/// One column of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A key, by its place among the keys.
    Key(usize),
    /// An aggregate, by its place among the calls.
    Call(usize),
}

/// Aggregates per key over all rows so far: Flink's `GroupAggregate` without mini-batches. Each row gives the key's
/// first result (`+I`), its old and its new one (`-U`, `+U`), its end (`-D`), or nothing when it changes nothing.
#[derive(Debug, Clone)]
pub struct GroupAggregate {
    pub(super) keys: Vec<usize>,
    pub(super) calls: Vec<AggregateCall>,
    pub(super) columns: Vec<Column>,
    pub(super) changelog_input: bool,
    /// Whether an update says what it replaces (`-U`).
    pub(super) update_before: bool,
    pub(super) input: Schema,
    pub(super) output: Schema,
}

impl GroupAggregate {
    /// Aggregates `calls`, each with the name of its column, of rows of `input` by the columns `keys`.
    #[must_use]
    pub fn new(input: &Schema, keys: &[usize], calls: &[(String, AggregateCall)], changelog_input: bool) -> Self {
        let key_fields = keys.iter().map(|&key| input.fields()[key].clone());
        let results =
            calls.iter().map(|(name, call)| Field { name: name.clone(), ty: call.ty.clone(), nullable: call.nullable });
        let output = Schema::new(key_fields.chain(results).collect::<Vec<_>>());
        let columns = (0..keys.len()).map(Column::Key).chain((0..calls.len()).map(Column::Call)).collect();
        let calls = calls.iter().map(|(_, call)| call.clone()).collect();
        let keys = keys.to_vec();
        Self { keys, calls, columns, changelog_input, update_before: true, input: input.clone(), output }
    }

    pub(super) fn descriptor(&self) -> StateDescriptor {
        let keys = self.keys.iter().map(|&key| self.input.fields()[key].clone()).collect();
        state_descriptor(ACCUMULATORS, keys, &self.calls, self.changelog_input)
    }
}
