//! Rows for the person at the terminal, or for the next program in the pipe.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::mode::Mode;
use super::row_text::{Look, RowText};
use super::transcript::Transcript;
use super::{print, render};
use crate::api::ResultSink;
use crate::types::{Batch, Error, Result};

/// Takes the rows of previews and of `into print`: to standard output in the current mode, to a transcript, or both.
#[derive(Debug)]
pub(super) struct RowPrinter {
    screen: Option<Mutex<RowText>>,
    transcript: Mutex<Option<Arc<Transcript>>>,
    /// The file that rows go to instead of the screen.
    file: Mutex<Option<RowFile>>,
}

/// `.output FILE`
#[derive(Debug)]
struct RowFile {
    path: PathBuf,
    to: File,
    rows: RowText,
}

impl RowPrinter {
    /// Prints rows in this mode.
    #[must_use]
    pub(super) const fn new(mode: Mode) -> Self {
        Self { screen: Some(Mutex::new(RowText::new(mode))), transcript: Mutex::new(None), file: Mutex::new(None) }
    }

    /// Prints nothing: rows go to a transcript only.
    #[must_use]
    pub(super) const fn silent() -> Self {
        Self { screen: None, transcript: Mutex::new(None), file: Mutex::new(None) }
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

    fn screen(&self) -> Option<MutexGuard<'_, RowText>> {
        self.screen.as_ref().map(|screen| screen.lock().unwrap_or_else(PoisonError::into_inner))
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
                let mut options = OpenOptions::new();
                options.write(true).truncate(overwrite).create(overwrite).create_new(!overwrite);
                let to = options.open(path).map_err(|error| Error::io(path, error))?;
                let mut rows = RowText::new(self.mode());
                rows.set_look(Look { dim: false, ..self.look() });
                Some(RowFile { path: path.to_path_buf(), to, rows })
            }
        };
        Ok(std::mem::replace(&mut *self.file(), opened).map(|file| file.path))
    }

    /// Shows values so from now on.
    pub(super) fn set_look(&self, look: Look) {
        if let Some(mut screen) = self.screen() {
            screen.set_look(look);
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
            (Some(screen), _) => screen.look(),
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
        let of_file = self.file().as_mut().map(|file| file.rows.begin());
        let of_transcript = self.transcript().map(|transcript| transcript.begin());
        let of_screen = self.screen().map(|mut screen| screen.begin());
        of_file.or(of_screen).or(of_transcript).unwrap_or(0)
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
        if let Some(RowFile { path, to, rows }) = &mut *self.file() {
            let mut text = Vec::new();
            rows.write(batch, None, &mut text)?;
            return to.write_all(&text).map_err(|error| Error::io(path.as_path(), error));
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
