//! The rows of a preview, on their way to the screen.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::super::mode::Mode;
use super::super::row_text::{Look, RowText};
use crate::api::ResultSink;
use crate::types::{Batch, Result};

/// The most lines kept: the last ones.
const LINES_MAX: usize = 2_000;

/// Collects the last rows of a preview as lines. The preview goes on while earlier lines are let go.
#[derive(Debug, Default)]
pub(super) struct Capture {
    lines: Mutex<Lines>,
    /// Whether the person wants the preview to end.
    interrupted: AtomicBool,
}

#[derive(Debug, Default)]
struct Lines {
    last: VecDeque<String>,
    left_out: u64,
    changed: bool,
    /// Says how rows are written; it has its own memory of the header.
    printer: Option<RowText>,
}

impl Capture {
    /// A preview begins, its rows in this mode, and its values as they look in it.
    pub(super) fn begin(&self, mode: Mode, look: Look) {
        let mut printer = RowText::new(mode);
        // The screen draws no escape sequences.
        printer.set_look(Look { dim: false, ..look });
        *self.lock() = Lines { changed: true, printer: Some(printer), ..Lines::default() };
        self.interrupted.store(false, Ordering::SeqCst);
    }

    /// The lines so far, and how many before them are left out, if there are new ones since the last call.
    pub(super) fn changed(&self) -> Option<(Vec<String>, u64)> {
        let mut lines = self.lock();
        std::mem::take(&mut lines.changed).then(|| (lines.last.iter().cloned().collect(), lines.left_out))
    }

    /// Ends the preview.
    pub(super) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::SeqCst);
    }

    /// Whether the preview is to end.
    pub(super) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::SeqCst)
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sink that previews write to while the dashboard is open.
#[derive(Debug)]
pub(super) struct CaptureSink(pub(super) Arc<Capture>);

impl ResultSink for CaptureSink {
    fn rows(&self, _name: &str, batch: &Batch) -> Result<()> {
        let mut lines = self.0.lock();
        let Some(printer) = &mut lines.printer else { return Ok(()) };
        let mut text = Vec::new();
        printer.write(batch, None, &mut text)?;
        for line in String::from_utf8_lossy(&text).lines() {
            if lines.last.len() == LINES_MAX {
                lines.last.pop_front();
                lines.left_out += 1;
            }
            lines.last.push_back(line.to_owned());
        }
        lines.changed = true;
        Ok(())
    }
}
