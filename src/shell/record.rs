//! `.record`: a session of the prompt as a session file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::lesson::SHOWN;
use super::mode::Mode;
use super::redact::redact;
use super::transcript::Transcript;
use crate::api::Registries;
use crate::types::{Error, Result};

/// Writes statements and what they show to a file that `lotic test` replays.
#[derive(Debug)]
pub(super) struct Recorder {
    file: PathBuf,
    to: File,
    transcript: Arc<Transcript>,
    secrets: Vec<String>,
    /// The statement that began the recording is not a part of it.
    began: bool,
}

impl Recorder {
    /// Begins the file.
    ///
    /// # Errors
    /// When there is one of that name already, or it can't be written.
    pub(super) fn create(file: &Path, mode: Mode, rows_shown: Option<u64>, base: &Path) -> Result<Self> {
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        let to = new.map_err(|error| Error::io(file, error))?;
        let transcript = Arc::new(Transcript::new(mode, base));
        let mut recorder = Self { file: file.to_path_buf(), to, transcript, secrets: Vec::new(), began: false };
        recorder.write("-- A recorded session: `lotic test` replays it and compares.\n")?;
        // A session is replayed without a terminal, where both would be otherwise.
        if !matches!(mode, Mode::Live | Mode::Table) {
            recorder.write(&format!("\n.mode {}\n", mode.name()))?;
        }
        if let Some(rows) = rows_shown {
            recorder.write(&format!("\n.rows {rows}\n"))?;
        }
        Ok(recorder)
    }

    /// The file.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// The transcript that what is shown has to go to.
    pub(super) fn transcript(&self) -> Arc<Transcript> {
        Arc::clone(&self.transcript)
    }

    /// Writes a statement and what it has shown since the last one.
    pub(super) fn statement(&mut self, typed: &str, grammar: &Registries) -> Result<()> {
        let shown = self.transcript.take();
        if !std::mem::replace(&mut self.began, true) {
            return Ok(());
        }
        // What is named like a secret and can't be read as a statement is left out, as in the history.
        let Some(redacted) = redact(typed.trim(), grammar) else { return Ok(()) };
        self.secrets.extend(redacted.secrets);
        let mut text = format!("\n{}\n", redacted.text);
        for line in shown.lines() {
            text.push_str(format!("{SHOWN} {line}").trim_end());
            text.push('\n');
        }
        // What shows a statement, or a row made of it, shows its secrets too.
        let text = self.secrets.iter().fold(text, |text, secret| text.replace(secret, "***"));
        self.write(&text)
    }

    fn write(&mut self, text: &str) -> Result<()> {
        self.to.write_all(text.as_bytes()).map_err(|error| Error::io(&self.file, error))
    }
}
