//! Jobs of a session.

use std::sync::Arc;

use super::JobResults;
use crate::lang::lower::JobPlan;
use crate::plan::JobGraph;
use crate::plan::explain::Explain;
use crate::runtime::Job;
use crate::state::JobDir;

/// A job and what it was made of.
#[derive(Debug)]
pub struct JobEntry {
    /// Its name.
    pub name: String,
    /// It. Shared with whoever watches it; dropping the last handle cancels it.
    pub job: Arc<Job>,
    /// Its plan, as typed and as optimised, and its settings.
    pub plan: JobPlan,
    /// What was typed to start it.
    pub statement: Option<String>,
    /// Leave to use the directory of its state.
    pub directory: Arc<JobDir>,
    /// Where the rows go that it prints.
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
