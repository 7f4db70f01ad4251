//! The destination of the rows of one job, and whether anybody still reads them.

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::api::{PreviewStart, ResultSink};
use crate::types::{Batch, Error, Result};

/// The results of one job or preview: remembers when their reader has gone, because the sink that finds out knows only of
/// itself, and the whole job is to end then.
pub struct JobResults {
    to: Arc<dyn ResultSink>,
    unread: AtomicBool,
    /// The number of rows that are still wanted; all of them without one.
    wanted: Mutex<Option<u64>>,
    cut: AtomicBool,
}

impl JobResults {
    pub(super) fn new(to: Arc<dyn ResultSink>) -> Arc<Self> {
        Arc::new(Self { to, unread: AtomicBool::new(false), wanted: Mutex::default(), cut: AtomicBool::new(false) })
    }

    /// Says that the rows are those of a preview.
    pub(super) fn begin(&self, start: &PreviewStart<'_>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = self.to.preview(start);
    }

    /// Whether there were more rows than were wanted.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Whether nobody reads them any more.
    #[must_use]
    pub fn is_unread(&self) -> bool {
        self.unread.load(Ordering::Acquire)
    }
}

/// The reader of rows that never come: of plans that are not run.
pub(super) struct Nobody;

impl ResultSink for Nobody {
    fn rows(&self, _name: &str, _batch: &Batch) -> Result<()> {
        Ok(())
    }
}

impl JobResults {
    fn hand_on(&self, name: &str, batch: &Batch) -> Result<()> {
        self.to.rows(name, batch).inspect_err(|error| {
            if error.is_broken_pipe() {
                self.unread.store(true, Ordering::Release);
            }
        })
    }
}

impl fmt::Debug for JobResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobResults").field("unread", &self.unread).finish_non_exhaustive()
    }
}

impl ResultSink for JobResults {
    fn rows(&self, name: &str, batch: &Batch) -> Result<()> {
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(left) = &mut *wanted else {
            // Several subtasks may wait for a slow reader at once.
            drop(wanted);
            return self.hand_on(name, batch);
        };
        let room = usize::try_from(*left).unwrap_or(usize::MAX).min(batch.rows());
        *left -= room as u64;
        if room > 0 {
            self.hand_on(name, &batch.slice(0, room))?;
        }
        if room == batch.rows() {
            return Ok(());
        }
        self.cut.store(true, Ordering::Release);
        Err(Error::io("the preview", io::ErrorKind::BrokenPipe.into()))
    }
}
