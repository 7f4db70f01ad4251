//! What a statement comes to.

use std::path::PathBuf;

use serde_json::Value;

use super::{Listing, Preview};
use crate::types::{Diagnostic, Error};

/// What a statement that succeeded leaves to be shown.
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
        /// Its name.
        job: String,
        /// What it started from, in words: `goes on from checkpoint 7`; `None` for a plain start.
        note: Option<String>,
    },
    /// A bare pipeline runs; its rows go to the results, and the shell waits for it.
    Preview(Preview),
    /// Something only the shell can do.
    Shell(ShellRequest),
}

/// What only the shell can do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShellRequest {
    /// Leave.
    Quit,
    /// Show rows in this mode from now on.
    Mode(String),
    /// Say how long each statement took, or stop saying it.
    Timer(bool),
    /// Run the statements of this file.
    Read(PathBuf),
    /// Show the dashboard, of this job or of the one started last.
    Dashboard(Option<String>),
}

/// Why a statement failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Failure {
    /// What was typed is wrong.
    #[error(transparent)]
    Typed(#[from] Diagnostic),
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] Error),
}
