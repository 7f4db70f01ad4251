//! What the earlier runs of a job have left to be shown by the one that goes on from them.

use super::storage::CheckpointStorage;
use crate::inspect::{CheckpointStatus, CheckpointView, EventView, JobView, SavepointView};
use crate::types::CheckpointId;

/// What the earlier runs of a job have left to be shown by the one that goes on from them.
#[derive(Debug, Clone, Default)]
pub struct Past {
    /// The checkpoints, oldest first.
    pub(super) checkpoints: Vec<CheckpointView>,
    /// The savepoints, oldest first.
    pub(super) savepoints: Vec<SavepointView>,
    /// The log, oldest first.
    pub(super) events: Vec<EventView>,
    /// The number of restarts.
    pub(super) restarts: u32,
}

impl Past {
    /// The past of the job that goes on from `view`.
    #[must_use]
    pub fn of(view: &JobView) -> Self {
        Self {
            checkpoints: view.checkpoints.clone(),
            savepoints: view.savepoints.clone(),
            events: view.events.clone(),
            restarts: view.restarts_in_all(),
        }
    }

    /// The same past, its checkpoints being those that `storage` still holds: the others are discarded, and those of a
    /// run that nobody remembers are listed by what is written of them.
    pub(super) fn stored_in(mut self, storage: &dyn CheckpointStorage, held: &[CheckpointId]) -> Self {
        for checkpoint in &mut self.checkpoints {
            if checkpoint.status == CheckpointStatus::Completed && !held.contains(&CheckpointId(checkpoint.id)) {
                checkpoint.status = CheckpointStatus::Discarded;
            }
        }
        let known = |id: CheckpointId| {
            self.checkpoints.iter().any(|view| view.id == id.0 && view.status == CheckpointStatus::Completed)
        };
        // One that can't be read can't be restored either; a restore from it says why.
        let unknown = held.iter().filter(|&&id| !known(id)).filter_map(|&id| Some((id, storage.restore(id).ok()?)));
        let found: Vec<CheckpointView> = unknown
            .map(|(id, point)| CheckpointView {
                status: CheckpointStatus::Completed,
                ..CheckpointView::triggered(id.0, point.manifest().taken_at_ms)
            })
            .collect();
        self.checkpoints.splice(0..0, found);
        self
    }
}
