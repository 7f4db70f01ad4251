//! Shells that leave nothing behind: for the tutorial and for tests.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::rows::RowPrinter;
use super::shell::Shell;
use super::signals::Interrupts;
use crate::session::{Session, Settings};
use crate::types::{Clock, Error, Result, SystemClock};

/// A directory of its own under the system's temporary one, removed with this.
#[derive(Debug)]
pub(super) struct Scratch {
    directory: PathBuf,
}

impl Scratch {
    /// A new empty directory; `what` is a part of its name.
    pub(super) fn new(what: &str) -> Result<Self> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let directory = std::env::temp_dir().join(format!("lotic-{what}-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).map_err(|error| Error::io(&directory, error))?;
        Ok(Self { directory })
    }

    /// The path of the directory.
    pub(super) fn path(&self) -> &Path {
        &self.directory
    }

    /// Links what stands in `from` into it, so that files are read as from there and written here.
    pub(super) fn link(&self, from: &Path) -> Result<()> {
        let entries = std::fs::read_dir(from).map_err(|error| Error::io(from, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| Error::io(from, error))?;
            let to = self.directory.join(entry.file_name());
            std::os::unix::fs::symlink(entry.path(), &to).map_err(|error| Error::io(&to, error))?;
        }
        Ok(())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed is the system's to clean up. Links are removed, not what they lead to.
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

impl Shell {
    /// A shell whose files and state are in `scratch`.
    pub(super) fn scratch(scratch: &Scratch, rows: RowPrinter, interrupts: Interrupts) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let rows = Arc::new(rows);
        let settings = Settings::new(scratch.path().to_path_buf(), scratch.path().join(".state"));
        let session = Session::new(settings, clock.clone(), rows.clone(), crate::commands::specs());
        Self::with(session, rows, clock, interrupts, true)
    }
}
