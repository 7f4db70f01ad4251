//! A filter right behind a scan that nobody else reads becomes part of the scan: rows are dropped where they are
//! parsed, after they have counted for the watermark.

use super::OptimizerOps;
use super::rewrite::{Rewrite, as_filter};
use crate::api::Placement;
use crate::plan::{LogicalPlan, NodeKind, Scan};

pub(super) fn apply(plan: &LogicalPlan, _ops: &OptimizerOps) -> LogicalPlan {
    let mut rewrite = Rewrite::new(plan);
    for node in &plan.nodes {
        let Some(predicate) = as_filter(node) else {
            rewrite.keep(node);
            continue;
        };
        let input = rewrite.now(node.inputs[0]);
        let before = &rewrite.nodes[input.node];
        // A place typed for the filter alone is kept by keeping the filter.
        let alike = (node.parallelism.is_none() || before.typed_parallelism() == node.typed_parallelism())
            && (node.placement == Placement::default() || before.placement == node.placement);
        match &before.kind {
            NodeKind::Scan(scan) if alike && rewrite.read_once(node.inputs[0]) => {
                let predicate = predicate.remap(&|column| scan.output[column]);
                let filter = match scan.filter.clone() {
                    None => predicate,
                    Some(first) => first.and(predicate),
                };
                let scan = Scan { filter: Some(filter), ..scan.clone() };
                rewrite.nodes[input.node].kind = NodeKind::Scan(scan);
                rewrite.bypass(input);
            }
            NodeKind::Scan(_) | NodeKind::Operator(_) => rewrite.keep(node),
        }
    }
    rewrite.finish()
}
