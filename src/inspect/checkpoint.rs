//! Checkpoints and savepoints.

use serde::{Deserialize, Serialize};

/// The state of a checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckpointStatus {
    /// Subtasks are taking their snapshots, or these are being written.
    Pending,
    /// Durable, and retained.
    Completed,
    /// The checkpoint came to nothing.
    Failed,
    /// Completed, and retained no more.
    Discarded,
}

impl CheckpointStatus {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Discarded => "discarded",
        }
    }
}

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointView {
    /// The checkpoint's number, from 1.
    pub id: u64,
    /// The checkpoint's state.
    pub status: CheckpointStatus,
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
    /// A checkpoint that was triggered at `at_ms` and of which nothing else is known yet.
    #[must_use]
    pub const fn triggered(id: u64, at_ms: i64) -> Self {
        Self {
            id,
            status: CheckpointStatus::Pending,
            triggered_ms: at_ms,
            duration_ms: None,
            alignment_ms: None,
            delta_bytes: None,
            full_bytes: None,
            cause: None,
        }
    }

    /// Whether it was completed, still retained or not.
    #[must_use]
    pub const fn was_completed(&self) -> bool {
        matches!(self.status, CheckpointStatus::Completed | CheckpointStatus::Discarded)
    }
}

/// One savepoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavepointView {
    /// The checkpoint that it is a copy of.
    pub checkpoint: u64,
    /// The savepoint's directory.
    pub directory: String,
    /// Clock when it was written, milliseconds.
    pub written_ms: i64,
    /// Why it could not be written.
    pub cause: Option<String>,
}
