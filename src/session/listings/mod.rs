//! The listings of a job: printed by the shell's commands, exported by the dashboard's panels. Both get the same values
//! from the same view.

mod checkpoints;
mod graph;
mod late;
mod log;
mod output;
mod restore;
mod rounds;
mod state;
mod subtasks;
mod text;
mod timers;
mod watermarks;
mod windows;

pub use checkpoints::{checkpoints, kept_checkpoints};
pub use graph::graph;
pub use late::{late, lateness};
pub use log::log;
pub use output::output;
pub use restore::{restore, restore_json};
pub use rounds::rounds;
pub use state::{hot_keys, key_groups, state};
pub use subtasks::subtasks;
pub use text::{named, subtask_name, time, time_text};
pub use timers::timers;
pub use watermarks::{held_by, held_by_splits, waits_for, watermarks};
pub use windows::{unanswered_note, windows};
