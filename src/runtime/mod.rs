//! Layer 4: running a job graph. Subtasks, chains, exchanges, executors, `JobManager`, `TaskManager`s.

mod chain;
mod channel;
mod checked_operator;
mod checkpoint_log;
mod checks;
mod deploy;
mod driver;
mod event_log;
mod exchange;
mod input_gate;
mod job;
mod job_manager;
mod job_status;
mod job_view;
mod metrics;
mod outputs;
mod pace;
mod redb_storage;
mod shown;
mod source_driver;
mod source_reader;
mod source_scan;
mod source_state;
mod source_time;
mod state_query;
mod stepping;
mod storage;
mod subtask;
mod survey;
mod threaded;
mod wake;
mod watermark_valve;

pub use job::{Executor, Job, JobOptions, JobSpec, MakeGraph, Restart, Restore};
pub use redb_storage::open_storage;
pub use stepping::Stepper;
pub use storage::{CheckpointStorage, CheckpointWrite, JobFacts, MemoryStorage, OperatorFacts, RestorePoint};
