//! The state of one job in redb: every checkpoint one transaction.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use super::{RestoredState, StateDelta, StateDescriptor};
use crate::types::{CheckpointId, OperatorUid, Result};

/// The state database of one job.
#[derive(Debug)]
pub struct StateStore {}

/// What one operator instance hands over for a checkpoint.
#[derive(Debug, Clone)]
pub struct OperatorDelta {
    /// Whose.
    pub uid: OperatorUid,
    /// Which instance.
    pub subtask: usize,
    /// What changed.
    pub delta: StateDelta,
}

/// One checkpoint to be made durable.
#[derive(Debug)]
pub struct Commit<'a> {
    /// Its number: greater than any in the store.
    pub id: CheckpointId,
    /// The checkpoint that the running job was restored from or has taken last: what the deltas are relative to.
    pub parent: Option<CheckpointId>,
    /// The deltas of all instances.
    pub deltas: &'a [OperatorDelta],
    /// The keyed states of every operator, so that the store can read its blocks for ever.
    pub states: &'a [(OperatorUid, Vec<StateDescriptor>)],
    /// What else is to be known of the checkpoint, opaque here.
    pub manifest: &'a [u8],
}

/// What a commit took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CommitStats {
    /// Bytes written for this checkpoint.
    pub delta_bytes: u64,
    /// Bytes of all blocks that it consists of.
    pub full_bytes: u64,
}

impl StateStore {
    /// Opens, or creates, `directory/state.redb` (directory 0700, file 0600).
    pub fn open(_directory: &Path) -> Result<Self> {
        unimplemented!()
    }

    /// Makes a checkpoint durable in one two-phase-committed transaction: after `Ok` it survives anything, before that
    /// it does not exist.
    pub fn commit(&self, _commit: &Commit<'_>) -> Result<CommitStats> {
        unimplemented!()
    }

    /// The checkpoints held, ascending.
    pub fn checkpoints(&self) -> Result<Vec<CheckpointId>> {
        unimplemented!()
    }

    /// Forgets every checkpoint that is not in `keep` and merges blocks that only those needed.
    pub fn retain(&self, _keep: &[CheckpointId]) -> Result<()> {
        unimplemented!()
    }

    /// A checkpoint to read from. Later commits do not change what it says.
    pub fn snapshot(self: &Arc<Self>, _id: CheckpointId) -> Result<StateSnapshot> {
        unimplemented!()
    }
}

/// One checkpoint of a store, or a savepoint: everything a job can be restored from.
pub struct StateSnapshot {}

impl StateSnapshot {
    /// [`Commit::manifest`]
    #[must_use]
    pub fn manifest(&self) -> &[u8] {
        unimplemented!()
    }

    /// The operators that have state in it, with their keyed states.
    #[must_use]
    pub fn operators(&self) -> Vec<(OperatorUid, Vec<StateDescriptor>)> {
        unimplemented!()
    }

    /// The state of operator `uid` in these key groups; empty when it has none.
    #[must_use]
    pub fn operator(&self, _uid: &OperatorUid, _key_groups: Range<u16>) -> Arc<dyn RestoredState> {
        unimplemented!()
    }

    /// The commit entries ([`StateChange::Commit`](super::StateChange::Commit)) of operator `uid`.
    pub fn commit_entries(&self, _uid: &OperatorUid) -> Result<Vec<Vec<u8>>> {
        unimplemented!()
    }
}
