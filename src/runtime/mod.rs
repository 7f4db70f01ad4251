//! Layer 4: running a job graph. Subtasks, chains, exchanges, executors, `JobManager`, `TaskManager`s.

mod job;

pub use job::{Executor, Job, JobOptions, JobSpec, Restart, Restore};
