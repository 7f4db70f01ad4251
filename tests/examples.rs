//! Every example of the help texts runs as it stands, and every registry entry says what it must.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use common::TestSession;
use lotic::commands::{HelpKind, help_topics};

/// Runs `example` as it stands in a new session.
fn runs(what: &str, example: &str) {
    let directory = tempfile::tempdir().expect("a directory");
    let demo_data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("demo-data");
    std::os::unix::fs::symlink(demo_data, directory.path().join("demo-data")).expect("linked");
    let mut test = TestSession::new(directory.path(), |settings| settings.stop_after_rows = Some(2_000));
    if let Err(failure) = test.run(example) {
        panic!("the example of {what} fails: {failure}\n{example}");
    }
}

#[test]
fn examples_of_stages_and_windows_run() {
    let mut count = 0;
    for stage in lotic::operators::stages() {
        assert!(!stage.examples.is_empty(), "stage {} has an example", stage.name);
        for example in stage.examples {
            runs(stage.name, example);
            count += 1;
        }
    }
    for window in lotic::operators::window_functions() {
        assert!(!window.examples.is_empty(), "window {} has an example", window.name);
        for example in window.examples {
            runs(window.name, example);
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
            runs(connector.name, example);
        }
    }
}

#[test]
fn examples_of_statements_and_aggregates_run() {
    let directory = tempfile::tempdir().expect("a directory");
    let topics = help_topics(&TestSession::new(directory.path(), |_| {}).session);
    let mut count = 0;
    for topic in &topics {
        let runs_as_it_stands = match topic.kind {
            HelpKind::Statement => true,
            // Examples of scalar functions are expressions, which the tests of expressions evaluate.
            HelpKind::Function => topic.examples.iter().any(|example| example.contains(" | ")),
            HelpKind::Stage | HelpKind::Window | HelpKind::Connector | HelpKind::Command => false,
        };
        // What gives another value at each moment has no value to show.
        let of_the_moment = topic.names[0].starts_with("current_") || topic.names[0].starts_with("local");
        assert!(!topic.examples.is_empty() || of_the_moment, "{} has an example", topic.names[0]);
        for example in topic.examples.iter().filter(|_| runs_as_it_stands) {
            runs(topic.names[0], example);
            count += 1;
        }
    }
    assert!(count >= 20, "{count} examples");
}

/// A job to command.
const HOT: &str = "run hot with (parallelism = 2, restart_attempts = 100, restart_delay = 1ms) =
      bids | key_by auction | window tumble(1s) | aggregate count(*) as n | into blackhole;";

#[test]
fn examples_of_commands_run() {
    for command in lotic::commands::specs() {
        for example in command.examples {
            let directory = tempfile::tempdir().expect("a directory");
            let mut test = TestSession::new(directory.path(), |_| {});
            let before = match command.name {
                "resume" => "pause hot;".to_owned(),
                "explain" if example.contains("from") => "checkpoint hot;".to_owned(),
                "restore" => format!("savepoint hot to 'sp/hot-1'; {}", "checkpoint hot; ".repeat(7)),
                _ => String::new(),
            };
            for text in [HOT, &before, *example] {
                for statement in test.session.parse(text).unwrap_or_else(|error| panic!("{text}: {error}")) {
                    if let Err(failure) = lotic::commands::execute(&mut test.session, &statement.node) {
                        panic!("the example of {} fails: {failure}\n{text}", command.name);
                    }
                }
            }
            test.session.cancel_all();
        }
    }
}

#[test]
fn every_entry_has_a_summary_and_a_help_text() {
    for stage in lotic::operators::stages() {
        assert!(!stage.summary.is_empty() && stage.help.len() > 20, "{}", stage.name);
    }
    for command in lotic::commands::specs() {
        assert!(!command.summary.is_empty() && command.help.len() > 20, "{}", command.name);
        assert!(!command.examples.is_empty(), "{}", command.name);
    }
}

/// The matches that Flink gave of the patterns of `tests/flink/patterns.py`, beside ours.
#[test]
fn patterns_match_as_in_flink() {
    let goldens = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flink/patterns.json");
    let goldens = std::fs::read_to_string(goldens).expect("the goldens");
    let goldens: serde_json::Value = serde_json::from_str(&goldens).expect("JSON");
    let directory = tempfile::tempdir().expect("a directory");
    let rows = goldens["arrived"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| format!("{{\"k\":{},\"t\":{},\"p\":{},\"c\":{}}}\n", row[0], row[1], row[2], row[3]));
    std::fs::write(directory.path().join("arrived.ndjson"), rows.collect::<String>()).expect("written");
    let cases = goldens["cases"].as_array().expect("cases");
    for case in cases {
        let text = |name: &str| case[name].as_str().unwrap_or_default();
        let within = case["within"].as_i64().map_or_else(String::new, |seconds| format!("within {seconds}s"));
        let (pattern, define, measures, skip) = (text("pattern"), text("define"), text("measures"), text("skip"));
        let stage = format!("match ({pattern}) per k {within} define {define} measures {measures} after {skip}");
        let mut test = TestSession::new(directory.path(), |settings| settings.parallelism = Some(2));
        let run = format!(
            "source arrived from file 'arrived.ndjson' columns (k bigint, t bigint, p bigint, c string)
               event_time t watermark 2s;
             run matches = arrived | {stage} | into print;"
        );
        test.run(&run).unwrap_or_else(|failure| panic!("{stage}: {failure}"));
        let names = measures.split(" AS ").skip(1).filter_map(|behind| behind.split(',').next());
        let names: Vec<&str> = std::iter::once("k").chain(names).collect();
        let row = |line: String| {
            let row: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            serde_json::Value::from(names.iter().map(|name| row[*name].clone()).collect::<Vec<_>>()).to_string()
        };
        let mut found: Vec<String> = test.rows.take().into_iter().map(row).collect();
        found.sort();
        let mut expected: Vec<String> =
            case["rows"].as_array().expect("rows").iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(found, expected, "{stage}");
    }
    assert!(cases.len() > 24, "{} cases", cases.len());
}
