//! A storage whose writes fail by seed.

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use lotic::runtime::{CheckpointStorage, CheckpointWrite, RestorePoint};
use lotic::state::CommitStats;
use lotic::types::{CheckpointId, Error, Result, key_group};

/// One write in `one_in` fails: before anything is written, or when everything is and only the answer is lost.
pub(crate) struct Failing {
    inner: Arc<dyn CheckpointStorage>,
    one_in: u64,
    seed: Mutex<u64>,
    /// So many fail whatever the seed says.
    pub(crate) next: AtomicUsize,
}

impl Failing {
    pub(crate) fn new(inner: Arc<dyn CheckpointStorage>, one_in: u64, seed: u64) -> Self {
        Self { inner, one_in, seed: Mutex::new(seed), next: AtomicUsize::new(0) }
    }

    fn fails(&self) -> bool {
        if self.next.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok() {
            return true;
        }
        let mut seed = self.seed.lock().expect("not poisoned");
        *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        key_group::mix(*seed).is_multiple_of(self.one_in)
    }
}

fn full<T>() -> Result<T> {
    Err(Error::state("no space is left"))
}

impl CheckpointStorage for Failing {
    fn checkpoints(&self) -> Result<Vec<CheckpointId>> {
        self.inner.checkpoints()
    }

    fn last_id(&self) -> Result<CheckpointId> {
        self.inner.last_id()
    }

    fn commit(&self, checkpoint: &CheckpointWrite<'_>) -> Result<CommitStats> {
        if self.fails() {
            return full();
        }
        let written = self.inner.commit(checkpoint)?;
        if self.fails() { full() } else { Ok(written) }
    }

    fn retain(&self, keep: &[CheckpointId]) -> Result<()> {
        if self.fails() { full() } else { self.inner.retain(keep) }
    }

    fn restore(&self, id: CheckpointId) -> Result<Arc<dyn RestorePoint>> {
        self.inner.restore(id)
    }

    fn write_savepoint(&self, id: CheckpointId, directory: &Path) -> Result<()> {
        if self.fails() { full() } else { self.inner.write_savepoint(id, directory) }
    }

    fn import_savepoint(&self, directory: &Path) -> Result<CheckpointId> {
        self.inner.import_savepoint(directory)
    }
}
