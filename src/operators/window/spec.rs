//! The specification of a windowed aggregate.

use std::sync::Arc;

use crate::api::{WindowAssigner, WindowSpec};
use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::{state_descriptor, state_owners};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Field, LogicalType, Schema};

/// Name of the keyed state.
pub(super) const ACCUMULATORS: &str = "accumulators";
/// The operator state: the watermark, eight bytes, little endian. All go on from the lowest.
pub(super) const WATERMARK: OperatorStateDescriptor = OperatorStateDescriptor::union("watermark");

/// The operator state: the number of the row that comes next, eight bytes, little endian, where an aggregate depends on
/// the order of rows. All go on from the highest.
pub(super) const ARRIVALS: OperatorStateDescriptor = OperatorStateDescriptor::union("arrivals");

/// Name of the keyed state of the keys that were given of a window whose firing a checkpoint has come between.
pub(super) const GIVEN: &str = "given";
/// The operator state that says how far a firing was: each takes what concerns its key groups.
pub(super) const FIRING: OperatorStateDescriptor = OperatorStateDescriptor::union("firing");
/// The operator state of rows that wait behind it: each takes those of its key groups.
pub(super) const OWED_ROWS: OperatorStateDescriptor = OperatorStateDescriptor::union("owed_rows");

/// One column of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    /// A key, by its place among the keys.
    Key(usize),
    /// `window_start`
    Start,
    /// `window_end`
    End,
    /// An aggregate, by its place among the calls.
    Call(usize),
}

/// Aggregates per key and window of event time: Flink's `WindowAggregate`. Emits the keys, `window_start`,
/// `window_end` and the aggregates when the watermark passes the window's end.
#[derive(Debug, Clone)]
pub struct WindowAggregate {
    pub(super) window: Arc<WindowSpec>,
    pub(super) assigner: Arc<dyn WindowAssigner>,
    pub(super) keys: Vec<usize>,
    pub(super) calls: Vec<AggregateCall>,
    pub(super) columns: Vec<Column>,
    pub(super) input: Schema,
    pub(super) output: Schema,
}

impl WindowAggregate {
    /// Aggregates `calls`, each with the name of its column, of rows of `input` by the columns `keys`.
    ///
    /// # Errors
    /// The windows back, when they are not of [slices](WindowSpec::sliced).
    pub fn new(
        input: &Schema,
        keys: &[usize],
        window: Arc<WindowSpec>,
        calls: &[(String, AggregateCall)],
    ) -> Result<Self, Arc<WindowSpec>> {
        let Some(assigner) = window.sliced().map(Arc::clone) else { return Err(window) };
        let key_fields = keys.iter().map(|&key| input.fields()[key].clone());
        let bounds = ["window_start", "window_end"].map(|name| Field::new(name, LogicalType::Timestamp).not_null());
        let results =
            calls.iter().map(|(name, call)| Field { name: name.clone(), ty: call.ty.clone(), nullable: call.nullable });
        let output = Schema::new(key_fields.chain(bounds).chain(results).collect::<Vec<_>>());
        let mut columns: Vec<Column> = (0..keys.len()).map(Column::Key).collect();
        columns.extend([Column::Start, Column::End]);
        columns.extend((0..calls.len()).map(Column::Call));
        let merges = assigner.slice_ms() < assigner.size_ms();
        let calls = calls.iter().map(|(_, call)| if merges { call.in_slices() } else { call.clone() }).collect();
        Ok(Self { window, assigner, keys: keys.to_vec(), calls, columns, input: input.clone(), output })
    }

    pub(super) fn descriptor(&self) -> StateDescriptor {
        let keys = self.keys.iter().map(|&key| self.input.fields()[key].clone()).collect();
        let state = state_descriptor(ACCUMULATORS, keys, &state_owners(&self.calls), false);
        StateDescriptor { slices: Some(self.assigner.slices()), ..state.in_namespaces("slice_end") }
    }

    /// Whether state says when rows came.
    pub(super) fn is_by_arrival(&self) -> bool {
        self.calls.iter().any(|call| call.by_arrival)
    }

    pub(super) fn given_descriptor(&self) -> StateDescriptor {
        let keys: Vec<Field> = self.keys.iter().map(|&key| self.input.fields()[key].clone()).collect();
        let key_columns = keys.len();
        StateDescriptor::new(GIVEN, Schema::new(keys), key_columns).in_namespaces("window_end")
    }
}
