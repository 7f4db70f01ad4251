//! Checkpoints in the job's state database.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::job::Restore;
use super::storage::{CheckpointStorage, CheckpointWrite, RestorePoint};
use super::subtask::TOTALS;
use crate::checkpoint::{Manifest, SnapshotKind, open_savepoint, write_savepoint};
use crate::state::{
    Commit, CommitStats, Instance, OperatorEntry, RestoredState, StateDescriptor, StateSnapshot, StateStore,
    create_private_directory,
};
use crate::types::{CheckpointId, Error, OperatorUid, Result};

/// Opens the storage in the job's directory. What an earlier run left is set aside for a start from a savepoint, and for a
/// fresh one when it has a checkpoint of its own.
///
/// # Errors
/// When the database can't be opened, or the savepoint can't be read; nothing is set aside then.
pub fn open_storage(directory: &Path, restore: &Restore) -> Result<Arc<dyn CheckpointStorage>> {
    let store = match restore {
        Restore::Fresh => None,
        Restore::Savepoint(savepoint) => {
            open_savepoint(savepoint)?;
            StateStore::set_aside(directory)?;
            None
        }
        Restore::Latest | Restore::Checkpoint(_) => StateStore::open_existing(directory)?.map(Arc::new),
    };
    create_private_directory(directory)?;
    Ok(Arc::new(RedbStorage { directory: directory.to_path_buf(), store: Mutex::new(store) }))
}

/// The database is made when there is something to be kept: to make a durable one takes longer than some jobs.
struct RedbStorage {
    directory: PathBuf,
    store: Mutex<Option<Arc<StateStore>>>,
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
        write_savepoint(&snapshot, &manifest, directory).map(|_| ())
    }

    fn import_savepoint(&self, directory: &Path) -> Result<CheckpointId> {
        let savepoint = open_savepoint(directory)?;
        let mut held = self.lock();
        let store = match &*held {
            Some(store) => Arc::clone(store),
            None => Arc::clone(held.insert(Arc::new(StateStore::open(&self.directory)?))),
        };
        drop(held);
        let id = CheckpointId(store.last_id()?.0 + 1);
        store.import(&savepoint, id)?;
        Ok(id)
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
}
