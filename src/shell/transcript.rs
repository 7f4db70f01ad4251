//! The transcript of what was shown, as text: for sessions that are recorded or replayed.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::mode::Mode;
use super::row_text::{Look, RowText};
use crate::types::{Batch, Printable, Result};

/// Columns that tables in sessions may have, whatever the terminal on which one was recorded.
pub(super) const WIDTH: u16 = 100;

/// Collects what statements show. Rows that jobs print while other statements run are held until something waits for
/// them: on a terminal they come whenever they come, in a session they have a place.
#[derive(Debug)]
pub(super) struct Transcript {
    inner: Mutex<Inner>,
    /// Taken away from paths, so that a session reads the same wherever it runs.
    base: String,
}

#[derive(Debug)]
struct Inner {
    rows: RowText,
    held: String,
    text: String,
}

impl Transcript {
    /// An empty one; paths below `base` are shown relative to it.
    pub(super) fn new(mode: Mode, base: &Path) -> Self {
        let inner = Inner { rows: RowText::new(mode), held: String::new(), text: String::new() };
        Self { inner: Mutex::new(inner), base: format!("{}/", base.display()) }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows rows in this mode from now on.
    pub(super) fn set_mode(&self, mode: Mode) {
        self.lock().rows.set_mode(mode);
    }

    /// Shows values so from now on.
    pub(super) fn set_look(&self, look: Look) {
        self.lock().rows.set_look(look);
    }

    /// How values are shown.
    pub(super) fn look(&self) -> Look {
        self.lock().rows.look()
    }

    /// The mode.
    pub(super) fn mode(&self) -> Mode {
        self.lock().rows.mode()
    }

    /// The next rows begin a new result. Returns how many the last one had.
    pub(super) fn begin(&self) -> u64 {
        self.lock().rows.begin()
    }

    /// Holds rows until [`Self::release`].
    pub(super) fn rows(&self, batch: &Batch) -> Result<()> {
        let mut inner = self.lock();
        let mut text = Vec::new();
        let remark = inner.rows.write(batch, Some(usize::from(WIDTH)), &mut text)?;
        inner.held.push_str(&String::from_utf8_lossy(&text));
        if let Some(remark) = remark {
            inner.held.push_str(&remark);
            inner.held.push('\n');
        }
        Ok(())
    }

    /// Shows the rows that were held: something has waited for them.
    pub(super) fn release(&self) {
        let mut inner = self.lock();
        let held = std::mem::take(&mut inner.held);
        inner.text.push_str(&held);
    }

    /// Shows `text`.
    pub(super) fn push(&self, text: &Printable) {
        self.lock().text.push_str(&text.as_str().replace(&self.base, ""));
    }

    /// The text shown since the last call; rows that are held stay held.
    pub(super) fn take(&self) -> String {
        std::mem::take(&mut self.lock().text)
    }
}
