//! Attempts: deployed, failed and restarted, concluded.

use super::{Action, JobManager, Redeploy, Want};
use crate::checkpoint::Coordinator;
use crate::inspect::{JobStatus, Severity};
use crate::types::{Error, SubtaskId};

impl JobManager {
    pub(super) fn deploy(&mut self) -> Action {
        self.attempt += 1;
        Action::Deploy {
            attempt: self.attempt,
            restore: self.last_completed,
            parallelism: self.parallelism,
            hold: self.paused,
        }
    }

    pub(super) fn deployed(&mut self, subtasks: Vec<SubtaskId>, now_ms: i64, actions: &mut Vec<Action>) {
        self.coordinator = Some(Coordinator::new(subtasks, self.last_completed));
        self.last_trigger_ms = now_ms;
        self.become_status(if self.paused { JobStatus::Paused } else { JobStatus::Running });
        let from = match self.last_completed {
            Some(id) => format!("restored from checkpoint {id}"),
            None if self.attempt == 1 => "started".to_owned(),
            None => "started anew: there is no checkpoint yet".to_owned(),
        };
        let held = if self.paused { ", paused" } else { "" };
        self.note(Severity::Info, "job", format!("{from} at parallelism {}{held}", self.parallelism));
        if let Some(drain) = self.stop_drain {
            // A stop that a failure interrupted goes on from the restored state.
            self.become_status(JobStatus::Stopping);
            actions.push(Action::StopSources { drain });
        }
    }

    pub(super) fn fail(&mut self, error: Error, now_ms: i64, actions: &mut Vec<Action>) {
        self.end_attempt(&error, actions);
        self.cause = Some(error.clone());
        let row = self.guilty_row.take();
        if self.restarts < self.options.settings.restart_attempts && !error.is_permanent() {
            self.restarts += 1;
            let (number, of) = (self.restarts, self.options.settings.restart_attempts);
            let message = format!("restart {number} of {of}: {error}");
            self.events.note(now_ms, Severity::Warning, "job", message, row);
            self.become_status(JobStatus::Restarting);
            self.redeploy = Some(Redeploy { due_ms: now_ms.saturating_add(self.options.settings.restart_delay_ms) });
        } else {
            self.events.note(now_ms, Severity::Error, "job", format!("failed: {error}"), row);
            self.become_status(JobStatus::Failed);
            self.answer_stop(Err(error), actions);
        }
    }

    /// Ends the attempt, if one runs; what waited for its checkpoint gets `error`.
    pub(super) fn end_attempt(&mut self, error: &Error, actions: &mut Vec<Action>) {
        if let Some(coordinator) = self.coordinator.take() {
            actions.push(Action::Teardown);
            if let Some(id) = coordinator.pending() {
                self.log.failed(id, error);
                self.note(Severity::Warning, format!("checkpoint {id}"), format!("given up: {error}"));
            }
        }
        match &mut self.in_flight {
            Some(in_flight) => in_flight.orphaned = true,
            None => self.answer_serving(error, actions),
        }
        for (_, token) in self.wanted.drain(..) {
            actions.push(Action::Reply(token, Err(error.clone())));
        }
        self.concluded = false;
    }

    /// A stop has failed: the job goes on from its last checkpoint, as Flink's does.
    pub(super) fn go_on(&mut self, error: &Error, now_ms: i64, actions: &mut Vec<Action>) {
        self.end_attempt(error, actions);
        self.note(Severity::Error, "job", format!("can't be stopped, so it goes on: {error}"));
        self.stop_drain = None;
        self.answer_stop(Err(error.clone()), actions);
        self.become_status(JobStatus::Restarting);
        self.redeploy = Some(Redeploy { due_ms: now_ms });
    }

    /// When the last checkpoint may be taken: at once, or when the pause behind one that failed is over.
    pub(super) fn last_checkpoint_ms(&self) -> Option<i64> {
        self.coordinator.as_ref().filter(|coordinator| coordinator.all_finished())?;
        Some(if self.failures > 0 { self.paused_until_ms() } else { self.now_ms })
    }

    /// Every subtask has finished: one last checkpoint from what they left, then the job is over.
    pub(super) fn conclude(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        if self.in_flight.is_some() {
            return;
        }
        if self.concluded {
            if self.savepoints_writing > 0 {
                return;
            }
            if self.stop_drain == Some(false)
                && self.stopping.is_some()
                && let Some(error) = self.savepoint_error.take()
            {
                // Nothing has fired that an input which goes on would still have to reach.
                self.go_on(&error, now_ms, actions);
                return;
            }
            self.coordinator = None;
            actions.push(Action::Teardown);
            // When the job has done all its work, what failed is the copy, and whoever asked for it is told.
            self.cause = self.savepoint_error.take();
            let answer = match self.cause.clone() {
                Some(error) if self.stopping.is_none() => {
                    self.note(Severity::Error, "job", format!("failed: {error}"));
                    self.become_status(JobStatus::Failed);
                    return;
                }
                Some(error) => Err(error),
                None => Ok(self.log.view(self.last_id)),
            };
            self.note(Severity::Info, "job", "finished");
            self.become_status(JobStatus::Finished);
            self.answer_stop(answer, actions);
            return;
        }
        if self.status != JobStatus::Stopping {
            self.become_status(JobStatus::Stopping);
        }
        if self.last_checkpoint_ms().is_none_or(|due_ms| due_ms > now_ms) {
            return;
        }
        let id = self.next_id();
        self.counts = true;
        if let Some(coordinator) = &mut self.coordinator
            && let Ok(completed) = coordinator.last(id, now_ms)
        {
            self.log.triggered(id, now_ms);
            // What asked for a checkpoint that late is answered with the last one; there is nothing left to rescale.
            for (want, token) in std::mem::take(&mut self.wanted) {
                match want {
                    Want::Rescale(_) => actions.push(Action::Reply(token, Err(self.refusal()))),
                    Want::Checkpoint | Want::Savepoint(_) => self.serving.push((want, token)),
                }
            }
            self.write(completed, true, actions);
        }
    }
}
