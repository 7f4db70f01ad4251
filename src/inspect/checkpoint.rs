//! Checkpoints and savepoints.

use serde::{Deserialize, Serialize};

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointView {
    /// Its number.
    pub id: u64,
    /// `pending`, `completed`, `failed`, `discarded`: completed, and retained no more
    pub status: String,
    /// Clock when it was triggered, milliseconds.
    pub triggered_ms: i64,
    /// From trigger to durable, milliseconds.
    pub duration_ms: Option<i64>,
    /// Longest alignment of any subtask, milliseconds.
    pub alignment_ms: Option<i64>,
    /// Bytes written for it: the delta.
    pub delta_bytes: Option<u64>,
    /// Bytes of all state it consists of.
    pub full_bytes: Option<u64>,
    /// Why it failed.
    pub cause: Option<String>,
}

impl CheckpointView {
    /// Whether it was completed, still retained or not.
    #[must_use]
    pub fn was_completed(&self) -> bool {
        matches!(self.status.as_str(), "completed" | "discarded")
    }
}

/// One savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavepointView {
    /// The checkpoint that it is a copy of.
    pub checkpoint: u64,
    /// Where it is.
    pub directory: String,
    /// Clock when it was written, milliseconds.
    pub written_ms: i64,
    /// Why it could not be written.
    pub cause: Option<String>,
}
