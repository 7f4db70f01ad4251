//! The elements that flow between subtasks.

use super::{Batch, CheckpointId};

/// The watermark before any was seen.
pub const MIN_WATERMARK: i64 = i64::MIN;
/// The watermark of a drained, bounded input: every window fires.
pub const MAX_WATERMARK: i64 = i64::MAX;

/// One element of a channel. The legal order, as a regular expression over one channel:
///
/// ```text
/// ( Batch | Watermark | Barrier | Status | LatencyMarker )*  EndOfInput
/// ```
///
/// where watermarks only rise, barrier ids only rise, `Status` alternates idle and active beginning with idle, and
/// nothing but a barrier follows `Status(Idle)` until `Status(Active)`.
#[derive(Debug, Clone)]
pub enum StreamElement {
    /// Rows.
    Batch(Batch),
    /// No row with an event time at or below this many milliseconds is expected any more; one that comes is behind the
    /// watermark, and late if its last window has fired.
    Watermark(i64),
    /// Everything before it belongs to the checkpoint, everything after it does not.
    Barrier(CheckpointId),
    /// An idle channel is left out of the minimum of watermarks.
    Status(ChannelStatus),
    /// The time that elements take: when the marker left its source, in nanoseconds of the job's clock. Passed on from
    /// subtask to subtask without going through the operators, as in Flink; sent only while somebody looks.
    LatencyMarker(u64),
    /// The last element.
    EndOfInput,
}

/// Whether a channel takes part in the minimum of watermarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelStatus {
    /// Nothing has come for the idle timeout.
    Idle,
    /// Data flows.
    Active,
}
