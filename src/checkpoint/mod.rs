//! Layer 2: checkpoints as the job sees them: what one says of itself, savepoints, and what a restore needs.
//! [`Aligner`] and [`Coordinator`] are the two sides of the protocol as pure state machines: they are told what happened
//! and say what follows, and touch nothing.

mod aligner;
mod coordinator;
mod manifest;
#[cfg(test)]
mod protocol_tests;
mod restore;
mod savepoint;

pub use aligner::{Aligned, Aligner};
pub use coordinator::{Completed, Coordinator};
pub use manifest::{Manifest, ManifestOperator, Moment, SnapshotKind};
pub use restore::{Fate, JobOperator, RestorePlan, StateFate, StateSize, StoredOperator, match_operators};
pub use savepoint::{
    SavepointStats, check_savepoint_place, is_unfinished_savepoint, open_savepoint, write_savepoint,
    write_savepoint_noted,
};
