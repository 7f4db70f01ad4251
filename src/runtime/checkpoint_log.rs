//! The checkpoints of a job as panels list them, and which of them are kept.

use crate::inspect::{CheckpointStatus, CheckpointView};
use crate::state::CommitStats;
use crate::types::{CheckpointId, Error};

/// Listed at most; older ones are forgotten first.
const LISTED: usize = 300;

#[derive(Debug)]
pub(super) struct CheckpointLog {
    views: Vec<CheckpointView>,
    held: Vec<CheckpointId>,
    retained: usize,
}

impl CheckpointLog {
    /// The log of a job whose storage holds `held`, behind the checkpoints of its earlier runs.
    pub(super) fn new(views: Vec<CheckpointView>, held: &[CheckpointId], retained: usize) -> Self {
        Self { views, held: held.to_vec(), retained: retained.max(1) }
    }

    pub(super) fn views(&self) -> &[CheckpointView] {
        &self.views
    }

    pub(super) fn view(&self, id: CheckpointId) -> Option<CheckpointView> {
        self.views.iter().rfind(|view| view.id == id.0).cloned()
    }

    pub(super) fn triggered(&mut self, id: CheckpointId, now_ms: i64) {
        if self.views.len() >= LISTED {
            self.views.remove(0);
        }
        self.views.push(CheckpointView::triggered(id.0, now_ms));
    }

    pub(super) fn acknowledged(&mut self, id: CheckpointId, alignment_ns: u64) {
        self.change(id, |view| view.alignment_ms = Some(i64::try_from(alignment_ns / 1_000_000).unwrap_or(i64::MAX)));
    }

    pub(super) fn persisted(&mut self, id: CheckpointId, stats: CommitStats, now_ms: i64) {
        self.change(id, |view| {
            view.duration_ms = Some(now_ms.saturating_sub(view.triggered_ms));
            view.delta_bytes = Some(stats.delta_bytes);
            view.full_bytes = Some(stats.full_bytes);
        });
    }

    pub(super) fn failed(&mut self, id: CheckpointId, error: &Error) {
        self.change(id, |view| {
            view.status = CheckpointStatus::Failed;
            view.cause = Some(error.to_string());
        });
    }

    /// `id` is complete. What to keep, when something is to be forgotten.
    pub(super) fn completed(&mut self, id: CheckpointId) -> Option<Vec<CheckpointId>> {
        self.change(id, |view| view.status = CheckpointStatus::Completed);
        self.held.push(id);
        let expired = self.held.len().checked_sub(self.retained).filter(|count| *count > 0)?;
        for id in self.held.drain(..expired).collect::<Vec<_>>() {
            self.change(id, |view| view.status = CheckpointStatus::Discarded);
        }
        Some(self.held.clone())
    }

    fn change(&mut self, id: CheckpointId, change: impl FnOnce(&mut CheckpointView)) {
        if let Some(view) = self.views.iter_mut().rfind(|view| view.id == id.0) {
            change(view);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_n_are_kept_whatever_was_there_before() {
        let mut log = CheckpointLog::new(Vec::new(), &[CheckpointId(3)], 2);
        log.triggered(CheckpointId(4), 0);
        assert_eq!(log.completed(CheckpointId(4)), None);
        log.triggered(CheckpointId(5), 0);
        assert_eq!(log.completed(CheckpointId(5)), Some(vec![CheckpointId(4), CheckpointId(5)]));
        log.triggered(CheckpointId(6), 0);
        assert_eq!(log.completed(CheckpointId(6)), Some(vec![CheckpointId(5), CheckpointId(6)]));
        let statuses: Vec<_> = log.views().iter().map(|view| (view.id, view.status.name())).collect();
        assert_eq!(statuses, [(4, "discarded"), (5, "completed"), (6, "completed")]);
    }
}
