//! Constant parts of filters and projections are computed once, here; a filter that is always true goes.

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_filter, as_projection};
use crate::plan::{LogicalPlan, NodeKind, Scan};

pub(super) fn apply(plan: &LogicalPlan, ops: &OptimizerOps) -> LogicalPlan {
    let mut rewrite = Rewrite::new(plan);
    for node in &plan.nodes {
        if let Some(predicate) = as_filter(node) {
            let folded = predicate.clone().fold();
            let input = rewrite.now(node.inputs[0]);
            if folded.is_true() {
                rewrite.bypass(input);
            } else if folded == *predicate {
                rewrite.keep(node);
            } else {
                let operator = (ops.filter)(rewrite.schema(input), folded);
                rewrite.keep_as(node, NodeKind::Operator(operator));
            }
        } else if let Some(exprs) = as_projection(node) {
            let folded: Vec<_> = exprs.iter().map(|expr| expr.clone().fold()).collect();
            if folded == exprs {
                rewrite.keep(node);
            } else {
                let input = rewrite.schema(rewrite.now(node.inputs[0]));
                let output = node.schema(0).unwrap_or_else(|| input.clone());
                rewrite.keep_as(node, NodeKind::Operator(ops.project(input, &output, folded)));
            }
        } else if let NodeKind::Scan(scan) = &node.kind {
            let filter = scan.filter.clone().map(crate::expr::TypedExpr::fold).filter(|filter| !filter.is_true());
            rewrite.keep_as(node, NodeKind::Scan(Scan { filter, ..scan.clone() }));
        } else {
            rewrite.keep(node);
        }
    }
    rewrite.finish()
}
