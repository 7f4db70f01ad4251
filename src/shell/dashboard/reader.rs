//! The thread that does for the dashboard what takes time: reading keyed state, writing files.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender};

use super::fault;
use super::messages::{Errand, Report};
use crate::dashboard::Export;
use crate::types::{Error, Result};

/// Files of one name and second, at most.
const TRIES: u32 = 100;

/// Does errands until the dashboard is closed. Files go to `directory`.
pub(super) fn serve(errands: &Receiver<Errand>, reports: &SyncSender<Report>, directory: &Path) {
    while let Ok(errand) = errands.recv() {
        fault::panic_if_asked("reader");
        let report = match errand {
            Errand::State(job, query) => Report::State(job.state(&query).map_err(|error| error.to_string())),
            Errand::Export(export) => match write(&export, directory) {
                Ok(path) => {
                    let shown = path.strip_prefix(directory).unwrap_or(&path).display().to_string();
                    Report::Said(format!("written: {shown}"), false)
                }
                Err(error) => Report::Said(format!("error: {error}"), true),
            },
        };
        if reports.send(report).is_err() {
            return;
        }
    }
}

/// Writes a file that is not there yet.
fn write(export: &Export, directory: &Path) -> Result<PathBuf> {
    for number in 1..=TRIES {
        let name = match number {
            1 => format!("{}.{}", export.stem, export.extension),
            _ => format!("{}-{number}.{}", export.stem, export.extension),
        };
        let path = directory.join(name);
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => {
                file.write_all(export.text.as_bytes()).map_err(|error| Error::io(&path, error))?;
                return Ok(path);
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(Error::io(&path, error)),
        }
    }
    Err(Error::config(format!("there are {TRIES} files {}-*.{} already", export.stem, export.extension)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_never_written_over() {
        let directory = tempfile::tempdir().expect("a directory");
        let export = |text: &str| Export { stem: "hot-graph".into(), extension: "csv", text: text.into() };
        let first = write(&export("1"), directory.path()).expect("written");
        let second = write(&export("2"), directory.path()).expect("written");
        assert_eq!(first.file_name().expect("a name"), "hot-graph.csv");
        assert_eq!(second.file_name().expect("a name"), "hot-graph-2.csv");
        assert_eq!(std::fs::read_to_string(first).expect("readable"), "1");
        assert!(write(&export("3"), &directory.path().join("none")).is_err());
    }
}
