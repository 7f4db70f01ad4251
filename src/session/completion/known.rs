//! The names that can be used: a snapshot of a session.

use std::path::PathBuf;

use crate::api::Registries;
use crate::inspect::CheckpointStatus;
use crate::plan::Catalog;
use crate::session::Session;

/// The knowledge of the session when the snapshot was made. It holds no job and no terminal, and can be sent to another
/// thread.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) registries: Registries,
    pub(super) catalog: Catalog,
    pub(super) jobs: Vec<KnownJob>,
    pub(super) base_dir: PathBuf,
    /// The state directory, which may keep other jobs.
    pub(super) state_dir: PathBuf,
}

/// The facts that are known of a job.
#[derive(Debug, Clone)]
pub(super) struct KnownJob {
    pub(super) name: String,
    pub(super) status: String,
    /// Number, name and subtasks of each vertex, while it runs.
    pub(super) vertices: Vec<(usize, String, usize)>,
    /// The job's completed checkpoints.
    pub(super) checkpoints: Vec<u64>,
}

impl Known {
    /// A snapshot of `session`.
    pub(super) fn of(session: &Session) -> Self {
        let jobs = session.jobs().map(|entry| {
            let view = entry.job.view();
            let completed =
                view.checkpoints.iter().filter(|checkpoint| checkpoint.status == CheckpointStatus::Completed);
            KnownJob {
                name: entry.name.clone(),
                status: view.status.name().to_owned(),
                vertices: view
                    .vertices
                    .iter()
                    .map(|vertex| (vertex.id, vertex.name.clone(), vertex.subtasks.len()))
                    .collect(),
                checkpoints: completed.map(|checkpoint| checkpoint.id).collect(),
            }
        });
        Self {
            registries: *session.registries(),
            catalog: session.catalog().clone(),
            jobs: jobs.collect(),
            base_dir: session.settings().base_dir.clone(),
            state_dir: session.state_dir().to_path_buf(),
        }
    }
}
