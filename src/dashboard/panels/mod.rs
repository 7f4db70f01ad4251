//! The panels, one file each. A new one is a file with a `SPEC` and a line in [`panels`].

mod checkpoints;
mod graph;
mod log;
mod output;
mod state;
mod subtasks;
mod watermarks;
mod windows;

#[cfg(test)]
mod tests;

use super::PanelSpec;

/// Every panel, in the order of the tab bar.
#[must_use]
pub const fn panels() -> &'static [&'static PanelSpec] {
    &[
        &graph::SPEC,
        &subtasks::SPEC,
        &watermarks::SPEC,
        &windows::SPEC,
        &state::SPEC,
        &checkpoints::SPEC,
        &output::SPEC,
        &log::SPEC,
    ]
}
