//! Jobs that the state directory keeps and this session does not run.

use std::path::Path;
use std::sync::Arc;

use super::remembered::read_job;
use crate::checkpoint::Manifest;
use crate::state::{Definition, JobDir, StateDir, StateStore, job_directories, job_path};
use crate::types::{CheckpointId, Error, Result};

/// A job of the state directory.
#[derive(Debug)]
pub struct KeptJob {
    /// The job's name.
    pub name: String,
    /// The other process that runs it: its checkpoints can't be read then.
    pub held_by: Option<u32>,
    /// The manifests of its checkpoints, oldest first.
    pub checkpoints: Vec<Manifest>,
    /// The definitions that it is made of.
    pub definitions: Vec<Definition>,
    /// The job's own statement, where it was kept with the directory it was typed in.
    pub statement: Option<Definition>,
    /// The error with which what is kept can't be read.
    pub problem: Option<Error>,
}

impl KeptJob {
    /// The last checkpoint.
    #[must_use]
    pub fn last(&self) -> Option<&Manifest> {
        self.checkpoints.last()
    }

    /// The manifests of the job's checkpoints, oldest first.
    ///
    /// # Errors
    /// When another process has the job, or what is kept can't be read.
    pub fn readable(self) -> Result<Vec<Manifest>> {
        match (self.held_by, self.problem) {
            (Some(pid), _) => Err(Error::Locked { job: self.name, pid }),
            (None, Some(problem)) => Err(problem),
            (None, None) => Ok(self.checkpoints),
        }
    }

    /// The state in a word or two.
    #[must_use]
    pub fn status(&self) -> String {
        match (self.held_by, &self.problem) {
            (Some(0), _) => "in another process".to_owned(),
            (Some(pid), _) => format!("in process {pid}"),
            (None, Some(_)) => "unreadable".to_owned(),
            (None, None) => "stopped".to_owned(),
        }
    }

    /// The last checkpoint in words: `checkpoint 7, 3 min ago`.
    #[must_use]
    pub fn last_checkpoint(&self, now_ms: i64) -> Option<String> {
        self.last()
            .map(|last| format!("checkpoint {}, {}", last.checkpoint, ago(now_ms.saturating_sub(last.taken_at_ms))))
    }
}

/// A time that has passed, in the largest unit that it has one of.
#[must_use]
pub fn ago(ms: i64) -> String {
    let seconds = ms.max(0) / 1_000;
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// The jobs of `state_dir` that `others` allows by name: those of which there is something to go on from, and those of
/// other processes.
pub(super) fn jobs(state_dir: &Path, others: impl Fn(&str) -> bool) -> Result<Vec<KeptJob>> {
    let mut found = Vec::new();
    for (directory, name) in job_directories(state_dir)? {
        let Some(name) = name.or_else(|| name_in(&directory)).filter(|name| others(name)) else { continue };
        let (kept, _) = read(state_dir, &name, at_once(state_dir, &name));
        if kept.held_by.is_some() || kept.problem.is_some() || !kept.checkpoints.is_empty() {
            found.push(kept);
        }
    }
    Ok(found)
}

/// The names of the jobs of which there is state in `state_dir`, and of those that another process runs; none when it can't
/// be read. Reads no state.
pub(super) fn names(state_dir: &Path) -> Vec<String> {
    let found = job_directories(state_dir).unwrap_or_default();
    let named = found.into_iter().filter_map(|(directory, name)| {
        let name = name.or_else(|| name_in(&directory))?;
        (StateStore::is_in(&directory) || runs_elsewhere(state_dir, &name)).then_some(name)
    });
    named.collect()
}

/// Whether another process has the job called `name`, of which there is a directory.
fn runs_elsewhere(state_dir: &Path, name: &str) -> bool {
    matches!(at_once(state_dir, name), Err(Error::Locked { .. }))
}

/// The directory of the job called `name`, unless somebody has it now.
fn at_once(state_dir: &Path, name: &str) -> Result<JobDir> {
    StateDir::open(state_dir)?.job_at_once(name)
}

/// The numbers of the checkpoints that are kept of the job called `name`; none when they can't be read.
pub(super) fn checkpoints(state_dir: &Path, name: &str) -> Vec<u64> {
    let Some(name) = names(state_dir).into_iter().find(|kept| kept.eq_ignore_ascii_case(name)) else {
        return Vec::new();
    };
    let (kept, _) = read(state_dir, &name, at_once(state_dir, &name));
    kept.checkpoints.iter().map(|manifest| manifest.checkpoint.0).collect()
}

/// The name that a job's directory was too short for.
fn name_in(directory: &Path) -> Option<String> {
    read_job(directory).ok()?.1.map(|statement| statement.name)
}

/// The job called `name` in `state_dir`, if there is state of it, and leave to use its directory unless another process
/// has it.
pub(super) fn job(state_dir: &Path, name: &str) -> (KeptJob, Option<JobDir>) {
    read(state_dir, name, StateDir::open(state_dir).and_then(|state| state.job(name)))
}

fn read(state_dir: &Path, name: &str, directory: Result<JobDir>) -> (KeptJob, Option<JobDir>) {
    let mut kept = KeptJob {
        name: name.to_owned(),
        held_by: None,
        checkpoints: Vec::new(),
        definitions: Vec::new(),
        statement: None,
        problem: None,
    };
    // Without it there are the manifests and the catalog.
    if let Ok((definitions, statement)) = read_job(&job_path(state_dir, name)) {
        kept.definitions = definitions;
        kept.statement = statement;
    }
    let directory = match directory {
        Ok(directory) => directory,
        Err(error) => {
            if let Error::Locked { pid, .. } = error {
                kept.held_by = Some(pid);
            } else {
                kept.problem = Some(error);
            }
            return (kept, None);
        }
    };
    match manifests(directory.path(), name) {
        Ok(checkpoints) => kept.checkpoints = checkpoints,
        Err(error) => kept.problem = Some(error),
    }
    (kept, Some(directory))
}

/// The manifests of a job's checkpoints, oldest first.
fn manifests(directory: &Path, name: &str) -> Result<Vec<Manifest>> {
    let Some(store) = StateStore::open_existing(directory)?.map(Arc::new) else { return Ok(Vec::new()) };
    let manifest = |id: CheckpointId| {
        let manifest = Manifest::parse(store.snapshot(id)?.manifest())?;
        manifest.check_job(name).map(|()| manifest)
    };
    store.checkpoints()?.into_iter().map(manifest).collect()
}

#[cfg(test)]
mod tests {
    use super::ago;

    #[test]
    fn ages_are_told_in_the_largest_unit() {
        let told = |ms| ago(ms);
        assert_eq!([told(-5), told(59_999), told(60_000)], ["0 s ago", "59 s ago", "1 min ago"]);
        assert_eq!([told(3_599_000), told(7_200_000), told(172_800_000)], ["59 min ago", "2 h ago", "2 d ago"]);
    }
}
