//! The un-windowed `reduce` as the plan holds it.

use std::sync::Arc;

use super::operator::ReduceOperator;
use super::spec::Reduce;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned};
use crate::operators::aggregates::names;
use crate::state::StateDescriptor;
use crate::types::{Result, Schema};

impl PlannedOperator for Reduce {
    fn name(&self) -> &'static str {
        "Reduce"
    }

    fn describe(&self) -> String {
        let keys = names(&self.reducer.schema, &self.keys);
        let keys = if keys.is_empty() { keys } else { format!("keys=[{keys}], ") };
        format!("{keys}reduce=[{}]", self.reducer.describe())
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
        let key = self.keys.iter().map(|key| self.columns.iter().position(|column| column == key)).collect();
        match key {
            Some(key) if self.only_last => ChangelogMode::Upsert(key),
            // Whoever finds out what is left has asked for the key.
            Some(_) | None => ChangelogMode::Append,
        }
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(Arc::new(Self { only_last: true, ..self.clone() }))
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns = needed.iter().map(|&column| self.columns[column]);
        let reads = self.reducer.reads(columns.clone().chain(self.keys.iter().copied()));
        if reads.len() == self.reducer.schema.len() && needed.len() == self.columns.len() {
            return None;
        }
        let moved = |column: usize| reads.binary_search(&column).unwrap_or(column);
        let operator = Self {
            keys: self.keys.iter().map(|&key| moved(key)).collect(),
            columns: columns.map(moved).collect(),
            output: self.output.project(needed),
            reducer: self.reducer.over(&reads),
            only_last: self.only_last,
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![reads] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.state().descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(ReduceOperator::new(self, context)?))
    }
}
