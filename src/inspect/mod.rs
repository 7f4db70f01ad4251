//! Layer 1: plain snapshots of a running job: all that a panel or a printed listing shows. Nothing here points into the
//! engine; every value is a copy that can be kept, compared and written as JSON.

use serde::{Deserialize, Serialize};

/// What an operator shows of itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct OperatorView {
    /// Its watermark, if it keeps one.
    pub watermark: Option<i64>,
    /// Entries of keyed state held in memory.
    pub state_entries: u64,
    /// Bytes of keyed state held in memory, estimated.
    pub state_bytes: u64,
    /// Its open windows, at most a few hundred, the next to fire first.
    pub windows: Vec<WindowView>,
    /// How many more there are.
    pub windows_left_out: u64,
    /// The last late rows that nobody reads, oldest first, at most a hundred.
    #[serde(default)]
    pub late: Vec<LateRowView>,
}

/// A row that came too late for all its windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LateRowView {
    /// Its columns as text.
    pub row: String,
    /// Its event time, milliseconds.
    pub time: i64,
    /// The ends of the windows it belongs to, exclusive, milliseconds, ascending; the last few of many.
    pub window_ends: Vec<i64>,
    /// The watermark when it came.
    pub watermark: i64,
    /// By how much the watermark had passed the last moment at which it would have been taken.
    pub late_by_ms: i64,
}

/// One open window (of an aligned assigner: for all keys of the subtask together).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowView {
    /// Inclusive, milliseconds.
    pub start: i64,
    /// Exclusive, milliseconds.
    pub end: i64,
    /// Keys with state in it.
    pub keys: u64,
    /// Whether it has fired at least once and only waits for late rows.
    pub fired: bool,
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Subtasks are being made, state is being restored.
    Created,
    /// Data flows.
    Running,
    /// Sources are held.
    Paused,
    /// A failure is being recovered from.
    Restarting,
    /// A final checkpoint or savepoint is being taken.
    Stopping,
    /// All input was processed, or the job was stopped with a savepoint.
    Finished,
    /// It was cancelled.
    Cancelled,
    /// It failed for good.
    Failed,
}

impl JobStatus {
    /// Whether it is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed)
    }
}

/// A job at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// Its name.
    pub name: String,
    /// Its state.
    pub status: JobStatus,
    /// The cause, when it failed or is restarting.
    pub cause: Option<String>,
    /// Restarts so far.
    pub restarts: u32,
    /// Milliseconds of the clock since it was first launched.
    pub uptime_ms: i64,
    /// Its parallelism.
    pub parallelism: usize,
    /// The vertices of the job graph in topological order.
    pub vertices: Vec<VertexView>,
    /// Its edges.
    pub edges: Vec<EdgeView>,
    /// Completed, failed and pending checkpoints, oldest first, the last few hundred.
    pub checkpoints: Vec<CheckpointView>,
    /// Units of bounded input done, and of how many (bytes of files, rows of generators); `None` when unbounded.
    pub progress: Option<(u64, u64)>,
    /// Rows read by sources so far.
    pub source_rows: u64,
    /// Rows written by sinks so far.
    pub sink_rows: u64,
}

/// One vertex: a chain of operators.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VertexView {
    /// Its number in the job graph.
    pub id: usize,
    /// `Source: bids -> Calc`
    pub name: String,
    /// The chained operators' uids, in order.
    pub operators: Vec<String>,
    /// Its instances.
    pub subtasks: Vec<SubtaskView>,
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeView {
    /// From which vertex.
    pub from: usize,
    /// To which.
    pub to: usize,
    /// `hash[auction]`
    pub exchange: String,
}

/// One subtask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SubtaskView {
    /// Which instance.
    pub index: usize,
    /// `running`, `blocked`, `finished`, …
    pub status: String,
    /// Rows in, from channels or read by the source.
    pub rows_in: u64,
    /// Rows out, to channels or written by the sink.
    pub rows_out: u64,
    /// Bytes in.
    pub bytes_in: u64,
    /// Bytes out.
    pub bytes_out: u64,
    /// Nanoseconds spent working.
    pub busy_ns: u64,
    /// Nanoseconds spent waiting for room downstream.
    pub backpressured_ns: u64,
    /// Nanoseconds spent waiting for input.
    pub idle_ns: u64,
    /// Rows too late for their windows.
    pub late_rows: u64,
    /// Rows given up as erroneous.
    pub rejected_rows: u64,
    /// Its watermark, milliseconds; `None` before the first.
    pub watermark: Option<i64>,
    /// Watermark of each input channel.
    pub input_watermarks: Vec<Option<i64>>,
    /// Elements waiting in its input queues, and their capacity.
    pub queue: (u64, u64),
    /// What its operators show of themselves, in chain order.
    pub operators: Vec<OperatorView>,
}

/// One checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointView {
    /// Its number.
    pub id: u64,
    /// `pending`, `completed`, `failed`, `expired`
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
