//! The job manager: a pure state machine. It is told what happened and answers with what is to be done; threads, files
//! and channels belong to whoever carries that out ([`Driver`](super::driver::Driver)).
//!
//! The life of a checkpoint: trigger → barriers → every subtask acknowledges → `Persist` → durable → `Commit` (the sinks'
//! second phase) → completed, `Retain`. One at a time. It ends early when its time is over, when it can't be written, or
//! when it is aborted: the attempt goes on, what the checkpoint had collected is part of the next one, and whoever waited
//! for it is told. More failures in a row than the job tolerates fail the attempt, as in Flink. From where it is durable on
//! it can't fail any more: what becomes of the sinks' second phase, a restore does again.

mod attempts;
mod checkpoints;
mod commands;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::checkpoint_log::CheckpointLog;
use super::event_log::EventLog;
use super::job_status::may_follow;
use super::past::Past;
use super::subtask::SubtaskEvent;
use crate::checkpoint::{Completed, Coordinator};
use crate::inspect::{CheckpointView, EventView, JobStatus, SavepointView, Severity};
use crate::plan::JobSettings;
use crate::state::CommitStats;
use crate::types::{CheckpointId, Error, OperatorUid, Result, SubtaskId};

/// Names a command, so that its answer finds whoever gave it.
pub(super) type Token = u64;

/// The command of the user.
#[derive(Debug, Clone)]
pub(super) enum Command {
    Checkpoint,
    Savepoint(PathBuf),
    Stop {
        savepoint: Option<PathBuf>,
        drain: bool,
    },
    Cancel,
    Pause,
    Resume,
    Rescale(usize),
    /// Give up the checkpoint that is being taken.
    AbortCheckpoint,
}

/// The event that happened.
#[derive(Debug)]
pub(super) enum Event {
    /// An attempt runs.
    Deployed { subtasks: Vec<SubtaskId> },
    /// An attempt could not be made.
    DeployFailed(Error),
    /// A subtask of this attempt has something to say.
    Subtask { attempt: u32, subtask: SubtaskId, event: SubtaskEvent },
    /// Something of this attempt failed.
    Failed { attempt: u32, error: Error },
    /// A checkpoint is durable, or is not.
    Persisted { completed: Completed, result: Result<CommitStats> },
    /// The sinks' second phase of a checkpoint is done, or failed.
    Committed { id: CheckpointId, result: Result<()> },
    /// A savepoint was written, or was not.
    SavepointWritten { token: Option<Token>, id: CheckpointId, directory: PathBuf, result: Result<()> },
    /// Checkpoints were forgotten, or could not be.
    Retained(Result<()>),
    /// The user wants something.
    Command(Command, Token),
    /// Time has passed.
    Tick,
}

/// The action that is to be done.
#[derive(Debug)]
pub(super) enum Action {
    /// Make an attempt and answer with [`Event::Deployed`].
    Deploy { attempt: u32, restore: Option<CheckpointId>, parallelism: usize, hold: bool },
    /// End the attempt and wait for it. What its subtasks still say is of no interest.
    Teardown,
    /// Send barriers into the sources.
    Trigger(CheckpointId),
    /// Tell every subtask that this checkpoint is durable.
    Durable(CheckpointId),
    /// Tell every subtask that this checkpoint was aborted.
    Aborted(CheckpointId),
    /// Hold the sources, or let them go on.
    Hold(bool),
    /// End the input.
    StopSources { drain: bool },
    /// Work for the writer.
    Write(Work),
    /// Answer a command.
    Reply(Token, Result<Option<CheckpointView>>),
}

/// The work of the writer, done in order, while the pipeline goes on.
#[derive(Debug)]
pub(super) enum Work {
    Persist(Completed),
    Commit { id: CheckpointId, entries: BTreeMap<OperatorUid, Vec<Vec<u8>>> },
    Savepoint { id: CheckpointId, directory: PathBuf, token: Option<Token> },
    Retain(Vec<CheckpointId>),
}

/// The facts that the manager knows of its job.
#[derive(Debug)]
pub(super) struct ManagerOptions {
    pub(super) settings: Arc<JobSettings>,
    /// A savepoint to write when the input has ended.
    pub(super) final_savepoint: Option<PathBuf>,
    /// The job graph's number of key groups.
    pub(super) max_parallelism: u16,
    /// Whether there is a storage: without one nothing is persisted, and only the end commits.
    pub(super) durable: bool,
}

/// The job manager of one job.
#[derive(Debug)]
pub(super) struct JobManager {
    options: ManagerOptions,
    status: JobStatus,
    attempt: u32,
    restarts: u32,
    cause: Option<Error>,
    parallelism: usize,
    paused: bool,
    coordinator: Option<Coordinator>,
    last_id: CheckpointId,
    last_completed: Option<CheckpointId>,
    last_trigger_ms: i64,
    /// When the last checkpoint ended, well or not.
    last_end_ms: i64,
    /// Checkpoints that have failed since the last that did not.
    failures: u32,
    /// Whether the checkpoint under way is one of those when it fails.
    counts: bool,
    in_flight: Option<InFlight>,
    /// The wants that have asked for the next checkpoint.
    wanted: Vec<(Want, Token)>,
    /// The wants that the checkpoint under way will answer.
    serving: Vec<(Want, Token)>,
    stopping: Option<(Option<PathBuf>, Token)>,
    stop_drain: Option<bool>,
    savepoints_writing: usize,
    /// The last checkpoint is durable and committed; only savepoints may still be written.
    concluded: bool,
    /// The error of a savepoint that the end of the job waits for.
    savepoint_error: Option<Error>,
    redeploy: Option<Redeploy>,
    log: CheckpointLog,
    events: EventLog,
    savepoints: Vec<SavepointView>,
    /// The row that the next failure is about.
    guilty_row: Option<String>,
    /// The clock at the last event.
    now_ms: i64,
}

#[derive(Debug, Clone)]
enum Want {
    Checkpoint,
    Savepoint(PathBuf),
    Rescale(usize),
}

/// A checkpoint that all have acknowledged and that is being written.
#[derive(Debug)]
struct InFlight {
    id: CheckpointId,
    last: bool,
    /// The attempt that took it is over; only that it becomes durable still matters.
    orphaned: bool,
}

#[derive(Debug, Clone, Copy)]
struct Redeploy {
    due_ms: i64,
}

impl JobManager {
    /// The manager of a job that starts from `restore`; `held` are the checkpoints in its storage, `last_id` the last
    /// number that was used there, and `past` what its earlier runs have left.
    pub(super) fn new(
        options: ManagerOptions,
        parallelism: usize,
        restore: Option<CheckpointId>,
        held: &[CheckpointId],
        last_id: CheckpointId,
        past: Past,
        now_ms: i64,
    ) -> Self {
        Self {
            log: CheckpointLog::new(past.checkpoints, held, options.settings.retained_checkpoints),
            options,
            status: JobStatus::Created,
            attempt: 0,
            restarts: 0,
            cause: None,
            parallelism,
            paused: false,
            coordinator: None,
            last_id,
            last_completed: restore,
            last_trigger_ms: now_ms,
            last_end_ms: now_ms,
            failures: 0,
            counts: false,
            in_flight: None,
            wanted: Vec::new(),
            serving: Vec::new(),
            stopping: None,
            stop_drain: None,
            savepoints_writing: 0,
            concluded: false,
            savepoint_error: None,
            redeploy: None,
            events: EventLog::new(past.events),
            savepoints: past.savepoints,
            guilty_row: None,
            now_ms,
        }
    }

    /// The first thing to do.
    pub(super) fn start(&mut self) -> Action {
        self.deploy()
    }

    pub(super) const fn status(&self) -> JobStatus {
        self.status
    }

    pub(super) const fn restarts(&self) -> u32 {
        self.restarts
    }

    pub(super) const fn parallelism(&self) -> usize {
        self.parallelism
    }

    /// The last failure.
    pub(super) const fn cause(&self) -> Option<&Error> {
        self.cause.as_ref()
    }

    pub(super) fn checkpoints(&self) -> &[CheckpointView] {
        self.log.views()
    }

    /// The events of the job.
    pub(super) fn events(&self) -> &[EventView] {
        self.events.views()
    }

    /// The log, for whoever sees what the manager does not.
    pub(super) const fn event_log(&mut self) -> &mut EventLog {
        &mut self.events
    }

    /// The next failure was caused by this row.
    pub(super) fn blame(&mut self, row: Option<String>) {
        self.guilty_row = row;
    }

    pub(super) fn savepoints(&self) -> &[SavepointView] {
        &self.savepoints
    }

    /// When the interval asks for the next checkpoint.
    pub(super) fn next_checkpoint_ms(&self) -> Option<i64> {
        let flows = matches!(self.status, JobStatus::Running | JobStatus::Paused);
        let interval_ms = self.options.settings.checkpoint_interval_ms.filter(|_| flows && self.options.durable)?;
        Some(self.last_trigger_ms.saturating_add(interval_ms).max(self.paused_until_ms()))
    }

    /// Until when the pause behind the last checkpoint lasts.
    fn paused_until_ms(&self) -> i64 {
        self.last_end_ms.saturating_add(self.options.settings.min_pause_ms)
    }

    pub(super) fn note(&mut self, severity: Severity, subject: impl Into<String>, message: impl Into<String>) {
        self.events.note(self.now_ms, severity, subject, message, None);
    }

    /// When it wants an [`Event::Tick`], if nothing else happens before.
    pub(super) fn due_ms(&self) -> Option<i64> {
        let redeploy = self.redeploy.filter(|_| self.is_quiet()).map(|redeploy| redeploy.due_ms);
        let trigger = self.next_checkpoint_ms().filter(|_| self.may_trigger());
        let conclusion = self.last_checkpoint_ms().filter(|_| self.in_flight.is_none() && !self.concluded);
        [redeploy, trigger, conclusion, self.timeout_ms()].into_iter().flatten().min()
    }

    /// Takes note of `event` and says what is to be done, in order.
    pub(super) fn handle(&mut self, event: Event, now_ms: i64) -> Vec<Action> {
        self.now_ms = now_ms;
        let mut actions = Vec::new();
        if self.status.is_final() {
            if let Event::Command(_, token) = event {
                actions.push(Action::Reply(token, Err(self.refusal())));
            }
            return actions;
        }
        match event {
            Event::Deployed { subtasks } => self.deployed(subtasks, now_ms, &mut actions),
            Event::DeployFailed(error) => self.fail(error, now_ms, &mut actions),
            Event::Failed { attempt, error } if attempt == self.attempt && self.coordinator.is_some() => {
                self.fail(error, now_ms, &mut actions);
            }
            Event::Subtask { attempt, subtask, event } if attempt == self.attempt => {
                self.subtask(subtask, event, &mut actions);
            }
            Event::Persisted { completed, result } => self.persisted(completed, result, now_ms, &mut actions),
            Event::Committed { id, result } => self.committed(id, result, now_ms, &mut actions),
            Event::SavepointWritten { token, id, directory, result } => {
                self.savepoint_written(token, id, &directory, result, &mut actions);
            }
            Event::Retained(Err(error)) => {
                self.note(
                    Severity::Warning,
                    "job",
                    format!("old checkpoints are kept, they can't be removed: {error}"),
                );
            }
            // The first two: from an attempt that is over.
            Event::Failed { .. } | Event::Subtask { .. } | Event::Retained(Ok(())) | Event::Tick => {}
            Event::Command(command, token) => self.command(command, token, &mut actions),
        }
        self.settle(now_ms, &mut actions);
        actions
    }

    fn settle(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        if self.timeout_ms().is_some_and(|timeout_ms| timeout_ms <= now_ms) {
            self.time_out(now_ms, actions);
        }
        if self.status.is_final() {
            return;
        }
        if self.redeploy.is_some_and(|redeploy| redeploy.due_ms <= now_ms) && self.is_quiet() {
            self.redeploy = None;
            actions.push(self.deploy());
            return;
        }
        if self.coordinator.as_ref().is_some_and(Coordinator::all_finished) {
            self.conclude(now_ms, actions);
            return;
        }
        let due = self.next_checkpoint_ms().is_some_and(|due_ms| due_ms <= now_ms);
        if (due || !self.wanted.is_empty()) && self.may_trigger() {
            self.trigger(due, now_ms, actions);
        }
    }

    fn become_status(&mut self, status: JobStatus) {
        debug_assert!(may_follow(self.status, status), "from {:?} to {status:?}", self.status);
        self.status = status;
    }
}
