//! The windowed aggregate as the plan holds it.

use std::fmt::Write;
use std::sync::Arc;

use super::assigners::show;
use super::operator::WindowAggregateOperator;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput, WindowSpec};
use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::{columns_read, describe_outputs, names, remap, state_fields, state_owners};
use crate::state::StateDescriptor;
use crate::types::{Field, LogicalType, Result, Schema};

/// Name of the keyed state.
pub(super) const ACCUMULATORS: &str = "accumulators";
/// Name of the operator state: the watermark, eight bytes, little endian.
pub(super) const WATERMARK: &str = "watermark";

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
        let mut fields: Vec<Field> = self.keys.iter().map(|&key| self.input.fields()[key].clone()).collect();
        fields.extend(state_fields(&state_owners(&self.calls), false));
        StateDescriptor {
            name: ACCUMULATORS,
            schema: Schema::new(fields),
            key_columns: self.keys.len(),
            namespace: Some("slice_end"),
        }
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
        vec![self.descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(WindowAggregateOperator::new(self, context)?))
    }
}
