//! Savepoints: the user's own copy of a job's state. A savepoint is self-contained and open: a directory with a versioned
//! `manifest.json` and one Parquet file an operator state, readable by any Parquet reader. It never expires.
//!
//! * `document`: `manifest.json`
//! * `write`, `read`: the directory written whole or not at all, and read back
//! * `shape`: the few column types that Parquet does not hold as they are

mod document;
mod read;
mod shape;
mod write;

#[cfg(test)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    reason = "small numbers, chosen by the tests"
)]
mod tests;

pub use read::open_savepoint;
pub use write::{
    SavepointStats, check_savepoint_place, is_unfinished_savepoint, write_savepoint, write_savepoint_noted,
};
