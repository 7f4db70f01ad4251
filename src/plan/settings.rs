//! The settings of a job, as its `run … with (…)` says.

use crate::api::OnError;
use crate::expr::Zone;
use crate::types::{DEFAULT_BATCH_ROWS, key_group};

/// The way a job runs: Flink's `execution.runtime-mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Results as rows come, checkpoints.
    #[default]
    Streaming,
    /// All of its bounded input first, then the final results; a failure does all again.
    Batch,
}

/// The memory of a job that keeps to one, bytes, where none is typed.
pub const DEFAULT_MEMORY_BYTES: u64 = 256 << 20;

/// The settings of one job. Made once, where the statement is read, and shared from there on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobSettings {
    /// Subtasks of every operator that does not say otherwise.
    pub parallelism: usize,
    /// The number of key groups.
    pub max_parallelism: u16,
    /// Milliseconds between the triggers of two checkpoints; `None` for on command only.
    pub checkpoint_interval_ms: Option<i64>,
    /// Milliseconds after its trigger at which a checkpoint is given up that some subtask has not acknowledged. The write
    /// that follows is not timed: what the disk has begun can't be called back.
    pub checkpoint_timeout_ms: i64,
    /// Milliseconds between the end of a checkpoint, however it ended, and the next trigger that the interval asks for.
    pub min_pause_ms: i64,
    /// Checkpoints in a row that may fail; one more fails the attempt. Those that only a savepoint, a rescale or a stop has
    /// asked for do not count, as in Flink: whoever asked is told.
    pub tolerable_failed_checkpoints: u32,
    /// Completed checkpoints that are kept.
    pub retained_checkpoints: usize,
    /// Restarts before the job fails.
    pub restart_attempts: u32,
    /// Milliseconds before each.
    pub restart_delay_ms: i64,
    /// Rows of a full batch.
    pub batch_rows: usize,
    /// Elements that a channel holds.
    pub channel_capacity: usize,
    /// Among how many task managers the slots are divided.
    pub task_managers: usize,
    /// Whether a restore may leave state behind that no operator takes up (Flink's flag of that name), or fails.
    pub allow_non_restored_state: bool,
    /// The processing time, milliseconds, after which state that nobody writes is forgotten; `None` for never.
    pub state_ttl_ms: Option<i64>,
    /// Bytes of memory for the keyed state of all operators, shared out evenly among the slots, or in batch mode for rows
    /// that wait; `None` where it was not typed.
    pub memory_bytes: Option<u64>,
    /// The treatment of rows that operators reject.
    pub on_error: OnError,
    /// The path where those rows are written under [`OnError::DeadLetter`]; `None` for `dead_letters/<job>`.
    pub dead_letter: Option<String>,
    /// The zone in which instants are read as dates and times of day.
    pub zone: Zone,
    /// The way it runs.
    pub mode: Mode,
}

impl JobSettings {
    /// Bytes of memory for rows that wait; what is more goes to files.
    #[must_use]
    pub fn spill_bytes(&self) -> usize {
        usize::try_from(self.memory_bytes.unwrap_or(DEFAULT_MEMORY_BYTES)).unwrap_or(usize::MAX)
    }

    /// Bytes of memory for the keyed state of all operators; `None` for as much as it takes.
    #[must_use]
    pub fn budget_bytes(&self) -> Option<u64> {
        self.memory_bytes.filter(|_| self.mode == Mode::Streaming)
    }
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            parallelism: 1,
            max_parallelism: key_group::MAX_PARALLELISM,
            checkpoint_interval_ms: None,
            checkpoint_timeout_ms: 600_000,
            min_pause_ms: 0,
            tolerable_failed_checkpoints: 0,
            retained_checkpoints: 3,
            restart_attempts: 3,
            restart_delay_ms: 1_000,
            batch_rows: DEFAULT_BATCH_ROWS,
            channel_capacity: 8,
            task_managers: 1,
            allow_non_restored_state: false,
            state_ttl_ms: None,
            memory_bytes: None,
            on_error: OnError::Fail,
            dead_letter: None,
            zone: Zone::default(),
            mode: Mode::Streaming,
        }
    }
}
