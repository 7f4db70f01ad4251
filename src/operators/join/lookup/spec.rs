//! What a look-up join knows of its inputs and its table.

use std::sync::Arc;

use crate::api::LookupTable;
use crate::operators::join::spec::JoinSpec;
use crate::state::OperatorStateDescriptor;

/// The rows that wait for an answer, in order.
pub(super) const WAITING: OperatorStateDescriptor = OperatorStateDescriptor::split("waiting_rows");

/// How a table is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::operators::join) struct LookupOptions {
    /// How long an answer is used again, milliseconds; `None` for not at all.
    pub(in crate::operators::join) cache_ms: Option<i64>,
    /// Requests under way at the same time, at most.
    pub(in crate::operators::join) concurrency: usize,
    /// Whether rows leave in the order in which they came, not in that of the answers.
    pub(in crate::operators::join) ordered: bool,
    /// How long an answer may take, milliseconds.
    pub(in crate::operators::join) timeout_ms: i64,
}

impl Default for LookupOptions {
    /// Flink's: its look-ups are ordered, and time out after three minutes.
    fn default() -> Self {
        Self { cache_ms: None, concurrency: 32, ordered: true, timeout_ms: 180_000 }
    }
}

/// The condition, the table, and how it is asked.
#[derive(Debug, Clone)]
pub(super) struct LookupSpec {
    pub(super) spec: JoinSpec,
    pub(super) table: Arc<dyn LookupTable>,
    /// The columns of the table that are the right input's.
    pub(super) reads: Vec<usize>,
    pub(super) options: LookupOptions,
    /// Whether left rows change.
    pub(super) changes: bool,
}
