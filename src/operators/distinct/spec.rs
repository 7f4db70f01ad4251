//! The specification of a `distinct`.

use crate::operators::keyed::RowState;
use crate::state::StateDescriptor;
use crate::types::{Field, LogicalType, Schema};

/// Name of the keyed state of keys whose row was given.
pub(super) const SEEN: &str = "seen";
/// Name of the keyed state of rows.
const ROWS: &str = "rows";
/// The processing time at which something was written, epoch milliseconds.
const WRITTEN: &str = "#written";

/// Which row of a key is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    First,
    Last,
}

/// One row for each key: Flink's `Deduplicate`.
#[derive(Debug, Clone)]
pub struct Distinct {
    pub(super) on: Vec<usize>,
    pub(super) keep: Keep,
    pub(super) by_event_time: bool,
    /// The processing time, milliseconds, after which a key that nobody writes is forgotten.
    pub(super) ttl_ms: Option<i64>,
    /// Whether the old row of an update is told.
    pub(super) update_before: bool,
    /// The input columns that leave.
    pub(super) columns: Vec<usize>,
    pub(super) input: Schema,
    pub(super) output: Schema,
}

impl Distinct {
    pub(super) fn new(input: &Schema, on: Vec<usize>, keep: Keep, by_event_time: bool, ttl_ms: Option<i64>) -> Self {
        let columns = (0..input.len()).collect();
        let (input, output) = (input.clone(), input.clone());
        Self { on, keep, by_event_time, ttl_ms, update_before: true, columns, input, output }
    }

    /// The last row of each key of a changelog that tells updates by the new row alone, so that the old ones are told:
    /// Flink's `ChangelogNormalize`.
    pub(in crate::operators) fn normalize(input: &Schema, key: Vec<usize>, ttl_ms: Option<i64>) -> Self {
        Self::new(input, key, Keep::Last, false, ttl_ms)
    }

    /// The state of the keys whose row was given, and when.
    pub(super) fn seen(&self) -> StateDescriptor {
        let keys = self.on.iter().map(|&key| self.input.fields()[key].clone());
        let written = self.ttl_ms.map(|_| Field::new(WRITTEN, LogicalType::BigInt).not_null());
        let fields: Vec<Field> = keys.chain(written).collect();
        StateDescriptor::new(SEEN, Schema::new(fields), self.on.len())
    }

    pub(super) fn rows(&self) -> RowState {
        let mark = self.ttl_ms.map(|_| WRITTEN);
        RowState { name: ROWS, schema: self.input.clone(), keys: self.on.clone(), mark }
    }
}
