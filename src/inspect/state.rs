//! Keyed state, to be browsed.

use serde::{Deserialize, Serialize};

use crate::types::CellValue;

/// The place where state was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StateOrigin {
    /// In the running operators, between two batches.
    Live,
    /// In this checkpoint.
    Checkpoint(u64),
}

/// The query for a job's keyed state.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateQuery {
    /// Only of the operator with this uid.
    pub operator: Option<String>,
    /// Only the state of this name.
    pub state: Option<String>,
    /// Only entries one of whose key columns contains this, letter case aside.
    pub search: Option<String>,
    /// Only entries whose key columns have these values as text, by column name.
    pub keys: Vec<(String, String)>,
    /// At most this many entries of each state; the others are counted.
    pub limit: usize,
    /// Read the last checkpoint even where live state can be read.
    pub checkpointed: bool,
}

/// One keyed state of one operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateView {
    /// The operator's uid.
    pub operator: String,
    /// The operator's name.
    pub name: String,
    /// The state's name.
    pub state: String,
    /// The place it was read from.
    pub origin: StateOrigin,
    /// Key columns first.
    pub columns: Vec<StateColumn>,
    /// The meaning of the namespace: `slice_end`; `None` when there is none.
    pub namespace: Option<String>,
    /// All its entries, those that were not asked for too; of a checkpoint that was asked for one key, those of the key.
    pub entries: u64,
    /// Entries that were asked for.
    pub matching: u64,
    /// The entries shown: ordered by namespace and key.
    pub rows: Vec<StateEntryView>,
    /// The key groups that hold entries, ascending.
    pub key_groups: Vec<KeyGroupView>,
}

/// One column of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateColumn {
    /// The column's name.
    pub name: String,
    /// The column's type as typed.
    pub ty: String,
    /// Whether it is part of the key.
    pub key: bool,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateEntryView {
    /// The end of its window or slice, milliseconds, where the state has a namespace.
    pub namespace: Option<i64>,
    /// The key group of the entry's key.
    pub key_group: u16,
    /// A value a column.
    pub values: Vec<CellValue>,
}

/// One key group of a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyGroupView {
    /// The key group's number.
    pub key_group: u16,
    /// The subtask that holds it now.
    pub subtask: usize,
    /// Entries in the key group.
    pub entries: u64,
    /// The bytes of the entries, estimated.
    pub bytes: u64,
}
