//! What an operator shows of itself.

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
    /// The last windows that fired, oldest first, at most 32.
    #[serde(default)]
    pub fired: Vec<FiredWindowView>,
    /// Names of the key columns and of the values in [`WindowEntryView`].
    #[serde(default)]
    pub window_columns: (Vec<String>, Vec<String>),
    /// The last late rows that nobody reads, oldest first, at most a hundred.
    #[serde(default)]
    pub late: Vec<LateRowView>,
    /// Timers that wait; of a window operator the windows that have yet to fire.
    #[serde(default)]
    pub timers: u64,
    /// The keys with the most rows in a sample of recent batches, the hottest first, at most 16.
    #[serde(default)]
    pub hot_keys: Vec<HotKeyView>,
}

/// A key and its share of the sampled rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HotKeyView {
    /// Its columns as text.
    pub key: Vec<String>,
    /// Its sampled rows.
    pub rows: u64,
    /// All sampled rows.
    pub of: u64,
}

/// A window that fired.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiredWindowView {
    /// Inclusive, milliseconds.
    pub start: i64,
    /// Exclusive, milliseconds.
    pub end: i64,
    /// Rows it emitted: one a key.
    pub keys: u64,
    /// The watermark that made it fire.
    pub watermark: i64,
    /// Whether it had fired before, and late rows changed it.
    pub again: bool,
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
    /// Whether there may be more: to count those of many slices takes longer than a view may.
    #[serde(default)]
    pub keys_at_least: bool,
    /// Rows it has taken since this attempt began.
    #[serde(default)]
    pub rows: u64,
    /// Whether it has fired at least once and only waits for late rows.
    pub fired: bool,
    /// Some of its keys with their values so far, at most 20.
    #[serde(default)]
    pub entries: Vec<WindowEntryView>,
}

/// One key of an open window, as text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WindowEntryView {
    /// Its key columns.
    pub key: Vec<String>,
    /// What the aggregates would come to if it fired now.
    pub values: Vec<String>,
}
