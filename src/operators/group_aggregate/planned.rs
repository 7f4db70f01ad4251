//! The un-windowed aggregate as the plan holds it.

use std::sync::Arc;

use super::final_results::FinalAggregateOperator;
use super::operator::GroupAggregateOperator;
use super::spec::{Column, GroupAggregate};
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned};
use crate::expr::aggregate::AggregateCall;
use crate::operators::aggregates::{columns_read, describe_outputs, names, remap};
use crate::state::StateDescriptor;
use crate::types::{Result, Schema};

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
        let ttl = self.ttl_ms.map_or_else(String::new, |ttl_ms| format!(", ttl={ttl_ms} ms"));
        format!("{keys}select=[{select}]{ttl}")
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
        if self.final_only {
            return ChangelogMode::Append;
        }
        let place = |key| self.columns.iter().position(|column| *column == Column::Key(key));
        match (0..self.keys.len()).map(place).collect() {
            Some(key) if !self.update_before => ChangelogMode::Upsert(key),
            key => ChangelogMode::Retract(key),
        }
    }

    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        (!self.final_only)
            .then(|| -> Arc<dyn PlannedOperator> { Arc::new(Self { update_before: false, ..self.clone() }) })
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        // How long a key is left alone is of no meaning where all its rows are taken together.
        Some(Arc::new(Self { final_only: true, ttl_ms: None, ..self.clone() }))
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
            ttl_ms: self.ttl_ms,
            final_only: self.final_only,
            input: self.input.project(&inputs),
            output: self.output.project(needed),
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.descriptor()]
    }

    fn keeps_budget(&self) -> bool {
        true
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        if self.final_only {
            return Ok(Box::new(FinalAggregateOperator::new(self, context)?));
        }
        Ok(Box::new(GroupAggregateOperator::new(self, context)?))
    }
}
