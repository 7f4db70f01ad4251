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
    /// run that nobody remembers, or of a savepoint that was taken over, are listed by what is written of them.
    pub(super) fn stored_in(mut self, storage: &dyn CheckpointStorage, held: &[CheckpointId]) -> Self {
        let taken_ms = |id| storage.restore(id).ok().map(|point| point.manifest().taken_at_ms);
        for checkpoint in &mut self.checkpoints {
            let id = CheckpointId(checkpoint.id);
            // Where a savepoint was taken over the numbers begin anew: what is held may be another of that number.
            let is_held = held.contains(&id) && taken_ms(id).is_none_or(|ms| ms == checkpoint.triggered_ms);
            if checkpoint.status == CheckpointStatus::Completed && !is_held {
                checkpoint.status = CheckpointStatus::Discarded;
            }
        }
        let known = |id: CheckpointId| {
            self.checkpoints.iter().any(|view| view.id == id.0 && view.status == CheckpointStatus::Completed)
        };
        // One that can't be read can't be restored either; a restore from it says why.
        let unknown = held.iter().filter(|&&id| !known(id)).filter_map(|&id| Some((id, taken_ms(id)?)));
        let found: Vec<CheckpointView> = unknown
            .map(|(id, taken_ms)| CheckpointView {
                status: CheckpointStatus::Completed,
                ..CheckpointView::triggered(id.0, taken_ms)
            })
            .collect();
        self.checkpoints.extend(found);
        self.checkpoints.sort_by_key(|checkpoint| checkpoint.triggered_ms);
        self
    }
}
