//! Checkpoints in the job's state database.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::job_spec::Restore;
use super::storage::{CheckpointStorage, CheckpointWrite, RestorePoint};
use super::subtask::TOTALS;
use crate::checkpoint::{
    Manifest, SnapshotKind, StateSize, is_unfinished_savepoint, open_savepoint, write_savepoint_noted,
};
use crate::state::{
    Commit, CommitStats, Instance, JobDir, OperatorEntry, RestoredState, StateDescriptor, StateSnapshot, StateStore,
    create_private_directory,
};
use crate::types::{CheckpointId, Error, OperatorUid, Result};

/// A symbolic link in the job's directory to the savepoint that is being written: so that it is found by the job's next
/// start when this one dies meanwhile.
const UNFINISHED_SAVEPOINT: &str = "savepoint.incomplete";

/// Opens the storage in the job's directory. The state of an earlier run gives way when a savepoint is imported, and for a
/// fresh start with its first checkpoint: until then it is the job's.
///
/// # Errors
/// When the database can't be opened.
pub fn open_storage(directory: &Path, restore: &Restore) -> Result<Arc<dyn CheckpointStorage>> {
    open_locked(directory, restore, None)
}

/// As [`open_storage`], with leave to use the directory, which the storage gives back when it is closed.
///
/// # Errors
/// As [`open_storage`].
pub(super) fn open_locked(
    directory: &Path,
    restore: &Restore,
    lock: Option<Arc<JobDir>>,
) -> Result<Arc<dyn CheckpointStorage>> {
    let store = match restore {
        Restore::Fresh | Restore::Savepoint(_) => None,
        Restore::Latest | Restore::Checkpoint(_) => StateStore::open_existing(directory)?.map(Arc::new),
    };
    create_private_directory(directory)?;
    Ok(Arc::new(RedbStorage { directory: directory.to_path_buf(), store: Mutex::new(store), _lock: lock }))
}

/// Removes what an earlier run of the job, which is over, has left half done.
///
/// # Errors
/// When a file in the job's directory can't be moved or removed.
pub(super) fn tidy(directory: &Path) -> Result<()> {
    remove_unfinished_savepoint(directory);
    StateStore::tidy(directory)
}

/// Removes an unfinished savepoint. One that can't be removed (it may be on a disk that is not there now) is tried
/// again by the next start.
fn remove_unfinished_savepoint(directory: &Path) {
    let note = directory.join(UNFINISHED_SAVEPOINT);
    let Ok(unfinished) = fs::read_link(&note) else { return };
    if is_unfinished_savepoint(&unfinished) {
        let _ = fs::remove_dir_all(&unfinished);
    }
    if fs::symlink_metadata(&unfinished).is_err() {
        let _ = fs::remove_file(note);
    }
}

/// The database is made when there is something to be kept: to make a durable one takes longer than some jobs.
struct RedbStorage {
    directory: PathBuf,
    store: Mutex<Option<Arc<StateStore>>>,
    /// Behind the store: that is closed first.
    _lock: Option<Arc<JobDir>>,
}

impl RedbStorage {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<StateStore>>> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The database, if anything was ever kept.
    fn held(&self) -> Option<Arc<StateStore>> {
        self.lock().clone()
    }

    fn snapshot(&self, id: CheckpointId) -> Result<StateSnapshot> {
        let store = self.held().ok_or_else(|| Error::state(format!("there is no checkpoint {id}")))?;
        store.snapshot(id)
    }
}

impl CheckpointStorage for RedbStorage {
    fn checkpoints(&self) -> Result<Vec<CheckpointId>> {
        self.held().map_or_else(|| Ok(Vec::new()), |store| store.checkpoints())
    }

    fn last_id(&self) -> Result<CheckpointId> {
        self.held().map_or(Ok(CheckpointId(0)), |store| store.last_id())
    }

    fn commit(&self, checkpoint: &CheckpointWrite<'_>) -> Result<CommitStats> {
        let manifest = checkpoint.manifest().to_bytes()?;
        let states: Vec<_> =
            checkpoint.job.operators.iter().map(|facts| (facts.uid.clone(), facts.states.clone())).collect();
        let commit = Commit {
            id: checkpoint.id,
            parent: checkpoint.parent,
            deltas: checkpoint.deltas,
            states: &states,
            renamed: &checkpoint.job.renamed,
            manifest: &manifest,
        };
        let mut held = self.lock();
        if let Some(store) = &*held {
            let store = Arc::clone(store);
            drop(held);
            return store.commit(&commit);
        }
        let (store, written) = StateStore::create_with(&self.directory, &commit)?;
        *held = Some(Arc::new(store));
        Ok(written)
    }

    fn retain(&self, keep: &[CheckpointId]) -> Result<()> {
        self.held().map_or(Ok(()), |store| store.retain(keep))
    }

    fn restore(&self, id: CheckpointId) -> Result<Arc<dyn RestorePoint>> {
        Ok(Arc::new(SnapshotPoint::new(id, self.snapshot(id)?)?))
    }

    fn write_savepoint(&self, id: CheckpointId, directory: &Path) -> Result<()> {
        let snapshot = self.snapshot(id)?;
        let manifest = Manifest { kind: SnapshotKind::Savepoint, ..Manifest::parse(snapshot.manifest())? };
        let note = self.directory.join(UNFINISHED_SAVEPOINT);
        remove_unfinished_savepoint(&self.directory);
        let written = write_savepoint_noted(&snapshot, &manifest, directory, &|unfinished| {
            let unfinished = std::path::absolute(unfinished).map_err(|error| Error::io(unfinished, error))?;
            let _ = fs::remove_file(&note);
            std::os::unix::fs::symlink(unfinished, &note).map_err(|error| Error::io(&note, error))
        });
        remove_unfinished_savepoint(&self.directory);
        written.map(|_| ())
    }

    fn import_savepoint(&self, directory: &Path) -> Result<CheckpointId> {
        let savepoint = open_savepoint(directory)?;
        let (store, id) = StateStore::create_from(&self.directory, &savepoint)?;
        *self.lock() = Some(Arc::new(store));
        Ok(id)
    }

    fn has_earlier_state(&self) -> bool {
        self.lock().is_none() && StateStore::is_in(&self.directory)
    }
}

/// A savepoint as a job would be started from it, for a look at it before anything is changed.
///
/// # Errors
/// When it can't be read, or is damaged.
pub(super) fn savepoint_point(directory: &Path) -> Result<impl RestorePoint + use<>> {
    SnapshotPoint::new(CheckpointId(0), open_savepoint(directory)?)
}

/// A checkpoint in the database, or a savepoint.
struct SnapshotPoint {
    id: CheckpointId,
    snapshot: StateSnapshot,
    manifest: Manifest,
}

impl SnapshotPoint {
    fn new(id: CheckpointId, snapshot: StateSnapshot) -> Result<Self> {
        let manifest = Manifest::parse(snapshot.manifest())?;
        Ok(Self { id, snapshot, manifest })
    }
}

impl RestorePoint for SnapshotPoint {
    fn id(&self) -> CheckpointId {
        self.id
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn operators(&self) -> Result<Vec<(OperatorUid, Vec<StateDescriptor>)>> {
        let mut operators = Vec::new();
        for (uid, states) in self.snapshot.operators() {
            let counters = |entry: &OperatorEntry| entry.state.as_deref() == Some(TOTALS.name);
            if !states.is_empty() || !self.snapshot.source().entries(&uid)?.iter().all(counters) {
                operators.push((uid, states));
            }
        }
        Ok(operators)
    }

    fn operator(&self, uid: &OperatorUid, instance: Instance) -> Arc<dyn RestoredState> {
        self.snapshot.operator(uid, instance)
    }

    fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>> {
        self.snapshot.commit_entries(uid)
    }

    fn size(&self, uid: &OperatorUid, state: &str) -> Result<Option<StateSize>> {
        let source = self.snapshot.source();
        let of_uid = source.operators().iter().find(|(own, _)| own == uid);
        let mut size = StateSize::default();
        if let Some(keyed) = of_uid.and_then(|(_, states)| states.iter().find(|own| own.name == state)) {
            source.scan(uid, keyed, 0..u16::MAX, &mut |_, _, rows| {
                size.rows += rows.num_rows() as u64;
                for column in rows.columns() {
                    size.bytes += column.to_data().get_slice_memory_size()? as u64;
                }
                Ok(())
            })?;
            return Ok(Some(size));
        }
        for entry in source.entries(uid)?.iter().filter(|entry| entry.state.as_deref() == Some(state)) {
            size.rows += 1;
            size.bytes += entry.entry.len() as u64;
        }
        Ok((size.rows > 0).then_some(size))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_savepoint_that_a_killed_run_was_writing_goes_with_the_next_start_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let (job, note) = (dir.path().join("job"), dir.path().join("job/savepoint.incomplete"));
        let (unfinished, mine) = (dir.path().join(".sp.1.incomplete"), dir.path().join("mine"));
        for place in [&job, &unfinished.join("window"), &mine] {
            fs::create_dir_all(place).unwrap();
        }
        symlink(&unfinished, &note).unwrap();
        tidy(&job).unwrap();
        assert!(!unfinished.exists() && fs::symlink_metadata(&note).is_err());
        symlink(&mine, &note).unwrap();
        tidy(&job).unwrap();
        assert!(mine.exists());
    }
}
