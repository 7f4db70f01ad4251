//! A bare pipeline in the foreground.

use std::sync::Arc;

use super::{FileRows, JobResults};
use crate::runtime::Job;

/// A pipeline whose rows go to the person's results until it ends. Dropping it cancels it.
#[derive(Debug)]
pub struct Preview {
    /// The job that runs it; it keeps no state.
    pub job: Job,
    /// The destination of the pipeline's rows.
    pub results: Arc<JobResults>,
    /// The file that its rows go to, if not to the person.
    pub file: Option<Arc<FileRows>>,
}
