//! A `distinct` as the plan holds it.

use std::sync::Arc;

use super::due::FirstByTime;
use super::last::LastRow;
use super::seen::FirstByArrival;
use super::spec::{Distinct, Keep};
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator, Pruned, UpdateKind};
use crate::operators::aggregates::names;
use crate::state::StateDescriptor;
use crate::types::{Result, Schema};

impl PlannedOperator for Distinct {
    fn name(&self) -> &'static str {
        "Deduplicate"
    }

    fn describe(&self) -> String {
        let keep = match self.keep {
            Keep::First => "FirstRow",
            Keep::Last => "LastRow",
        };
        let order = if self.by_event_time { "ROWTIME" } else { "PROCTIME" };
        let ttl = self.ttl_ms.map_or_else(String::new, |ttl_ms| format!(", ttl={ttl_ms} ms"));
        format!("keep=[{keep}], key=[{}], order=[{order}]{ttl}", names(&self.input, &self.on))
    }

    fn output(&self) -> &Schema {
        &self.output
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Hash(self.on.clone())
    }

    fn passes(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied()
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        if self.keep == Keep::First {
            return ChangelogMode::Append;
        }
        let place = |key: &usize| self.columns.iter().position(|column| column == key);
        match self.on.iter().map(place).collect() {
            Some(key) if !self.update_before => ChangelogMode::Upsert(key),
            key => ChangelogMode::Retract(key),
        }
    }

    fn needs(&self, _input: usize, _output: UpdateKind) -> UpdateKind {
        // The row that an update replaces is known by its key.
        UpdateKind::OnlyAfter
    }

    fn only_after(&self) -> Option<Arc<dyn PlannedOperator>> {
        (self.keep == Keep::Last)
            .then(|| -> Arc<dyn PlannedOperator> { Arc::new(Self { update_before: false, ..self.clone() }) })
    }

    fn prune(&self, needed: &[usize]) -> Option<Pruned> {
        let columns: Vec<usize> = needed.iter().map(|&index| self.columns[index]).collect();
        let mut inputs: Vec<usize> = columns.iter().chain(&self.on).copied().collect();
        inputs.sort_unstable();
        inputs.dedup();
        if columns.len() == self.columns.len() && inputs.len() == self.input.len() {
            return None;
        }
        let moved = |columns: &[usize]| -> Vec<usize> {
            columns.iter().map(|column| inputs.binary_search(column).unwrap_or(*column)).collect()
        };
        let operator = Self {
            on: moved(&self.on),
            columns: moved(&columns),
            input: self.input.project(&inputs),
            output: self.output.project(needed),
            ..self.clone()
        };
        Some(Pruned { operator: Arc::new(operator), inputs: vec![inputs] })
    }

    fn states(&self) -> Vec<StateDescriptor> {
        match (self.keep, self.by_event_time) {
            (Keep::Last, _) => vec![self.rows().descriptor()],
            (Keep::First, false) => vec![self.seen()],
            (Keep::First, true) => vec![self.seen(), self.rows().descriptor()],
        }
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(match (self.keep, self.by_event_time) {
            (Keep::Last, _) => Box::new(LastRow::new(self, context)?),
            (Keep::First, false) => Box::new(FirstByArrival::new(self, context)?),
            (Keep::First, true) => Box::new(FirstByTime::new(self, context)?),
        })
    }
}
