//! Where checkpoints are kept: what the job manager needs of it.

use std::path::Path;
use std::sync::Arc;

use crate::checkpoint::{Manifest, ManifestOperator, Moment, SnapshotKind};
use crate::state::{CommitStats, Instance, OperatorDelta, OperatorStateDescriptor, RestoredState, StateDescriptor};
use crate::types::{CheckpointId, OperatorUid, Result};

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
    /// The states of its instances.
    pub operator_states: Vec<OperatorStateDescriptor>,
}

/// What is known of the job when a checkpoint is written.
#[derive(Debug, Clone)]
pub struct JobFacts {
    /// Its name.
    pub name: String,
    /// What was typed to start it, where it was typed.
    pub statement: Option<String>,
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
    /// From where a replay goes on.
    pub moment: Moment,
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

    /// The state of one operator that an instance is given; empty when it has none.
    fn operator(&self, uid: &OperatorUid, instance: Instance) -> Arc<dyn RestoredState>;

    /// The commit entries of one operator.
    ///
    /// # Errors
    /// When what is stored is damaged.
    fn commit_entries(&self, uid: &OperatorUid) -> Result<Vec<Vec<u8>>>;
}
