//! The commands of the user.

use super::{Action, Command, JobManager, Token, Want};
use crate::inspect::{CheckpointView, JobStatus, Severity};
use crate::plan::Mode;
use crate::types::{Error, Result};

impl JobManager {
    pub(super) fn refusal(&self) -> Error {
        Error::config(format!("the job is {}", self.status.name()))
    }

    pub(super) fn command(&mut self, command: Command, token: Token, actions: &mut Vec<Action>) {
        let flowing = matches!(self.status, JobStatus::Running | JobStatus::Paused);
        let refused = match command {
            Command::Cancel => {
                let error = Error::config("the job was cancelled");
                self.end_attempt(&error, actions);
                self.cause = None;
                self.note(Severity::Info, "job", "cancelled");
                self.become_status(JobStatus::Cancelled);
                self.answer_stop(Err(error), actions);
                actions.push(Action::Reply(token, Ok(None)));
                None
            }
            Command::Pause if self.status != JobStatus::Running => Some(self.refusal()),
            Command::Resume if self.status != JobStatus::Paused => Some(self.refusal()),
            _ if !flowing => Some(self.refusal()),
            Command::Pause => {
                self.hold(true, JobStatus::Paused, token, actions);
                None
            }
            Command::Resume => {
                self.hold(false, JobStatus::Running, token, actions);
                None
            }
            Command::Stop { .. } if self.options.settings.mode == Mode::Batch => Some(Error::config(
                "the job is in mode = 'batch': it has no results before the end of its input, and nothing to go on from; `cancel` ends it",
            )),
            Command::Stop { savepoint: Some(_), .. } if !self.options.durable => Some(self.no_state()),
            Command::Stop { savepoint, drain } => {
                let how = if drain { "stopping; open windows fire first" } else { "stopping" };
                self.note(Severity::Info, "job", how);
                self.stopping = Some((savepoint, token));
                self.stop_drain = Some(drain);
                self.become_status(JobStatus::Stopping);
                actions.push(Action::StopSources { drain });
                None
            }
            Command::Checkpoint | Command::Savepoint(_) | Command::Rescale(_) if !self.options.durable => {
                Some(self.no_state())
            }
            Command::Rescale(parallelism)
                if parallelism == 0 || parallelism > usize::from(self.options.max_parallelism) =>
            {
                let max = self.options.max_parallelism;
                Some(Error::config(format!("the parallelism must be from 1 to {max}, not {parallelism}")))
            }
            Command::AbortCheckpoint => {
                let answer = self.abort_checkpoint(self.now_ms, actions).map(|()| None);
                actions.push(Action::Reply(token, answer));
                None
            }
            Command::Checkpoint => self.want(Want::Checkpoint, token),
            Command::Savepoint(directory) => self.want(Want::Savepoint(directory), token),
            Command::Rescale(parallelism) => self.want(Want::Rescale(parallelism), token),
        };
        if let Some(error) = refused {
            actions.push(Action::Reply(token, Err(error)));
        }
    }

    fn no_state(&self) -> Error {
        Error::config(match self.options.settings.mode {
            Mode::Streaming => "the job keeps no state: it runs as a preview; give it a name with `run`",
            Mode::Batch => {
                "the job is in mode = 'batch', which takes no checkpoints: a failure reads all of its input again; \
                 leave out the mode to have them"
            }
        })
    }

    /// Asks for the next checkpoint; nothing is refused.
    pub(super) fn want(&mut self, want: Want, token: Token) -> Option<Error> {
        self.wanted.push((want, token));
        None
    }

    pub(super) fn hold(&mut self, hold: bool, status: JobStatus, token: Token, actions: &mut Vec<Action>) {
        self.paused = hold;
        self.note(Severity::Info, "job", if hold { "paused" } else { "resumed" });
        self.become_status(status);
        actions.push(Action::Hold(hold));
        actions.push(Action::Reply(token, Ok(None)));
    }

    pub(super) fn answer_stop(&mut self, result: Result<Option<CheckpointView>>, actions: &mut Vec<Action>) {
        if let Some((_, token)) = self.stopping.take() {
            actions.push(Action::Reply(token, result));
        }
    }
}
