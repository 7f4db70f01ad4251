//! The registries, put together: what the language, the planner and help know of.

use std::sync::Arc;

use crate::api::{CommandSyntax, ConnectorSpec, StageSpec, WindowFnSpec};
use crate::lang::Grammar;
use crate::lang::lower;
use crate::operators::{Filter, Project};
use crate::plan::OptimizerOps;

/// Everything that can be named in a statement.
#[derive(Clone)]
pub struct SessionRegistries {
    /// Stages of a pipeline.
    pub stages: &'static [&'static StageSpec],
    /// Window functions.
    pub windows: &'static [&'static WindowFnSpec],
    /// Connectors.
    pub connectors: &'static [ConnectorSpec],
    /// The shell's commands, as far as they are typed.
    pub commands: Vec<CommandSyntax>,
    window_names: Vec<&'static str>,
}

/// The built-in registries and these commands.
#[must_use]
pub fn registries(commands: Vec<CommandSyntax>) -> SessionRegistries {
    let windows = crate::operators::window_functions();
    SessionRegistries {
        stages: crate::operators::stages(),
        windows,
        connectors: crate::connectors::connectors(),
        commands,
        window_names: windows.iter().map(|window| window.name).collect(),
    }
}

impl SessionRegistries {
    /// What the parser needs of them.
    #[must_use]
    pub fn grammar(&self) -> Grammar<'_> {
        Grammar {
            stages: self.stages,
            commands: &self.commands,
            planned_stages: crate::operators::PLANNED_STAGES,
            windows: &self.window_names,
        }
    }

    /// What the lowering needs of them.
    #[must_use]
    pub fn lowering(&self) -> lower::Registries<'_> {
        lower::Registries {
            stages: self.stages,
            windows: self.windows,
            connectors: self.connectors,
            planned_stages: crate::operators::PLANNED_STAGES,
            optimizer: OptimizerOps {
                filter: |schema, predicate| Arc::new(Filter::new(&schema, predicate)),
                projection: |_, columns| Arc::new(Project::named(columns)),
            },
        }
    }
}
