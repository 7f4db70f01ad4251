//! Checkpoints in memory: each a whole image, rows shared between images.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

use lotic::checkpoint::Manifest;
use lotic::runtime::{CheckpointStorage, CheckpointWrite, RestorePoint};
use lotic::state::{CommitStats, DescriptorDoc, Instance, RestoredState, StateDescriptor};
use lotic::types::{CheckpointId, Error, OperatorUid, Result};

use super::memory_state::MemoryState;

/// The checkpoints of one job.
#[derive(Debug, Default)]
pub(crate) struct MemoryStorage {
    images: Mutex<BTreeMap<CheckpointId, Image>>,
}

#[derive(Debug, Clone)]
struct Image {
    id: CheckpointId,
    manifest: Manifest,
    operators: BTreeMap<OperatorUid, MemoryState>,
}

impl MemoryStorage {
    fn images(&self) -> MutexGuard<'_, BTreeMap<CheckpointId, Image>> {
        self.images.lock().expect("not poisoned")
    }
}

impl CheckpointStorage for MemoryStorage {
    fn checkpoints(&self) -> Result<Vec<CheckpointId>> {
        Ok(self.images().keys().copied().collect())
    }

    fn last_id(&self) -> Result<CheckpointId> {
        Ok(self.images().keys().last().copied().unwrap_or(CheckpointId(0)))
    }

    fn commit(&self, checkpoint: &CheckpointWrite<'_>) -> Result<CommitStats> {
        let mut images = self.images();
        assert!(!images.contains_key(&checkpoint.id), "checkpoint {} exists", checkpoint.id);
        let parent = match checkpoint.parent {
            None => None,
            Some(parent) => {
                Some(images.get(&parent).ok_or_else(|| Error::state(format!("checkpoint {parent} is gone")))?)
            }
        };
        let mut operators = parent.map(|parent| parent.operators.clone()).unwrap_or_default();
        operators.values_mut().for_each(MemoryState::begin);
        for (now, earlier) in &checkpoint.job.renamed {
            if let (false, Some(state)) = (operators.contains_key(now), operators.remove(earlier)) {
                operators.insert(now.clone(), state);
            }
        }
        for delta in checkpoint.deltas {
            let facts = checkpoint.job.operators.iter().find(|facts| facts.uid == delta.uid);
            let key_columns = |name: &str| {
                let state = facts.and_then(|facts| facts.states.iter().find(|state| state.name == name));
                state.expect("the state is declared").key_columns
            };
            let instance = Instance { index: delta.subtask, ..delta.key_groups.clone().into() };
            operators.entry(delta.uid.clone()).or_default().apply(&instance, &delta.delta, &key_columns);
        }
        let image = Image { id: checkpoint.id, manifest: checkpoint.manifest(), operators };
        images.insert(checkpoint.id, image);
        Ok(CommitStats::default())
    }

    fn retain(&self, keep: &[CheckpointId]) -> Result<()> {
        self.images().retain(|id, _| keep.contains(id));
        Ok(())
    }

    fn restore(&self, id: CheckpointId) -> Result<Arc<dyn RestorePoint>> {
        let image = self.images().get(&id).cloned();
        Ok(Arc::new(image.ok_or_else(|| Error::state(format!("there is no checkpoint {id}")))?))
    }

    fn write_savepoint(&self, _id: CheckpointId, _directory: &Path) -> Result<()> {
        Err(Error::config("checkpoints in memory can't be written as savepoints"))
    }

    fn import_savepoint(&self, _directory: &Path) -> Result<CheckpointId> {
        Err(Error::config("checkpoints in memory can't be read from savepoints"))
    }
}

impl RestorePoint for Image {
    fn id(&self) -> CheckpointId {
        self.id
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn operators(&self) -> Result<Vec<(OperatorUid, Vec<StateDescriptor>)>> {
        let counters = |name: Option<&str>| name == Some("runtime.totals");
        let stateful = self.operators.iter().filter(|(_, state)| {
            state.entries() > 0 || !state.of_instances.iter().all(|entry| counters(entry.state.as_deref()))
        });
        let states = |uid: &OperatorUid| {
            let of_uid = self.manifest.operators.iter().find(|operator| operator.uid == *uid);
            let states = of_uid.map_or(&[][..], |operator| operator.states.as_slice());
            states.iter().map(DescriptorDoc::descriptor).collect::<Result<Vec<_>>>()
        };
        stateful.map(|(uid, _)| Ok((uid.clone(), states(uid)?))).collect()
    }

    fn operator(&self, uid: &OperatorUid, instance: Instance) -> Arc<dyn RestoredState> {
        Arc::new(self.operators.get(uid).cloned().unwrap_or_default().for_instance(instance))
    }

    fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>> {
        Ok(self.operators.get(uid).map(MemoryState::commits).unwrap_or_default())
    }
}
