//! Rows for the person at the terminal, or for the next program in the pipe.

use std::sync::{Arc, Mutex, PoisonError};

use super::mode::Mode;
use super::row_text::RowText;
use super::transcript::Transcript;
use super::{print, render};
use crate::api::ResultSink;
use crate::types::{Batch, Result};

/// Takes the rows of previews and of `into print`: to standard output in the current mode, to a transcript, or both.
#[derive(Debug)]
pub(super) struct RowPrinter {
    screen: Option<Mutex<RowText>>,
    transcript: Mutex<Option<Arc<Transcript>>>,
}

impl RowPrinter {
    /// Prints rows in this mode.
    #[must_use]
    pub(super) const fn new(mode: Mode) -> Self {
        Self { screen: Some(Mutex::new(RowText::new(mode))), transcript: Mutex::new(None) }
    }

    /// Prints nothing: rows go to a transcript only.
    #[must_use]
    pub(super) const fn silent() -> Self {
        Self { screen: None, transcript: Mutex::new(None) }
    }

    /// Whether rows are printed.
    pub(super) const fn is_shown(&self) -> bool {
        self.screen.is_some()
    }

    /// Rows go to this transcript too from now on, or to none any more.
    pub(super) fn set_transcript(&self, transcript: Option<Arc<Transcript>>) {
        *self.transcript.lock().unwrap_or_else(PoisonError::into_inner) = transcript;
    }

    fn transcript(&self) -> Option<Arc<Transcript>> {
        self.transcript.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn screen(&self) -> Option<std::sync::MutexGuard<'_, RowText>> {
        self.screen.as_ref().map(|screen| screen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Shows rows in this mode from now on.
    pub(super) fn set_mode(&self, mode: Mode) {
        if let Some(mut screen) = self.screen() {
            screen.set_mode(mode);
        }
        if let Some(transcript) = self.transcript() {
            transcript.set_mode(mode);
        }
    }

    /// The mode in which rows are printed.
    pub(super) fn mode(&self) -> Mode {
        self.screen().map_or(Mode::Table, |screen| screen.mode())
    }

    /// The next rows begin a new result: header first. Returns how many rows the last one had.
    pub(super) fn begin(&self) -> u64 {
        let of_transcript = self.transcript().map(|transcript| transcript.begin());
        let of_screen = self.screen().map(|mut screen| screen.begin());
        of_screen.or(of_transcript).unwrap_or(0)
    }
}

impl ResultSink for RowPrinter {
    fn rows(&self, _name: &str, batch: &Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(transcript) = self.transcript() {
            transcript.rows(batch)?;
        }
        let Some(mut screen) = self.screen() else { return Ok(()) };
        let mut text = Vec::new();
        let remark = screen.write(batch, render::terminal_width().map(usize::from), &mut text)?;
        print::rows(&text)?;
        if let Some(remark) = remark {
            print::error(format!("{remark}\n"));
        }
        Ok(())
    }
}
