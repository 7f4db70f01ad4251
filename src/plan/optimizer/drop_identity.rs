//! A projection that outputs its input, names and all, goes.

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_projection};
use crate::api::Placement;
use crate::plan::LogicalPlan;

pub(super) fn apply(plan: &LogicalPlan, _ops: &OptimizerOps) -> LogicalPlan {
    let mut rewrite = Rewrite::new(plan);
    for node in &plan.nodes {
        let identity = as_projection(node).is_some_and(|exprs| {
            let input = rewrite.schema(rewrite.now(node.inputs[0]));
            let output = node.schema(0);
            exprs.len() == input.len()
                && exprs.iter().enumerate().all(|(at, expr)| expr.as_column() == Some(at))
                && output.is_some_and(|output| output.names().eq(input.names()))
        });
        // One that was given a place of its own is wanted there.
        if identity && node.placement == Placement::default() {
            rewrite.bypass(rewrite.now(node.inputs[0]));
        } else {
            rewrite.keep(node);
        }
    }
    rewrite.finish()
}
