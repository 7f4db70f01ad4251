//! The messages that the threads of the dashboard send each other, and how it is left.

use std::sync::Arc;

use crate::dashboard::{Answer, Complete, Export};
use crate::inspect::{StateQuery, StateView};
use crate::runtime::Job;

/// The way in which the dashboard was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum Left {
    /// With `q`.
    Back,
    /// With F2.
    ToPrompt,
    /// With `\q`, or by a SIGTERM or SIGHUP: the shell ends too.
    Quit,
    /// By a SIGINT.
    Interrupted,
}

/// The report of the other threads to the one that draws.
pub(super) enum Report {
    /// The jobs of the session, in the order they were started, and how lines are completed now.
    Jobs(Vec<Arc<Job>>, Complete),
    /// A statement has ended.
    Answered(Answer),
    /// A statement is a preview: its rows come.
    Previewing(String),
    /// Another job is to be shown.
    Select(String),
    /// The keyed state, as it was asked for.
    State(Result<Vec<StateView>, String>),
    /// Something happened, or failed.
    Said(String, bool),
    /// The shell is to be left.
    Quit,
}

/// A statement, and how wide its answer may be.
pub(super) struct Ask {
    pub(super) statement: String,
    pub(super) width: u16,
}

/// The errand that takes too long for the thread that draws.
pub(super) enum Errand {
    /// Read keyed state.
    State(Arc<Job>, StateQuery),
    /// Write a file.
    Export(Export),
}
