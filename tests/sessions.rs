//! Every file in `sessions/` runs from the repository's root without an error.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::TestSession;

/// The files of a folder under the root, by name.
fn sessions(folder: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|ending| ending == "lotic"));
    files.sort();
    files
}

/// Runs a session beside the demo data, in a folder of its own; returns the rows it printed.
fn run(file: &Path, stop_after_rows: Option<u64>) -> Vec<String> {
    let directory = tempfile::tempdir().expect("a directory");
    let demo_data = Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-data");
    std::os::unix::fs::symlink(demo_data, directory.path().join("demo-data")).expect("linked");
    let mut shell = TestSession::new(directory.path(), |settings| settings.stop_after_rows = stop_after_rows);
    let text = fs::read_to_string(file).expect("UTF-8");
    if let Err(failure) = shell.run(&text) {
        panic!("{} fails: {failure}", file.display());
    }
    shell.rows.take()
}

#[test]
fn the_sessions_of_the_tutorial_run_and_print_rows() {
    let files = sessions("sessions");
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        assert!(!run(&file, None).is_empty(), "{} prints nothing", file.display());
    }
}

#[test]
fn the_sessions_of_the_demos_run() {
    let files = sessions("sessions/demo");
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        // Two thousand rows of each: at their rates the whole of them would take a quarter of a minute.
        run(&file, Some(2_000));
    }
}
