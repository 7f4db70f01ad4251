//! Stages that run again, as the plan holds them.

use super::operator::IterateOperator;
use super::spec::Iterate;
use crate::api::{ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator};
use crate::types::{Result, Schema};

impl PlannedOperator for Iterate {
    fn name(&self) -> &'static str {
        "Iterate"
    }

    fn describe(&self) -> String {
        let until = self.until.as_ref().map_or_else(String::new, |until| format!(", until=[{until}]"));
        // The first only takes the rows in.
        let names = self.body.nodes.iter().skip(1).map(|node| node.operator.name());
        format!("rounds=[{}]{until}, body=[{}]", self.most, names.collect::<Vec<_>>().join(" -> "))
    }

    fn output(&self) -> &Schema {
        &self.schema
    }

    fn exchange(&self, _input: usize) -> Exchange {
        Exchange::Global
    }

    fn parallelism(&self) -> Option<usize> {
        Some(1)
    }

    fn gives(&self, _inputs: &[ChangelogMode]) -> ChangelogMode {
        ChangelogMode::Append
    }

    fn create(&self, context: &OperatorContext) -> Result<Box<dyn Operator>> {
        Ok(Box::new(IterateOperator::new(self, context)))
    }
}
