//! Rows for the person at the terminal, or for the next program in the pipe.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live::Live;
use super::mode::Mode;
use super::row_text::{Look, RowText};
use super::transcript::Transcript;
use super::{print, render};
use crate::api::{PreviewStart, ResultSink};
use crate::session::create_rows_file;
use crate::types::{Batch, Error, Printable, Result};

/// Takes the rows of previews and of `into print`: to standard output in the current mode, to a transcript, or both.
#[derive(Debug)]
pub(super) struct RowPrinter {
    screen: Option<Mutex<Screen>>,
    transcript: Mutex<Option<Arc<Transcript>>>,
    /// The number of rows of a preview that are shown; all of them without one.
    wanted: Mutex<Option<u64>>,
    /// The file that rows go to instead of the screen.
    file: Mutex<Option<RowFile>>,
}

#[derive(Debug)]
struct Screen {
    text: RowText,
    /// The table of the preview that runs, where it changes in place.
    live: Option<Live>,
    /// The beginning of the preview that runs, until it is known whether it ends soon.
    held: Option<Held>,
}

/// Rows that are held back.
#[derive(Debug, Default)]
struct Held {
    batches: Vec<Batch>,
    rows: usize,
}

/// The rows that are held back at most.
const HELD_ROWS: usize = 10_000;

/// `.output FILE`
#[derive(Debug)]
struct RowFile {
    path: PathBuf,
    to: File,
    rows: RowText,
}

/// The number of rows that a result had.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counted {
    /// Rows on the screen, or in the file that they go to instead; `None` when there is neither.
    pub(super) on_screen: Option<u64>,
    /// Rows in the transcript; `None` when there is none.
    pub(super) in_transcript: Option<u64>,
}

impl RowPrinter {
    /// Prints rows in this mode.
    #[must_use]
    pub(super) const fn new(mode: Mode) -> Self {
        let screen = Screen { text: RowText::new(mode), live: None, held: None };
        Self {
            screen: Some(Mutex::new(screen)),
            transcript: Mutex::new(None),
            wanted: Mutex::new(None),
            file: Mutex::new(None),
        }
    }

    /// Prints nothing: rows go to a transcript only.
    #[must_use]
    pub(super) const fn silent() -> Self {
        Self { screen: None, transcript: Mutex::new(None), wanted: Mutex::new(None), file: Mutex::new(None) }
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

    fn file(&self) -> MutexGuard<'_, Option<RowFile>> {
        self.file.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rows go to this file from now on, or to the screen again. Returns the file that they went to.
    ///
    /// # Errors
    /// When the file can't be made, or exists and is not to be overwritten: rows go where they went then.
    pub(super) fn set_file(&self, file: Option<(&Path, bool)>) -> Result<Option<PathBuf>> {
        let opened = match file {
            None => None,
            Some((path, overwrite)) => {
                let to = create_rows_file(path, overwrite)?;
                let mut rows = RowText::new(self.mode());
                rows.set_look(Look { dim: false, ..self.look() });
                Some(RowFile { path: path.to_path_buf(), to, rows })
            }
        };
        Ok(std::mem::replace(&mut *self.file(), opened).map(|file| file.path))
    }

    /// Whether rows go to a file instead of the screen.
    pub(super) fn has_file(&self) -> bool {
        self.file().is_some()
    }

    /// The file that rows go to instead of the screen, if any.
    pub(super) fn file_path(&self) -> Option<PathBuf> {
        self.file().as_ref().map(|file| file.path.clone())
    }

    /// Shows values so from now on.
    pub(super) fn set_look(&self, look: Look) {
        if let Some(mut screen) = self.screen() {
            screen.text.set_look(look);
        }
        let plain = Look { dim: false, ..look };
        if let Some(file) = &mut *self.file() {
            file.rows.set_look(plain);
        }
        if let Some(transcript) = self.transcript() {
            transcript.set_look(plain);
        }
    }

    /// How values are shown.
    pub(super) fn look(&self) -> Look {
        match (self.screen(), self.transcript()) {
            (Some(screen), _) => screen.text.look(),
            (None, Some(transcript)) => transcript.look(),
            (None, None) => Look::default(),
        }
    }

    /// Shows rows in this mode from now on.
    pub(super) fn set_mode(&self, mode: Mode) {
        if let Some(file) = &mut *self.file() {
            file.rows.set_mode(mode);
        }
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
        let of_file = self.file().as_mut().map(|file| file.rows.begin());
        let on_screen = self.screen().map(|mut screen| {
            let printed = screen.text.begin();
            screen.live.take().map_or(printed, |live| live.len())
        });
        Counted { on_screen: of_file.or(on_screen), in_transcript }
    }

    /// Holds the rows of the preview that begins back, until they are [released](Self::release) or very many: what ends
    /// soon can be shown as a whole.
    pub(super) fn hold_back(&self) {
        if let Some(mut screen) = self.screen().filter(|screen| screen.text.mode().is_for_people()) {
            screen.held = Some(Held::default());
        }
    }

    /// Shows the rows that were held back: by `page` if they are longer than the terminal, which says whether it did. There
    /// a table is as wide as it is. Elsewhere they are printed.
    ///
    /// # Errors
    /// When nobody reads standard output any more.
    pub(super) fn release(&self, page: impl FnOnce(&Printable) -> bool) -> Result<()> {
        let Some(mut screen) = self.screen() else { return Ok(()) };
        let Some(held) = screen.held.take().filter(|held| held.rows > 0) else { return Ok(()) };
        let fitted = screen.whole(&held, render::terminal_width().map(usize::from))?;
        if !render::fits_height(&fitted) {
            let whole = screen.whole(&held, None)?;
            // Whoever prints meanwhile must not wait for a person.
            drop(screen);
            let shown = page(if render::fits_height(&whole) { &fitted } else { &whole });
            let Some(again) = self.screen() else { return Ok(()) };
            screen = again;
            if shown {
                screen.text.count(held.rows as u64);
                return Ok(());
            }
        }
        held.batches.iter().try_for_each(|batch| screen.print(batch))
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
        let look = screen.text.look();
        screen.held.take_if(|_| redrawn);
        screen.live = redrawn.then(|| Live::new(start.changelog.key(), look));
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
        if let Some(RowFile { path, to, rows }) = &mut *self.file() {
            let mut text = Vec::new();
            rows.write(batch, None, &mut text)?;
            return to.write_all(&text).map_err(|error| Error::io(path.as_path(), error));
        }
        let Some(mut screen) = self.screen() else { return Ok(()) };
        if let Some(live) = &mut screen.live {
            return live.apply(batch);
        }
        if let Some(held) = &mut screen.held {
            held.rows += batch.rows();
            held.batches.push(batch.clone());
            if held.rows <= HELD_ROWS {
                return Ok(());
            }
            let held = screen.held.take().unwrap_or_default();
            return held.batches.iter().try_for_each(|batch| screen.print(batch));
        }
        screen.print(batch)
    }
}

impl Screen {
    fn print(&mut self, batch: &Batch) -> Result<()> {
        let mut text = Vec::new();
        let remark = self.text.write(batch, render::terminal_width().map(usize::from), &mut text)?;
        print::rows(&text)?;
        if let Some(remark) = remark {
            print::error(format!("{remark}\n"));
        }
        Ok(())
    }

    /// The rows as one text, for a terminal of `limit` columns, without colours.
    fn whole(&self, held: &Held, limit: Option<usize>) -> Result<Printable> {
        let mut rows = RowText::new(self.text.mode());
        rows.set_look(Look { dim: false, ..self.text.look() });
        let mut text = Vec::new();
        for batch in &held.batches {
            rows.write(batch, limit, &mut text)?;
        }
        Ok(String::from_utf8_lossy(&text).into_owned().into())
    }
}
