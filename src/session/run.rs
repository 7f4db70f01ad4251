//! Jobs of a session.

use std::path::PathBuf;
use std::sync::Arc;

use super::JobResults;
use crate::lang::lower::JobPlan;
use crate::plan::JobGraph;
use crate::plan::explain::Explain;
use crate::runtime::Job;

/// A job and what it was made of.
#[derive(Debug)]
pub struct JobEntry {
    /// The job's name.
    pub name: String,
    /// The job. Shared with whoever watches it; dropping the last handle cancels it.
    pub job: Arc<Job>,
    /// The job's plan, as typed and as optimised, and its settings.
    pub plan: JobPlan,
    /// The statement typed to start the job.
    pub statement: Option<String>,
    /// The directory of its state.
    pub directory: PathBuf,
    /// The destination of the rows that the job prints.
    pub results: Arc<JobResults>,
}

/// Calls `show` with all levels of a job's plan.
pub fn explained<T>(plan: &JobPlan, show: impl FnOnce(&Explain<'_>) -> T) -> T {
    let stream = plan.stream_graph();
    let job = JobGraph::from_stream_graph(&stream, None);
    show(&Explain {
        typed: &plan.logical,
        optimized: &plan.optimized,
        stream: &stream,
        job: &job,
        task_managers: plan.settings.task_managers,
    })
}
