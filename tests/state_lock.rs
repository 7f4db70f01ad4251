//! Two processes on one state directory: the second is refused, naming the first; a killed one gives it back.

#![allow(clippy::expect_used, reason = "helpers of tests are tests")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use lotic::state::StateDir;
use lotic::types::Error;

const DIRECTORY: &str = "LOTIC_TEST_LOCK_DIR";

/// Not a test of its own: what the child of the test below does.
#[test]
fn child_that_holds_the_directory() {
    let Ok(path) = std::env::var(DIRECTORY) else { return };
    let held = StateDir::lock(path);
    println!("\nlocked: {}", held.is_ok());
    std::io::stdin().lines().for_each(drop);
}

fn child(path: &Path) -> Child {
    let mut child = Command::new(std::env::current_exe().expect("this test"))
        .args(["child_that_holds_the_directory", "--exact", "--nocapture"])
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
fn a_second_process_is_refused_and_told_who_holds_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("state");
    let mut first = child(&path);
    for _ in 0..2 {
        match StateDir::lock(&path) {
            Err(Error::Locked { pid, .. }) => assert_eq!(pid, first.id()),
            other => panic!("the directory is held: {other:?}"),
        }
    }
    let message = StateDir::lock(&path).expect_err("held").to_string();
    assert!(message.contains(&format!("is in use by process {}", first.id())), "{message}");
    // kill -9: the operating system gives the directory back.
    first.kill().expect("killed");
    first.wait().expect("dead");
    let held = StateDir::lock(&path).expect("given back");
    drop(held);
    // And so does dropping it.
    let mut second = child(&path);
    drop(second.stdin.take());
    second.wait().expect("ended");
    StateDir::lock(&path).expect("given back");
}
