//! The parts that a checkpoint is written from.

use std::ops::Range;

use crate::state::{StateDelta, StateDescriptor};
use crate::types::{CheckpointId, OperatorUid};

/// The delta that one operator instance hands over for a checkpoint.
#[derive(Debug, Clone)]
pub struct OperatorDelta {
    /// The uid of the operator.
    pub uid: OperatorUid,
    /// The number of the instance.
    pub subtask: usize,
    /// The key groups that the instance owns: a namespace that it drops is dropped in these.
    pub key_groups: Range<u16>,
    /// The changes.
    pub delta: StateDelta,
}

/// One checkpoint to be made durable.
#[derive(Debug)]
pub struct Commit<'a> {
    /// The checkpoint's number: greater than any in the store.
    pub id: CheckpointId,
    /// The checkpoint that the running job was restored from or has taken last: what the deltas are relative to.
    pub parent: Option<CheckpointId>,
    /// The deltas of all instances.
    pub deltas: &'a [OperatorDelta],
    /// The keyed states of every operator, so that the store can read its blocks for ever.
    pub states: &'a [(OperatorUid, Vec<StateDescriptor>)],
    /// The operators whose state the parent has under another uid, and that one.
    pub renamed: &'a [(OperatorUid, OperatorUid)],
    /// The manifest of the checkpoint, opaque here: what else is to be known of it.
    pub manifest: &'a [u8],
}

/// The cost of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitStats {
    /// Bytes written for this checkpoint: its blocks, operator entries and manifest.
    pub delta_bytes: u64,
    /// Bytes of all that it consists of: the blocks that it shares with earlier ones, and what was written for it.
    pub full_bytes: u64,
}
