//! The messages that the job manager's thread is sent, and its answers.

use std::sync::mpsc::SyncSender;

use super::job_manager::{Command, Event};
use crate::inspect::CheckpointView;
use crate::types::{Result, SubtaskId};

/// The answer to a command.
pub(super) type Answer = Result<Option<CheckpointView>>;

/// The request that the handle of a job may make of its driver.
#[derive(Debug)]
pub(super) enum Request {
    /// Something for the job manager.
    Command(Command),
    /// Fail a subtask.
    KillSubtask(SubtaskId),
    /// Fail a task manager.
    KillTaskManager(usize),
}

/// The message that the job manager's thread is sent.
#[derive(Debug)]
pub(super) enum Message {
    Event(Event),
    Request(Request, SyncSender<Answer>),
}
