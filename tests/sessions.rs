//! Every session in `sessions/` shows what it says it shows, and every lesson and demo plays through.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;
mod pty;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::TestSession;
use pty::Pty;

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

fn lotic(directory: &Path, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_lotic"))
        .args(arguments)
        .current_dir(directory)
        .env("XDG_STATE_HOME", directory.join("xdg"))
        .output()
        .expect("lotic starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).expect("UTF-8"))
}

#[test]
fn the_sessions_show_what_they_say() {
    let directory = tempfile::tempdir().expect("a directory");
    let files = sessions("sessions");
    assert!(files.len() >= 6, "{files:?}");
    let files: Vec<&str> = files.iter().map(|file| file.to_str().expect("UTF-8")).collect();
    let (code, text) = lotic(directory.path(), &[&["test"][..], &files].concat());
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains(&format!("{} sessions", files.len())) && text.contains("all as expected"), "{text}");
}

#[test]
fn every_lesson_plays_through_without_a_terminal() {
    let directory = tempfile::tempdir().expect("a directory");
    let (code, list) = lotic(directory.path(), &["tutorial"]);
    assert_eq!(code, Some(0), "{list}");
    for file in sessions("sessions") {
        let name = file.file_stem().and_then(|name| name.to_str()).expect("a name");
        assert!(list.contains(name), "`tutorial` lists {name}: {list}");
        let (code, text) = lotic(directory.path(), &["tutorial", name]);
        assert_eq!(code, Some(0), "{name}: {text}");
        assert!(text.contains("lotic> ") && !text.contains('\u{1b}'), "{name}: {text}");
    }
    let left: Vec<_> =
        fs::read_dir(directory.path()).expect("readable").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["xdg"], "a lesson leaves nothing behind but what its sources are");
    assert!(!directory.path().join("xdg/lotic/jobs").exists());
    assert_eq!(lotic(directory.path(), &["tutorial", "windwos"]).0, Some(2));
}

/// As a person plays them: from one prompt, Enter after Enter.
#[test]
fn every_lesson_plays_through_key_by_key() {
    let directory = tempfile::tempdir().expect("a directory");
    let mut pty = Pty::shell(directory.path());
    pty.press("tutorial\r");
    pty.shows("`tutorial 1` plays the first");
    pty.prompt();
    let listed = |number: usize| {
        let line = pty
            .lines()
            .into_iter()
            .find_map(|line| line.trim_start().strip_prefix(&format!("{number}  ")).map(str::to_owned));
        line.and_then(|line| line.split(' ').next().map(str::to_owned))
    };
    let names: Vec<String> = (1..).map_while(listed).collect();
    assert_eq!(names.len(), sessions("sessions").len(), "{names:?}");
    for (number, name) in (1..).zip(names) {
        let before = pty.bytes().len();
        let played = |pty: &Pty| pty.bytes().split_off(before);
        pty.press(&format!("tutorial {number}\r"));
        pty.until("the first step", |pty| played(pty).contains("[1/"));
        let steps: usize = played(&pty)
            .rsplit_once("[1/")
            .and_then(|(_, rest)| rest.split_once(']'))
            .and_then(|(steps, _)| steps.parse().ok())
            .expect("how many steps there are");
        assert!(steps >= 5, "lesson {number} has {steps} steps");
        for step in 1..=steps {
            // A key before that would be lost: the terminal is not read yet.
            let hint = format!("[{step}/{steps}] Enter runs it, q leaves");
            pty.until(&hint, |pty| pty.last_line() == hint && pty.modes().termios != pty.untouched().termios);
            pty.press("\r");
        }
        pty.prompt();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sessions/{name}.lotic"));
        let text = fs::read_to_string(file).expect("UTF-8");
        let last_words = text.trim_end().lines().last().and_then(|line| line.strip_prefix("-- ")).expect("prose");
        // They are wrapped for this terminal.
        let played = played(&pty).replace("\u{1b}[2m", "").replace("\u{1b}[0m", "");
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words(&played).contains(&words(last_words)), "lesson {name} ends with its last words: {played}");
    }
    pty.press("\u{4}");
    assert_eq!(pty.exit_code(), 0);
    pty.given_back();
    let left: Vec<_> = fs::read_dir(directory.path()).expect("readable").flatten().map(|file| file.path()).collect();
    assert_eq!(left, [directory.path().join("state")], "a lesson leaves nothing behind");
}

#[test]
fn a_difference_is_shown_at_its_place_and_blessed_on_demand() {
    let directory = tempfile::tempdir().expect("a directory");
    let text = "-- Mine\nsource v from values with (rows = array[1, 2]);\n\nv;\n--> f0\n--> ──\n-->  1\n-->  3\n--> (… rows)\n";
    fs::write(directory.path().join("mine.lotic"), text).expect("written");
    let (code, shown) = lotic(directory.path(), &["test", "mine.lotic"]);
    assert_eq!(code, Some(1), "{shown}");
    insta::assert_snapshot!(shown);
    let (code, json) = lotic(directory.path(), &["test", "mine.lotic", "--json"]);
    assert_eq!(code, Some(1));
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&json[0]["differences"][0]["line"], &json[0]["statements"]), (&4.into(), &2.into()));
    assert_eq!(lotic(directory.path(), &["test", "mine.lotic", "--bless"]).0, Some(0));
    let blessed = fs::read_to_string(directory.path().join("mine.lotic")).expect("UTF-8");
    assert_eq!(blessed, text.replace("-->  3", "-->  2"), "the placeholder stays");
    assert_eq!(lotic(directory.path(), &["test", "mine.lotic"]).0, Some(0));
    assert_eq!(lotic(directory.path(), &["test", "nothere.lotic"]).0, Some(1));
}

#[test]
fn what_is_recorded_can_be_replayed() {
    let directory = tempfile::tempdir().expect("a directory");
    let script = "
        source v from values with (rows = array[row('a', 1), row('b', 2)]) columns (k string, n bigint);
        .record mine.lotic
        source w from values with (rows = array[row('hunter2')], password = 'hunter2');
        v | filter n > 1;
        .mode changelog
        v | key_by k | aggregate sum(n) as total;
        .record off
        v | limit 1;";
    // The option is refused, which ends a script: each line by itself, as at the prompt.
    let typed = directory.path().join("typed.lotic");
    fs::write(&typed, script.replace(", password = 'hunter2'", "")).expect("written");
    let (code, text) = lotic(directory.path(), &["run", "typed.lotic", "--output", "table"]);
    assert_eq!(code, Some(0), "{text}");
    let recorded = fs::read_to_string(directory.path().join("mine.lotic")).expect("UTF-8");
    insta::assert_snapshot!(recorded);
    let (code, text) = lotic(directory.path(), &["run", "typed.lotic"]);
    assert_eq!(code, Some(1), "an existing file is not written over: {text}");
    fs::write(directory.path().join("secret.lotic"), script.replace("mine", "hidden")).expect("written");
    let (_, text) = lotic(directory.path(), &["run", "secret.lotic"]);
    let recorded = fs::read_to_string(directory.path().join("hidden.lotic")).expect("UTF-8");
    assert!(!recorded.contains("hunter2") && recorded.contains("password = '***'"), "{recorded}\n{text}");
}

#[test]
fn completions_and_the_manual_are_printed() {
    let directory = tempfile::tempdir().expect("a directory");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, text) = lotic(directory.path(), &["completions", shell]);
        assert!(code == Some(0) && text.contains("state-dir") && text.contains("tutorial"), "{shell}: {text}");
    }
    let (code, text) = lotic(directory.path(), &["man"]);
    assert!(code == Some(0) && text.contains(".TH lotic 1") && text.contains("why late"), "{text}");
    let (code, text) = lotic(directory.path(), &["man", "run"]);
    assert!(code == Some(0) && text.contains("savepoint") && !text.contains("AT THE PROMPT"), "{text}");
    assert_eq!(lotic(directory.path(), &["man", "rnu"]).0, Some(2));
}

#[test]
fn the_sessions_of_the_demos_run() {
    let files = sessions("sessions/demo");
    assert!(files.len() >= 12, "{files:?}");
    for file in files {
        // Two thousand rows of each: at their rates the whole of them would take a quarter of a minute.
        run(&file, Some(2_000));
    }
}

/// In the 20,000 rows that they have off a terminal.
#[test]
fn the_demos_find_what_was_planted() {
    let rows = |demo: &str| {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("sessions/demo/{demo}.lotic"));
        run(&file, None)
    };
    assert_eq!(rows("fraud").len(), 40, "one in 500 payments");
    assert_eq!(rows("sessions").len(), 2_500, "two visits in 16 clicks");
    let pattern = rows("pattern");
    let slow = pattern.iter().filter(|row| row.contains("null")).count();
    assert_eq!((pattern.len(), slow), (200, 100), "of 200 logins a guess, and somebody who is slow");
    let model = rows("model");
    let last = model.last().expect("rows");
    // 253 circles of each size, and those that the last 13 rows begin.
    let circles = [(34, 253), (21, 253), (13, 253), (8, 253), (7, 1), (5, 254), (3, 254), (2, 254)];
    let circles = circles.map(|(people, circles)| format!("{{\"people\":{people},\"circles\":{circles}}}"));
    assert_eq!(rows("components"), circles);
    for parameter in ["20000", "4.013", "3.053", "-1.999"] {
        assert!(last.contains(parameter), "{last}");
    }
}
