//! Two filters in a row become one. The first stays on the left: it may guard the second (`d <> 0`, then `n / d > 1`), and the
//! conjunction is evaluated from the left, as in Flink.

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_filter, same_place};
use crate::plan::{LogicalPlan, NodeKind};

pub(super) fn apply(plan: &LogicalPlan, ops: &OptimizerOps) -> LogicalPlan {
    let mut rewrite = Rewrite::new(plan);
    for node in &plan.nodes {
        let Some(second) = as_filter(node) else {
            rewrite.keep(node);
            continue;
        };
        let input = rewrite.now(node.inputs[0]);
        let before = &rewrite.nodes[input.node];
        match as_filter(before) {
            Some(first) if rewrite.read_once(node.inputs[0]) && same_place(before, node) => {
                let both = first.clone().and(second.clone());
                let operator = (ops.filter)(rewrite.schema(input), both);
                rewrite.nodes[input.node].kind = NodeKind::Operator(operator);
                rewrite.bypass(input);
            }
            _ => rewrite.keep(node),
        }
    }
    rewrite.finish()
}
