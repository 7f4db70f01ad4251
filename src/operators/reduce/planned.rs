//! The un-windowed `reduce` as the plan holds it.

use std::sync::Arc;

use super::operator::ReduceOperator;
use super::spec::Reduce;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator};
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
        &self.reducer.schema
    }

    fn exchange(&self, _input: usize) -> Exchange {
        if self.keys.is_empty() { Exchange::Global } else { Exchange::Hash(self.keys.clone()) }
    }

    fn parallelism(&self) -> Option<usize> {
        self.keys.is_empty().then_some(1)
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        if self.only_last { ChangelogMode::Upsert(self.keys.clone()) } else { ChangelogMode::Append }
    }

    fn for_batch(&self) -> Option<Arc<dyn PlannedOperator>> {
        Some(Arc::new(Self { only_last: true, ..self.clone() }))
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.state().descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(ReduceOperator::new(self, context)?))
    }
}
