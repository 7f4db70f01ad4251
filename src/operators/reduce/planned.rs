//! The un-windowed `reduce` as the plan holds it.

use super::operator::ReduceOperator;
use super::reducer::Reducer;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator};
use crate::operators::aggregates::names;
use crate::operators::keyed::RowState;
use crate::state::StateDescriptor;
use crate::types::{Result, Schema};

/// Rows of a key put together two at a time, a result a row: Flink's `StreamGroupedReduceOperator`.
#[derive(Debug, Clone)]
pub(super) struct Reduce {
    pub(super) keys: Vec<usize>,
    pub(super) reducer: Reducer,
}

impl Reduce {
    /// A row a key: the result so far.
    pub(super) fn state(&self) -> RowState {
        RowState { name: "reduced", schema: self.reducer.schema.clone(), keys: self.keys.clone(), mark: None }
    }
}

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
        ChangelogMode::Append
    }

    fn states(&self) -> Vec<StateDescriptor> {
        vec![self.state().descriptor()]
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(ReduceOperator::new(self, context)?))
    }
}
