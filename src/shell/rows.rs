//! Rows for the person at the terminal, or for the next program in the pipe.

use std::io::{self, IsTerminal};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use super::row_text::RowText;
use super::transcript::Transcript;
use super::{print, render};
use crate::api::ResultSink;
use crate::types::{Batch, Result};

/// How rows are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Aligned columns.
    Table,
    /// One JSON object a line.
    Ndjson,
    /// Comma-separated, with a header line.
    Csv,
    /// One column a line.
    Vertical,
    /// As Flink prints a changelog: `+I[1001, 5]`.
    Changelog,
}

impl Mode {
    /// Every mode by name.
    pub const NAMES: &'static [&'static str] = &["table", "ndjson", "csv", "vertical", "changelog"];

    /// Its name, as `.mode` takes it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Table => "table",
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Vertical => "vertical",
            Self::Changelog => "changelog",
        }
    }

    /// Whether rows in this mode are read by a person, who is told how many they were; NDJSON and CSV are for programs.
    #[must_use]
    pub(super) const fn is_for_people(self) -> bool {
        match self {
            Self::Table | Self::Vertical | Self::Changelog => true,
            Self::Ndjson | Self::Csv => false,
        }
    }

    /// What suits standard output: a table for a person, NDJSON for a program.
    #[must_use]
    pub fn default_for_stdout() -> Self {
        if io::stdout().is_terminal() { Self::Table } else { Self::Ndjson }
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "table" => Ok(Self::Table),
            "ndjson" | "json" => Ok(Self::Ndjson),
            "csv" => Ok(Self::Csv),
            "vertical" => Ok(Self::Vertical),
            "changelog" => Ok(Self::Changelog),
            other => Err(format!("`{other}` is no output mode; there are {}", Self::NAMES.join(", "))),
        }
    }
}

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
