//! The windowed aggregate as the plan holds it.

use std::fmt::Write;
use std::sync::Arc;

use super::assigners::show;
use super::operator::WindowAggregateOperator;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput, WindowSpec};
use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::{columns_read, describe_outputs, names, remap, state_descriptor, state_owners};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Field, LogicalType, Result, Schema};

/// Name of the keyed state.
pub(super) const ACCUMULATORS: &str = "accumulators";
/// The operator state: the watermark, eight bytes, little endian. All go on from the lowest.
pub(super) const WATERMARK: OperatorStateDescriptor = OperatorStateDescriptor::union("watermark");

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
    pub(super) keys: Vec<usize>,
    pub(super) calls: Vec<AggregateCall>,
    pub(super) columns: Vec<Column>,
    pub(super) input: Schema,
    output: Schema,
}

impl WindowAggregate {
    /// Aggregates `calls`, each with the name of its column, of rows of `input` by the columns `keys`.
    #[must_use]
    pub fn new(input: &Schema, keys: &[usize], window: Arc<WindowSpec>, calls: &[(String, AggregateCall)]) -> Self {
        let key_fields = keys.iter().map(|&key| input.fields()[key].clone());
        let bounds = ["window_start", "window_end"].map(|name| Field::new(name, LogicalType::Timestamp).not_null());
        let results =
            calls.iter().map(|(name, call)| Field { name: name.clone(), ty: call.ty.clone(), nullable: call.nullable });
        let output = Schema::new(key_fields.chain(bounds).chain(results).collect::<Vec<_>>());
        let mut columns: Vec<Column> = (0..keys.len()).map(Column::Key).collect();
        columns.extend([Column::Start, Column::End]);
        columns.extend((0..calls.len()).map(Column::Call));
        let calls = calls.iter().map(|(_, call)| call.clone()).collect();
        Self { window, keys: keys.to_vec(), calls, columns, input: input.clone(), output }
    }

    pub(super) fn descriptor(&self) -> StateDescriptor {
        let keys = self.keys.iter().map(|&key| self.input.fields()[key].clone()).collect();
        let state = state_descriptor(ACCUMULATORS, keys, &state_owners(&self.calls), false);
        StateDescriptor { slices: Some(self.window.assigner.slices()), ..state.in_namespaces("slice_end") }
    }

    pub(super) fn given_descriptor(&self) -> StateDescriptor {
        let keys: Vec<Field> = self.keys.iter().map(|&key| self.input.fields()[key].clone()).collect();
        let key_columns = keys.len();
        StateDescriptor::new(GIVEN, Schema::new(keys), key_columns).in_namespaces("window_end")
    }
}

impl PlannedOperator for WindowAggregate {
    fn name(&self) -> &'static str {
        "WindowAggregate"
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        if !self.keys.is_empty() {
            text = format!("keys=[{}], ", names(&self.input, &self.keys));
        }
        let window = &self.window;
        // Writing to a String cannot fail.
        let _ = write!(text, "window={}", window.assigner.describe());
        if window.lateness_ms > 0 {
            let _ = write!(text, ", lateness={}", show(window.lateness_ms));
        }
        if let Some(late_to) = &window.late_to {
            let _ = write!(text, ", late_to={}", late_to.node);
        }
        let select = describe_outputs(&self.output, |index| match self.columns.get(index) {
            Some(Column::Call(call)) => Some(self.calls[*call].describe()),
            Some(Column::Key(_) | Column::Start | Column::End) | None => None,
        });
        let _ = write!(text, ", select=[{select}]");
        text
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn side_outputs(&self) -> Vec<SideOutput> {
        let late = self.window.late_to.iter();
        late.map(|name| SideOutput { name: name.node.clone(), schema: self.input.clone() }).collect()
    }

    fn exchange(&self, _input: usize) -> Exchange {
        if self.keys.is_empty() { Exchange::Global } else { Exchange::Hash(self.keys.clone()) }
    }

    fn parallelism(&self) -> Option<usize> {
        self.keys.is_empty().then_some(1)
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<Column> = needed.iter().map(|&index| self.columns[index]).collect();
        let kept: Vec<usize> = (0..self.calls.len()).filter(|&call| columns.contains(&Column::Call(call))).collect();
        let calls: Vec<AggregateCall> = kept.iter().map(|&call| self.calls[call].clone()).collect();
        let inputs: Vec<usize> = if self.window.late_to.is_some() {
            (0..self.input.len()).collect()
        } else {
            let mut read: Vec<usize> = self.keys.iter().copied().chain(columns_read(&calls)).collect();
            read.sort_unstable();
            read.dedup();
            read
        };
        if columns.len() == self.columns.len() && inputs.len() == self.input.len() {
            return None;
        }
        let moved = |column: usize| inputs.iter().position(|&input| input == column).unwrap_or(column);
        let renumber = |column: &Column| match *column {
            Column::Call(call) => Column::Call(kept.iter().position(|&kept| kept == call).unwrap_or(call)),
            column @ (Column::Key(_) | Column::Start | Column::End) => column,
        };
        let operator = Self {
            window: Arc::clone(&self.window),
            keys: self.keys.iter().map(|&key| moved(key)).collect(),
            calls: calls.iter().map(|call| remap(call, &moved)).collect(),
            columns: columns.iter().map(renumber).collect(),
            input: self.input.project(&inputs),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        let given = (!self.keys.is_empty()).then(|| self.given_descriptor());
        [self.descriptor()].into_iter().chain(given).collect()
    }

    fn operator_states(&self) -> Vec<OperatorStateDescriptor> {
        vec![WATERMARK, FIRING, OWED_ROWS]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(WindowAggregateOperator::new(self, context)?))
    }
}
