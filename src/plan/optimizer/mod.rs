//! The optimizer: rules from plan to plan, each in its own file, run in a fixed order.

mod dead_columns;
mod drop_identity;
mod fold_constants;
mod fuse_projections;
mod merge_filters;
mod push_filters;
mod rewrite;
mod scan_filters;
mod settle_changelogs;

pub use rewrite::{MakeFilter, MakeProjection, OptimizerOps};

use super::LogicalPlan;

type Rule = fn(&LogicalPlan, &OptimizerOps) -> LogicalPlan;

/// In the order they run. Filters move first, so that what they leave behind can be fused; columns are pruned when it
/// is settled who reads what; pruning may leave projections that do nothing. How changes are told depends on all that stays.
const RULES: &[Rule] = &[
    fold_constants::apply,
    push_filters::apply,
    merge_filters::apply,
    scan_filters::apply,
    fuse_projections::apply,
    dead_columns::apply,
    fuse_projections::apply,
    drop_identity::apply,
    settle_changelogs::apply,
];

impl LogicalPlan {
    /// An equal plan that reads and computes less: the same rows at every sink, from fewer parsed columns. Rows that
    /// only a computation without readers would have rejected are no longer rejected.
    #[must_use]
    pub fn optimize(&self, ops: &OptimizerOps) -> Self {
        RULES.iter().fold(self.clone(), |plan, rule| rule(&plan, ops))
    }
}

#[cfg(test)]
mod equivalence;
#[cfg(test)]
mod tests;
