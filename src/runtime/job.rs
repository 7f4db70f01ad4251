//! The handle of a running job: what the shell holds.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::inspect::{CheckpointView, JobStatus, JobView};
use crate::plan::StreamGraph;
use crate::types::{CheckpointId, Clock, DEFAULT_BATCH_ROWS, Result, SubtaskId};

/// What to run.
#[derive(Debug)]
pub struct JobSpec {
    /// The plan; chained anew for each parallelism.
    pub graph: StreamGraph,
    /// How.
    pub options: JobOptions,
    /// From which state.
    pub restore: Restore,
}

/// How to run it.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// Where the job's state is kept: `<state-dir>/jobs/<job>`; `None` keeps none (no checkpoints: a preview).
    pub directory: Option<PathBuf>,
    /// Between two triggers; `None` for on command only.
    pub checkpoint_interval_ms: Option<i64>,
    /// Completed checkpoints that are kept.
    pub retained_checkpoints: usize,
    /// What happens after a failure.
    pub restart: Restart,
    /// Among how many task managers the slots are divided.
    pub task_managers: usize,
    /// Rows of a full batch.
    pub batch_rows: usize,
    /// Elements a channel holds.
    pub channel_capacity: usize,
    /// Whether the end of bounded input fires what is open.
    pub drain: bool,
    /// Ends the input after this many source rows in all.
    pub stop_after_rows: Option<u64>,
    /// A savepoint to write when the input has ended.
    pub final_savepoint: Option<PathBuf>,
    /// Who steps the subtasks.
    pub executor: Executor,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self {
            directory: None,
            checkpoint_interval_ms: None,
            retained_checkpoints: 3,
            restart: Restart { attempts: 3, delay_ms: 1_000 },
            task_managers: 1,
            batch_rows: DEFAULT_BATCH_ROWS,
            channel_capacity: 8,
            drain: true,
            stop_after_rows: None,
            final_savepoint: None,
            executor: Executor::Threaded,
        }
    }
}

/// Fixed-delay restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restart {
    /// How many before the job fails.
    pub attempts: u32,
    /// How long before each.
    pub delay_ms: i64,
}

/// Who steps the subtasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Executor {
    /// One worker thread a slot.
    Threaded,
    /// One thread for all, the next subtask chosen by seed, on a virtual clock.
    Stepping {
        /// The seed.
        seed: u64,
    },
}

/// From which state a job starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restore {
    /// From nothing; what an earlier run of this name left is set aside, never touched.
    Fresh,
    /// From the last completed checkpoint, or from nothing when there is none.
    Latest,
    /// From this checkpoint.
    Checkpoint(CheckpointId),
    /// From this savepoint directory.
    Savepoint(PathBuf),
}

/// A job. Dropping it cancels it.
#[derive(Debug)]
pub struct Job {}

impl Job {
    /// Starts it. Returns when its subtasks are made and their state is restored.
    pub fn launch(_spec: JobSpec, _clock: Arc<dyn Clock>) -> Result<Self> {
        unimplemented!()
    }

    /// What it started from, when that was a checkpoint or savepoint: its number.
    #[must_use]
    pub fn restored_from(&self) -> Option<CheckpointId> {
        unimplemented!()
    }

    /// It, now. Costs the job nothing: counters are read, operators answer between two batches.
    #[must_use]
    pub fn view(&self) -> Arc<JobView> {
        unimplemented!()
    }

    /// Waits until it is over, at most `timeout_ms`; `None` when it is not over by then.
    #[must_use]
    pub fn wait(&self, _timeout_ms: Option<u64>) -> Option<JobStatus> {
        unimplemented!()
    }

    /// The failure that ended it.
    #[must_use]
    pub fn failure(&self) -> Option<crate::types::Error> {
        unimplemented!()
    }

    /// Takes a checkpoint and waits for it.
    pub fn checkpoint(&self) -> Result<CheckpointView> {
        unimplemented!()
    }

    /// Takes a savepoint into `directory`, which must not exist or be empty, and waits for it.
    pub fn savepoint(&self, _directory: &Path) -> Result<CheckpointView> {
        unimplemented!()
    }

    /// Stops it: with `drain` the open windows fire first; then a last checkpoint is taken, a savepoint too if asked for.
    pub fn stop(&self, _savepoint: Option<&Path>, _drain: bool) -> Result<()> {
        unimplemented!()
    }

    /// Ends it at once. Uncommitted output is lost, checkpoints stay.
    pub fn cancel(&self) {
        unimplemented!()
    }

    /// Holds the sources.
    pub fn pause(&self) -> Result<()> {
        unimplemented!()
    }

    /// Lets them go on.
    pub fn resume(&self) -> Result<()> {
        unimplemented!()
    }

    /// A checkpoint, a stop, and a restore at another parallelism.
    pub fn rescale(&self, _parallelism: usize) -> Result<()> {
        unimplemented!()
    }

    /// Fails one subtask on purpose.
    pub fn kill_subtask(&self, _subtask: SubtaskId) -> Result<()> {
        unimplemented!()
    }

    /// Fails all slots of one task manager on purpose.
    pub fn kill_task_manager(&self, _index: usize) -> Result<()> {
        unimplemented!()
    }
}
