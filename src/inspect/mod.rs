//! Layer 1: plain snapshots of a running job: all that a panel or a printed listing shows. Nothing here points into the
//! engine; every value is a copy that can be kept, compared and written as JSON.

mod checkpoint;
mod event;
mod job;
mod operator;
mod state;

pub use checkpoint::{CheckpointStatus, CheckpointView, SavepointView};
pub use event::{EventView, OutputRowView, RejectedRowView, Severity};
pub use job::{
    AlignmentView, EdgeView, ExchangeView, InputView, JobStatus, JobView, LatencyView, SplitView, SubtaskStatus,
    SubtaskView, TrendView, VertexView,
};
pub use operator::{
    CounterView, EntriesView, FiredWindowView, HotKeyView, LateRowView, LateView, LatenessView, OperatorView,
    RoundView, RoundsView, Section, TimerView, WindowEntryView, WindowView, WindowsView,
};
pub use state::{KeyGroupView, StateColumn, StateEntryView, StateOrigin, StateQuery, StateView};
