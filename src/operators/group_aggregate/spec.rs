//! The specification of an un-windowed aggregate.

use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::state_descriptor;
use crate::state::StateDescriptor;
use crate::types::{Field, LogicalType, Schema};

/// Name of the keyed state.
pub(super) const ACCUMULATORS: &str = "accumulators";

/// The processing time at which a key was last written, epoch milliseconds; kept only where keys expire.
const WRITTEN: &str = "#written";

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
    /// The processing time, milliseconds, after which a key that nobody writes is forgotten.
    pub(super) ttl_ms: Option<i64>,
    /// Whether each key's result is given once, at the end of the input.
    pub(super) final_only: bool,
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
        let input = input.clone();
        let (update_before, ttl_ms, final_only) = (true, None, false);
        Self { keys, calls, columns, changelog_input, update_before, ttl_ms, final_only, input, output }
    }

    /// The same where a key that nobody writes for so long, milliseconds of processing time, is forgotten.
    #[must_use]
    pub fn expiring(self, ttl_ms: Option<i64>) -> Self {
        Self { ttl_ms, ..self }
    }

    pub(super) fn descriptor(&self) -> StateDescriptor {
        let keys = self.keys.iter().map(|&key| self.input.fields()[key].clone()).collect();
        let state = state_descriptor(ACCUMULATORS, keys, &self.calls, self.changelog_input);
        if self.ttl_ms.is_none() {
            return state;
        }
        let written = Field::new(WRITTEN, LogicalType::BigInt).not_null();
        let fields: Vec<Field> = state.schema.fields().iter().cloned().chain([written]).collect();
        StateDescriptor { schema: Schema::new(fields), ..state }
    }
}
