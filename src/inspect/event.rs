//! The events of a job, and rows as text.

use serde::{Deserialize, Serialize};

use crate::types::CellValue;

/// The gravity of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The ordinary course of things.
    Info,
    /// Something was lost or had to be done again.
    Warning,
    /// Something failed.
    Error,
}

/// One event in the life of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// The event's number in the job, from 1: a reader that has seen up to `n` wants those above.
    pub sequence: u64,
    /// Clock, milliseconds.
    pub at_ms: i64,
    /// The event's gravity.
    pub severity: Severity,
    /// The part of the job that the event is about: `job`, `checkpoint 7`, `window[1]`.
    pub subject: String,
    /// In words.
    pub message: String,
    /// The row that caused it, as text.
    pub row: Option<String>,
}

/// A row that a sink wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputRowView {
    /// The row's number among the rows shown by this subtask, rising: a reader that has seen up to `n` wants those above.
    pub sequence: u64,
    /// `+I`, `-U`, `+U`, `-D`
    pub kind: String,
    /// A value a column.
    pub values: Vec<CellValue>,
}

/// A row given up as erroneous.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RejectedRowView {
    /// Clock, milliseconds.
    pub at_ms: i64,
    /// The place where the row came from: `bids.ndjson:17`.
    pub place: String,
    /// The error in the row.
    pub message: String,
    /// The row, as text, cut at 1,000 characters.
    pub row: String,
}
