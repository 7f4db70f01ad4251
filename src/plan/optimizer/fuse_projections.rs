//! Two projections in a row become one, where that neither computes something twice nor nests one computation in
//! another: a pipeline of a thousand `map`s would else become an expression a thousand levels deep.

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_projection, is_plain, same_place};
use crate::expr::TypedExpr;
use crate::plan::{LogicalPlan, NodeKind};

pub(super) fn apply(plan: &LogicalPlan, ops: &OptimizerOps) -> LogicalPlan {
    let mut rewrite = Rewrite::new(plan);
    for node in &plan.nodes {
        let Some(second) = as_projection(node) else {
            rewrite.keep(node);
            continue;
        };
        let input = rewrite.now(node.inputs[0]);
        let before = &rewrite.nodes[input.node];
        match as_projection(before) {
            Some(first) if rewrite.read_once(node.inputs[0]) && same_place(before, node) && pays(first, second) => {
                let exprs: Vec<_> = second.iter().map(|expr| expr.substitute(first)).collect();
                let below = rewrite.schema(before.inputs[0]);
                let output = node.schema(0).unwrap_or_else(|| below.clone());
                let operator = ops.project(below, &output, exprs);
                rewrite.nodes[input.node].kind = NodeKind::Operator(operator);
                rewrite.nodes[input.node].uid = node.uid.clone();
                rewrite.nodes[input.node].former = node.former.clone();
                rewrite.bypass(input);
            }
            _ => rewrite.keep(node),
        }
    }
    rewrite.finish()
}

/// Whether `second` only chooses among the columns that `first` computes, each at most once, or computes from those
/// that it passes through.
fn pays(first: &[TypedExpr], second: &[TypedExpr]) -> bool {
    let mut chosen = vec![false; first.len()];
    second.iter().all(|expr| match expr.as_column() {
        Some(column) => is_plain(&first[column]) || !std::mem::replace(&mut chosen[column], true),
        None => expr.columns().iter().all(|&column| is_plain(&first[column])),
    })
}
