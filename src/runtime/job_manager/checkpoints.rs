//! The life of a checkpoint, from its trigger to the savepoints that are written of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Action, InFlight, JobManager, Redeploy, Token, Want, Work};
use crate::api::Settled;
use crate::checkpoint::Completed;
use crate::inspect::{JobStatus, SavepointView, Severity};
use crate::runtime::subtask::SubtaskEvent;
use crate::state::{CommitStats, OperatorDelta, StateChange};
use crate::types::{CheckpointId, Error, OperatorUid, Result, SubtaskId};

/// Savepoints listed.
const SAVEPOINTS: usize = 300;

impl JobManager {
    /// Whether no earlier checkpoint is under way.
    pub(super) fn may_trigger(&self) -> bool {
        self.options.durable
            && self.in_flight.is_none()
            && self.coordinator.as_ref().is_some_and(|c| c.pending().is_none() && !c.all_finished())
    }

    /// Whether nothing is being written.
    pub(super) const fn is_quiet(&self) -> bool {
        self.in_flight.is_none() && self.savepoints_writing == 0
    }

    pub(super) fn next_id(&mut self) -> CheckpointId {
        self.last_id = CheckpointId(self.last_id.0 + 1);
        self.last_id
    }

    pub(super) fn trigger(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        let id = self.next_id();
        let triggered = self.coordinator.as_mut().is_some_and(|coordinator| coordinator.trigger(id, now_ms).is_ok());
        if !triggered {
            return;
        }
        self.last_trigger_ms = now_ms;
        self.log.triggered(id, now_ms);
        self.serving.append(&mut self.wanted);
        if self.serving.iter().any(|(want, _)| matches!(want, Want::Rescale(_))) {
            // What flows behind the barrier would only be done again.
            actions.push(Action::Hold(true));
        }
        actions.push(Action::Trigger(id));
    }

    pub(super) fn subtask(&mut self, subtask: SubtaskId, event: SubtaskEvent, actions: &mut Vec<Action>) {
        let Some(coordinator) = &mut self.coordinator else { return };
        let completed = match event {
            SubtaskEvent::Acknowledged { id, deltas, alignment_ns } => {
                coordinator.acknowledge(subtask, id, deltas, alignment_ns)
            }
            SubtaskEvent::Finished { deltas } => coordinator.finish(subtask, deltas),
        };
        if let Some(completed) = completed {
            self.write(completed, false, actions);
        }
    }

    pub(super) fn write(&mut self, completed: Completed, last: bool, actions: &mut Vec<Action>) {
        let (id, entries) = (completed.id, commit_entries(&completed.deltas));
        self.log.acknowledged(id, completed.alignment_ns_max);
        if self.options.durable {
            self.in_flight = Some(InFlight { id, entries, last, orphaned: false });
            actions.push(Action::Write(Work::Persist(completed)));
        } else {
            self.in_flight = Some(InFlight { id, entries: BTreeMap::new(), last, orphaned: false });
            actions.push(Action::Write(Work::Commit { id, entries }));
        }
    }

    pub(super) fn persisted(
        &mut self,
        id: CheckpointId,
        result: Result<CommitStats>,
        now_ms: i64,
        actions: &mut Vec<Action>,
    ) {
        let Some(in_flight) = self.in_flight.as_mut().filter(|in_flight| in_flight.id == id) else { return };
        match result {
            Ok(stats) => {
                // From here on it is what a restart goes back to, whatever becomes of the attempt that took it.
                self.last_completed = Some(id);
                let entries = std::mem::take(&mut in_flight.entries);
                self.log.persisted(id, stats, now_ms);
                actions.push(Action::Settle(id, Settled::Durable));
                actions.push(Action::Write(Work::Commit { id, entries }));
            }
            Err(error) => {
                self.log.failed(id, &error);
                self.note(Severity::Error, format!("checkpoint {id}"), format!("can't be written: {error}"));
                self.abandon_in_flight(error, now_ms, actions);
            }
        }
    }

    /// What was being written has failed: with it the attempt, unless that is over already.
    pub(super) fn abandon_in_flight(&mut self, error: Error, now_ms: i64, actions: &mut Vec<Action>) {
        let orphaned = self.in_flight.take().is_some_and(|in_flight| in_flight.orphaned);
        for (_, token) in self.serving.drain(..) {
            actions.push(Action::Reply(token, Err(error.clone())));
        }
        if !orphaned {
            self.fail(error, now_ms, actions);
        }
    }

    pub(super) fn committed(&mut self, id: CheckpointId, result: Result<()>, now_ms: i64, actions: &mut Vec<Action>) {
        if self.in_flight.as_ref().is_none_or(|in_flight| in_flight.id != id) {
            return;
        }
        if let Err(error) = result {
            self.note(Severity::Error, format!("checkpoint {id}"), format!("sinks can't commit: {error}"));
            self.abandon_in_flight(error, now_ms, actions);
            return;
        }
        let Some(in_flight) = self.in_flight.take() else { return };
        if self.options.durable
            && let Some(keep) = self.log.completed(id)
        {
            actions.push(Action::Write(Work::Retain(keep)));
        }
        let view = self.log.view(id);
        for (want, token) in std::mem::take(&mut self.serving) {
            match want {
                Want::Checkpoint => actions.push(Action::Reply(token, Ok(view.clone()))),
                Want::Savepoint(directory) => self.write_savepoint(id, directory, Some(token), actions),
                Want::Rescale(_) if in_flight.orphaned => {
                    actions.push(Action::Reply(token, Err(Error::config("the job failed while it was rescaled"))));
                }
                Want::Rescale(parallelism) => {
                    let before = std::mem::replace(&mut self.parallelism, parallelism);
                    self.note(Severity::Info, "job", format!("rescaled {before} → {parallelism}"));
                    if self.coordinator.take().is_some() {
                        actions.push(Action::Teardown);
                    }
                    self.become_status(JobStatus::Restarting);
                    self.redeploy = Some(Redeploy { due_ms: now_ms });
                    actions.push(Action::Reply(token, Ok(view.clone())));
                }
            }
        }
        if in_flight.last && !in_flight.orphaned {
            self.concluded = true;
            let asked = self.stopping.as_ref().and_then(|(directory, _)| directory.clone());
            for directory in asked.into_iter().chain(self.options.final_savepoint.clone()) {
                self.write_savepoint(id, directory, None, actions);
            }
        }
    }

    pub(super) fn write_savepoint(
        &mut self,
        id: CheckpointId,
        directory: PathBuf,
        token: Option<Token>,
        actions: &mut Vec<Action>,
    ) {
        self.savepoints_writing += 1;
        actions.push(Action::Write(Work::Savepoint { id, directory, token }));
    }

    pub(super) fn savepoint_written(
        &mut self,
        token: Option<Token>,
        id: CheckpointId,
        directory: &Path,
        result: Result<()>,
        actions: &mut Vec<Action>,
    ) {
        self.list_savepoint(id, directory, result.as_ref().err());
        self.savepoints_writing = self.savepoints_writing.saturating_sub(1);
        match (token, result) {
            (Some(token), result) => actions.push(Action::Reply(token, result.map(|()| self.log.view(id)))),
            (None, Ok(())) => {}
            (None, Err(error)) => self.savepoint_error = Some(error),
        }
    }
}

impl JobManager {
    fn list_savepoint(&mut self, id: CheckpointId, directory: &Path, error: Option<&Error>) {
        let directory = directory.display().to_string();
        match error {
            None => self.note(Severity::Info, "savepoint", format!("written to {directory}, from checkpoint {id}")),
            Some(error) => self.note(Severity::Error, "savepoint", format!("can't be written to {directory}: {error}")),
        }
        if self.savepoints.len() == SAVEPOINTS {
            self.savepoints.remove(0);
        }
        let cause = error.map(ToString::to_string);
        self.savepoints.push(SavepointView { checkpoint: id.0, directory, written_ms: self.now_ms, cause });
    }
}

fn commit_entries(deltas: &[OperatorDelta]) -> BTreeMap<OperatorUid, Vec<Vec<u8>>> {
    let mut entries: BTreeMap<OperatorUid, Vec<Vec<u8>>> = BTreeMap::new();
    for delta in deltas {
        for change in &delta.delta.changes {
            if let StateChange::Commit { entry } = change {
                entries.entry(delta.uid.clone()).or_default().push(entry.clone());
            }
        }
    }
    entries
}
