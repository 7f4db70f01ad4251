//! The windowed aggregate as the plan holds it.

use std::fmt::Write;
use std::sync::Arc;

use super::operator::WindowAggregateOperator;
use super::spec::{ARRIVALS, Column, FIRING, OWED_ROWS, WATERMARK, WindowAggregate};
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, SideOutput};
use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::{columns_read, describe_outputs, names, remap};
use crate::operators::batch::{InTimeOrder, Passes};
use crate::state::{OperatorStateDescriptor, StateDescriptor};
use crate::types::{Result, Schema};

impl PlannedOperator for WindowAggregate {
    fn name(&self) -> &'static str {
        "WindowAggregate"
    }

    fn describe(&self) -> String {
        let mut text = String::new();
        if !self.keys.is_empty() {
            text = format!("keys=[{}], ", names(&self.input, &self.keys));
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "window={}", self.window.describe());
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
            assigner: Arc::clone(&self.assigner),
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
        let by_arrival = self.is_by_arrival().then_some(ARRIVALS);
        [WATERMARK, FIRING, OWED_ROWS].into_iter().chain(by_arrival).collect()
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(WindowAggregateOperator::new(self, context)?))
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(InTimeOrder::of(self.clone(), 1, Passes::ByBatch))
    }
}
