//! A filter moves below the projection it stands behind, so that dropped rows are not computed: where it reads columns
//! that the projection passes through. A computed column stays where it is, because it would be computed twice.

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_filter, as_projection, is_plain, same_parallelism};
use crate::plan::{LogicalNode, LogicalPlan, NodeKind};

pub(super) fn apply(plan: &LogicalPlan, ops: &OptimizerOps) -> LogicalPlan {
    let mut plan = plan.clone();
    // Each pass moves every filter that can by one place; no filter moves further than the plan is long.
    for _ in 0..plan.nodes.len() {
        match pass(&plan, ops) {
            Some(moved) => plan = moved,
            None => break,
        }
    }
    plan
}

fn pass(plan: &LogicalPlan, ops: &OptimizerOps) -> Option<LogicalPlan> {
    let mut rewrite = Rewrite::new(plan);
    let mut changed = false;
    for node in &plan.nodes {
        match below(&rewrite, node, ops) {
            None => rewrite.keep(node),
            Some((filter, projection)) => {
                changed = true;
                let at = rewrite.now(node.inputs[0]).node;
                rewrite.nodes[at] = filter;
                let stream = rewrite
                    .insert(LogicalNode { inputs: vec![crate::api::StreamRef { node: at, output: 0 }], ..projection });
                rewrite.bypass(stream);
            }
        }
    }
    changed.then(|| rewrite.finish())
}

/// The filter `node` as it stands below the projection it reads, and that projection, if it can move.
fn below(rewrite: &Rewrite, node: &LogicalNode, ops: &OptimizerOps) -> Option<(LogicalNode, LogicalNode)> {
    let predicate = as_filter(node)?;
    let projection = &rewrite.nodes[rewrite.now(node.inputs[0]).node];
    let exprs = as_projection(projection)?;
    let movable = rewrite.read_once(node.inputs[0])
        && same_parallelism(projection, node)
        && predicate.columns().iter().all(|&column| is_plain(&exprs[column]));
    if !movable {
        return None;
    }
    let input = projection.inputs[0];
    let operator = (ops.filter)(rewrite.schema(input), predicate.substitute(exprs));
    let filter = LogicalNode { kind: NodeKind::Operator(operator), inputs: vec![input], ..node.clone() };
    Some((filter, projection.clone()))
}
