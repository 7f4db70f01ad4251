//! The way that updates are told is settled from the sinks backwards, as Flink's planner infers it: `-U` is left out
//! where nobody needs it, and every row finds its earlier one by its key.

use super::OptimizerOps;
use crate::api::UpdateKind;
use crate::plan::{LogicalPlan, NodeKind};

pub(super) fn apply(plan: &LogicalPlan, _ops: &OptimizerOps) -> LogicalPlan {
    let changelogs = plan.changelogs();
    let mut settled = plan.clone();
    let mut asked = vec![UpdateKind::OnlyAfter; plan.nodes.len()];
    for (at, node) in plan.nodes.iter().enumerate().rev() {
        let NodeKind::Operator(operator) = &node.kind else { continue };
        // Without a key nobody could tell which row an update replaces.
        let output = if changelogs[at].key().is_none() { UpdateKind::BeforeAndAfter } else { asked[at] };
        if output == UpdateKind::OnlyAfter
            && let Some(operator) = operator.only_after()
        {
            settled.nodes[at].kind = NodeKind::Operator(operator);
        }
        for (input, stream) in node.inputs.iter().enumerate() {
            let changelog = plan.changelog(*stream, &changelogs);
            // Where the new row would not meet the old one; a side output holds what its operator heard, of which no key is
            // known.
            let lost = changelog.key().is_none_or(|key| !operator.exchange(input).keeps(key));
            let needs = if lost { UpdateKind::BeforeAndAfter } else { operator.needs(input, output) };
            asked[stream.node] = asked[stream.node].max(needs);
        }
    }
    settled
}
