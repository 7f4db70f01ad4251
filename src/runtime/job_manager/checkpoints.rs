//! The life of a checkpoint, from its trigger to the savepoints that are written of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{Action, InFlight, JobManager, Redeploy, Token, Want, Work};
use crate::checkpoint::{Completed, Coordinator};
use crate::inspect::{JobStatus, SavepointView, Severity};
use crate::runtime::subtask::SubtaskEvent;
use crate::state::{CommitStats, OperatorDelta, StateChange};
use crate::types::{CheckpointId, Error, OperatorUid, Result, SubtaskId, typed_duration};

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

    /// When the checkpoint that is being taken has taken too long.
    pub(super) fn timeout_ms(&self) -> Option<i64> {
        let since_ms = self.coordinator.as_ref()?.pending_since_ms()?;
        Some(since_ms.saturating_add(self.options.settings.checkpoint_timeout_ms))
    }

    /// Triggers the next checkpoint because the interval is `due`, or because somebody wants it.
    pub(super) fn trigger(&mut self, due: bool, now_ms: i64, actions: &mut Vec<Action>) {
        let id = self.next_id();
        let triggered = self.coordinator.as_mut().is_some_and(|coordinator| coordinator.trigger(id, now_ms).is_ok());
        if !triggered {
            return;
        }
        self.last_trigger_ms = now_ms;
        self.log.triggered(id, now_ms);
        self.serving.append(&mut self.wanted);
        self.counts = due || self.serving.iter().any(|(want, _)| matches!(want, Want::Checkpoint));
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
        let id = completed.id;
        self.log.acknowledged(id, completed.alignment_ns_max);
        self.in_flight = Some(InFlight { id, last, orphaned: false });
        actions.push(Action::Write(if self.options.durable {
            Work::Persist(completed)
        } else {
            Work::Commit { id, entries: commit_entries(completed.deltas) }
        }));
    }

    pub(super) fn persisted(
        &mut self,
        completed: Completed,
        result: Result<CommitStats>,
        now_ms: i64,
        actions: &mut Vec<Action>,
    ) {
        let id = completed.id;
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.id == id) else { return };
        match result {
            Ok(stats) => {
                // From here on it is what a restart goes back to, whatever becomes of the attempt that took it.
                self.last_completed = Some(id);
                self.failures = 0;
                self.log.persisted(id, stats, now_ms);
                if !in_flight.orphaned {
                    actions.push(Action::Durable(id));
                }
                self.in_flight = Some(in_flight);
                actions.push(Action::Write(Work::Commit { id, entries: commit_entries(completed.deltas) }));
            }
            Err(error) => {
                self.note(Severity::Error, format!("checkpoint {id}"), format!("can't be written: {error}"));
                self.log.failed(id, &error);
                if in_flight.orphaned {
                    self.answer_serving(&error, actions);
                    return;
                }
                if let Some(coordinator) = &mut self.coordinator {
                    coordinator.give_back(completed);
                }
                if in_flight.last && self.stopping.is_some() {
                    self.go_on(&error, now_ms, actions);
                } else {
                    self.ended_early(id, error, now_ms, actions);
                }
            }
        }
    }

    /// The checkpoint that is being taken has had its time.
    pub(super) fn time_out(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        let Some(id) = self.coordinator.as_mut().and_then(Coordinator::abort) else { return };
        let after = typed_duration(self.options.settings.checkpoint_timeout_ms);
        let cause = Error::config(format!("timed out after {after}"));
        self.note(Severity::Warning, format!("checkpoint {id}"), cause.to_string());
        self.log.failed(id, &cause);
        self.ended_early(id, Error::config(format!("checkpoint {id} {cause}")), now_ms, actions);
    }

    /// Gives up the checkpoint that is being taken, by command.
    ///
    /// # Errors
    /// When none is, or when it is being written already.
    pub(super) fn abort_checkpoint(&mut self, now_ms: i64, actions: &mut Vec<Action>) -> Result<()> {
        let Some(id) = self.coordinator.as_mut().and_then(Coordinator::abort) else {
            return Err(Error::config("no checkpoint is being taken"));
        };
        let cause = Error::config("aborted by command");
        self.note(Severity::Info, format!("checkpoint {id}"), cause.to_string());
        self.log.failed(id, &cause);
        self.counts = false;
        self.ended_early(id, Error::config(format!("checkpoint {id} was {cause}")), now_ms, actions);
        Ok(())
    }

    /// Checkpoint `id` has failed, and its subtasks go on: more of these in a row than the job tolerates fail the attempt.
    fn ended_early(&mut self, id: CheckpointId, error: Error, now_ms: i64, actions: &mut Vec<Action>) {
        self.last_end_ms = now_ms;
        actions.push(Action::Aborted(id));
        if self.serving.iter().any(|(want, _)| matches!(want, Want::Rescale(_))) {
            actions.push(Action::Hold(self.paused));
        }
        self.answer_serving(&error, actions);
        if !self.counts {
            return;
        }
        self.failures += 1;
        if self.failures > self.options.settings.tolerable_failed_checkpoints {
            if self.failures > 1 {
                let message = format!(
                    "{} checkpoints in a row have failed; `tolerable_failed_checkpoints` allows one less",
                    self.failures
                );
                self.note(Severity::Error, "job", message);
            }
            self.failures = 0;
            self.fail(error, now_ms, actions);
        }
    }

    /// Whoever waits for the checkpoint under way is told that it failed.
    pub(super) fn answer_serving(&mut self, error: &Error, actions: &mut Vec<Action>) {
        let serving = self.serving.drain(..);
        actions.extend(serving.map(|(_, token)| Action::Reply(token, Err(error.clone()))));
    }

    pub(super) fn committed(&mut self, id: CheckpointId, result: Result<()>, now_ms: i64, actions: &mut Vec<Action>) {
        let Some(in_flight) = self.in_flight.take_if(|in_flight| in_flight.id == id) else { return };
        self.last_end_ms = now_ms;
        if let Err(error) = result {
            self.note(Severity::Error, format!("checkpoint {id}"), format!("sinks can't commit: {error}"));
            self.answer_serving(&error, actions);
            if !in_flight.orphaned {
                self.fail(error, now_ms, actions);
            }
            return;
        }
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
        if self.savepoints.len() >= SAVEPOINTS {
            self.savepoints.remove(0);
        }
        let cause = error.map(ToString::to_string);
        self.savepoints.push(SavepointView { checkpoint: id.0, directory, written_ms: self.now_ms, cause });
    }
}

fn commit_entries(deltas: Vec<OperatorDelta>) -> BTreeMap<OperatorUid, Vec<Vec<u8>>> {
    let mut entries: BTreeMap<OperatorUid, Vec<Vec<u8>>> = BTreeMap::new();
    for OperatorDelta { uid, delta, .. } in deltas {
        let own = delta.changes.into_iter().filter_map(|change| match change {
            StateChange::Commit { entry } => Some(entry),
            StateChange::Upsert { .. }
            | StateChange::Remove { .. }
            | StateChange::Deferred { .. }
            | StateChange::DropNamespace { .. }
            | StateChange::Operator { .. } => None,
        });
        let mut own = own.peekable();
        if own.peek().is_some() {
            entries.entry(uid).or_default().extend(own);
        }
    }
    entries
}
