//! Stages that run again, as the plan holds them.

use std::sync::Arc;

use super::operator::IterateOperator;
use crate::api::{Body, ChangelogMode, Exchange, Operator, OperatorContext, PlannedOperator};
use crate::expr::TypedExpr;
use crate::types::{Result, Schema};

/// Runs a body of operators over its rows, and again over the rows that it gave: Flink's iterations.
#[derive(Debug, Clone)]
pub struct Iterate {
    pub(super) schema: Schema,
    pub(super) body: Arc<Body>,
    pub(super) most: u64,
    /// The condition that ends it, over what a round has done.
    pub(super) until: Option<TypedExpr>,
}

impl Iterate {
    pub(super) fn new(schema: Schema, body: Body, most: u64, until: Option<TypedExpr>) -> Self {
        Self { schema, body: Arc::new(body), most, until }
    }
}

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
