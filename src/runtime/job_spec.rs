//! The specification that a job is started with.

use std::path::PathBuf;
use std::sync::Arc;

use super::past::Past;
use crate::plan::{JobGraph, JobSettings, StreamGraph};
use crate::state::JobDir;
use crate::types::{CheckpointId, Result};

/// The specification of a job to run.
#[derive(Debug)]
pub struct JobSpec {
    /// The plan; chained anew for every attempt but the first.
    pub(super) stream: StreamGraph,
    /// The job graph of the first attempt, and of what is checked before it.
    pub(super) graph: JobGraph,
    /// The options of the run.
    pub options: JobOptions,
    /// From which state.
    pub restore: Restore,
}

impl JobSpec {
    /// Runs `stream` with these options from this state.
    #[must_use]
    pub fn new(stream: StreamGraph, options: JobOptions, restore: Restore) -> Self {
        let graph = JobGraph::from_stream_graph(&stream, None);
        Self { stream, graph, options, restore }
    }
}

/// The options of a run: the job's settings, and what holds for this run alone.
#[derive(Debug, Clone)]
pub struct JobOptions {
    /// The job's settings.
    pub settings: Arc<JobSettings>,
    /// The statement typed to start the job: checkpoints hold it.
    pub statement: Option<String>,
    /// The directory of the job's state: `<state-dir>/jobs/<job>`; `None` keeps none (no checkpoints: a preview).
    pub directory: Option<PathBuf>,
    /// Leave to use that directory, given back when the job is over.
    pub lock: Option<Arc<JobDir>>,
    /// Whether the end of bounded input fires what is open.
    pub drain: bool,
    /// Ends the input after this many source rows in all. With a final savepoint nothing that is open fires then, unless
    /// `drain_at_limit`: the input goes on where the savepoint is restored.
    pub stop_after_rows: Option<u64>,
    /// Whether what is open fires at that limit even if a final savepoint is taken.
    pub drain_at_limit: bool,
    /// A savepoint to write when the input has ended.
    pub final_savepoint: Option<PathBuf>,
    /// Who steps the subtasks.
    pub executor: Executor,
    /// What the runs of the job that this one goes on from have left to be shown.
    pub past: Past,
}

impl JobOptions {
    /// The options of a run that says nothing else.
    #[must_use]
    pub fn of(settings: &Arc<JobSettings>) -> Self {
        Self {
            settings: Arc::clone(settings),
            statement: None,
            directory: None,
            lock: None,
            drain: true,
            drain_at_limit: false,
            stop_after_rows: None,
            final_savepoint: None,
            executor: Executor::Threaded,
            past: Past::default(),
        }
    }
}

impl Default for JobOptions {
    fn default() -> Self {
        Self::of(&Arc::default())
    }
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
    /// From nothing. What an earlier run of this name left gives way to the first checkpoint; the last few are kept.
    Fresh,
    /// From the last completed checkpoint, or from nothing when there is none.
    Latest,
    /// From this checkpoint.
    Checkpoint(CheckpointId),
    /// From this savepoint directory.
    Savepoint(PathBuf),
}

/// Makes the job graph at a parallelism; called anew for every attempt.
pub type MakeGraph = dyn Fn(usize) -> Result<JobGraph> + Send + Sync;
