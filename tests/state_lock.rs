//! Two processes on one state directory: each has its own jobs; who wants the other's is refused, naming the holder; one
//! that is killed gives its jobs back.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

mod common;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::TestSession;
use lotic::session::{Failure, Memory};
use lotic::state::StateDir;
use lotic::types::Error;

const DIRECTORY: &str = "LOTIC_TEST_LOCK_DIR";

/// Not a test of its own: what the child of the test below does.
#[test]
fn child_that_holds_a_job() {
    let Ok(path) = std::env::var(DIRECTORY) else { return };
    let held = StateDir::open(path).and_then(|state| state.job("hot"));
    println!("\nlocked: {}", held.is_ok());
    std::io::stdin().lines().for_each(drop);
}

fn child(path: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["child_that_holds_a_job", "--exact", "--nocapture"])
        .env(DIRECTORY, path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let out = BufReader::new(child.stdout.take().expect("piped"));
    let said = out.lines().map_while(Result::ok).find(|line| line.starts_with("locked: "));
    assert_eq!(said.as_deref(), Some("locked: true"));
    child
}

#[test]
fn a_job_of_another_process_is_refused_and_its_holder_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("state");
    let mut first = child(&path);
    let state = StateDir::open(&path).expect("shared");
    state.job("cold").expect("another job");
    for _ in 0..2 {
        match state.job("hot") {
            Err(Error::Locked { pid, .. }) => assert_eq!(pid, first.id()),
            other => panic!("the job is held: {other:?}"),
        }
    }
    let message = state.job("hot").expect_err("held").to_string();
    assert!(message.contains(&format!("job `hot` runs in another lotic (pid {})", first.id())), "{message}");
    // kill -9: the operating system gives the job back.
    first.kill().expect("killed");
    first.wait().expect("dead");
    let held = state.job("hot").expect("given back");
    drop(held);
    // And so does dropping it.
    let mut second = child(&path);
    drop(second.stdin.take());
    second.wait().expect("ended");
    state.job("hot").expect("given back");
}

#[test]
fn a_job_of_another_process_is_refused_in_the_same_words_by_whatever_names_it() {
    let dir = tempfile::tempdir().expect("a directory");
    // It has no checkpoint yet.
    let mut other = child(&dir.path().join("state"));
    let mut shell = TestSession::new(dir.path(), |settings| settings.memory = Memory::Shared);
    let mut refused = |text: &str| {
        let statements = shell.session.parse(text).expect("it parses");
        match lotic::commands::execute(&mut shell.session, &statements[0].node) {
            Err(Failure::Typed(error)) => format!("{} {}", error.message, error.help.unwrap_or_default()),
            Err(error) => error.to_string(),
            Ok(outcome) => panic!("{text}: {outcome:?}"),
        }
    };
    let known = format!("job `hot` runs in another lotic (pid {})", other.id());
    for text in [
        "stop hot;",
        "cancel hot;",
        "windows hot;",
        "restore hot;",
        "restore hot from checkpoint 3;",
        "checkpoint hot;",
        "checkpoints hot;",
        "savepoint hot to 'sp';",
        "kill subtask 0[0] of hot;",
        "pause hot;",
        "resume hot;",
        "rescale hot to 2;",
        "state hot;",
        "subtasks hot;",
        "watermarks hot;",
        "why late hot;",
        "wait hot;",
        "graph hot;",
        "log hot;",
        "describe hot;",
        ".forget hot --job;",
        ".forget hot --yes;",
        "explain hot from latest;",
        "run hot = bids | into blackhole;",
        "run hot from latest = bids | into blackhole;",
    ] {
        let said = refused(text);
        assert!(said.starts_with(&known) && said.contains("`stop hot` there"), "{text}: {said}");
    }
    other.kill().expect("killed");
    other.wait().expect("dead");
}
