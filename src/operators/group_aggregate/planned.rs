//! The un-windowed aggregate as the plan holds it.

use std::sync::Arc;

use super::operator::GroupAggregateOperator;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned};
use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::{columns_read, describe_outputs, names, remap, state_descriptor};
use crate::state::StateDescriptor;
use crate::types::{Field, Result, Schema};

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
    output: Schema,
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

impl PlannedOperator for GroupAggregate {
    fn name(&self) -> &'static str {
        "GroupAggregate"
    }

    fn describe(&self) -> String {
        let keys = if self.keys.is_empty() {
            String::new()
        } else {
            format!("groupBy=[{}], ", names(&self.input, &self.keys))
        };
        let select = describe_outputs(&self.output, |index| match self.columns.get(index) {
            Some(Column::Call(call)) => Some(self.calls[*call].describe()),
            Some(Column::Key(_)) | None => None,
        });
        format!("{keys}select=[{select}]")
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        if self.keys.is_empty() { Exchange::Global } else { Exchange::Hash(self.keys.clone()) }
    }

    fn parallelism(&self) -> Option<usize> {
        self.keys.is_empty().then_some(1)
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        let place = |key| self.columns.iter().position(|column| *column == Column::Key(key));
        match (0..self.keys.len()).map(place).collect() {
            Some(key) if !self.update_before => ChangelogMode::Upsert(key),
            key => ChangelogMode::Retract(key),
        }
    }

    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(Arc::new(Self { update_before: false, ..self.clone() }))
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<Column> = needed.iter().map(|&index| self.columns[index]).collect();
        let kept: Vec<usize> = (0..self.calls.len()).filter(|&call| columns.contains(&Column::Call(call))).collect();
        let calls: Vec<AggregateCall> = kept.iter().map(|&call| self.calls[call].clone()).collect();
        let mut inputs: Vec<usize> = self.keys.iter().copied().chain(columns_read(&calls)).collect();
        inputs.sort_unstable();
        inputs.dedup();
        if columns.len() == self.columns.len() && inputs.len() == self.input.len() {
            return None;
        }
        let moved = |column: usize| inputs.iter().position(|&input| input == column).unwrap_or(column);
        let renumber = |column: &Column| match *column {
            Column::Call(call) => Column::Call(kept.iter().position(|&kept| kept == call).unwrap_or(call)),
            key @ Column::Key(_) => key,
        };
        let operator = Self {
            keys: self.keys.iter().map(|&key| moved(key)).collect(),
            calls: calls.iter().map(|call| remap(call, &moved)).collect(),
            columns: columns.iter().map(renumber).collect(),
            changelog_input: self.changelog_input,
            update_before: self.update_before,
            input: self.input.project(&inputs),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(GroupAggregateOperator::new(self, context)?))
    }
}
