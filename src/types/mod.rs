//! Layer 0: the vocabulary that everything else is written in. Imports nothing of ours.

mod batch;
mod cells;
mod changelog_table;
mod clock;
mod diagnostic;
mod element;
mod error;
pub mod files;
pub mod floats;
mod ids;
pub mod key_group;
mod logical;
mod schema;
mod span;
mod spill;
mod text;

pub use batch::{Batch, DEFAULT_BATCH_ROWS, NO_TIME, RowKind, any_untimed};
pub use cells::{CellValue, Cells};
pub use changelog_table::ChangelogTable;
pub use clock::{Clock, SystemClock, VirtualClock};
pub use diagnostic::{Diagnostic, TYPED, nearest};
pub use element::{ChannelStatus, MAX_WATERMARK, MIN_WATERMARK, StreamElement};
pub use error::{Error, Result, io_reason};
pub use ids::{CheckpointId, FormerUids, OperatorUid, SubtaskId, VertexId};
pub use logical::LogicalType;
pub use schema::{Field, Schema};
pub use span::{Span, Spanned};
pub use spill::{Kept, KeptRows, MemoryPart, SpillReader, SpillSpace, SpillWriter, Spilled, SpilledRows, Spool};
pub use text::{
    Printable, counted, excerpt, grouped, overrides_direction, printable, printable_json, thousands, typed_duration,
    wrapped,
};
