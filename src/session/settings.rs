//! The settings that hold for every job of a session unless a `run` says otherwise.

use std::path::PathBuf;

use crate::plan::Mode;
use crate::runtime::Executor;

/// The settings: command-line options and their defaults.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Relative paths in statements start here.
    pub base_dir: PathBuf,
    /// The directory where jobs keep their state.
    pub state_dir: PathBuf,
    /// `--parallelism`: overrides what `run … with (parallelism = …)` says.
    pub parallelism: Option<usize>,
    /// `--restore`: what `run` starts from.
    pub restore: Option<RestoreFrom>,
    /// `--allow-non-restored-state`: state that no operator takes up is left behind.
    pub allow_non_restored_state: bool,
    /// `--stop-after`: source rows after which the input ends.
    pub stop_after_rows: Option<u64>,
    /// `--savepoint`: where the savepoint goes that is taken when the input has ended.
    pub savepoint: Option<PathBuf>,
    /// Whether the end of input fires open windows (`--no-drain` clears it).
    pub drain: bool,
    /// `--drain`: whether the limit of source rows fires them too when a savepoint is taken behind it.
    pub drain_at_limit: bool,
    /// Rows of a full batch.
    pub batch_rows: usize,
    /// The zone in which instants are read as dates and times of day (`set timezone`).
    pub zone: chrono_tz::Tz,
    /// The way in which pipelines and jobs run that say no other (`set mode`).
    pub mode: Mode,
    /// Who steps the subtasks (`--seed` chooses the stepping executor).
    pub executor: Executor,
    /// What the session has to do with the definitions that the state directory remembers.
    pub memory: Memory,
}

/// What a session has to do with the definitions that the state directory remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Memory {
    /// Nothing: what it defines ends with it.
    None,
    /// It adds its own, and knows no others: a script means the same wherever it runs.
    Adds,
    /// It knows those there are, and adds its own.
    Shared,
}

/// `--restore`
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreFrom {
    /// The last completed checkpoint of the job's name, or nothing when there is none.
    Latest,
    /// A savepoint directory.
    Savepoint(PathBuf),
}

impl Settings {
    /// The defaults, with state in `state_dir`.
    #[must_use]
    pub const fn new(base_dir: PathBuf, state_dir: PathBuf) -> Self {
        Self {
            base_dir,
            state_dir,
            parallelism: None,
            restore: None,
            allow_non_restored_state: false,
            stop_after_rows: None,
            savepoint: None,
            drain: true,
            drain_at_limit: false,
            batch_rows: crate::types::DEFAULT_BATCH_ROWS,
            zone: chrono_tz::Tz::UTC,
            mode: Mode::Streaming,
            executor: Executor::Threaded,
            memory: Memory::None,
        }
    }
}
