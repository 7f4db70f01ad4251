//! Every example of the help texts runs as it stands, and every registry entry says what it must.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use common::TestSession;

/// The source that examples of stages and windows may use.
const BIDS: &str = "source bids from nexmark 'bid' with (events = 2000, seed = 7);";

fn runs(what: &str, example: &str, prelude: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let demo_data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-data");
    std::os::unix::fs::symlink(demo_data, directory.path().join("demo-data")).expect("linked");
    let mut test = TestSession::new(directory.path(), |settings| settings.stop_after_rows = Some(2_000));
    if let Err(failure) = test.run(&format!("{prelude}\n{example}\n")) {
        panic!("the example of {what} fails: {failure}\n{example}");
    }
}

#[test]
fn examples_of_stages_and_windows_run() {
    let mut count = 0;
    for stage in lotic::operators::stages() {
        assert!(!stage.examples.is_empty(), "stage {} has an example", stage.name);
        for example in stage.examples {
            runs(stage.name, example, BIDS);
            count += 1;
        }
    }
    for window in lotic::operators::window_functions() {
        assert!(!window.examples.is_empty(), "window {} has an example", window.name);
        for example in window.examples {
            runs(window.name, example, BIDS);
            count += 1;
        }
    }
    assert!(count > 15, "{count} examples");
}

#[test]
fn examples_of_connectors_run() {
    for connector in lotic::connectors::connectors() {
        assert!(!connector.examples.is_empty(), "connector {} has an example", connector.name);
        for example in connector.examples {
            runs(connector.name, example, BIDS);
        }
    }
}

#[test]
fn every_entry_has_a_summary_and_a_help_text() {
    for stage in lotic::operators::stages() {
        assert!(!stage.summary.is_empty() && stage.help.len() > 20, "{}", stage.name);
    }
    for command in lotic::commands::commands() {
        assert!(!command.summary.is_empty() && command.help.len() > 20, "{}", command.syntax.name);
        assert!(!command.examples.is_empty(), "{}", command.syntax.name);
    }
}
