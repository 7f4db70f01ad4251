//! The errors that can come up while a job runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_schema::ArrowError;

use super::text::excerpt;

/// An error of the running engine. What the user typed wrong is a [`Diagnostic`](super::Diagnostic) instead.
///
/// Cheap to clone, because a job keeps the cause of its last failure for whoever asks.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file or directory could not be used.
    #[error("{}: {}", path.display(), io_reason(source))]
    Io {
        /// The path of the file or directory.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// An input is no longer what it was when the job began with it: what was read of it and what is left belong to two
    /// different inputs.
    #[error("{}: {what}", path.display())]
    Changed {
        /// The path of the input.
        path: PathBuf,
        /// The change that happened to the input.
        what: String,
    },
    /// A row could not be processed and the policy is to fail.
    #[error("{place}: {message}{}", in_row(row))]
    Row {
        /// The place where the row came from: `file:line`, or the operator that refused it.
        place: String,
        /// The error in the row.
        message: String,
        /// The text to see of the row: as it came in (a line), or as it was displayed. May be empty.
        row: String,
    },
    /// Stored state is damaged, foreign, or of a version that this build does not read.
    #[error("{0}")]
    State(String),
    /// State does not fit the job that is to start from it: a table in lines, of which the first says what does not fit
    /// what. The names in it are [`printable`](super::printable).
    #[error("{0}")]
    Unfit(String),
    /// The job is that of another process.
    #[error(
        "job `{job}` runs in another lotic (pid {pid}): `stop {job}` there, then this one can go on with it; or take another name"
    )]
    Locked {
        /// The job's name.
        job: String,
        /// The holder.
        pid: u32,
    },
    /// A kernel refused its input: a defect of ours, reported, not panicked over.
    #[error("a value could not be computed, which is a mistake in lotic: {0}")]
    Kernel(Arc<ArrowError>),
    /// A subtask panicked; its message.
    #[error("a subtask panicked, which is a mistake in lotic: {0}")]
    Panic(String),
    /// A subtask or task manager was killed on purpose.
    #[error("killed by command")]
    Killed,
    /// The job was told to do what it cannot do in its present state, or a configuration does not fit.
    #[error("{0}")]
    Config(String),
}

/// The reason of an i/o error in words: `no such file or directory`, without the number that the system has for it.
#[must_use]
pub fn io_reason(error: &io::Error) -> String {
    let text = error.to_string();
    let Some(code) = error.raw_os_error() else { return text };
    let words = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
    let mut chars = words.chars();
    // `I/O error` stays as it is.
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some('a'..='z')) => first.to_lowercase().chain(chars).collect(),
        _ => words.to_owned(),
    }
}

/// Characters of a row that a message shows.
const ROW_CHARS: usize = 200;

fn in_row(row: &str) -> String {
    if row.is_empty() { String::new() } else { format!(", in the row {}", excerpt(row.as_bytes(), ROW_CHARS)) }
}

impl Error {
    /// An i/o error at `path`.
    #[must_use]
    pub fn io(path: impl AsRef<Path>, source: io::Error) -> Self {
        Self::Io { path: path.as_ref().to_path_buf(), source: Arc::new(source) }
    }

    /// Whether it would only happen again, or worse, if the job were restarted: its input is another one, or nobody reads
    /// its output any more.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Changed { .. } => true,
            Self::Io { .. } => self.is_broken_pipe(),
            Self::Row { .. }
            | Self::State(_)
            | Self::Unfit(_)
            | Self::Locked { .. }
            | Self::Kernel(_)
            | Self::Panic(_)
            | Self::Killed
            | Self::Config(_) => false,
        }
    }

    /// Whether whoever read what we write has gone.
    #[must_use]
    pub fn is_broken_pipe(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::BrokenPipe)
    }

    /// A [`Error::State`] of this message.
    #[must_use]
    pub fn state(message: impl std::fmt::Display) -> Self {
        Self::State(message.to_string())
    }

    /// A [`Error::Config`] of this message.
    #[must_use]
    pub fn config(message: impl std::fmt::Display) -> Self {
        Self::Config(message.to_string())
    }
}

impl From<ArrowError> for Error {
    fn from(error: ArrowError) -> Self {
        Self::Kernel(Arc::new(error))
    }
}

/// A result of the running engine.
pub type Result<T, E = Error> = std::result::Result<T, E>;
