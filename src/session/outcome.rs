//! The outcome of a statement.

use std::path::PathBuf;

use serde_json::Value;

use super::{Listing, Preview};
use crate::types::{Diagnostic, Error};

/// The outcome of a statement that succeeded, to be shown.
#[derive(Debug)]
pub enum Outcome {
    /// Nothing.
    Done,
    /// A remark for the person, not data.
    Message(String),
    /// Rows of a listing: data.
    Listing(Listing),
    /// Text: data (`explain`, `help`).
    Text(String),
    /// JSON: data.
    Json(Value),
    /// A job was started.
    Started {
        /// The job's name.
        job: String,
        /// The point that the job started from, in words: `goes on from checkpoint 7`; `None` for a plain start.
        note: Option<String>,
    },
    /// A bare pipeline runs; its rows go to the results, and the shell waits for it.
    Preview(Preview),
    /// Something only the shell can do.
    Shell(ShellRequest),
}

/// The request that only the shell can fulfil.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellRequest {
    /// Leave.
    Quit,
    /// Ask, and run a statement if the answer is yes.
    Confirm {
        /// The question, without its possible answers.
        question: String,
        /// The statement, which does not ask.
        then: String,
    },
    /// Show rows otherwise from now on, or send them elsewhere.
    Display(Display),
    /// Run this command of the system.
    Outside(String),
    /// Open the last statement in an editor.
    Edit,
    /// Empty the screen.
    Clear,
    /// Show long texts by this pager, with `on` by the usual one, with `off` by none; say which it is with `None`.
    Pager(Option<String>),
    /// Run the statements of this file.
    Read(PathBuf),
    /// Write what is typed and shown from now on to this file as a session; `None` ends that.
    Record(Option<PathBuf>),
    /// List the tutorial's sessions, or play one.
    Tutorial(Option<String>),
    /// Wait for a job.
    Wait(WaitRequest),
    /// Show the dashboard, of this job or of the one started last.
    Dashboard(Option<String>),
}

/// What to change of how rows are shown, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Display {
    /// Show rows in this mode.
    Mode(String),
    /// Show so many rows of a preview, `None` for all.
    Rows(Option<u64>),
    /// Show rows in full, or as a table again.
    Expanded,
    /// Show values so.
    Cells(Cells),
    /// Say how long each statement took, or stop saying it; the other of the two with `None`.
    Timer(Option<bool>),
    /// Send rows to this file, which may be there already if so, or back to the screen.
    Output(Option<(PathBuf, bool)>),
}

/// What to change of how values are shown in tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cells {
    /// Nothing: say what is set.
    Show,
    /// Whether thousands are separated.
    Thousands(bool),
    /// The digits of floating-point numbers behind the point; all with `None`.
    Digits(Option<u8>),
    /// The zone in which instants are shown.
    Zone(chrono_tz::Tz),
}

/// A job and what to wait for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitRequest {
    /// The job's name.
    pub job: String,
    /// The condition to wait for.
    pub until: WaitUntil,
    /// After how many milliseconds waiting has failed.
    pub timeout_ms: Option<u64>,
}

/// The condition to wait for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitUntil {
    /// The job is over.
    End,
    /// The job's sources have read this many rows.
    Rows(u64),
    /// The checkpoint of this number, or a later one, is complete.
    Checkpoint(u64),
    /// The job runs again after this many restarts.
    Restart(u32),
}

/// Why a statement failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// The typed text is wrong.
    #[error(transparent)]
    Typed(#[from] Diagnostic),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] Error),
}
