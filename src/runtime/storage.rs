//! The storage of checkpoints: what the job manager needs of it.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{Manifest, ManifestOperator, Moment, SnapshotKind, StateSize};
use crate::state::{CommitStats, Instance, OperatorDelta, OperatorStateDescriptor, RestoredState, StateDescriptor};
use crate::types::{CheckpointId, OperatorUid, Result};

/// The facts of an operator when a checkpoint is written.
#[derive(Debug, Clone)]
pub struct OperatorFacts {
    /// The operator's uid.
    pub uid: OperatorUid,
    /// The operator's name in `explain`; a source's, its name in the catalog.
    pub name: String,
    /// The number of instances of the operator.
    pub parallelism: usize,
    /// The operator's keyed states.
    pub states: Vec<StateDescriptor>,
    /// The states of its instances.
    pub operator_states: Vec<OperatorStateDescriptor>,
}

/// The facts of the job when a checkpoint is written.
#[derive(Debug, Clone)]
pub struct JobFacts {
    /// The job's name.
    pub name: String,
    /// The statement typed to start the job, where it was typed.
    pub statement: Option<String>,
    /// The job's parallelism.
    pub parallelism: usize,
    /// The job's number of key groups.
    pub max_parallelism: u16,
    /// The job's operators, sources too.
    pub operators: Vec<OperatorFacts>,
    /// The operators whose state the checkpoint that the job started from has under another uid, and that one.
    pub renamed: Vec<(OperatorUid, OperatorUid)>,
}

/// One checkpoint to be made durable.
#[derive(Debug)]
pub struct CheckpointWrite<'a> {
    /// The checkpoint's number.
    pub id: CheckpointId,
    /// The checkpoint that the deltas are relative to.
    pub parent: Option<CheckpointId>,
    /// The deltas of all instances.
    pub deltas: &'a [OperatorDelta],
    /// The job.
    pub job: &'a JobFacts,
    /// Clock when it was triggered, milliseconds.
    pub triggered_ms: i64,
    /// From where a replay goes on.
    pub moment: Moment,
}

impl CheckpointWrite<'_> {
    /// The manifest of the checkpoint.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let operators = self.job.operators.iter().map(|facts| ManifestOperator {
            uid: facts.uid.clone(),
            name: facts.name.clone(),
            parallelism: facts.parallelism,
            states: facts.states.iter().map(Into::into).collect(),
            operator_states: facts.operator_states.iter().map(Into::into).collect(),
        });
        let manifest = Manifest::new(
            SnapshotKind::Checkpoint,
            &self.job.name,
            self.id,
            self.triggered_ms,
            self.job.parallelism,
            self.job.max_parallelism,
            operators.collect(),
        );
        Manifest { statement: self.job.statement.clone(), moment: Some(self.moment), ..manifest }
    }
}

/// The checkpoints of one job. Called by one thread at a time, never by a slot.
pub trait CheckpointStorage: Send + Sync {
    /// The checkpoints held, ascending.
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
    /// The checkpoint's number.
    fn id(&self) -> CheckpointId;

    /// The manifest of the checkpoint and of the job that wrote it.
    fn manifest(&self) -> &Manifest;

    /// The operators that have state in it, with their keyed states. Counters are not state that anybody would miss: an
    /// operator that has nothing else is left out.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn operators(&self) -> Result<Vec<(OperatorUid, Vec<StateDescriptor>)>>;

    /// The state of one operator that an instance is given; empty when it has none.
    fn operator(&self, uid: &OperatorUid, instance: Instance) -> Arc<dyn RestoredState>;

    /// The commit entries of one operator.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>>;

    /// The size of one state of an operator, keyed or of its instances; `None` where there is none, or it is not known.
    /// Reads all of it.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn size(&self, _uid: &OperatorUid, _state: &str) -> Result<Option<StateSize>> {
        Ok(None)
    }
}
