//! Rows for the person at the terminal, or for the next program in the pipe.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live::Live;
use super::mode::Mode;
use super::row_text::RowText;
use super::transcript::Transcript;
use super::{print, render};
use crate::api::{PreviewStart, ResultSink};
use crate::types::{Batch, Printable, Result};

/// Takes the rows of previews and of `into print`: to standard output in the current mode, to a transcript, or both.
#[derive(Debug)]
pub(super) struct RowPrinter {
    screen: Option<Mutex<Screen>>,
    transcript: Mutex<Option<Arc<Transcript>>>,
    /// The number of rows of a preview that are shown; all of them without one.
    wanted: Mutex<Option<u64>>,
}

#[derive(Debug)]
struct Screen {
    text: RowText,
    /// The table of the preview that runs, where it changes in place.
    live: Option<Live>,
}

/// The number of rows that a result had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// Rows on the screen; `None` when there is none.
    pub(super) on_screen: Option<u64>,
    /// Rows in the transcript; `None` when there is none.
    pub(super) in_transcript: Option<u64>,
}

impl RowPrinter {
    /// Prints rows in this mode.
    #[must_use]
    pub(super) const fn new(mode: Mode) -> Self {
        let screen = Screen { text: RowText::new(mode), live: None };
        Self { screen: Some(Mutex::new(screen)), transcript: Mutex::new(None), wanted: Mutex::new(None) }
    }

    /// Prints nothing: rows go to a transcript only.
    #[must_use]
    pub(super) const fn silent() -> Self {
        Self { screen: None, transcript: Mutex::new(None), wanted: Mutex::new(None) }
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

    fn screen(&self) -> Option<MutexGuard<'_, Screen>> {
        self.screen.as_ref().map(|screen| screen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The number of rows of a preview that are shown; `None` for all.
    pub(super) fn wanted(&self) -> Option<u64> {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Shows so many rows of a preview from now on, `None` for all.
    pub(super) fn set_wanted(&self, rows: Option<u64>) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = rows;
    }

    /// Shows rows in this mode from now on.
    pub(super) fn set_mode(&self, mode: Mode) {
        if let Some(mut screen) = self.screen() {
            screen.text.set_mode(mode);
        }
        if let Some(transcript) = self.transcript() {
            transcript.set_mode(mode);
        }
    }

    /// The mode in which rows are printed.
    pub(super) fn mode(&self) -> Mode {
        self.screen().map_or(Mode::Table, |screen| screen.text.mode())
    }

    /// The next rows begin a new result: header first. Returns how many rows the last one had.
    pub(super) fn begin(&self) -> Counted {
        let in_transcript = self.transcript().map(|transcript| transcript.begin());
        let on_screen = self.screen().map(|mut screen| {
            let printed = screen.text.begin();
            screen.live.take().map_or(printed, |live| live.len())
        });
        Counted { on_screen, in_transcript }
    }

    /// The number of rows printed of the result so far.
    pub(super) fn printed(&self) -> u64 {
        self.screen().map_or(0, |screen| screen.text.rows())
    }

    /// The lines of the table that changes in place, if there is one: at most `width` columns and `rows_max` rows of it.
    pub(super) fn live(&self, width: usize, rows_max: usize) -> Option<Vec<String>> {
        self.screen().and_then(|screen| Some(screen.live.as_ref()?.lines(width, rows_max)))
    }
}

impl ResultSink for RowPrinter {
    fn preview(&self, start: &PreviewStart<'_>) -> Option<u64> {
        for remark in start.remarks {
            let remark = Printable::line(remark);
            if let Some(transcript) = self.transcript() {
                transcript.push(&remark);
            }
            if self.is_shown() {
                print::error(remark);
            }
        }
        let wanted = self.wanted();
        let Some(mut screen) = self.screen() else { return wanted };
        let redrawn = screen.text.mode() == Mode::Live && !start.changelog.is_append() && render::can_redraw();
        screen.live = redrawn.then(|| Live::new(start.changelog.key()));
        // All changes make the table.
        if redrawn { None } else { wanted }
    }

    fn rows(&self, _name: &str, batch: &Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(transcript) = self.transcript() {
            transcript.rows(batch)?;
        }
        let Some(mut screen) = self.screen() else { return Ok(()) };
        if let Some(live) = &mut screen.live {
            return live.apply(batch);
        }
        let mut text = Vec::new();
        let remark = screen.text.write(batch, render::terminal_width().map(usize::from), &mut text)?;
        print::rows(&text)?;
        if let Some(remark) = remark {
            print::error(format!("{remark}\n"));
        }
        Ok(())
    }
}
