//! For tests only: a panic in a thread of choice, to see that the terminal is given back. `LOTIC_TEST_PANIC` names the
//! thread: `ui`, `statements`, `reader`, `signals` or `worker` (a slot of a job that prints). It strikes while the
//! dashboard is open, and at no other time.

use std::sync::Arc;

use super::terminal;
use crate::api::{PreviewStart, ResultSink};
use crate::types::{Batch, Result};

/// Panics if `LOTIC_TEST_PANIC` names this thread and the dashboard is open.
pub(in crate::shell) fn panic_if_asked(thread: &str) {
    let asked = std::env::var_os("LOTIC_TEST_PANIC").is_some_and(|name| name == thread);
    assert!(!(asked && terminal::is_held()), "a panic that LOTIC_TEST_PANIC asked for, in {thread}");
}

/// Hands rows on, and panics if a worker is to panic.
pub(in crate::shell) struct PanickingRows(Arc<dyn ResultSink>);

impl PanickingRows {
    /// `rows`, with a panic in it if the environment asks for one in a worker.
    pub(in crate::shell) fn around(rows: Arc<dyn ResultSink>) -> Arc<dyn ResultSink> {
        match std::env::var_os("LOTIC_TEST_PANIC") {
            Some(thread) if thread == "worker" => Arc::new(Self(rows)),
            _ => rows,
        }
    }
}

impl ResultSink for PanickingRows {
    fn preview(&self, start: &PreviewStart<'_>) -> Option<u64> {
        self.0.preview(start)
    }

    fn rows(&self, name: &str, batch: &Batch) -> Result<()> {
        panic_if_asked("worker");
        self.0.rows(name, batch)
    }
}
