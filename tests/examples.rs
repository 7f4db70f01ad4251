//! Every example of the help pages runs as it stands in a fresh shell, and every registry entry says what it must.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::collections::BTreeSet;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use common::TestSession;
use lotic::commands::{HelpKind, HelpTopic, help_topics};
use lotic::session::Outcome;

/// Commands whose examples a script can't run: they need a terminal, or somebody who types.
const AT_A_TERMINAL: [&str; 4] = ["dashboard", "!", ".edit", ".pager"];

/// Runs lotic on `statements` as a shell that was just started; what it printed.
fn fresh_shell(statements: &str) -> (Option<i32>, String) {
    let directory = tempfile::tempdir().expect("a directory");
    let output = Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(["-c", statements])
        .current_dir(directory.path())
        .env("XDG_STATE_HOME", directory.path().join("xdg"))
        .stdin(Stdio::null())
        .output()
        .expect("lotic starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("UTF-8"))
}

/// The lines below `Example` on the page of this topic, as they are copied from the screen.
fn examples(pages: &str, topic: &HelpTopic) -> String {
    let title = format!("{}: {}", topic.names[0], topic.summary.split(' ').next().expect("a word"));
    let page = pages.lines().skip_while(|line| !line.starts_with(&title));
    let below = page.skip_while(|line| !line.starts_with("Example")).skip(1);
    below.take_while(|line| !line.is_empty()).flat_map(|line| [line, "\n"]).collect()
}

/// Statements that end the jobs that these start and do not end.
fn cancels(typed: &str) -> String {
    let started = typed.lines().filter_map(|line| line.trim_start().strip_prefix("run ")?.split(' ').next());
    let names: BTreeSet<&str> = started.collect();
    // The last word about a job: it may be started again behind its end.
    let runs = |name: &&str| {
        let started = typed.rfind(&format!("run {name}")).max(typed.rfind(&format!("restore {name}")));
        let ends =
            [format!("stop {name}"), format!("cancel {name}"), format!("wait {name};"), format!("wait {name}\n")];
        let ended = ends.map(|end| typed.rfind(&end));
        ended.into_iter().max().flatten() < started
    };
    names.into_iter().filter(runs).flat_map(|name| ["cancel ", name, "\n"]).collect()
}

#[test]
fn every_example_runs_as_it_stands_in_a_fresh_shell() {
    let mut scripts: Vec<(String, String)> = Vec::new();
    let mut of_functions = String::new();
    let directory = tempfile::tempdir().expect("a directory");
    let mut test = TestSession::new(directory.path(), |_| {});
    for topic in help_topics(&test.session).iter().filter(|topic| !AT_A_TERMINAL.contains(&topic.names[0])) {
        let help = test.session.parse(&format!("help {}", topic.names[0])).expect("it parses");
        let Ok(Outcome::Text(pages)) = lotic::commands::execute(&mut test.session, &help[0].node) else {
            panic!("there is no page of {}", topic.names[0]);
        };
        let typed = examples(&pages, topic);
        assert!(!typed.is_empty(), "{} has an example: {pages}", topic.names[0]);
        if topic.kind == HelpKind::Function {
            of_functions.push_str(&typed);
        } else {
            scripts.push((topic.names[0].to_owned(), typed));
        }
    }
    assert!(scripts.len() > 60, "{} pages", scripts.len());
    scripts.push(("functions".to_owned(), of_functions));
    // Several at a time: most wait for a window to fire.
    let next = Mutex::new(scripts.iter());
    let failed = Mutex::new(BTreeSet::new());
    let work = || {
        while let Some((name, typed)) = { next.lock().expect("no panic").next() } {
            // As at the prompt: a preview ends by itself, and so does what still runs when one leaves.
            let (code, shown) = fresh_shell(&format!(".rows 100\n{typed}\n{}", cancels(typed)));
            if code != Some(0) || shown.contains("error:") {
                failed.lock().expect("no panic").insert(format!("the page of {name}\n{typed}\n{shown}"));
            }
        }
    };
    std::thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().expect("no panic");
    assert!(failed.is_empty(), "{}", failed.into_iter().collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn every_entry_has_a_summary_and_a_help_text() {
    for stage in lotic::operators::stages() {
        assert!(!stage.summary.is_empty() && stage.help.len() > 20, "{}", stage.name);
    }
    for window in lotic::operators::window_functions() {
        assert!(!window.summary.is_empty() && window.help.len() > 20, "{}", window.name);
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
        let mut session = TestSession::new(directory.path(), |settings| settings.parallelism = Some(2));
        let run = format!(
            "source arrived from file 'arrived.ndjson' columns (k bigint, t bigint, p bigint, c string)
               event_time t watermark 2s;
             run matches = arrived | {stage} | into print;"
        );
        session.run(&run).unwrap_or_else(|failure| panic!("{stage}: {failure}"));
        let names = measures.split(" AS ").skip(1).filter_map(|behind| behind.split(',').next());
        let names: Vec<&str> = std::iter::once("k").chain(names).collect();
        let row = |line: String| {
            let row: serde_json::Value = serde_json::from_str(&line).expect("JSON");
            serde_json::Value::from(names.iter().map(|name| row[*name].clone()).collect::<Vec<_>>()).to_string()
        };
        let mut found: Vec<String> = session.rows.take().into_iter().map(row).collect();
        found.sort();
        let mut expected: Vec<String> =
            case["rows"].as_array().expect("rows").iter().map(ToString::to_string).collect();
        expected.sort();
        assert_eq!(found, expected, "{stage}");
    }
    assert!(cases.len() > 24, "{} cases", cases.len());
}
