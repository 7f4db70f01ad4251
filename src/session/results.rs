//! The destination of the rows of one job, and whether anybody still reads them.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::api::ResultSink;
use crate::types::{Batch, Result};

/// The results of one job or preview: remembers when their reader has gone, because the sink that finds out knows only of
/// itself, and the whole job is to end then.
pub struct JobResults {
    to: Arc<dyn ResultSink>,
    unread: AtomicBool,
}

impl JobResults {
    pub(super) fn new(to: Arc<dyn ResultSink>) -> Arc<Self> {
        Arc::new(Self { to, unread: AtomicBool::new(false) })
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

impl fmt::Debug for JobResults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobResults").field("unread", &self.unread).finish_non_exhaustive()
    }
}

impl ResultSink for JobResults {
    fn rows(&self, name: &str, batch: &Batch) -> Result<()> {
        self.to.rows(name, batch).inspect_err(|error| {
            if error.is_broken_pipe() {
                self.unread.store(true, Ordering::Release);
            }
        })
    }
}
