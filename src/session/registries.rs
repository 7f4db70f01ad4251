//! The registries, put together: what the language, the planner and help know of.

use std::sync::Arc;

use crate::api::{CommandSpec, Registries};
use crate::operators::{ChangelogNormalize, Filter, FinalRows, Project};
use crate::plan::OptimizerOps;

/// The built-in registries and these commands.
#[must_use]
pub fn registries(commands: &'static [CommandSpec]) -> Registries {
    Registries {
        stages: crate::operators::stages(),
        windows: crate::operators::window_functions(),
        connectors: crate::connectors::connectors(),
        commands,
    }
}

/// The operators that the optimizer puts into a plan.
pub(super) fn optimizer_ops() -> OptimizerOps {
    OptimizerOps {
        filter: |schema, predicate| Arc::new(Filter::new(&schema, predicate)),
        projection: |_, columns| Arc::new(Project::named(columns)),
        final_rows: |schema, changelog| Arc::new(FinalRows::new(schema, changelog)),
        normalize: |schema, key, kind| Arc::new(ChangelogNormalize::new(schema, key, kind)),
    }
}
