//! A filter moves below what it stands behind, so that dropped rows are neither computed nor sent: below a projection where
//! it reads columns that are passed through (a computed one would be computed twice), and below a union, into each input.

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_filter, as_projection, is_plain, is_union, same_place};
use crate::api::StreamRef;
use crate::expr::TypedExpr;
use crate::plan::{LogicalNode, LogicalPlan, NodeKind};
use crate::types::{FormerUids, OperatorUid};

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
            Some((filters, upper)) => {
                changed = true;
                // In the place of the upper node, or of nobody: what is read stands before what reads it either way.
                let at = rewrite.now(node.inputs[0]).node;
                let mut filters = filters.into_iter();
                let mut inputs: Vec<StreamRef> = filters
                    .next()
                    .map(|first| {
                        rewrite.nodes[at] = first;
                        StreamRef { node: at, output: 0 }
                    })
                    .into_iter()
                    .collect();
                inputs.extend(filters.map(|filter| rewrite.insert(filter)));
                let stream = rewrite.insert(LogicalNode { inputs, ..upper });
                rewrite.bypass(stream);
            }
        }
    }
    changed.then(|| rewrite.finish())
}

/// The filter `node` as it stands below the node it reads, on each of that one's inputs, and that node, if it can move.
fn below(rewrite: &Rewrite, node: &LogicalNode, ops: &OptimizerOps) -> Option<(Vec<LogicalNode>, LogicalNode)> {
    let predicate = as_filter(node)?;
    let upper = &rewrite.nodes[rewrite.now(node.inputs[0]).node];
    if !rewrite.read_once(node.inputs[0]) || !same_place(upper, node) {
        return None;
    }
    let predicate = if is_union(upper) { predicate.clone() } else { through(as_projection(upper)?, predicate)? };
    let filters = upper.inputs.iter().enumerate().map(|(at, &input)| {
        let operator = (ops.filter)(rewrite.schema(input), predicate.clone());
        // A filter passes a union once: named by it, the copies stay apart however many unions they pass.
        let (uid, former) = match at {
            0 => (node.uid.clone(), node.former.clone()),
            _ => (OperatorUid::new(format!("{}.{}.{at}", node.uid, upper.uid)), FormerUids::default()),
        };
        LogicalNode { kind: NodeKind::Operator(operator), inputs: vec![input], uid, former, ..node.clone() }
    });
    Some((filters.collect(), upper.clone()))
}

/// The predicate over the input of a projection, when it reads nothing that is computed.
fn through(exprs: &[TypedExpr], predicate: &TypedExpr) -> Option<TypedExpr> {
    let plain = predicate.columns().iter().all(|&column| is_plain(&exprs[column]));
    plain.then(|| predicate.substitute(exprs))
}
