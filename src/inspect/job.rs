//! A job at one moment.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{CheckpointView, EventView, OperatorView, OutputRowView, RejectedRowView, SavepointView};

/// The state of a job.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// Subtasks are being made, state is being restored.
    #[default]
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
    /// The job was cancelled.
    Cancelled,
    /// The job failed for good.
    Failed,
}

impl JobStatus {
    /// Whether it is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Finished | Self::Cancelled | Self::Failed)
    }

    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Stopping => "stopping",
            Self::Finished => "finished",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }
}

/// A job at one moment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct JobView {
    /// The job's name.
    pub name: String,
    /// The job's state.
    pub status: JobStatus,
    /// The last failure of this run; none of a job that has finished, or was cancelled, all the same.
    pub cause: Option<String>,
    /// Restarts of this run so far.
    pub restarts: u32,
    /// Restarts of the runs of the job that this one goes on from.
    #[serde(default)]
    pub earlier_restarts: u32,
    /// Milliseconds of the clock since it was first launched.
    pub uptime_ms: i64,
    /// The job's parallelism.
    pub parallelism: usize,
    /// The number of key groups: the most the job can be rescaled to.
    #[serde(default)]
    pub max_parallelism: u16,
    /// The clock when the view was made, milliseconds.
    #[serde(default)]
    pub now_ms: i64,
    /// The vertices of the job graph in topological order.
    pub vertices: Vec<VertexView>,
    /// The edges of the job graph.
    pub edges: Vec<EdgeView>,
    /// Completed, failed and pending checkpoints, oldest first, the last few hundred.
    pub checkpoints: Vec<CheckpointView>,
    /// Between two checkpoints, milliseconds; `None` for on command only.
    #[serde(default)]
    pub checkpoint_interval_ms: Option<i64>,
    /// Clock when the next is due, milliseconds.
    #[serde(default)]
    pub next_checkpoint_ms: Option<i64>,
    /// Savepoints of this run, oldest first.
    #[serde(default)]
    pub savepoints: Vec<SavepointView>,
    /// The events of the job, oldest first, the last few hundred.
    #[serde(default)]
    pub events: Vec<EventView>,
    /// Units of bounded input done, and of how many (bytes of files, rows of generators); `None` when unbounded.
    pub progress: Option<(u64, u64)>,
    /// Rows read by sources so far.
    pub source_rows: u64,
    /// Rows written by sinks so far.
    pub sink_rows: u64,
}

impl JobView {
    /// Restarts so far, those of the runs that this one goes on from too.
    #[must_use]
    pub const fn restarts_in_all(&self) -> u32 {
        self.earlier_restarts.saturating_add(self.restarts)
    }
}

/// A job at one moment, as far as it is kept while nobody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrendView {
    /// The clock, milliseconds.
    pub at_ms: i64,
    /// Restarts of this run until then.
    pub restarts: u32,
    /// The job's parallelism then.
    pub parallelism: usize,
    /// Rows read by sources until then.
    pub source_rows: u64,
    /// How far the slowest watermark was behind the newest event time, milliseconds.
    pub lag_ms: Option<i64>,
}

/// One vertex: a chain of operators.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct VertexView {
    /// The vertex's number in the job graph.
    pub id: usize,
    /// `Source: bids -> Calc`
    pub name: String,
    /// The chained operators' uids, in order.
    pub operators: Vec<String>,
    /// Names of the columns that it outputs.
    #[serde(default)]
    pub columns: Vec<String>,
    /// Whether it writes to a sink.
    #[serde(default)]
    pub sink: bool,
    /// Whether it reads a source.
    #[serde(default)]
    pub source: bool,
    /// The group of vertices with which it shares slots, where that is not the default.
    #[serde(default)]
    pub slot_group: Option<String>,
    /// The vertex's instances.
    pub subtasks: Vec<SubtaskView>,
    /// Subtasks whose operators are shown as they were before the others were asked: sums over all are of no one moment.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unanswered: usize,
}

/// The exchange of rows between one vertex and the next. Shown as `forward`, `hash[auction]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExchangeView {
    /// Subtask i to subtask i.
    Forward,
    /// By the key group of these columns.
    Hash(Vec<String>),
    /// Round robin over all subtasks, batch by batch.
    Rebalance,
    /// Round robin over the subtasks that are near.
    Rescale,
    /// Every row to every subtask.
    Broadcast,
    /// Every row to subtask 0.
    Global,
}

impl fmt::Display for ExchangeView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward => f.write_str("forward"),
            Self::Hash(columns) => write!(f, "hash[{}]", columns.join(", ")),
            Self::Rebalance => f.write_str("rebalance"),
            Self::Rescale => f.write_str("rescale"),
            Self::Broadcast => f.write_str("broadcast"),
            Self::Global => f.write_str("global"),
        }
    }
}

/// One edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EdgeView {
    /// From which vertex.
    pub from: usize,
    /// To which.
    pub to: usize,
    /// The way rows take over the edge.
    pub exchange: ExchangeView,
    /// Rows that have gone over it.
    #[serde(default)]
    pub rows: u64,
}

/// The status of a subtask: what it does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SubtaskStatus {
    /// Elements are processed.
    #[default]
    Running,
    /// The subtask waits for room downstream.
    Backpressured,
    /// The subtask waits for input.
    Idle,
    /// All its input was processed.
    Finished,
}

impl SubtaskStatus {
    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Backpressured => "backpressured",
            Self::Idle => "idle",
            Self::Finished => "finished",
        }
    }
}

/// One subtask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SubtaskView {
    /// The subtask's index in its vertex, from 0.
    pub index: usize,
    /// The status of the subtask just now.
    pub status: SubtaskStatus,
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
    /// The subtask's watermark, milliseconds; `None` before the first.
    pub watermark: Option<i64>,
    /// The newest event time that it has read; sources only.
    #[serde(default)]
    pub newest_event_time: Option<i64>,
    /// Whether it holds no watermark back because nothing comes.
    #[serde(default)]
    pub idle: bool,
    /// Each input channel.
    #[serde(default)]
    pub inputs: Vec<InputView>,
    /// The splits of a source that have an event time each.
    #[serde(default)]
    pub splits: Vec<SplitView>,
    /// The alignment of a source with others, where it takes part in one.
    #[serde(default)]
    pub alignment: Option<AlignmentView>,
    /// Elements waiting in its input queues, and their capacity.
    pub queue: (u64, u64),
    /// The last checkpoint that it acknowledged, and the clock then, milliseconds.
    #[serde(default)]
    pub acknowledged: Option<(u64, i64)>,
    /// Rows that were written last, oldest first, a sample of at most 200 rows; sinks only.
    #[serde(default)]
    pub output: Vec<Arc<OutputRowView>>,
    /// The last rows given up as erroneous, oldest first, at most a hundred.
    #[serde(default)]
    pub rejected: Vec<Arc<RejectedRowView>>,
    /// The time that rows took from the source to here; sinks only.
    #[serde(default)]
    pub latency: Option<LatencyView>,
    /// The views that its operators show of themselves, in chain order.
    pub operators: Arc<Vec<OperatorView>>,
}

/// One input channel of a subtask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputView {
    /// The vertex it comes from.
    pub vertex: usize,
    /// The subtask of that vertex.
    pub subtask: usize,
    /// The channel's watermark, milliseconds; `None` before the first.
    pub watermark: Option<i64>,
    /// Whether it is left out of the minimum of watermarks.
    pub idle: bool,
}

/// One split of a source subtask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SplitView {
    /// The split's name: that of its file.
    pub name: String,
    /// The split's watermark, milliseconds; `None` before the first.
    pub watermark: Option<i64>,
    /// The newest event time that has left it.
    pub newest_event_time: Option<i64>,
    /// Whether it is left out of the minimum of watermarks.
    pub idle: bool,
}

/// The alignment of a source's watermark with those of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlignmentView {
    /// How far it may be ahead of the slowest, milliseconds.
    pub drift_ms: i64,
    /// The vertex and the subtask that it waits for now.
    pub waits_for: Option<(usize, usize)>,
}

/// The times that latency markers took from a source to a sink, of the last few hundred, microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LatencyView {
    /// Markers seen.
    pub markers: u64,
    /// Median.
    pub p50_us: u64,
    /// 95th percentile.
    pub p95_us: u64,
    /// 99th percentile.
    pub p99_us: u64,
    /// The longest.
    pub max_us: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_none(count: &usize) -> bool {
    *count == 0
}
