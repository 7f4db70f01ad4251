//! Where checkpoints are kept: what the job manager needs of it, and an implementation in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_row::{RowConverter, SortField};
use arrow_select::concat::concat_batches;

use super::subtask::TOTALS;
use crate::checkpoint::{Manifest, ManifestOperator, SnapshotKind};
use crate::state::{
    CommitStats, DescriptorDoc, KeyedRows, Namespace, OperatorDelta, RestoredState, StateChange, StateDelta,
    StateDescriptor,
};
use crate::types::{CheckpointId, Error, OperatorUid, Result};

/// What is known of an operator when a checkpoint is written.
#[derive(Debug, Clone)]
pub struct OperatorFacts {
    /// Its uid.
    pub uid: OperatorUid,
    /// Its name in `explain`; a source's, its name in the catalog.
    pub name: String,
    /// How many instances it has.
    pub parallelism: usize,
    /// Its keyed states.
    pub states: Vec<StateDescriptor>,
}

/// What is known of the job when a checkpoint is written.
#[derive(Debug, Clone)]
pub struct JobFacts {
    /// Its name.
    pub name: String,
    /// Its parallelism.
    pub parallelism: usize,
    /// Its number of key groups.
    pub max_parallelism: u16,
    /// Its operators, sources too.
    pub operators: Vec<OperatorFacts>,
}

/// One checkpoint to be made durable.
#[derive(Debug)]
pub struct CheckpointWrite<'a> {
    /// Its number.
    pub id: CheckpointId,
    /// What its deltas are relative to.
    pub parent: Option<CheckpointId>,
    /// Of all instances.
    pub deltas: &'a [OperatorDelta],
    /// The job.
    pub job: &'a JobFacts,
    /// Clock when it was triggered, milliseconds.
    pub triggered_ms: i64,
}

impl CheckpointWrite<'_> {
    /// What the checkpoint says of itself.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let operators = self.job.operators.iter().map(|facts| ManifestOperator {
            uid: facts.uid.clone(),
            name: facts.name.clone(),
            parallelism: facts.parallelism,
            states: facts.states.iter().map(Into::into).collect(),
        });
        Manifest::new(
            SnapshotKind::Checkpoint,
            &self.job.name,
            self.id,
            self.triggered_ms,
            self.job.parallelism,
            self.job.max_parallelism,
            operators.collect(),
        )
    }
}

/// The checkpoints of one job. Called by one thread at a time, never by a slot.
pub trait CheckpointStorage: Send + Sync {
    /// Those held, ascending.
    ///
    /// # Errors
    /// When the storage can't be read.
    fn checkpoints(&self) -> Result<Vec<CheckpointId>>;

    /// The last number ever committed, 0 before the first. The next must be greater.
    ///
    /// # Errors
    /// When the storage can't be read.
    fn last_id(&self) -> Result<CheckpointId>;

    /// Makes a checkpoint durable, at once and as a whole.
    ///
    /// # Errors
    /// When it can't be written: then it does not exist.
    fn commit(&self, checkpoint: &CheckpointWrite<'_>) -> Result<CommitStats>;

    /// Forgets all but these.
    ///
    /// # Errors
    /// When the storage can't be written.
    fn retain(&self, keep: &[CheckpointId]) -> Result<()>;

    /// A checkpoint to start from.
    ///
    /// # Errors
    /// When it is not held, or damaged.
    fn restore(&self, id: CheckpointId) -> Result<Arc<dyn RestorePoint>>;

    /// Writes a self-contained copy of a checkpoint into `directory`, which must not exist or be empty.
    ///
    /// # Errors
    /// When it can't be written.
    fn write_savepoint(&self, id: CheckpointId, directory: &Path) -> Result<()>;

    /// Makes a savepoint the only checkpoint of this storage, in one step, so that a job can be started from it.
    ///
    /// # Errors
    /// When it can't be read, or is damaged. Nothing has changed then.
    fn import_savepoint(&self, directory: &Path) -> Result<CheckpointId>;

    /// Whether there is the state of an earlier run, which a restore would find until this one has a checkpoint.
    fn has_earlier_state(&self) -> bool {
        false
    }
}

/// A checkpoint that a job is started from.
pub trait RestorePoint: Send + Sync {
    /// Its number.
    fn id(&self) -> CheckpointId;

    /// What it says of itself and of the job that wrote it.
    fn manifest(&self) -> &Manifest;

    /// The operators that have state in it, with their keyed states. Counters are not state that anybody would miss: an
    /// operator that has nothing else is left out.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn operators(&self) -> Result<Vec<(OperatorUid, Vec<StateDescriptor>)>>;

    /// The state of one operator in these key groups; empty when it has none.
    fn operator(&self, uid: &OperatorUid, key_groups: Range<u16>) -> Arc<dyn RestoredState>;

    /// The commit entries of one operator.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>>;
}

/// Checkpoints in memory, for tests and for jobs that keep nothing: each a whole image, rows shared between images.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    images: Mutex<BTreeMap<CheckpointId, Arc<Image>>>,
}

/// Rows by their encoded key.
type Entries = BTreeMap<Vec<u8>, (u16, RecordBatch)>;

/// An entry of operator state and the instance that wrote it.
type InstanceEntry = (usize, Vec<u8>);

#[derive(Debug, Clone, Default)]
struct Image {
    manifest: Option<Manifest>,
    keyed: BTreeMap<(OperatorUid, String, Namespace), Entries>,
    operator: BTreeMap<(OperatorUid, String), Vec<InstanceEntry>>,
    commits: BTreeMap<OperatorUid, Vec<Vec<u8>>>,
}

impl MemoryStorage {
    fn images(&self) -> std::sync::MutexGuard<'_, BTreeMap<CheckpointId, Arc<Image>>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut image = match checkpoint.parent {
            None => Image::default(),
            Some(parent) => {
                let parent = images.get(&parent).ok_or_else(|| Error::state(format!("checkpoint {parent} is gone")))?;
                Image::clone(parent)
            }
        };
        image.manifest = Some(checkpoint.manifest());
        // These are given in full by every checkpoint.
        image.operator.clear();
        image.commits.clear();
        for delta in checkpoint.deltas {
            image.apply(delta, checkpoint.job)?;
        }
        if images.contains_key(&checkpoint.id) {
            return Err(Error::state(format!("checkpoint {} exists", checkpoint.id)));
        }
        images.insert(checkpoint.id, Arc::new(image));
        Ok(CommitStats::default())
    }

    fn retain(&self, keep: &[CheckpointId]) -> Result<()> {
        self.images().retain(|id, _| keep.contains(id));
        Ok(())
    }

    fn restore(&self, id: CheckpointId) -> Result<Arc<dyn RestorePoint>> {
        let image =
            self.images().get(&id).cloned().ok_or_else(|| Error::state(format!("there is no checkpoint {id}")))?;
        let manifest =
            image.manifest.clone().ok_or_else(|| Error::state(format!("checkpoint {id} has no manifest")))?;
        Ok(Arc::new(MemoryPoint { id, manifest, image }))
    }

    fn write_savepoint(&self, _id: CheckpointId, _directory: &Path) -> Result<()> {
        Err(Error::config("checkpoints in memory can't be written as savepoints"))
    }

    fn import_savepoint(&self, _directory: &Path) -> Result<CheckpointId> {
        Err(Error::config("checkpoints in memory can't be read from savepoints"))
    }
}

impl Image {
    fn apply(&mut self, delta: &OperatorDelta, job: &JobFacts) -> Result<()> {
        let facts = job.operators.iter().find(|facts| facts.uid == delta.uid);
        let OperatorDelta { uid, subtask, key_groups, delta: StateDelta { changes } } = delta;
        for change in changes {
            match change {
                StateChange::Upsert { state, namespace, rows } => {
                    let entries = self.keyed.entry((uid.clone(), (*state).to_owned(), *namespace)).or_default();
                    for (row, key) in encoded_keys(rows, key_columns(facts, state)?)?.into_iter().enumerate() {
                        entries.insert(key, (rows.key_groups[row], rows.rows.slice(row, 1)));
                    }
                }
                StateChange::Remove { state, namespace, rows } => {
                    let entries = self.keyed.entry((uid.clone(), (*state).to_owned(), *namespace)).or_default();
                    for key in encoded_keys(rows, key_columns(facts, state)?)? {
                        entries.remove(&key);
                    }
                }
                StateChange::DropNamespace { state, namespace } => {
                    if let Some(entries) = self.keyed.get_mut(&(uid.clone(), (*state).to_owned(), *namespace)) {
                        entries.retain(|_, (group, _)| !key_groups.contains(group));
                    }
                }
                StateChange::Operator { state, entry } => {
                    let entries = self.operator.entry((uid.clone(), (*state).to_owned())).or_default();
                    entries.push((*subtask, entry.clone()));
                }
                StateChange::Commit { entry } => {
                    self.commits.entry(uid.clone()).or_default().push(entry.clone());
                }
            }
        }
        self.keyed.retain(|_, entries| !entries.is_empty());
        Ok(())
    }
}

fn key_columns(facts: Option<&OperatorFacts>, state: &str) -> Result<usize> {
    facts
        .and_then(|facts| facts.states.iter().find(|descriptor| descriptor.name == state))
        .map(|descriptor| descriptor.key_columns)
        .ok_or_else(|| Error::state(format!("keyed state `{state}` was never declared")))
}

fn encoded_keys(rows: &KeyedRows, key_columns: usize) -> Result<Vec<Vec<u8>>> {
    let columns: Vec<ArrayRef> = rows.rows.columns()[..key_columns].to_vec();
    if columns.is_empty() {
        return Ok(vec![Vec::new(); rows.rows.num_rows()]);
    }
    let fields = columns.iter().map(|column| SortField::new(column.data_type().clone())).collect();
    let converter = RowConverter::new(fields)?;
    let encoded = converter.convert_columns(&columns)?;
    Ok(encoded.iter().map(|row| row.as_ref().to_vec()).collect())
}

struct MemoryPoint {
    id: CheckpointId,
    manifest: Manifest,
    image: Arc<Image>,
}

impl RestorePoint for MemoryPoint {
    fn id(&self) -> CheckpointId {
        self.id
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn operators(&self) -> Result<Vec<(OperatorUid, Vec<StateDescriptor>)>> {
        let keyed = self.image.keyed.keys().map(|(uid, ..)| uid);
        let operator = self.image.operator.keys().filter(|(_, state)| state != TOTALS).map(|(uid, _)| uid);
        let uids: BTreeSet<_> = keyed.chain(operator).chain(self.image.commits.keys()).collect();
        let states = |uid: &OperatorUid| {
            let of_uid = self.manifest.operators.iter().find(|operator| operator.uid == *uid);
            let states = of_uid.map_or(&[][..], |operator| operator.states.as_slice());
            states.iter().map(DescriptorDoc::descriptor).collect::<Result<Vec<_>>>()
        };
        uids.into_iter().map(|uid| Ok((uid.clone(), states(uid)?))).collect()
    }

    fn operator(&self, uid: &OperatorUid, key_groups: Range<u16>) -> Arc<dyn RestoredState> {
        Arc::new(MemoryState { image: Arc::clone(&self.image), uid: uid.clone(), key_groups })
    }

    fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>> {
        Ok(self.image.commits.get(uid).cloned().unwrap_or_default())
    }
}

struct MemoryState {
    image: Arc<Image>,
    uid: OperatorUid,
    key_groups: Range<u16>,
}

impl RestoredState for MemoryState {
    fn keyed(&self, descriptor: &StateDescriptor) -> Result<Vec<(Namespace, RecordBatch)>> {
        let mut found = Vec::new();
        for ((uid, state, namespace), entries) in &self.image.keyed {
            if *uid != self.uid || state != descriptor.name {
                continue;
            }
            let rows: Vec<_> = entries
                .values()
                .filter(|(group, _)| self.key_groups.contains(group))
                .map(|(_, row)| row.clone())
                .collect();
            if !rows.is_empty() {
                found.push((*namespace, concat_batches(descriptor.schema.arrow(), &rows)?));
            }
        }
        Ok(found)
    }

    fn operator(&self, state: &str) -> Result<Vec<Vec<u8>>> {
        let mut entries = self.image.operator.get(&(self.uid.clone(), state.to_owned())).cloned().unwrap_or_default();
        entries.sort_by_key(|(subtask, _)| *subtask);
        Ok(entries.into_iter().map(|(_, entry)| entry).collect())
    }
}
